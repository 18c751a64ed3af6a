//! Messages of a broadcaster: segments and screens from its room, and its end.

use std::sync::Arc;

use actix::{Message, Recipient};
use bytes::Bytes;

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
    /// Takes frames of the live screen.
    pub show: Recipient<ShowScreen>,
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

/// A frame of one of the run's screens, as a WebSocket frame. Only the newest one of its stream counts. A room passes it
/// to its broadcasters unchanged.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct ShowScreen {
    /// The stream that it belongs to.
    pub stream: StreamId,
    /// When it came to the node that it was posted to: of two frames of a stream the older one is not shown any more.
    pub at: Timestamp,
    /// The frame.
    pub frame: Bytes,
}

/// The room has ended: the broadcaster closes every viewer and ends.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "()")]
pub struct Evict(pub CloseReason);
