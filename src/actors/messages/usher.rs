//! What a thread's usher understands: pulses, and the three steps of a drain.

use actix::{Message, Recipient};
use tokio::sync::oneshot;

use crate::protocol::close::CloseReason;

/// An usher's addresses.
#[derive(Clone, Debug)]
pub struct UsherPort {
    /// A second has passed.
    pub pulse: Recipient<Pulse>,
    /// Announce the drain.
    pub announce: Recipient<AnnounceDrain>,
    /// Close everyone.
    pub dismiss: Recipient<DismissAll>,
}

/// A second has passed.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "()")]
pub struct Pulse {
    /// Seconds since the node's start.
    pub now_secs: u32,
}

/// Tell every viewer that the node will go, with reconnect times spread over `spread_ms`.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "()")]
pub struct AnnounceDrain {
    /// The spread.
    pub spread_ms: u64,
}

/// Close every viewer in slices of `per_slice`, a slice every 10 ms; newcomers at once.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct DismissAll {
    /// Why.
    pub reason: CloseReason,
    /// Viewers per slice.
    pub per_slice: usize,
    /// Told when the thread has no viewer any more.
    pub done: oneshot::Sender<()>,
}
