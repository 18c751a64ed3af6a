//! The index of a run's log: what is where, and how the run stood on the way. It is folded from the log alone, segment
//! by segment. Pure.

use std::sync::Arc;

use crate::control::ControlState;
use crate::protocol::cursor::Place;
use crate::protocol::json_text::readable;
use crate::protocol::lineage::Resume;
use crate::protocol::status::{RunStatus, TestOutcome, TestStatus};
use crate::protocol::{After, Cursor, Lineage, ProducerEvent, RunId, Segment, Seq, Timestamp};

mod blocks;
mod columns;
mod hits;
mod logged_event;
mod marks;
mod needle;
mod plain_text;
mod states;
mod timeline;

pub use blocks::ReadRange;
pub use columns::{EventCheck, EventFilter};
pub use hits::{SearchHit, hits_of};
pub(in crate::log_index) use logged_event::LoggedEvent;
pub use marks::{MarkKind, TimelineMark};
pub use needle::Needle;
pub use states::StateAt;
pub use timeline::{Timeline, TimelineBin};

use blocks::LogBlocks;
use columns::EventColumns;
use marks::Marks;
use states::EarlierStates;

/// What is where in a run's log. See the module's page.
#[derive(Debug)]
pub struct RunIndex {
    run: RunId,
    /// Behind what is folded.
    place: Place,
    columns: EventColumns,
    blocks: LogBlocks,
    marks: Marks,
    /// The state after what is folded.
    now: StateAt,
    earlier: EarlierStates,
    /// The highest time of events, by their own clocks.
    sent_at: Option<Timestamp>,
    is_paused: bool,
}

impl RunIndex {
    /// The index of an empty log.
    pub fn new(run: RunId) -> Self {
        Self {
            place: Place { epoch: None, next: 1 },
            columns: EventColumns::default(),
            blocks: LogBlocks::default(),
            marks: Marks::default(),
            now: StateAt::new(run.clone()),
            earlier: EarlierStates::default(),
            sent_at: None,
            is_paused: false,
            run,
        }
    }

    /// Behind the last event that is folded.
    pub fn place(&self) -> Place {
        self.place
    }

    /// The last event that is folded.
    pub fn tip(&self) -> Seq {
        self.place.next - 1
    }

    /// Stands on the log as it is now. An index can't be cut back: when part of what is in it was lost, it begins anew.
    pub fn settle(&mut self, lineage: &Lineage, tip: Seq) {
        if let Resume::Reset { .. } = lineage.resolve(After::Cursor(self.place.cursor()), tip) {
            *self = Self::new(self.run.clone());
        }
        self.place.epoch = lineage.epoch();
    }

    /// Folds what follows on what is folded, up to `tip`.
    pub fn take(&mut self, segment: &Segment, tip: Seq) {
        if segment.first() != self.place.next || segment.last() > tip {
            return;
        }
        for (seq, line) in (segment.first()..).zip(segment.lines().iter()) {
            let cursor = Cursor { epoch: Some(segment.epoch()), seq };
            self.fold(cursor, segment.at(), line);
            self.earlier.pass(&self.now);
        }
        self.blocks.push(segment, self.sent_at);
        self.place.next = segment.last() + 1;
    }

    fn fold(&mut self, cursor: Cursor, at: Timestamp, line: &[u8]) {
        let json = readable(line);
        let event = LoggedEvent::read(&json);
        let kind = event.as_ref().map(|event| &*event.kind);
        let is_ask = kind.is_some_and(|kind| ProducerEvent::parse(kind) == Some(ProducerEvent::AiStuck));
        let count_asks = |control: &ControlState| if is_ask { control.open_asks() } else { 0 };
        let (asks, before) = (count_asks(&self.now.control), self.now.run.status());
        self.now.run.apply(cursor.seq, at, line);
        // Most events steer nothing, and need not be read once more.
        if kind.is_none_or(ControlState::folds) {
            self.now.control.apply(cursor, line);
        }
        let has_asked = count_asks(&self.now.control) > asks;
        let variant = event.as_ref().and_then(|event| {
            let (producer, own) = (event.producer.as_deref(), event.variant.as_deref());
            self.now.run.variant_of(producer, own, event.test.as_deref())
        });
        self.columns.push(event.as_ref(), variant);
        let Some(event) = &event else { return };
        self.sent_at = self.sent_at.max(event.sent_at);
        let of_test = match ProducerEvent::parse(&event.kind) {
            Some(ProducerEvent::TestStatus) => outcome(&self.now, event, variant),
            Some(ProducerEvent::AiStuck) if has_asked => Some(MarkKind::Ask),
            _ => None,
        };
        let mark = |kind, is_of_test: bool| TimelineMark {
            seq: cursor.seq,
            at,
            kind,
            test_id: event.test.as_deref().filter(|_| is_of_test).map(Arc::from),
            variant: variant.filter(|_| is_of_test).map(Arc::from),
        };
        if let Some(kind) = of_test {
            self.marks.push(mark(kind, kind != MarkKind::Ask));
        }
        let status = self.now.run.status();
        let is_paused = self.now.control.is_paused() || status == Some(RunStatus::Paused);
        if is_paused && !std::mem::replace(&mut self.is_paused, is_paused) {
            self.marks.push(mark(MarkKind::Paused, false));
        }
        self.is_paused = is_paused;
        let has_ended = |status: Option<RunStatus>| status.is_some_and(RunStatus::is_final);
        if has_ended(status) && !has_ended(before) {
            self.marks.push(mark(MarkKind::Ended, false));
        }
    }

