//! The state of the run.

use std::sync::Arc;

use actix::Message;
use tokio::sync::oneshot;

use super::read::ReadError;
use crate::budget::Buffer;
use crate::protocol::{Cursor, StatePart};
use crate::storage::journal::RunPhase;

/// Where a run's state goes.
pub type FoldReply = oneshot::Sender<Result<Folded, ReadError>>;

/// Fold the run's state. It includes everything that was acknowledged on any node before the request.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Fold {
    /// Which part of it is wanted.
    pub part: StatePart,
    /// Takes the state.
    pub reply: FoldReply,
}

impl Fold {
    /// Whether the caller has stopped waiting for the state.
    pub fn is_given_up(&self) -> bool {
        self.reply.is_closed()
    }
}

/// A part of a run's state, and the cursor up to which events are folded into it.
#[derive(Clone, Debug)]
pub struct Folded {
    /// It as a JSON object, shared by all readers; `None` when the budget has no room for it.
    pub text: Option<Arc<Buffer>>,
    /// The last event in the state.
    pub cursor: Cursor,
    /// Whether the run can get more events, or has expired.
    pub phase: RunPhase,
}
