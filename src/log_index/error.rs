//! Why a question to a run's log has no answer.

use crate::protocol::Seq;
use crate::storage::journal::JournalError;
use crate::tasks::TaskError;

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// As many questions wait as may.
    #[error("as many parts of logs are looked for as may be at a time")]
    Saturated,
    /// The run has no event.
    #[error("the run has no event yet")]
    NotFound,
    /// The run has expired.
    #[error("the run has expired")]
    Gone,
    /// The run has no such event.
    #[error("the run's last event is {tip}")]
    Beyond {
        /// Its last event.
        tip: Seq,
    },
    /// The journal is unreachable, or lost writes meanwhile.
    #[error("{0}")]
    Unavailable(String),
}

impl From<JournalError> for QueryError {
    fn from(error: JournalError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<TaskError> for QueryError {
    fn from(error: TaskError) -> Self {
        Self::Unavailable(format!("the log could not be looked through: {error}"))
    }
}
