//! State that one actor writes and anybody on the node reads.

mod node_id_conflict;
mod peers;

pub use node_id_conflict::NodeIdConflict;
pub use peers::Peers;
