//! A viewer's connection, as shown to other nodes and to operators.

use std::sync::Arc;

use uuid::Uuid;

use super::{RunId, Timestamp};

/// Longest user name, in bytes.
pub const MAX_USER_LEN: usize = 128;

/// A viewer's session, run, user and start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The session's id, as sent to its viewer.
    pub session: Uuid,
    /// The run that the viewer watches.
    pub run: RunId,
    /// The user name that the viewer gave.
    pub user: Option<Arc<str>>,
    /// When the connection began.
    pub since: Timestamp,
}

impl Connection {
    /// A connection that begins now.
    pub fn begin(run: RunId, user: Option<Arc<str>>) -> Self {
        Self { session: Uuid::now_v7(), run, user, since: Timestamp::now() }
    }
}

/// The reason why a user name was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserError {
    /// The name is longer than [`MAX_USER_LEN`].
    #[error("must have at most {MAX_USER_LEN} bytes, has {0}")]
    Length(usize),
    /// The name contains a control character.
    #[error("must have no control characters")]
    Control,
}

/// Checks the user name that a viewer gave; an empty one is `None`.
///
/// # Errors
/// [`UserError`].
pub fn user(name: &str) -> Result<Option<Arc<str>>, UserError> {
    match name {
        "" => Ok(None),
        name if name.len() > MAX_USER_LEN => Err(UserError::Length(name.len())),
        name if name.contains(char::is_control) => Err(UserError::Control),
        name => Ok(Some(name.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_a_short_text_or_nobody() {
        assert_eq!(user(""), Ok(None));
        assert_eq!(user("Ann Ö <a@b>"), Ok(Some("Ann Ö <a@b>".into())));
        assert_eq!(user(&"é".repeat(65)), Err(UserError::Length(130)));
        assert_eq!(user("a\nb"), Err(UserError::Control));
    }
}
