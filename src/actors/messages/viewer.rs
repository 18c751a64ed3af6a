//! The interface of a session for the broadcaster and the thread agent on its own thread.
//!
//! These are calls and not messages: they never leave the thread, and the hand-over of a segment to a thousand sockets
//! is the one place where a message per viewer was measured to cost more than it is worth
//! (docs/decisions/0003-the-broadcaster-writes-to-the-socket.md). A viewer never calls back (I7): if its session has to
//! act, the call wakes it.

use std::sync::Arc;
use std::time::Instant;

use super::broadcaster::{ShowScreen, TipIs};
use crate::protocol::close::CloseReason;
use crate::protocol::{Connection, Segment};

/// The result of a hand-over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The segments were written or queued.
    Sent,
    /// The viewer is behind now, because it was too slow or there was a hole, and will read from the log.
    Behind,
}

/// A viewer as seen from its thread.
pub trait Viewer {
    /// The viewer's connection.
    fn connection(&self) -> &Connection;
    /// Whether it is one of the run's viewers, who are counted and listed.
    fn is_listed(&self) -> bool {
        true
    }
    /// Hands over new segments. `now` is for the histogram of the lag.
    fn deliver(&self, segments: &[Arc<Segment>], now: Instant) -> Delivery;
    /// Announces where the log ends. A live viewer that misses events up to there falls behind.
    fn tip_is(&self, tip: TipIs) -> Delivery;
    /// Shows a screen frame when the socket has nothing else to send; only the newest one of its stream counts.
    fn show(&self, screen: &ShowScreen);
    /// A second has passed: `now_secs` since the node's start. The viewer's `number` decides in which second it pings.
    fn pulse(&self, now_secs: u32, number: u32);
    /// Announces once that the node will go.
    fn announce_drain(&self, reconnect_after_ms: u64);
    /// Ends the session for a reason, after the queued data.
    fn close(&self, reason: CloseReason);
}
