//! What asks the journal for a run that is due, and has its room decide what is over.

use std::sync::Arc;

use runcast::control::{Answer, ControlRequest};

use super::question::{Ended, Question};
use super::signs::Signs;
use crate::chance::Dice;
use crate::registry::NodeRooms;
use crate::store::Store;
use crate::trace::seen;

/// See the module.
#[derive(Default)]
pub(crate) struct Deadlines {
    waiting: Option<Question>,
}

impl Deadlines {
    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.is_none()
    }

    /// Whether the run is due.
    pub(crate) fn is_due(store: &Store) -> bool {
        store.due().is_some_and(|due| due <= store.wall())
    }

    pub(crate) fn ask(&mut self, node_rooms: &mut NodeRooms, store: &Store) {
        if self.waiting.is_none() && Self::is_due(store) {
            self.waiting = Question::ask(Arc::new(ControlRequest::Due), None, node_rooms, store);
        }
    }

    pub(crate) fn take(
        &mut self,
        node_rooms: &mut NodeRooms,
        store: &mut Store,
        signs: &Signs,
        dice: &mut Dice,
    ) -> bool {
        let Some(question) = self.waiting.take() else { return false };
        match question.take(node_rooms, store, signs, dice) {
            Err(question) => {
                self.waiting = Some(question);
                return false;
            }
            Ok(Ended::Answered(Answer::NotDue(due), control)) => {
                seen("deadlines settled");
                store.settle_due(control, due);
            }
            // A run that takes no more events has none.
            Ok(Ended::Refused(_)) => store.settle_due(store.head().control, None),
            Ok(_) => {}
        }
        true
    }
}
