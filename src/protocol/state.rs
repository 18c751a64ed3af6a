//! A run's state: a fold over its log, so that every node computes the same without asking another.

use serde::{Deserialize, Serialize};

/// `run_status.status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum RunStatus {
    Queued,
    Running,
    Paused,
    Failing,
    Passed,
    Failed,
    TimedOut,
    Interrupted,
    Cancelled,
    Stalled,
    Lost,
}
