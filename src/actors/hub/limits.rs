//! The bounds and times that every session of a node keeps to.

use crate::budget::Budget;
use crate::protocol::frame::FrameLimits;

/// The limits of a session, one copy per thread.
#[derive(Clone, Debug)]
pub struct SessionLimits {
    /// Most unsent bytes of a session, an empty outbox's first segment apart.
    pub outbox_bytes: usize,
    /// Most bytes asked for in one page.
    pub page_bytes: usize,
    /// Unsent bytes of all sessions of the node.
    pub outboxes: Budget,
    /// Without a byte leaving for so long, the socket is reset.
    pub stall_secs: u32,
    /// Without a sign of life for so long after a ping, the peer is dead.
    pub pong_deadline_secs: u32,
    /// Told to the viewer in `connected`.
    pub ping_secs: u32,
    /// Largest frame and message taken from a viewer.
    pub incoming: FrameLimits,
    /// Most unsent bytes in the kernel.
    pub send_buffer_bytes: u32,
}
