//! What a broadcaster understands: segments and screens from its room, and how it ends.

use std::sync::Arc;

use actix::{Message, Recipient};
use bytes::Bytes;

use crate::protocol::close::CloseReason;
use crate::protocol::{Epoch, Segment, Seq};

/// A broadcaster's addresses, as its room holds them.
#[derive(Clone, Debug)]
pub struct BroadcasterPort {
    /// Unique on the node.
    pub id: u64,
    /// Hands out segments.
    pub deliver: Recipient<Deliver>,
    /// Tells where the log ends.
    pub tip: Recipient<TipIs>,
    /// Shows the live screen.
    pub show: Recipient<ShowScreen>,
    /// Ends the broadcaster.
    pub evict: Recipient<Evict>,
}

/// New segments, in order. A doorbell: a lost one is noticed as a hole.
#[derive(Message, Clone)]
#[rtype(result = "()")]
pub struct Deliver(pub Arc<[Arc<Segment>]>);

/// The log ends here: whoever waits for something older must pull.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "()")]
pub struct TipIs {
    /// The run's epoch, or the incarnation of a store that does not know the run.
    pub epoch: Option<Epoch>,
    /// Its last seq.
    pub tip: Seq,
}

/// The live screen, as a WebSocket frame: newest wins, stored nowhere. A room passes it on to its broadcasters as it is.
#[derive(Message, Clone)]
#[rtype(result = "()")]
pub struct ShowScreen(pub Bytes);

/// The room has ended: close every viewer and end.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "()")]
pub struct Evict(pub CloseReason);
