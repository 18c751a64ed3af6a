//! Messages of the supervisor.

use std::time::Duration;

use actix::Message;
use serde::Serialize;

use crate::actors::supervision::{ChildKind, Exit};
use crate::protocol::Timestamp;

/// Report the children's state, in the order in which they were started.
#[derive(Clone, Copy, Debug)]
pub struct Observe;

impl Message for Observe {
    type Result = Vec<ChildReport>;
}

/// Stops the children, the last started first, and then the supervisor. It is answered when all have ended, at the
/// latest after `within`. If some are left then, the supervisor stays, and all of them have been asked to stop.
#[derive(Clone, Copy, Debug)]
pub struct Stop {
    /// Time for all children together. A child that uses up its share does not keep the earlier ones from being
    /// stopped.
    pub within: Duration,
}

impl Message for Stop {
    type Result = Result<(), Survivors>;
}

/// The children that had not stopped by the deadline, in the order in which they were started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("still running: {}", .0.join(", "))]
pub struct Survivors(pub Vec<&'static str>);

/// A report about one child.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChildReport {
    /// The child's name.
    pub name: &'static str,
    /// When the child is restarted, and by whom.
    pub kind: ChildKind,
    /// The child's state.
    pub state: ChildState,
    /// How many times it was restarted.
    pub restarts: u64,
    /// How it ended the last time.
    pub last_exit: Option<Exit>,
    /// Requests that it has accepted and not answered yet.
    pub pending: usize,
    /// Since when it is in this state.
    pub since: Timestamp,
}

/// The state of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ChildState {
    /// The child runs.
    Running,
    /// The child has ended and waits for its restart.
    Restarting,
    /// The child ended too often, or was not to be restarted after a failure.
    Failed,
    /// The child ended regularly.
    Stopped,
}
