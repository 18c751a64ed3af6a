//! Showing a frame of a run's screens.

use actix::Message;
use actix::dev::SendError;
use tokio::sync::oneshot;

use super::{RoomPort, ShowScreen};

/// Takes the answer to a frame.
pub type ShowReply = oneshot::Sender<Result<FrameTaken, ShowError>>;

/// Show a frame that was posted to this node, here and on the other nodes.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct Show {
    /// The frame.
    pub screen: ShowScreen,
    /// Takes the answer. It is dropped unanswered when the room ends.
    pub reply: ShowReply,
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameTaken {
    /// It was handed on to whoever watches. False: the node is too busy, or holds too much for its viewers.
    pub shown: bool,
    /// It is kept for those who come. False: it is too large, or too much is kept.
    pub kept: bool,
}

/// Why a frame was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShowError {
    /// The run's events have expired: nobody watches it any more.
    #[error("the run has expired")]
    Gone,
    /// This room has retired: find the run's room again.
    #[error("the room has retired")]
    Retired,
}

impl RoomPort {
    /// Has the room show a frame. One that finds the room busy is not taken: the next one replaces it.
    ///
    /// # Errors
    /// [`ShowError`]. A room that ended before it took the frame has [`ShowError::Retired`].
    pub async fn show(&self, screen: ShowScreen) -> Result<FrameTaken, ShowError> {
        let (reply, answer) = oneshot::channel();
        match self.show.try_send(Show { screen, reply }) {
            Ok(()) => {}
            Err(SendError::Full(_)) => return Ok(FrameTaken::default()),
            Err(SendError::Closed(_)) => return Err(ShowError::Retired),
        }
        answer.await.unwrap_or(Err(ShowError::Retired))
    }
}
