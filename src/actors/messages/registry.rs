//! Messages of the registry.

use std::sync::Arc;

use actix::Message;
use serde::Serialize;

use super::room::RoomPort;
use crate::protocol::RunId;

/// Find the room of a run; it is created if there is none.
#[derive(Message, Clone, Debug)]
#[rtype(result = "Result<Arc<RoomPort>, FindError>")]
pub struct FindRoom {
    /// The run.
    pub run: RunId,
}

/// Why there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FindError {
    /// The run's room has failed repeatedly.
    #[error("the run's room failed repeatedly; try again in {retry_after_ms} ms")]
    Quarantined {
        /// Milliseconds until a new attempt is allowed.
        retry_after_ms: u64,
    },
    /// The node has as many rooms as it may have.
    #[error("the node has {0} rooms, as many as it may")]
    TooManyRooms(usize),
}

/// A room is idle and wants to end. The answer is true: the room is no longer in the map, so no new caller finds it.
#[derive(Message, Clone, Debug)]
#[rtype(result = "bool")]
pub struct Retire {
    /// The run.
    pub run: RunId,
    /// Generation of the room that asks.
    pub generation: u64,
}

/// Runs have expired, and their rooms must be informed.
#[derive(Message, Clone, Debug)]
#[rtype(result = "()")]
pub struct RunsExpired(pub Vec<RunId>);

/// A new bridge has started, which knows no room. Rooms that follow their run must tell it so.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "()")]
pub struct BridgeBegan;

/// The state of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum RoomState {
    /// The room runs.
    Running,
    /// The room has failed. The next caller that looks for it gets a new one.
    Failed,
    /// The room has failed repeatedly. Callers get no new one for a while.
    Quarantined,
}

/// A room as `/api/actors` shows it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RoomReport {
    /// The run.
    pub run: RunId,
    /// The room's state.
    pub state: RoomState,
    /// Number of its failures so far.
    pub restarts: u64,
    /// How the room last failed, if it did.
    pub last_exit: Option<String>,
    /// Viewers on this node.
    pub viewers: usize,
    /// Bytes of segments that the room holds.
    pub held_bytes: usize,
}

/// List rooms for `/api/actors`: failed ones first, then those with the most viewers.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "Vec<RoomReport>")]
pub struct ListRooms {
    /// Most rooms in the answer.
    pub limit: usize,
}
