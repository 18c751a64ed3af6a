//! What happens to a session.

use crate::actors::messages::registry::FindError;
use crate::actors::messages::room::{Page, ReadError};
use crate::protocol::close::CloseReason;
use crate::protocol::message::ServerMessage;

/// Something that happened to a session.
#[derive(Debug)]
pub enum Input<'a> {
    /// It begins.
    Started,
    /// The socket has taken of the queue what it takes now.
    Flushed(Standing),
    /// The peer sent these bytes.
    Received(&'a [u8]),
    /// The peer has ended the connection, or the socket failed.
    Disconnected,
    /// More answers are queued than a session may hold: the peer asks but does not read.
    Overrun,
    /// The node holds as much for its viewers as it may, and the peer's message has not come whole.
    NodeFull,
    /// The registry has found the run's room.
    RoomFound,
    /// The registry has no room for the run now.
    NoRoom(FindError),
    /// The registry is being restarted, or overloaded.
    RegistryAway,
    /// The hub has given it a slot among the run's subscribers.
    Subscribed,
    /// The page that it asked for.
    PageRead(Page),
    /// The room is overloaded, or the journal is away.
    ReadFailed,
    /// The room has retired: there may be another.
    RoomRetired,
    /// The room has ended, or the subscribers are closed with it.
    RoomGone,
    /// The hub hands it segments from now on.
    Admitted,
    /// The pause that it asked for is over.
    PauseOver,
    /// What the viewer may do ends soon: the message that says so.
    RightsExpiring(Box<ServerMessage>),
    /// What the viewer may do has ended.
    RightsEnded,
    /// A command of the peer's is answered.
    Steered(Box<ServerMessage>),
}

impl Input<'_> {
    /// A room's answer to a read; `None`: it was dropped unanswered.
    pub fn read(answer: Option<Result<Page, ReadError>>) -> Self {
        match answer {
            Some(Ok(page)) => Self::PageRead(page),
            Some(Err(ReadError::Unavailable(_))) => Self::ReadFailed,
            Some(Err(ReadError::Retired)) => Self::RoomRetired,
            None => Self::RoomGone,
        }
    }
}

/// How the write half stands after a flush.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// The state of the session.
    pub mode: Mode,
    /// Whether anything is left to write.
    pub flushed: Flushed,
    /// Little enough is queued for a further page.
    pub wants_page: bool,
    /// The peer has had its time to answer the close.
    pub close_overdue: bool,
}

/// The states of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Pulls pages until it reaches the tip.
    Behind,
    /// Segments are handed to it.
    Live,
    /// Writes what is queued, then its close frame, then waits for the peer's.
    Closing(CloseReason),
    /// The socket is no more.
    Broken,
}

/// What is left to do after a flush.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flushed {
    /// Nothing is queued.
    Clear,
    /// The socket takes no more now; the session will be woken.
    Blocked,
}
