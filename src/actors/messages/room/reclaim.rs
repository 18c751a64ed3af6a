//! What the registry wants back from a room.

use actix::Message;

/// The registry wants something back.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "()")]
pub enum Reclaim {
    /// The node holds too many segments and states: free yours.
    Memory,
    /// The node has too many rooms: retire now if nobody uses you.
    Place,
    /// The run's events have expired: what you know of it is void.
    Expired,
}
