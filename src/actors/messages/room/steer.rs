//! Steering a run: what is decided on its control.

use std::sync::Arc;

use actix::Message;
use actix::dev::SendError;
use tokio::sync::oneshot;

use super::RoomPort;
use crate::control::{Answer, ControlError, ControlRequest, Seen, Sign};
use crate::protocol::Cursor;
use crate::storage::journal::Head;

/// Takes the answer to a request.
pub type SteerReply = oneshot::Sender<Result<Steered, SteerError>>;

/// Decide a request on the run's control. What is to be stored for it is durable before it is answered.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Steer {
    /// What is wanted.
    pub request: Arc<ControlRequest>,
    /// Signs of life that were looked up for it.
    pub signs: Vec<(Sign, Seen)>,
    /// The answer has to include everything that was acknowledged on any node before the request: `None`; or it is
    /// enough that it includes this control event, which the caller knows of.
    pub at_least: Option<Cursor>,
    /// Takes the answer. It is dropped unanswered when the room ends.
    pub reply: SteerReply,
}

impl Steer {
    /// Whether the caller has stopped waiting.
    pub fn is_given_up(&self) -> bool {
        self.reply.is_closed()
    }
}

/// What became of a request.
#[derive(Clone, Debug)]
pub enum Steered {
    /// It was decided; with the run's control as it is now.
    Answered(Answer, Option<Cursor>),
    /// These signs of life are needed first: look them up and ask again.
    NeedSigns(Vec<Sign>),
}

/// Why a request was not decided as it was wanted.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SteerError {
    /// It was refused.
    #[error(transparent)]
    Refused(#[from] ControlError),
    /// The run's control moved on again and again; nothing was stored.
    #[error("others decide faster; nothing was stored")]
    Contended,
    /// Too much waits to be decided; nothing was stored.
    #[error("too much waits to be decided")]
    Saturated,
    /// The journal is unreachable; nothing was stored.
    #[error("{0}")]
    Unavailable(String),
    /// It may have come true or not: repeating it tells.
    #[error("{0}")]
    OutcomeUnknown(String),
    /// This room has retired: find the run's room again.
    #[error("the room has retired")]
    Retired,
}

/// Wait until the run's control does not end where the caller stands.
#[derive(Message)]
#[rtype(result = "()")]
pub struct WaitForControl {
    /// The last control event that the caller has.
    pub after: Option<Cursor>,
    /// Gets one signal. It is dropped when the room ends, or at once when too many callers wait.
    pub reply: oneshot::Sender<()>,
}

impl WaitForControl {
    /// Whether the caller has stopped waiting.
    pub fn is_given_up(&self) -> bool {
        self.reply.is_closed()
    }
}

impl RoomPort {
    /// Has the room decide a request, and waits for its answer. A room that ended before it took the request has
    /// [`SteerError::Retired`].
    ///
    /// # Errors
    /// [`SteerError`].
    pub async fn steer(
        &self,
        request: Arc<ControlRequest>,
        signs: Vec<(Sign, Seen)>,
        at_least: Option<Cursor>,
    ) -> Result<Steered, SteerError> {
        let (reply, answer) = oneshot::channel();
        match self.steer.try_send(Steer { request, signs, at_least, reply }) {
            Ok(()) => {}
            Err(SendError::Full(_)) => return Err(SteerError::Saturated),
            Err(SendError::Closed(_)) => return Err(SteerError::Retired),
        }
        answer.await.unwrap_or_else(|_| Err(SteerError::OutcomeUnknown("the run's room failed".to_owned())))
    }
}

/// What an append's answer says of the run's control, for free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlTip {
    /// The last control event.
    pub cursor: Option<Cursor>,
    /// Whether the run was ever steered.
    pub steered: bool,
}

impl ControlTip {
    /// Of a head.
    pub fn of(head: &Head) -> Self {
        Self { cursor: head.control, steered: head.steered }
    }
}
