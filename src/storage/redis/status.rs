//! The state of a client's connection, shared by the client and its task.

use std::sync::Arc;
use std::time::Instant;

/// The reason in errors after the client was closed.
pub(super) const CLOSED: &str = "the connection was closed";

/// The state of the connection.
#[derive(Clone, Debug)]
pub enum LinkStatus {
    /// The first attempt is in progress.
    Connecting,
    /// Commands are sent.
    Live {
        /// Number of the connection, from 1. Another number is another connection.
        connection: u64,
    },
    /// There is no connection; attempts continue.
    Down {
        /// The reason of the last failure.
        reason: Arc<str>,
        /// When the connection was lost, or first failed.
        since: Instant,
    },
}

impl LinkStatus {
    /// The reason in the error of a command that can't be sent.
    pub(super) fn reason(&self) -> Arc<str> {
        match self {
            Self::Connecting | Self::Live { .. } => "still connecting".into(),
            Self::Down { reason, .. } => reason.clone(),
        }
    }
}
