//! What the registry wants back from a room.

use actix::Message;

/// The registry wants the room to free something.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "()")]
pub enum Reclaim {
    /// The node holds too many segments and states: free this room's.
    Memory,
    /// The node has too many rooms: retire now if the room is unused.
    Slot,
    /// The run's events have expired: what the room holds is void.
    Expired,
}
