//! Why somebody may not do what it asks for.

use crate::protocol::Timestamp;

/// Why somebody may not do what it asks for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// Nobody has such a credential, or it has not the form of one.
    #[error("this credential is unknown")]
    Unknown,
    /// It is a token that is refused, for this reason.
    #[error("this token is refused: {0}")]
    Refused(String),
    /// Its time is over.
    #[error("this credential expired at {0}")]
    Expired(Timestamp),
    /// It, the one that it was made with, or its holder was revoked.
    #[error("this credential was revoked")]
    Revoked,
    /// It can't be verified now.
    #[error("credentials can't be verified now: {0}")]
    Unavailable(String),
}
