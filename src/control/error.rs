//! Why something was not done.

use std::sync::Arc;

/// Why a request was refused. Nothing was stored for it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ControlError {
    /// A member of the command is missing, unknown, or of another kind.
    #[error("{field}: {reason}")]
    Invalid {
        /// The member.
        field: Arc<str>,
        /// What is wrong with it.
        reason: Arc<str>,
    },
    /// The run has ended, or is sealed.
    #[error("the run has ended")]
    RunEnded,
}

impl ControlError {
    /// The stable name of the error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Invalid { .. } => "invalid_command",
            Self::RunEnded => "run_ended",
        }
    }
}
