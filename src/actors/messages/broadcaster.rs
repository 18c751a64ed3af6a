//! Messages of a broadcaster: segments and screens from its room, and its end.

use std::sync::Arc;

use actix::{Message, Recipient};
use bytes::Bytes;

use super::screen::NewestFrame;
use crate::protocol::close::CloseReason;
use crate::protocol::{Epoch, Segment, Seq, StreamId, Timestamp};

/// A broadcaster's addresses, which its room holds.
#[derive(Clone, Debug)]
pub struct BroadcasterPort {
    /// An id that is unique on the node.
    pub id: u64,
    /// Takes new segments for the viewers.
    pub deliver: Recipient<Deliver>,
    /// Takes the end of the log.
    pub tip: Recipient<TipIs>,
    /// Takes frames of screens.
    pub show: Recipient<ShowFrames>,
    /// Ends the broadcaster.
    pub evict: Recipient<Evict>,
}

/// New segments, in order. Like a doorbell it may be lost; the next message then shows the hole.
#[derive(Message, Clone)]
#[rtype(result = "()")]
pub struct Deliver(pub Arc<[Arc<Segment>]>);

/// The log ends here. A viewer that waits for something older must read.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "()")]
pub struct TipIs {
    /// The run's epoch, or the incarnation of a store that does not know the run.
    pub epoch: Option<Epoch>,
    /// The run's last seq.
    pub tip: Seq,
}

/// A frame of one of the run's screens, as a WebSocket frame. Only the newest one of its stream counts. It counts in no
/// budget of its own: the room counts what it keeps, and what is on its way to viewers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShowScreen {
    /// The stream that it belongs to.
    pub stream: StreamId,
    /// When it came to the node that it was posted to: of two frames of a stream the older one is not shown any more.
    pub at: Timestamp,
    /// The frame.
    pub frame: Bytes,
}

/// Show these frames to the viewers of the thread; one list for all broadcasters. What a broadcaster knows already, or
/// what is older than that, changes nothing.
#[derive(Message, Clone, Debug)]
#[rtype(result = "()")]
pub struct ShowFrames(pub Arc<[NewestFrame]>);

/// The room has ended: the broadcaster closes every viewer and ends.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "()")]
pub struct Evict(pub CloseReason);
