//! Moving runs from one journal to another, with their seqs, epochs, times and producers.
//!
//! A run that can grow goes on in a new epoch where it was moved to: its former journal may give out the next seq too,
//! and no seq names two events in one epoch (I5). A reader that comes with a cursor of the former journal continues up
//! to the last event that was moved, and beyond it is reset.

use std::sync::Arc;

use async_trait::async_trait;

use super::append_rules::{Epochs, Mark};
use super::{Head, JournalError, RunPage, RunPhase, RunPosition};
use crate::protocol::{Epoch, ProducerId, RunId, Segment, Seq, Timestamp};

/// What a journal keeps of a run besides its events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovedRun {
    /// The run.
    pub run: RunId,
    /// Its head as it is stored: without the epoch that its next append opens.
    pub head: Head,
    /// Its producers' marks, the last used one last.
    pub marks: Vec<MovedMark>,
    /// Its earliest deadline.
    pub due: Option<Timestamp>,
}

impl MovedRun {
    /// A run of which only the head is known.
    pub fn bare(run: RunId, head: Head) -> Self {
        Self { run, head, marks: Vec::new(), due: None }
    }
}

/// A producer's mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovedMark {
    /// The producer.
    pub producer: ProducerId,
    /// What is stored of it.
    pub mark: Mark,
    /// The run's tip when that was stored.
    pub used_at: Seq,
}

/// A journal that runs are moved from. A node that has it open goes on meanwhile.
#[async_trait]
pub trait LogSource: Send + Sync {
    /// A run without its events; `None` when it has none. An expired run is [`RunPhase::Gone`].
    async fn moved_run(&self, run: &RunId) -> Result<Option<MovedRun>, JournalError>;

    /// The segments behind `after`, in order, until they have `max_bytes`, at least one if there is any. Those that hold
    /// control events say so.
    async fn segments(&self, run: &RunId, after: Seq, max_bytes: usize) -> Result<Vec<Arc<Segment>>, JournalError>;

    /// Runs whose last event is at or after `since`, as [`super::Journal::changed_since`].
    async fn runs(&self, since: Timestamp, after: Option<&RunPosition>, limit: usize) -> Result<RunPage, JournalError>;
}

/// A journal that runs are moved to, one at a time. Nobody sees anything of a run before it is there as a whole.
#[async_trait]
pub trait LogTarget: LogSource {
    /// Begins a run that the journal does not have.
    async fn begin(&mut self, run: &RunId) -> Result<(), JournalError>;

    /// Adds its next segments.
    async fn add(&mut self, segments: &[Arc<Segment>]) -> Result<(), JournalError>;

    /// Ends the run. All its segments have been added.
    async fn finish(&mut self, moved: &MovedRun) -> Result<(), JournalError>;

    /// Forgets a run that was begun and not ended.
    async fn give_up(&mut self);

    /// Ends the use of the journal.
    async fn close(&mut self);
}

/// The epoch in which a moved run goes on, which neither journal has given out for it: that of new runs, if the run's
/// last one is before it. Otherwise it is a later one, which new runs get from then on. So many runs raise it once.
pub(super) fn epoch_after(head: &Head, epochs: Epochs, now: Timestamp) -> Epoch {
    let last = head.lineage.epoch().map_or(0, |epoch| epoch.0);
    if epochs.births.0 > last {
        return epochs.births;
    }
    let mut raised = epochs;
    raised.raise_births(now);
    Epoch(raised.births.0.max(last + 1))
}

/// The head of a run where it was moved to.
pub(super) fn moved_head(head: &Head, next: Epoch) -> Head {
    let mut head = head.clone();
    if head.phase == RunPhase::Live {
        head.lineage.open(next, head.tip + 1);
    }
    head
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Lineage;

    #[test]
    fn a_moved_run_goes_on_in_an_epoch_that_neither_journal_has_given_out() {
        let now = Timestamp::from_millis(100);
        let epochs = |births| Epochs { incarnation: Epoch(5), births: Epoch(births) };
        let head =
            |last| Head { lineage: Lineage::new(vec![(Epoch(3), 1), (Epoch(last), 4)]), tip: 9, ..Head::unborn() };
        for (last, births, next) in [(7, 9, 9), (9, 9, 100), (50, 9, 100), (200, 9, 201), (200, 200, 201)] {
            let next = Epoch(next);
            assert_eq!(epoch_after(&head(last), epochs(births), now), next);
            let moved = moved_head(&head(last), next);
            assert_eq!(moved.lineage.entries(), [(Epoch(3), 1), (Epoch(last), 4), (next, 10)]);
        }
        let sealed = Head { phase: RunPhase::Sealed, ..head(7) };
        assert_eq!(moved_head(&sealed, Epoch(100)), sealed, "it does not grow");
    }
}
