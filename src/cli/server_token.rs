//! The credential that a command shows to its server.

use std::fmt;
use std::path::Path;
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
pub struct ServerToken {
    shown: Arc<str>,
    /// Where it was read: whoever renews it writes the next one there.
    file: Option<Arc<Path>>,
}

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

    /// The one that a file has.
    ///
    /// # Errors
    /// When the file can't be read, or has none.
    pub(super) fn of_file(file: &Path) -> Result<Self, TokenError> {
        let named = |error: &dyn fmt::Display| TokenError(format!("--token-file {}: {error}", file.display()));
        let text = std::fs::read_to_string(file).map_err(|error| named(&error))?;
        let token: Self = text.trim().parse().map_err(|error: String| named(&error))?;
        Ok(Self { file: Some(file.into()), ..token })
    }

    /// The value of `Authorization`. That of a file is read anew, as long as there is one in it.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        let renewed = self.file.as_deref().and_then(|file| Self::of_file(file).ok());
        let shown = renewed.map_or_else(|| self.shown.clone(), |token| token.shown);
        let mut value = HeaderValue::from_str(&format!("Bearer {shown}")).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl FromStr for ServerToken {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            true => Ok(Self { shown: text.into(), file: None }),
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

    #[test]
    fn a_file_is_read_anew_as_long_as_a_token_is_in_it() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("token");
        std::fs::write(&file, "one\n").unwrap();
        let token = ServerToken::of_file(&file).unwrap();
        let shown = || token.header().unwrap().to_str().unwrap().to_owned();
        assert_eq!(shown(), "Bearer one");
        std::fs::write(&file, "two\n").unwrap();
        assert_eq!(shown(), "Bearer two");
        std::fs::remove_file(&file).unwrap();
        assert_eq!(shown(), "Bearer one");
        let error = ServerToken::of_file(&file).unwrap_err().to_string();
        assert!(error.starts_with("--token-file "), "{error}");
    }
}
