//! Values of settings that are more than a number or a text.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// `journal.url` and `catalog.url`: where a store is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum StoreUrl {
    /// `memory:`: in this process, gone with it.
    Memory,
    /// `sqlite:PATH`: a file; a relative path starts at `server.data_dir`.
    Sqlite(PathBuf),
}

/// A store's URL can't be used. The URL is not shown: it may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreUrlError {
    /// A store that only a cluster has.
    #[error("{0} belongs to a cluster of nodes, and this version is a single node; use sqlite:PATH or memory:")]
    Cluster(&'static str),
    /// `sqlite:` with something that is no path.
    #[error("sqlite: needs the path of a file and nothing else, for instance sqlite:journal.db")]
    Path,
    /// SQLite's own name for a store in memory.
    #[error("a store in memory is written memory:")]
    SqliteMemory,
    /// None of the known forms.
    #[error("must be sqlite:PATH or memory:")]
    Scheme,
}

impl StoreUrl {
    /// The file, for a store that has one.
    pub fn path_in(&self, data_dir: &Path) -> Option<PathBuf> {
        match self {
            Self::Memory => None,
            Self::Sqlite(path) => Some(data_dir.join(path)),
        }
    }
}

impl TryFrom<String> for StoreUrl {
    type Error = StoreUrlError;

    fn try_from(url: String) -> Result<Self, StoreUrlError> {
        let (scheme, rest) = url.split_once(':').ok_or(StoreUrlError::Scheme)?;
        match scheme {
            "memory" if rest.is_empty() => Ok(Self::Memory),
            "sqlite" if rest == ":memory:" => Err(StoreUrlError::SqliteMemory),
            "sqlite" => {
                // `sqlite:///a` and `sqlite://a` are widespread: their authority is empty.
                let path = rest.strip_prefix("//").unwrap_or(rest);
                if path.is_empty() || path.contains(['?', '#']) {
                    return Err(StoreUrlError::Path);
                }
                Ok(Self::Sqlite(path.into()))
            }
            "redis" | "rediss" => Err(StoreUrlError::Cluster("Redis")),
            "postgres" | "postgresql" => Err(StoreUrlError::Cluster("PostgreSQL")),
            _ => Err(StoreUrlError::Scheme),
        }
    }
}

impl From<StoreUrl> for String {
    fn from(url: StoreUrl) -> Self {
        match url {
            StoreUrl::Memory => "memory:".into(),
            StoreUrl::Sqlite(path) => format!("sqlite:{}", path.display()),
        }
    }
}

/// `journal.sync`: what an acknowledged event survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SyncMode {
    /// The end of the process, however it ends. A power loss may take the last moments; readers are then told.
    Normal,
    /// A power loss too; every append waits for the disk.
    Full,
}

/// `log.format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Pretty on a terminal, JSON otherwise.
    Auto,
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}

/// A text that is not shown: neither by `Debug`, nor in the report of a problem.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Keeps a text secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one who needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "(not set)" } else { "(set)" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_url_is_read_and_what_this_version_cannot_do_is_said() {
        let read = |url: &str| StoreUrl::try_from(url.to_owned());
        let sqlite = |path: &str| Ok(StoreUrl::Sqlite(path.into()));
        assert_eq!(read("memory:"), Ok(StoreUrl::Memory));
        assert_eq!(read("sqlite:journal.db"), sqlite("journal.db"));
        assert_eq!(read("sqlite:///var/j.db"), sqlite("/var/j.db"));
        assert_eq!(read("sqlite://j.db"), sqlite("j.db"));
        assert_eq!(read("sqlite:"), Err(StoreUrlError::Path));
        assert_eq!(read("sqlite:j.db?mode=rwc"), Err(StoreUrlError::Path));
        assert_eq!(read("sqlite::memory:"), Err(StoreUrlError::SqliteMemory));
        assert_eq!(read("redis:"), Err(StoreUrlError::Cluster("Redis")));
        assert_eq!(read("postgres://u:p@h/d"), Err(StoreUrlError::Cluster("PostgreSQL")));
        assert_eq!(read("journal.db"), Err(StoreUrlError::Scheme));
        assert_eq!(read("memory:x"), Err(StoreUrlError::Scheme));
    }

    #[test]
    fn a_relative_store_lies_in_the_data_directory() {
        let path = |url: &str| StoreUrl::try_from(url.to_owned()).unwrap().path_in(Path::new("/d"));
        assert_eq!(path("sqlite:j.db"), Some("/d/j.db".into()));
        assert_eq!(path("sqlite:/x/j.db"), Some("/x/j.db".into()));
        assert_eq!(path("memory:"), None);
    }

    #[test]
    fn a_secret_does_not_show_itself() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "(set)");
        assert_eq!(Secret::new("hunter2").reveal(), "hunter2");
    }
}
