//! What a session offers to the broadcaster and the thread agent on its own thread.
//!
//! These are calls, not messages: they never leave the thread, and the hand-over of a segment to a thousand sockets is
//! the one place where a message per viewer was measured to cost more than it is worth
//! (docs/decisions/0003-the-broadcaster-writes-to-the-socket.md). A call never calls back (I7): a session that has to act is
//! woken instead.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::broadcaster::TipIs;
use crate::protocol::close::CloseReason;
use crate::protocol::{Connection, Segment};

/// What became of a hand-over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Written or queued.
    Sent,
    /// The viewer is behind now and will pull: too slow, or a hole.
    Behind,
}

/// A viewer as seen from its thread.
pub trait Viewer {
    /// Who it is.
    fn connection(&self) -> &Connection;
    /// Hands over new segments. `now` is for the lag's histogram.
    fn deliver(&self, segments: &[Arc<Segment>], now: Instant) -> Delivery;
    /// The log ends there: fall behind if that is news.
    fn tip_is(&self, tip: TipIs) -> Delivery;
    /// Shows a screen frame when the socket has nothing better to do; the newest wins.
    fn show(&self, frame: &Bytes);
    /// A second has passed: `now_secs` since the node's start. The viewer's number says in which second it pings.
    fn pulse(&self, now_secs: u32, number: u32);
    /// Announces that the node will go, once.
    fn announce_drain(&self, reconnect_after_ms: u64);
    /// Ends the session for a reason, after what is queued.
    fn close(&self, reason: CloseReason);
}
