//! The pure rules of an append, which all journals share. docs/internals/log.md describes them.
//!
//! An append is judged in this order:
//! 1. its deadline, and whether the run is gone: these refuse every post;
//! 2. per post, duplicates: a post that is stored already is answered as stored, whatever the other checks would say.
//!    So a conditional append whose outcome was unknown can be repeated, and the answer shows that it had succeeded;
//! 3. the precondition, judged once against the tip before the append; then per post the condition on the run's
//!    control, the seal, the producer's next number, the producer table, the run's size.
//!
//! Each post sees the effects of the posts before it in the append. The first post of a new epoch that is stored, or
//! asks where the run's control ends, comes behind the `control_reset` of a run that was steered.

use std::sync::Arc;
use std::time::Instant;

use serde::Deserialize;

use super::{
    Append, Appended, ControlPost, Head, MAX_PRODUCERS, OnGap, Post, Precondition, Refusal, Removal, RunPhase, Stored,
};
use crate::protocol::event::stamp;
use crate::protocol::json_text::readable;
use crate::protocol::pack::{Batch, pack};
use crate::protocol::status::RunStatus;
use crate::protocol::{Epoch, Lines, ProducerEvent, ProducerId, Seq, Timestamp};

mod control;
mod due;
mod marks;
mod space;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_of_control;
#[cfg(test)]
mod tests_of_space;

pub use crate::protocol::verdict::ProducerState;
use control::events_lost;
pub use due::DueChange;
pub use marks::{Mark, ProducerMarks};

/// Largest producer number: what a signed 64-bit column holds.
const MAX_N: u64 = i64::MAX as u64;

/// The epochs that the store gives out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epochs {
    /// This incarnation of the store. A run whose lineage ends below it opens it as its epoch at the next append.
    pub incarnation: Epoch,
    /// The epoch of a run's first event; at least `incarnation`. It is raised whenever tombstones are removed, so that
    /// a run which comes back under an old name never has the same seq twice in one epoch.
    pub births: Epoch,
}

impl Epochs {
    /// The epochs of a new store.
    pub fn new(now: Timestamp) -> Self {
        let epoch = Epoch(now.as_millis().max(1) as u64);
        Self { incarnation: epoch, births: epoch }
    }

    /// Raises both epochs because the store may have lost writes: all runs continue in an epoch that was never given
    /// out.
    pub fn bump(&mut self, now: Timestamp) {
        self.raise_births(now);
        self.incarnation = self.births;
    }

    /// Raises `births` because names became free: runs born from now on get an epoch that was never given out.
    pub fn raise_births(&mut self, now: Timestamp) {
        self.births = Epoch(Self::new(now).births.0.max(self.births.0 + 1));
    }
}

/// What an append needs to know besides its run.
#[derive(Clone, Copy, Debug)]
pub struct AppendContext {
    /// Journal time.
    pub now: Timestamp,
    /// The same moment on the monotonic clock, which deadlines are on.
    pub monotonic: Instant,
    /// The epochs that the store gives out.
    pub epochs: Epochs,
    /// `journal.max_run_bytes`.
    pub max_run_bytes: u64,
}

/// Everything about a run that an append reads and changes.
#[derive(Clone, Debug)]
pub struct RunRecord {
    /// The head that readers see.
    pub head: Head,
    /// Its producers' marks.
    pub marks: ProducerMarks,
    /// Its earliest deadline, in journals that keep it here.
    pub due: Option<Timestamp>,
    /// Whether the lineage's last entry is stored with an event. If not, the next append stores it.
    epoch_is_stored: bool,
}

impl RunRecord {
    /// Builds the record from what is stored of a run.
    pub fn load(mut head: Head, marks: ProducerMarks, epochs: Epochs) -> Self {
        open_pending(&mut head, epochs.incarnation);
        // The last epoch of a run that was moved here has no event either, until its first append opens it.
        let epoch_is_stored = head.lineage.entries().last().is_none_or(|(_, first)| *first <= head.tip);
        Self { head, marks, due: None, epoch_is_stored }
    }
}

/// Adds to a stored head the epoch that the run's next append opens, if it opens one.
pub fn open_pending(head: &mut Head, incarnation: Epoch) -> bool {
    let pending = head.lineage.epoch().is_some_and(|epoch| epoch < incarnation);
    if pending {
        head.lineage.open(incarnation, head.tip + 1);
    }
    pending
}

