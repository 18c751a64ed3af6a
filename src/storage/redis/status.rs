//! How a client's connection is, as the client and its task share it.

use std::sync::Arc;
use std::time::Instant;

/// What requests hear once the client was closed.
pub(super) const CLOSED: &str = "the connection was closed";

/// How the connection is.
#[derive(Clone, Debug)]
pub enum LinkStatus {
    /// The first attempt is under way.
    Connecting,
    /// Commands go.
    Live {
        /// Counts the connections, from 1: another number is another connection.
        generation: u64,
    },
    /// There is none; another one is being tried.
    Down {
        /// The last failure.
        why: Arc<str>,
        /// When it was lost, or first failed.
        since: Instant,
    },
}

impl LinkStatus {
    /// What a command is told that can't be sent.
    pub(super) fn why(&self) -> Arc<str> {
        match self {
            Self::Connecting | Self::Live { .. } => "still connecting".into(),
            Self::Down { why, .. } => why.clone(),
        }
    }
}
