//! What the registry understands.

use std::sync::Arc;

use actix::Message;
use serde::Serialize;

use super::room::RoomPort;
use crate::protocol::RunId;

/// The room of a run, made if there is none.
#[derive(Message, Clone, Debug)]
#[rtype(result = "Result<Arc<RoomPort>, FindError>")]
pub struct FindRoom {
    /// The run.
    pub run: RunId,
}

/// Why there is no room now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FindError {
    /// The run's room failed again and again.
    #[error("the run's room failed repeatedly; try again in {retry_after_ms} ms")]
    Quarantined {
        /// When a new attempt is allowed.
        retry_after_ms: u64,
    },
    /// The node has as many rooms as it may.
    #[error("the node has {0} rooms, as many as it may")]
    TooManyRooms(usize),
}

/// A room is idle and asks to go. Answered true: it is unmapped, and nobody new will find it.
#[derive(Message, Clone, Debug)]
#[rtype(result = "bool")]
pub struct Retire {
    /// The run.
    pub run: RunId,
    /// Of the room that asks.
    pub generation: u64,
}

/// These runs have expired: their rooms must learn it.
#[derive(Message, Clone, Debug)]
#[rtype(result = "()")]
pub struct RunsExpired(pub Vec<RunId>);

/// A bridge has begun that knows no room: those that follow their run must tell it so.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "()")]
pub struct BridgeBegan;

/// How a room is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum RoomState {
    /// It runs.
    Running,
    /// It failed, and nobody has asked for it since: the next who does gets another.
    Failed,
    /// It failed again and again: nobody gets another for a while.
    Quarantined,
}

/// A room as `/api/actors` shows it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RoomReport {
    /// The run.
    pub run: RunId,
    /// How it is.
    pub state: RoomState,
    /// Failures so far.
    pub restarts: u64,
    /// How it last ended, if it failed.
    pub last_exit: Option<String>,
    /// Viewers on this node.
    pub viewers: usize,
    /// Bytes of segments held.
    pub held_bytes: usize,
}

/// Every room, for `/api/actors`; at most `limit`, busiest first.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "Vec<RoomReport>")]
pub struct ListRooms {
    /// At most this many.
    pub limit: usize,
}
