//! What a room has folded of its run's control events, and how far. Pure.

use std::sync::Arc;

use crate::control::{ControlLimits, ControlRequest, ControlState, Decision, Facts, Seen, Sign};
use crate::protocol::lineage::Resume;
use crate::protocol::status::RunStatus;
use crate::protocol::{After, Cursor, Epoch, Lines, Segment, Seq, Timestamp};
use crate::storage::journal::{Head, RunPhase};

/// Before the first event.
const START: Cursor = Cursor { epoch: None, seq: 0 };

/// The journal's time.
#[derive(Clone, Copy, Debug)]
pub struct JournalTime {
    /// The time that is stored with what happens now.
    pub now: Timestamp,
    /// The clock has jumped: nothing may end by time.
    pub has_jumped: bool,
}

/// What a head says that is decided with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KnownHead {
    pub(super) age: (Option<Epoch>, Seq),
    pub(super) control: Option<Cursor>,
    epoch: Option<Epoch>,
    tip: Seq,
    status: Option<RunStatus>,
    phase: RunPhase,
}

impl KnownHead {
    fn of(head: &Head) -> Self {
        Self {
            age: head.age(),
            control: head.control,
            epoch: head.lineage.epoch(),
            tip: head.tip,
            status: head.status,
            phase: head.phase,
        }
    }

    fn end(&self) -> Cursor {
        Cursor { epoch: self.epoch, seq: self.tip }
    }
}

/// What became of a page that was read in order to fold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FoldProgress {
    /// Everything that was to be folded is.
    Whole,
    /// There is more to read.
    Part,
    /// It had nothing that was missing.
    Nothing,
}

/// The fold, its place, and the head that it is brought up to.
#[derive(Default)]
pub(super) struct ControlFold {
    /// `None`: no event is folded.
    state: Option<Box<ControlState>>,
    /// Everything up to here is folded.
    place: Option<Cursor>,
    /// The last control event of the head that it was last brought up to.
    folded: Option<Cursor>,
    /// The head that pages are read for.
    target: Option<KnownHead>,
    /// The head that the state was brought up to.
    settled: Option<KnownHead>,
    /// The page that is being read begins behind this seq.
    reading: Option<Seq>,
    held_bytes: usize,
}

impl ControlFold {
    /// Bytes of the state.
    pub(super) fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// The head that the state was brought up to, if it still holds.
    pub(super) fn settled(&self) -> Option<KnownHead> {
        self.settled
    }

    pub(super) fn is_reading(&self) -> bool {
        self.reading.is_some()
    }

    /// Frees the state; it is folded anew when somebody asks.
    pub(super) fn begin_anew(&mut self) {
        *self = Self { reading: self.reading, ..Self::default() };
    }

    fn place(&self) -> Cursor {
        self.place.unwrap_or(START)
    }

    /// Stands on the log as `head` tells it; whether all its control events are folded. A state can't be cut back: when
    /// a part of what is in it was lost, it begins anew.
    pub(super) fn settle(&mut self, head: &Head) -> bool {
        let lost = matches!(head.lineage.resolve(After::Cursor(self.place()), head.tip), Resume::Reset { .. });
        if lost || (head.control.is_none() && self.folded.is_some()) {
            self.begin_anew();
        }
        self.settled = None;
        if self.folded == head.control {
            self.reach(KnownHead::of(head));
        } else if self.target.is_none_or(|target| target.epoch != head.lineage.epoch()) {
            self.target = Some(KnownHead::of(head));
        }
        self.settled.is_some()
    }

    fn reach(&mut self, head: KnownHead) {
        self.target = None;
        self.folded = head.control;
        self.place = Some(head.end());
        self.settled = Some(head);
    }

    /// The next page is read; the seq that it begins behind.
    pub(super) fn read_on(&mut self) -> Seq {
        *self.reading.insert(self.place().seq)
    }

    /// The page that is being read has come, or does not come.
    pub(super) fn page_came(&mut self) -> Option<Seq> {
        self.reading.take()
    }

    /// Folds a page that was read behind `after`. Events beyond the head that they were read for are left for later.
    pub(super) fn fold_page(&mut self, after: Seq, segments: &[Arc<Segment>]) -> FoldProgress {
        let Some(target) = self.target.filter(|_| after == self.place().seq) else { return FoldProgress::Part };
        for segment in segments {
            let fits = (target.tip + 1).saturating_sub(segment.first()) as usize;
            self.apply(segment.epoch(), segment.first(), &segment.lines().slice(0, fits));
        }
        let place = self.place().seq;
        if target.control.is_none_or(|control| place >= control.seq) {
            self.reach(target);
            return FoldProgress::Whole;
        }
        if place > after { FoldProgress::Part } else { FoldProgress::Nothing }
    }

    /// Folds what this room has just stored, if it follows on what is folded. `before` is the head as it was known.
    pub(super) fn fold_stored(&mut self, segments: &[Arc<Segment>], before: &Head, head: &Head) {
        let (Some(first), Some(_)) = (segments.first(), self.place) else { return };
        // What is folded may be of an incarnation before that.
        if !self.settle(before) {
            return;
        }
        let end = self.place();
        let continues = matches!(head.lineage.resolve(After::Cursor(end), before.tip), Resume::Continue { .. });
        if first.first() != before.tip + 1 || !continues {
            return;
        }
        for segment in segments.iter().filter(|segment| segment.is_control()) {
            self.apply(segment.epoch(), segment.first(), segment.lines());
        }
        self.reach(KnownHead::of(head));
    }

    fn apply(&mut self, epoch: Epoch, first: Seq, lines: &Lines) {
        let place = self.place().seq;
        for (seq, line) in (first..).zip(lines.iter()).filter(|(seq, _)| *seq > place) {
            let cursor = Cursor { epoch: Some(epoch), seq };
            self.state.get_or_insert_default().apply(cursor, line);
            self.place = Some(cursor);
        }
        self.held_bytes = self.state.as_ref().map_or(0, |state| state.held_bytes());
    }

    /// Decides a request as of `head`, up to which everything is folded.
    pub(super) fn decide(
        &self,
        request: &ControlRequest,
        signs: &[(Sign, Seen)],
        head: &KnownHead,
        time: JournalTime,
        limits: &ControlLimits,
    ) -> Decision {
        let facts = Facts {
            // Not that of the run's last event, were it later: after the clock has stepped ahead and back, nothing ends
            // too early.
            now: time.now,
            epoch: head.epoch,
            tip: head.tip,
            status: head.status,
            is_sealed: head.phase == RunPhase::Sealed,
            is_gone: head.phase == RunPhase::Gone,
            limits,
            holds_time: time.has_jumped,
            signs,
        };
        match &self.state {
            Some(state) => state.decide(request, &facts),
            None => ControlState::default().decide(request, &facts),
        }
    }
}
