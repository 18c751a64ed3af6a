//! One who waits for the next control event: a long poll for commands.

use std::sync::Arc;

use runcast::actors::messages::room::WaitForControl;
use runcast::actors::room::core::RoomInput;
use runcast::control::ControlRequest;
use runcast::protocol::Cursor;
use tokio::sync::oneshot::{self, error::TryRecvError};

use super::question::{Ended, Question};
use super::signs::Signs;
use crate::chance::Dice;
use crate::registry::NodeRooms;
use crate::store::Store;
use crate::surroundings::Sent;
use crate::trace::seen;

enum Awaited {
    Nothing,
    Look(Question),
    /// News behind this event.
    News(oneshot::Receiver<()>, Option<Cursor>),
}

/// See the module.
pub(crate) struct Watcher {
    awaited: Awaited,
    /// It waits next, behind this event, on this node.
    next: Option<(usize, Option<Cursor>)>,
}

impl Watcher {
    pub(crate) fn new() -> Self {
        Self { awaited: Awaited::Nothing, next: None }
    }

    pub(crate) fn is_idle(&self) -> bool {
        matches!(self.awaited, Awaited::Nothing)
    }

    pub(crate) fn node(&self) -> Option<usize> {
        self.next.map(|(node, _)| node)
    }

    pub(crate) fn waits(&self) -> bool {
        matches!(self.awaited, Awaited::News(..))
    }

    /// Looks, or waits if it has looked.
    pub(crate) fn ask(&mut self, node_rooms: &mut NodeRooms, store: &Store) {
        match self.next.take().filter(|(node, _)| *node == node_rooms.node) {
            Some((_, after)) => {
                let (reply, news) = oneshot::channel();
                let generation = node_rooms.find_room().generation;
                if node_rooms.post(generation, RoomInput::WaitForControl(WaitForControl { after, reply }))
                    == Sent::Taken
                {
                    self.awaited = Awaited::News(news, after);
                }
            }
            None => {
                let look = Question::ask(Arc::new(ControlRequest::Look), None, node_rooms, store);
                self.awaited = look.map_or(Awaited::Nothing, Awaited::Look);
            }
        }
    }

    pub(crate) fn give_up(&mut self) {
        if self.waits() {
            self.awaited = Awaited::Nothing;
        }
    }

    pub(crate) fn take(&mut self, node_rooms: &mut NodeRooms, store: &Store, signs: &Signs, dice: &mut Dice) -> bool {
        match std::mem::replace(&mut self.awaited, Awaited::Nothing) {
            Awaited::Nothing => return false,
            Awaited::Look(question) => match question.take(node_rooms, store, signs, dice) {
                Err(question) => {
                    self.awaited = Awaited::Look(question);
                    return false;
                }
                Ok(Ended::Answered(_, control)) => self.next = Some((node_rooms.node, control)),
                Ok(_) => {}
            },
            Awaited::News(mut news, after) => match news.try_recv() {
                Err(TryRecvError::Empty) => {
                    self.awaited = Awaited::News(news, after);
                    return false;
                }
                Ok(()) => seen("control moved"),
                Err(TryRecvError::Closed) => seen("control poll dropped"),
            },
        }
        true
    }

    /// At rest it waits behind the last control event.
    pub(crate) fn check_at_rest(&self, store: &Store) {
        let Awaited::News(_, after) = &self.awaited else { panic!("nobody waits for control at rest") };
        assert_eq!(*after, store.head().control, "somebody waits elsewhere than where the control ends");
    }
}
