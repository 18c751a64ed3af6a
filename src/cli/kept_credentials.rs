//! The credentials that `runcast login` has kept, by the origin of their server: `credentials.json` in the user's directory
//! of settings, which only its owner can read.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::{env, fmt, fs};

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use super::ServerToken;
use super::server_token::TokenError;
use crate::protocol::Timestamp;

/// Where they are, behind the user's directory of settings.
const FILE: &str = "runcast/credentials.json";

/// The file can't be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}", .path.display())]
pub(super) struct KeepError {
    path: PathBuf,
    reason: String,
}

/// What is kept for one server. `Debug` does not show it.
#[derive(Clone, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct KeptCredential {
    secret: String,
    expires_at: Option<String>,
}

/// The file, as it was read.
#[derive(Debug)]
pub(super) struct KeptCredentials {
    path: PathBuf,
    credentials: BTreeMap<String, KeptCredential>,
}

impl KeptCredential {
    pub(super) fn new(secret: &str, expires_at: Option<String>) -> Self {
        Self { secret: secret.to_owned(), expires_at }
    }

    /// Whether its time is over.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        let end = self.expires_at.as_deref().and_then(Timestamp::parse);
        end.is_some_and(|end| end <= now)
    }

    /// The same, to be shown to its server.
    pub(super) fn token(&self) -> Result<ServerToken, TokenError> {
        self.secret.parse().map_err(|error| TokenError(format!("the credential that runcast login has kept {error}")))
    }
}

impl fmt::Debug for KeptCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeptCredential(..)")
    }
}

impl KeptCredentials {
    /// Reads the file of this user; one that is not there has none.
    pub(super) fn open() -> Result<Self, KeepError> {
        let missing =
            || KeepError { path: PathBuf::from(FILE), reason: "neither XDG_CONFIG_HOME nor HOME is set".into() };
        Self::read(path().ok_or_else(missing)?)
    }

    fn read(path: PathBuf) -> Result<Self, KeepError> {
        let failed = |reason: String| KeepError { path: path.clone(), reason };
        let credentials = match fs::read(&path) {
            // The message of the parser could show what is in the file.
            Ok(text) => serde_json::from_slice(&text).map_err(|_| failed("is no file of runcast login".to_owned()))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(failed(error.to_string())),
        };
        Ok(Self { path, credentials })
    }

    /// The credential for the server with exactly this origin.
    pub(super) fn of(&self, origin: &str) -> Option<&KeptCredential> {
        self.credentials.get(origin)
    }

    /// Keeps a credential in place of the one before.
    pub(super) fn put(&mut self, origin: &str, credential: KeptCredential) -> Result<(), KeepError> {
        self.credentials.insert(origin.to_owned(), credential);
        self.write()
    }

    /// Forgets the credential for a server.
    pub(super) fn forget(&mut self, origin: &str) -> Result<(), KeepError> {
        self.credentials.remove(origin);
        self.write()
    }

    fn write(&self) -> Result<(), KeepError> {
        let directory = self.path.parent().unwrap_or(Path::new("."));
        let written = || -> io::Result<()> {
            fs::create_dir_all(directory)?;
            // Whole or not at all, and readable by its owner alone from its first byte on.
            let mut file = NamedTempFile::new_in(directory)?;
            serde_json::to_writer_pretty(&mut file, &self.credentials)?;
            file.write_all(b"\n")?;
            file.as_file().sync_all()?;
            file.persist(&self.path)?;
            Ok(())
        };
        written().map_err(|error| KeepError { path: self.path.clone(), reason: error.to_string() })
    }
}

fn path() -> Option<PathBuf> {
    let named = |variable: &str| env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let settings = named("XDG_CONFIG_HOME").or_else(|| Some(named("HOME")?.join(".config")));
    Some(settings?.join(FILE))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_credential_is_kept_for_one_origin_and_readable_by_its_owner_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/credentials.json");
        let mut kept = KeptCredentials::read(path.clone()).unwrap();
        let credential = KeptCredential::new("rcast_secret", Some("2026-01-01T00:00:00Z".to_owned()));
        kept.put("https://r.example", credential.clone()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let mut kept = KeptCredentials::read(path.clone()).unwrap();
        assert_eq!(kept.of("https://r.example"), Some(&credential));
        for other in ["http://r.example", "https://r.example:8443", "https://r.example.org", "https://R.example"] {
            assert_eq!(kept.of(other), None, "{other}");
        }
        assert!(!format!("{kept:?} {:?}", credential.token()).contains("secret"));
        let at = |text| Timestamp::parse(text).unwrap();
        assert!(credential.is_over(at("2026-01-01T00:00:00Z")) && !credential.is_over(at("2025-12-31T23:59:59Z")));
        assert!(!KeptCredential::new("rcast_secret", None).is_over(at("2026-01-01T00:00:00Z")));
        kept.forget("https://r.example").unwrap();
        assert_eq!(KeptCredentials::read(path.clone()).unwrap().of("https://r.example"), None);
        fs::write(&path, "{\"rcast_secret\"").unwrap();
        assert!(!KeptCredentials::read(path).unwrap_err().to_string().contains("rcast_secret"));
    }
}
