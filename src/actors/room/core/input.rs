//! What a room's core is told.

use std::sync::Arc;

use super::control_fold::JournalTime;
use super::effect::{HeadFor, PageFor, RoomTimer};
use crate::actors::messages::room::{
    Fold, Publish, Read, ReadError, Reclaim, RemoteUpdate, Show, Steer, WaitForControl, WaitForEvents,
};
use crate::budget::Buffer;
use crate::protocol::Segment;
use crate::storage::journal::{Head, JournalError, Stored};

/// The state as JSON; `None` when there is no room for it.
pub type StateText = Result<Option<Arc<Buffer>>, ReadError>;

/// Something that has happened to a room: a message, an answer, a timer, or an effect that failed.
pub enum RoomInput {
    /// The room begins.
    Started,

    // From the mailbox.
    /// A producer posts.
    Publish(Publish),
    /// A viewer, or a request, reads on.
    Read(Read),
    /// A long poll waits for an event.
    Wait(WaitForEvents),
    /// Somebody wants the run's state.
    Fold(Fold),
    /// Somebody wants something decided on the run's control.
    Steer(Steer),
    /// A long poll waits for a control event.
    WaitForControl(WaitForControl),
    /// A screen was posted to this node.
    Show(Show),
    /// The broadcaster with this id wants the run's segments.
    Subscribe(u64),
    /// The broadcaster with this id wants them no more.
    Unsubscribe(u64),
    /// The registry wants something back.
    Reclaim(Reclaim),
    /// The bridge tells of other nodes.
    RemoteUpdate(RemoteUpdate),

    // Answers.
    /// The answer to [`RoomEffect::AskHead`](super::RoomEffect::AskHead).
    Head(HeadFor, Result<Head, JournalError>),
    /// The answer to [`RoomEffect::Append`](super::RoomEffect::Append).
    Appended(Result<Stored, JournalError>),
    /// The answer to [`RoomEffect::ReadPage`](super::RoomEffect::ReadPage).
    Page(PageFor, Result<Vec<Arc<Segment>>, JournalError>),
    /// The answer to [`RoomEffect::AskTime`](super::RoomEffect::AskTime).
    Time(JournalTime),
    /// The room has a permit to fold.
    PermitTaken,
    /// The answer to [`RoomEffect::WriteState`](super::RoomEffect::WriteState).
    StateWritten(StateText),
    /// Whether the registry has let the room go.
    RetireAnswered(bool),

    // Effects that failed.
    /// The broadcaster's mailbox was full: it has missed segments, or the tip.
    BroadcasterFull(u64),
    /// The broadcaster's mailbox was full: it has missed frames.
    FramesMissed(u64),
    /// The broadcaster is no more.
    BroadcasterEnded(u64),
    /// The bridge did not take [`RoomEffect::Follow`](super::RoomEffect::Follow).
    BridgeRefused,
    /// The catalog writer did not take [`RoomEffect::Record`](super::RoomEffect::Record).
    CatalogRefused,

    /// A timer has run out.
    TimerDue(RoomTimer),
}
