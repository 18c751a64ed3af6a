//! The credential that a command shows to its server.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use reqwest::header::HeaderValue;

/// The variable that has the credential. There is no flag for the credential itself: everybody on a machine sees the flags
/// of its processes.
pub(super) const TOKEN_VARIABLE: &str = "RUNCAST_TOKEN";

/// The credential can't be read, or is none.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct TokenError(pub(super) String);

/// An API key, or a token of an identity provider. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerToken(Arc<str>);

impl ServerToken {
    /// The one that the variable has, if it has one.
    ///
    /// # Errors
    /// When it can't be a credential.
    pub(super) fn of_environment() -> Result<Option<Self>, TokenError> {
        match std::env::var(TOKEN_VARIABLE) {
            Ok(text) if !text.trim().is_empty() => {
                text.trim().parse().map(Some).map_err(|error| TokenError(format!("{TOKEN_VARIABLE} {error}")))
            }
            _ => Ok(None),
        }
    }

    /// The value of `Authorization`.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", self.0)).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl FromStr for ServerToken {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            true => Ok(Self(text.into())),
            false => Err("must be a key or a token: characters of ASCII, and no spaces".to_owned()),
        }
    }
}

impl fmt::Debug for ServerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerToken(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_shown_nowhere_but_in_its_header() {
        let token: ServerToken = "rcast_abc".parse().unwrap();
        assert_eq!(token.header().unwrap().to_str().unwrap(), "Bearer rcast_abc");
        assert!(!format!("{token:?} {:?}", token.header()).contains("abc"));
        assert!("".parse::<ServerToken>().is_err() && "a b".parse::<ServerToken>().is_err());
    }
}
