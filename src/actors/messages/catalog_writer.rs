//! What the catalog writer understands.

use actix::Message;

use crate::protocol::RunId;
use crate::storage::catalog::RunRow;

/// A run changed: write its row, soon. Only the newest row per run counts.
#[derive(Message, Clone, Debug)]
#[rtype(result = "()")]
pub struct RunChanged(pub RunRow);

/// Runs are gone: remove their rows.
#[derive(Message, Clone, Debug)]
#[rtype(result = "()")]
pub struct RunsGone(pub Vec<RunId>);
