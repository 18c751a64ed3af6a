//! What a producer gets of a run's commands.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::error::SteeringError;
use super::service::Steering;
use crate::actors::messages::room::WaitForControl;
use crate::control::{Answer, Commands, ControlRequest, PollRequest};
use crate::protocol::{Cursor, RunId};

impl Steering {
    /// The commands that are open for a producer, and where the run's control ends. `at_least`: the answer has to
    /// include that control event, of which the caller knows; without it, everything that was stored on any node.
    ///
    /// # Errors
    /// [`SteeringError`].
    pub async fn poll(
        &self,
        run: &RunId,
        poll: PollRequest,
        at_least: Option<Cursor>,
    ) -> Result<(Commands, Option<Cursor>), SteeringError> {
        let producer = poll.producer.clone();
        let (answer, cursor) = self.ask(run, ControlRequest::Poll(poll), at_least).await?;
        // Nobody is silent in a run without control events.
        if let Some(producer) = producer.filter(|_| cursor.is_some()) {
            self.heard(run, &producer);
        }
        match answer {
            Answer::Commands(commands) => Ok((commands, cursor)),
            _ => Err(SteeringError::unexpected()),
        }
    }

    /// Waits until the run's control does not end at `after` any more; false when nobody can wait for that now.
    ///
    /// # Errors
    /// [`SteeringError`].
    pub async fn moved(&self, run: &RunId, after: Option<Cursor>) -> Result<bool, SteeringError> {
        let (reply, moved) = oneshot::channel();
        let room = self.room(run).await?;
        Ok(room.wait_control.try_send(WaitForControl { after, reply }).is_ok() && moved.await.is_ok())
    }
}

/// A poll of a producer with this name.
pub fn poll_of(producer: Option<&str>, after: Option<Cursor>, max_bytes: usize) -> PollRequest {
    PollRequest { producer: producer.map(Arc::from), after, max_bytes }
}
