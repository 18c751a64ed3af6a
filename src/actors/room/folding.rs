//! The run's folded state, brought up to the tip when somebody asks.

use std::sync::Arc;

use actix::fut::wrap_future;
use actix::prelude::*;
use tokio::sync::oneshot;

use super::Room;
use crate::actors::messages::room::{Fold, Folded, ReadError};
use crate::protocol::cursor::Place;
use crate::protocol::lineage::Resume;
use crate::protocol::state::RunState;
use crate::protocol::{After, Cursor, RunId, Segment};
use crate::storage::journal::{Head, JournalError, RunPhase};

/// Before the first event.
const START: Place = Place { epoch: None, next: 1 };

/// The fold so far and who waits for it.
pub(super) struct Folding {
    state: Arc<RunState>,
    /// Behind what is folded.
    place: Place,
    waiting: Vec<oneshot::Sender<Result<Folded, ReadError>>>,
    reading: bool,
}

impl Folding {
    pub(super) fn new(run: RunId) -> Self {
        Self { state: Arc::new(RunState::new(run)), place: START, waiting: Vec::new(), reading: false }
    }

    pub(super) fn ask(&mut self, fold: Fold) {
        self.waiting.push(fold.reply);
    }

    pub(super) fn is_waited_for(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub(super) fn fail(&mut self, error: &JournalError) {
        for reply in self.waiting.drain(..) {
            let _ = reply.send(Err(ReadError::Unavailable(error.to_string())));
        }
    }

    /// Stands on the log as `head` tells it. A state can't be cut back: when part of what is in it was lost, it begins
    /// anew.
    fn settle(&mut self, run: &RunId, head: &Head) {
        if let Resume::Reset { .. } = head.lineage.resolve(After::Cursor(self.place.cursor()), head.tip) {
            self.state = Arc::new(RunState::new(run.clone()));
            self.place = START;
        }
        self.place.epoch = head.lineage.epoch();
    }

    fn apply(&mut self, segments: &[Arc<Segment>]) {
        let state = Arc::make_mut(&mut self.state);
        for segment in segments {
            for (seq, event) in (segment.first()..).zip(segment.lines().iter()) {
                if seq == self.place.next {
                    state.apply(seq, segment.at(), event);
                    self.place.next = seq + 1;
                }
            }
        }
    }

    fn answer(&mut self, cursor: Cursor, phase: RunPhase) {
        for reply in self.waiting.drain(..) {
            let _ = reply.send(Ok(Folded { state: self.state.clone(), cursor, phase }));
        }
    }
}

impl Room {
    /// Folds one page further; answers at the tip.
    pub(super) fn fold_on(&mut self, ctx: &mut Context<Self>) {
        let Some(head) = self.log.head() else { return };
        if self.folding.reading || !self.folding.is_waited_for() {
            return;
        }
        self.folding.settle(&self.run, head);
        if self.folding.place.next > head.tip || self.is_gone() {
            self.folding.answer(self.folding.place.cursor(), head.phase);
            return;
        }
        self.folding.reading = true;
        let (journal, run, max_bytes) = (self.ports.journal.clone(), self.run.clone(), self.limits.page_bytes);
        let next = self.folding.place.next;
        let held = self.log.segments_from(next, max_bytes);
        let page = async move {
            match held {
                Some(segments) => Ok(segments),
                None => journal.read(&run, next - 1, max_bytes).await,
            }
        };
        ctx.spawn(wrap_future::<_, Self>(page).map(|page, room, ctx| {
            room.folding.reading = false;
            match page {
                Ok(segments) if segments.is_empty() => {
                    room.folding.fail(&JournalError::Unavailable("the run's events are expiring".into()));
                }
                // What follows what is folded may be of a log that was cut back below it.
                Ok(segments) if !room.log.holds(&segments) => return room.look_again(ctx),
                Ok(segments) => room.folding.apply(&segments),
                Err(error) => room.folding.fail(&error),
            }
            room.fold_on(ctx);
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Epoch, Lineage, Lines, Seq, Timestamp};

    fn segment(epoch: u64, first: Seq, status: &str) -> Arc<Segment> {
        let line = format!(r#"{{"type":"run_status","timestamp":"2026-01-01T00:00:00.000Z","status":"{status}"}}"#);
        Arc::new(Segment::new(Epoch(epoch), first, Timestamp::default(), Lines::from_stored(line.into())))
    }

    fn head(lineage: &[(u64, Seq)], tip: Seq) -> Head {
        let entries = lineage.iter().map(|(epoch, first)| (Epoch(*epoch), *first)).collect();
        Head { lineage: Lineage::new(entries), tip, ..Head::unborn() }
    }

    fn folded() -> (RunId, Folding) {
        let run = RunId::parse("r").unwrap();
        let mut folding = Folding::new(run.clone());
        folding.settle(&run, &head(&[(1, 1)], 2));
        folding.apply(&[segment(1, 1, "running"), segment(1, 2, "passed")]);
        (run, folding)
    }

    fn status(folding: &Folding) -> serde_json::Value {
        serde_json::to_value(&*folding.state).unwrap()["status"].clone()
    }

    #[test]
    fn a_fold_begins_anew_when_part_of_what_is_in_it_was_lost() {
        let (run, mut folding) = folded();
        let cut = head(&[(1, 1), (2, 2)], 3);
        folding.settle(&run, &cut);
        assert_eq!(folding.place, Place { epoch: Some(Epoch(2)), next: 1 });
        folding.apply(&[segment(1, 1, "running"), segment(2, 2, "failing"), segment(2, 3, "failed")]);
        assert_eq!((folding.place.next, status(&folding)), (4, "failed".into()));
        folding.settle(&run, &Head::unborn());
        assert_eq!((folding.place, status(&folding)), (START, serde_json::Value::Null), "the run was lost whole");
    }

    #[test]
    fn a_fold_goes_on_in_a_life_that_lost_nothing_of_it() {
        let (run, mut folding) = folded();
        folding.settle(&run, &head(&[(1, 1), (2, 3)], 2));
        assert_eq!((folding.place, status(&folding)), (Place { epoch: Some(Epoch(2)), next: 3 }, "passed".into()));
    }
}