/// The head of a run whose events have just expired.
pub fn gone(head: &Head) -> Head {
    Head { first: head.tip + 1, phase: RunPhase::Gone, bytes: 0, control_bytes: 0, control: None, ..head.clone() }
}

/// Whether [`super::Journal::expire`] may remove a run.
pub fn is_ended(head: &Head) -> bool {
    match head.phase {
        RunPhase::Live => head.status.is_some_and(RunStatus::is_final),
        RunPhase::Sealed => true,
        RunPhase::Gone => false,
    }
}

/// What [`super::Journal::remove`] does with a run.
pub fn removal(head: &Head, even_live: bool) -> Removal {
    match head.phase {
        RunPhase::Gone => Removal::Gone,
        _ if head.tip == 0 => Removal::Unknown,
        _ if even_live || is_ended(head) => Removal::Removed,
        _ => Removal::Live,
    }
}

/// The result of an append: the answer, and what must be durable together with the segments before the answer is sent.
#[derive(Debug)]
pub struct AppendDecision {
    /// The answer.
    pub stored: Stored,
    /// A lineage entry that this append opened.
    pub opened: Option<(Epoch, Seq)>,
    /// Producers' marks that changed; the last one of a producer counts.
    pub raised: Vec<(ProducerId, Mark)>,
    /// Own producers whose marks were removed.
    pub dropped: Vec<ProducerId>,
    /// What becomes of the run's earliest deadline.
    pub due: DueChange,
    /// Whether the run was active with it: see [`Head::active_at`].
    pub is_active: bool,
}

/// Runs an append on `run`.
pub fn append(run: &mut RunRecord, append: &Append, moment: &AppendContext) -> AppendDecision {
    let tip_before = run.head.tip;
    let bar = if moment.monotonic > append.deadline {
        Some(Refusal::DeadlinePassed)
    } else if run.head.phase == RunPhase::Gone {
        Some(Refusal::RunGone { last: tip_before })
    } else {
        None
    };
    let mut work = Work {
        unmet: match append.precondition {
            Some(Precondition::TipIs(seq)) if seq != tip_before => Some(Refusal::Precondition { tip: tip_before }),
            _ => None,
        },
        sealed_before: run.head.phase == RunPhase::Sealed,
        at: moment.now.max(run.head.last_at),
        run,
        moment,
        batches: Vec::new(),
        opened: None,
        raised: Vec::new(),
        dropped: Vec::new(),
        due: DueChange::None,
        is_active: false,
    };
    let outcomes = append.posts.iter().map(|post| bar.clone().map_or_else(|| work.post(post), Err)).collect();
    let Work { at, batches, opened, raised, dropped, due, is_active, .. } = work;
    run.due = due.apply(run.due);
    let segments = match run.head.lineage.epoch() {
        Some(epoch) => pack(epoch, tip_before + 1, at, &batches).into_iter().map(Arc::new).collect(),
        None => Vec::new(),
    };
    let stored = Stored { outcomes, segments, head: run.head.clone() };
    AppendDecision { stored, opened, raised, dropped, due, is_active }
}

/// An append in progress.
struct Work<'a> {
    run: &'a mut RunRecord,
    moment: &'a AppendContext,
    /// The precondition's refusal, for posts that are not stored already.
    unmet: Option<Refusal>,
    sealed_before: bool,
    /// Time of the new events. It never goes back within a run, whatever the host's clock does.
    at: Timestamp,
    batches: Vec<Batch>,
    opened: Option<(Epoch, Seq)>,
    raised: Vec<(ProducerId, Mark)>,
    dropped: Vec<ProducerId>,
    due: DueChange,
    is_active: bool,
}

