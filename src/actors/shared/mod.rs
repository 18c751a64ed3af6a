//! State that one actor writes and others on the node read, at no cost to the writer. Everything else that actors tell
//! each other is a message.
//!
//! | state | written by | read by |
//! |---|---|---|
//! | [`Doorbell`] | the bridge | `/ready` |
//! | [`HintsCache`] | the edge | the edge |
//! | [`InterestBoard`] | the broadcasters of a run, and the watchers of its live traces | presence, the edge |
//! | [`NodeIdConflict`] | presence | `/ready`, the edge |
//! | [`NodeInterest`] | the boards of all rooms | presence, the bridge |
//! | [`Peers`] | presence; the edge and the bridge mark the runs that they want to know of | the edge, the bridge |
//! | [`RoomGauge`] | a room; its count of viewers by the subscribers of each thread | the registry |
//! | [`ThreadAgents`] | each worker thread, when it starts and when it ends | heartbeat, presence, the edge, the drain |

mod doorbell;
mod hints_cache;
mod interest_board;
mod node_id_conflict;
mod node_interest;
mod peers;
mod room_gauge;
mod thread_agents;

pub use doorbell::Doorbell;
pub use hints_cache::HintsCache;
pub use interest_board::{InterestBoard, InterestPart};
pub use node_id_conflict::NodeIdConflict;
pub use node_interest::NodeInterest;
pub use peers::{Elsewhere, Peers};
pub use room_gauge::RoomGauge;
pub use thread_agents::{ThreadAgentEntry, ThreadAgents};
