//! The run's folded state, brought up to the tip when somebody asks.

use std::sync::Arc;

use actix::fut::wrap_future;
use actix::prelude::*;
use tokio::sync::oneshot;

use super::Room;
use crate::actors::messages::room::{Fold, Folded, ReadError};
use crate::protocol::state::RunState;
use crate::protocol::{Cursor, RunId, Segment, Seq};
use crate::storage::journal::{JournalError, RunPhase};

/// The fold so far and who waits for it.
pub(super) struct Folding {
    state: Arc<RunState>,
    next: Seq,
    waiting: Vec<oneshot::Sender<Result<Folded, ReadError>>>,
    reading: bool,
}

impl Folding {
    pub(super) fn new(run: RunId) -> Self {
        Self { state: Arc::new(RunState::new(run)), next: 1, waiting: Vec::new(), reading: false }
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

    fn apply(&mut self, segments: &[Arc<Segment>]) {
        let state = Arc::make_mut(&mut self.state);
        for segment in segments {
            for (seq, event) in (segment.first()..).zip(segment.lines().iter()) {
                if seq == self.next {
                    state.apply(seq, event);
                    self.next = seq + 1;
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
        if self.folding.next > head.tip || self.is_gone() {
            let cursor = Cursor { epoch: head.lineage.epoch(), seq: self.folding.next - 1 };
            self.folding.answer(cursor, head.phase);
            return;
        }
        self.folding.reading = true;
        let (journal, run, max_bytes) = (self.ports.journal.clone(), self.run.clone(), self.limits.page_bytes);
        let (held, next) = (self.log.segments_from(self.folding.next, max_bytes), self.folding.next);
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
                Ok(segments) => room.folding.apply(&segments),
                Err(error) => room.folding.fail(&error),
            }
            room.fold_on(ctx);
        }));
    }
}
