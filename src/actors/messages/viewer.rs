//! The interface of a session for the broadcaster and the thread agent on its own thread.
//!
//! These are calls and not messages: they never leave the thread, and the hand-over of a segment to a thousand sockets
//! is the one place where a message per viewer was measured to cost more than it is worth
//! (docs/decisions/0003-the-broadcaster-writes-to-the-socket.md). A viewer never calls back (I7): if its session has to
//! act, the call wakes it.

use std::sync::Arc;
use std::time::Instant;

use super::broadcaster::TipIs;
use super::screen::ShownFrame;
use crate::protocol::close::CloseReason;
use crate::protocol::{Connection, ScreenChoice, Segment};

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
    /// What it looks at; nothing if it can't be shown frames.
    fn choice(&self) -> ScreenChoice;
    /// What it looks at from now on. Frames that wait for it are dropped.
    fn choose(&self, choice: ScreenChoice);
    /// Shows a frame, if the viewer looks at its stream, when the socket has nothing else to send; only the newest one of
    /// its stream counts. A viewer that has not been greeted is shown nothing.
    fn show(&self, frame: &ShownFrame);
    /// A second has passed: `now_secs` since the node's start. The viewer's `number` decides in which second it pings.
    /// Frames that wait for their turn are shown.
    fn pulse(&self, now_secs: u32, number: u32, now: Instant);
    /// Announces once that the node will go.
    fn announce_drain(&self, reconnect_after_ms: u64);
    /// Ends the session for a reason, after the queued data.
    fn close(&self, reason: CloseReason);
}