    /// The first events from `from` on that may be wanted, at most `limit`, in order.
    pub fn first(&self, filter: &EventFilter, from: Seq, limit: usize) -> Vec<Seq> {
        self.columns.first(&self.columns.wanted(filter), from, self.tip(), limit)
    }

    /// The last events before `before` that may be wanted, at most `limit`, in order.
    pub fn last(&self, filter: &EventFilter, before: Seq, limit: usize) -> Vec<Seq> {
        self.columns.last(&self.columns.wanted(filter), 1, before.saturating_sub(1), limit)
    }

    /// What decides on events that may be wanted.
    pub fn check(&self, filter: EventFilter) -> EventCheck {
        self.columns.check(filter)
    }

    /// The variant that an event belongs to.
    pub fn variant_of(&self, seq: Seq) -> Option<&Arc<str>> {
        self.columns.variant_of(seq)
    }

    /// What has to be read to have these events, which are in order, in ranges of at most about so many bytes.
    pub fn ranges(&self, wanted: &[Seq], max_bytes: usize) -> Vec<ReadRange> {
        self.blocks.ranges(wanted, max_bytes)
    }

    /// The run over time, in at most `bins` bins.
    pub fn timeline(&self, bins: usize) -> Timeline {
        Timeline {
            run_id: self.run.clone(),
            tip: self.tip(),
            bins: timeline::bins(&self.blocks, bins),
            marks: self.marks.shown(),
        }
    }

    /// The last known state up to an event: that after it, or the nearest one before. `true`: it is one that is kept.
    pub fn nearest_state(&self, seq: Seq) -> (Arc<StateAt>, bool) {
        match self.earlier.nearest(seq) {
            Some(known) if known.run.tip() == seq => (known.clone(), true),
            _ if seq == self.tip() => (Arc::new(self.now.clone()), false),
            Some(nearest) => (nearest.clone(), true),
            None => (Arc::new(StateAt::new(self.run.clone())), true),
        }
    }

    /// Keeps a state that was asked for.
    pub fn keep_state(&mut self, state: Arc<StateAt>) {
        self.earlier.keep(state);
    }

    /// Frees earlier states until the index has at most so many bytes, if it can.
    pub fn shed(&mut self, max_bytes: usize) {
        self.earlier.shed(max_bytes.saturating_sub(self.held_bytes() - self.earlier.held_bytes()));
    }

    /// Bytes of memory.
    pub fn held_bytes(&self) -> usize {
        size_of::<Self>()
            + self.columns.held_bytes()
            + self.blocks.held_bytes()
            + self.marks.held_bytes()
            + self.now.run.held_bytes()
            + self.now.control.held_bytes()
            + self.earlier.held_bytes()
    }
}

/// Applies the events of a segment that follow on a state, up to `seq`.
pub fn apply_until(state: &mut StateAt, segment: &Segment, seq: Seq) {
    for (at, line) in (segment.first()..=seq).zip(segment.lines().iter()) {
        if at == state.run.tip() + 1 {
            state.apply(Cursor { epoch: Some(segment.epoch()), seq: at }, segment.at(), line);
        }
    }
}

/// What a `test_status` that was just folded makes of its test.
fn outcome(now: &StateAt, event: &LoggedEvent<'_>, variant: Option<&str>) -> Option<MarkKind> {
    let status = event.status.as_deref().and_then(TestStatus::parse)?;
    let standing = now.run.standing_of(variant, event.test.as_deref()?);
    let outcome = match standing {
        Some((_, outcome)) => outcome,
        None => Some(TestOutcome::of(status, TestStatus::Passed, false)),
    };
    match outcome {
        Some(TestOutcome::Unexpected) if status.is_final() && status != TestStatus::Interrupted => {
            Some(MarkKind::Failed)
        }
        Some(TestOutcome::Flaky) if status.is_final() => Some(MarkKind::Flaky),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
