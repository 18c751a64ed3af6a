//! A request to steer that is under way, and the check of what it is answered.

use std::sync::Arc;

use runcast::actors::messages::room::{Steer, SteerError, Steered};
use runcast::actors::room::core::RoomInput;
use runcast::control::{Answer, ControlRequest, Seen, Sign};
use runcast::protocol::Cursor;
use tokio::sync::oneshot::{self, error::TryRecvError};

use super::fold::Moment;
use super::signs::Signs;
use crate::chance::Dice;
use crate::registry::NodeRooms;
use crate::store::Store;
use crate::surroundings::Sent;
use crate::trace::{say, seen};

/// Rounds of looking up signs of life after which a request would never be decided.
const MAX_ROUNDS: usize = 6;

/// See the module.
pub(crate) struct Question {
    request: Arc<ControlRequest>,
    signs: Vec<(Sign, Seen)>,
    answer: oneshot::Receiver<Result<Steered, SteerError>>,
    /// What held when it was first asked.
    asked: Moment,
    rounds: usize,
}

/// How a question has ended.
pub(crate) enum Ended {
    /// It was answered, as of this end of the control.
    Answered(Answer, Option<Cursor>),
    /// It was refused, with the error's code.
    Refused(&'static str),
    /// Nothing is known, or nothing was done: it is to be asked again.
    Again,
}

impl Question {
    /// Asks the run's room on a node, if that has room for it.
    pub(crate) fn ask(
        request: Arc<ControlRequest>,
        at_least: Option<Cursor>,
        node_rooms: &mut NodeRooms,
        store: &Store,
    ) -> Option<Self> {
        Self::send(request, Vec::new(), at_least, Moment::of(store, at_least), 0, node_rooms)
    }

    fn send(
        request: Arc<ControlRequest>,
        signs: Vec<(Sign, Seen)>,
        at_least: Option<Cursor>,
        asked: Moment,
        rounds: usize,
        node_rooms: &mut NodeRooms,
    ) -> Option<Self> {
        let generation = node_rooms.find_room().generation;
        let (reply, answer) = oneshot::channel();
        let steer = Steer { request: request.clone(), signs: signs.clone(), at_least, reply };
        let sent = node_rooms.post(generation, RoomInput::Steer(steer));
        (sent == Sent::Taken).then_some(Self { request, signs, answer, asked, rounds })
    }

    /// What it was answered, if it was; one that needs signs of life is asked again with them.
    pub(crate) fn take(
        mut self,
        node_rooms: &mut NodeRooms,
        store: &Store,
        signs: &Signs,
        dice: &mut Dice,
    ) -> Result<Ended, Self> {
        match self.answer.try_recv() {
            Err(TryRecvError::Empty) => Err(self),
            Err(TryRecvError::Closed) => Ok(Ended::Again),
            Ok(Ok(Steered::NeedSigns(wanted))) => {
                seen("signs looked up");
                assert!(self.rounds < MAX_ROUNDS, "{:?} needs signs of life again and again: {wanted:?}", self.request);
                let mut known = self.signs;
                known.retain(|(sign, _)| !wanted.contains(sign));
                known.extend(wanted.into_iter().map(|sign| {
                    let seen = signs.look_up(&sign, dice);
                    (sign, seen)
                }));
                Self::send(self.request, known, None, self.asked, self.rounds + 1, node_rooms)
                    .map_or(Ok(Ended::Again), Err)
            }
            Ok(Ok(Steered::Answered(answer, control))) => {
                say!("    {:?} is answered {answer:?}", self.request);
                self.asked.check_answer(&self.request, &self.signs, &answer, control, store);
                Ok(Ended::Answered(answer, control))
            }
            Ok(Err(SteerError::Refused(error))) => {
                say!("    {:?} is refused: {error}", self.request);
                seen(error.code());
                self.asked.check_refusal(&self.request, &self.signs, &error, store);
                Ok(Ended::Refused(error.code()))
            }
            Ok(Err(error)) => {
                say!("    {:?} is not decided: {error}", self.request);
                seen(match error {
                    SteerError::Contended => "contended",
                    SteerError::Saturated => "steering saturated",
                    SteerError::OutcomeUnknown(_) => "decision unknown",
                    SteerError::Retired => "steered a retired room",
                    _ => "steering unavailable",
                });
                Ok(Ended::Again)
            }
        }
    }
}