impl Work<'_> {
    fn post(&mut self, post: &Post) -> Result<Appended, Refusal> {
        let mark = self.run.marks.high(&post.producer);
        let high = mark.unwrap_or(0);
        let count = post.lines.len() as u64;
        let last = (post.n.saturating_add(count)).saturating_sub(1);
        let gap = Refusal::ProducerGap { expected: high + 1 };
        if post.n == 0 || last > MAX_N {
            return Err(gap);
        }
        if last <= high {
            return Ok(self.appended(None, 0, count, high));
        }
        if let Some(unmet) = &self.unmet {
            return Err(unmet.clone());
        }
        if let Some(expected) = post.control.as_ref().and_then(|control| control.if_control) {
            // It was decided on what the store may have lost.
            self.reset_control();
            if expected != self.run.head.control {
                return Err(Refusal::ControlMoved);
            }
        }
        let duplicates = (high + 1).saturating_sub(post.n);
        let tail =
            if duplicates == 0 { post.lines.clone() } else { post.lines.slice(duplicates as usize, post.lines.len()) };
        let status = if duplicates == 0 { post.status } else { last_status(&tail) };
        let last_word = space::is_last_word(status, &tail);

        if self.sealed_before || (self.run.head.phase == RunPhase::Sealed && !(post.privileged || last_word)) {
            return Err(Refusal::RunSealed);
        }
        if post.n > high + 1 && post.on_gap == OnGap::Refuse {
            return Err(gap);
        }
        if mark.is_none() && !post.producer.is_own() && self.run.marks.clients() >= MAX_PRODUCERS {
            return Err(Refusal::TooManyProducers);
        }

        let lost = (post.n > high + 1 && post.on_gap == OnGap::Announce)
            .then(|| events_lost(self.at, &post.producer, high + 1, post.n - 1));
        let stamps = stamp::behind(&post.stamps, duplicates);
        let control = match post.control {
            Some(_) => (0..tail.len() as u32).collect(),
            None => stamps.iter().filter(|stamp| stamp.kind.is_control()).map(|stamp| stamp.index).collect(),
        };
        let lines = stamp::stamp(&tail, &stamps, &post.producer, self.at);
        let lost = lost.map(|lines| Batch { lines, control: Vec::new() });
        let batches: Vec<Batch> = lost.into_iter().chain([Batch { lines, control }]).collect();

        let privileged = post.privileged || post.control.is_some();
        let asked = space::Asked { privileged, last_word, status, bytes: size(&batches) };
        space::check(&self.run.head, self.moment.max_run_bytes, &asked)?;
        self.reset_control();
        let first = self.run.head.tip + 1;
        self.store(batches, post.control.as_ref());
        if let Some(dropped) = self.run.marks.raise(&post.producer, last) {
            self.dropped.push(dropped);
        }
        match &post.control {
            Some(control) => self.control_stored(control, status),
            None => self.producer_stored(post, &stamps, count - duplicates, status),
        }
        self.raised.push((post.producer.clone(), self.run.marks.mark(&post.producer)));
        if post.seals {
            self.run.head.phase = RunPhase::Sealed;
        }
        Ok(self.appended(Some((first, self.run.head.tip)), count - duplicates, duplicates, last))
    }

    fn store(&mut self, batches: Vec<Batch>, control: Option<&ControlPost>) {
        let RunRecord { head, epoch_is_stored, .. } = &mut *self.run;
        if head.lineage.epoch().is_none() {
            head.lineage.open(self.moment.epochs.births, 1);
            *epoch_is_stored = false;
        }
        if !*epoch_is_stored {
            self.opened = head.lineage.entries().last().copied();
            *epoch_is_stored = true;
        }
        if head.tip == 0 {
            head.created_at = self.at;
        }
        head.last_at = self.at;
        // A new run is active whoever began it.
        if head.tip == 0 || !control.is_some_and(|control| control.steers) {
            head.active_at = self.at;
            self.is_active = true;
        }
        head.tip += batches.iter().map(|batch| batch.lines.len() as Seq).sum::<Seq>();
        head.bytes += size(&batches);
        head.control_bytes += control.map_or(0, |_| size(&batches));
        self.batches.extend(batches);
    }

    fn appended(&self, seqs: Option<(Seq, Seq)>, stored: u64, duplicates: u64, producer_high: u64) -> Appended {
        let epoch = self.run.head.lineage.epoch().unwrap_or(self.moment.epochs.births);
        Appended { epoch, seqs, stored, duplicates, producer_high }
    }
}

/// Bytes that events count for: each event with its newline.
fn size(batches: &[Batch]) -> u64 {
    batches.iter().map(|batch| batch.lines.bytes().len() as u64 + 1).sum()
}

/// The last `run_status` in the tail of a post. `Post::status` names the last one of the whole post, which may be among
/// the duplicates, and an old status must not come back.
fn last_status(lines: &Lines) -> Option<RunStatus> {
    #[derive(Deserialize)]
    struct Probe<'a> {
        #[serde(borrow)]
        r#type: std::borrow::Cow<'a, str>,
        status: RunStatus,
    }
    let status = |event| {
        let event = readable(event);
        let probe = serde_json::from_slice::<Probe<'_>>(&event).ok()?;
        (probe.r#type == ProducerEvent::RunStatus.as_str()).then_some(probe.status)
    };
    (0..lines.len()).rev().filter_map(|index| lines.get(index)).find_map(status)
}
