//! A viewer's connection, as the others of a cluster and operators are told of it.

use std::sync::Arc;

use uuid::Uuid;

use super::{RunId, Timestamp};

/// Longest name of a user, in bytes.
pub const MAX_USER_LEN: usize = 128;

/// Who is connected, to what, since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The session's id, as its viewer was told.
    pub session: Uuid,
    /// The run that it watches.
    pub run: RunId,
    /// Who it says it is.
    pub user: Option<Arc<str>>,
    /// When it began.
    pub since: Timestamp,
}

impl Connection {
    /// A connection that begins now.
    pub fn begin(run: RunId, user: Option<Arc<str>>) -> Self {
        Self { session: Uuid::now_v7(), run, user, since: Timestamp::now() }
    }
}

/// A user's name was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserError {
    /// Longer than [`MAX_USER_LEN`].
    #[error("must have at most {MAX_USER_LEN} bytes, has {0}")]
    Length(usize),
    /// Something that is no text.
    #[error("must have no control characters")]
    Control,
}

/// Checks what a viewer says about who it is; nobody when it says nothing.
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
