//! Messages of the catalog writer.

use actix::Message;

use crate::protocol::RunId;
use crate::storage::catalog::RunRow;

/// A run has changed, and its row must be written soon. Only the newest row per run counts.
#[derive(Message, Clone, Debug)]
#[rtype(result = "()")]
pub struct RunChanged {
    /// Its row.
    pub row: RunRow,
    /// This node has stored events of it: it is to be summed up here.
    pub stores: bool,
}

/// Runs have expired, and their rows must be removed.
#[derive(Message, Clone, Debug)]
#[rtype(result = "()")]
pub struct RunsGone(pub Vec<RunId>);
