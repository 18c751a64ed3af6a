//! What the supervisor understands.

use std::time::Duration;

use actix::Message;
use serde::Serialize;

use crate::actors::supervision::{ChildKind, Exit};
use crate::protocol::Timestamp;

/// Asks how the children are, in the order in which they were started.
#[derive(Clone, Copy, Debug)]
pub struct Observe;

impl Message for Observe {
    type Result = Vec<ChildReport>;
}

/// Stops the children, the last started first, then the supervisor. Answers when all are gone, at the latest after
/// `within`; then the supervisor stays, and whoever is left has been told to stop.
#[derive(Clone, Copy, Debug)]
pub struct Stop {
    /// For all children together. One that uses up its share does not keep those before it from being stopped.
    pub within: Duration,
}

impl Message for Stop {
    type Result = Result<(), Survivors>;
}

/// The children that had not stopped by the deadline, in the order in which they were started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("still running: {}", .0.join(", "))]
pub struct Survivors(pub Vec<&'static str>);

/// One child.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChildReport {
    /// Its name.
    pub name: &'static str,
    /// Who brings it back.
    pub kind: ChildKind,
    /// How it is.
    pub state: ChildState,
    /// How many times it was built anew.
    pub restarts: u64,
    /// How it ended last.
    pub last_exit: Option<Exit>,
    /// Asks it has accepted and not answered yet.
    pub pending: usize,
    /// Since when it is in this state.
    pub since: Timestamp,
}

/// How a child is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ChildState {
    /// It runs.
    Running,
    /// It ended, and its back-off runs.
    Restarting,
    /// It ended too often, or was not to be restarted after a failure.
    Failed,
    /// It ended as it should.
    Stopped,
}
