//! The state of the run.

use std::sync::Arc;

use actix::Message;
use tokio::sync::oneshot;

use super::read::ReadError;
use crate::budget::Buffer;
use crate::protocol::Cursor;
use crate::storage::journal::RunPhase;

/// Where a run's state goes.
pub type FoldReply = oneshot::Sender<Result<Folded, ReadError>>;

/// The run's folded state, with whatever was acknowledged anywhere before the question.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Fold {
    /// Where it goes.
    pub reply: FoldReply,
}

impl Fold {
    /// Whether nobody waits for the state any more.
    pub fn is_given_up(&self) -> bool {
        self.reply.is_closed()
    }
}

/// A run's state and the cursor up to which it was folded.
#[derive(Clone, Debug)]
pub struct Folded {
    /// The state: a JSON object, shared by all who read it; `None` when there is no room for it.
    pub text: Option<Arc<Buffer>>,
    /// The last event in it.
    pub cursor: Cursor,
    /// Whether the run can grow, or has gone.
    pub phase: RunPhase,
}
