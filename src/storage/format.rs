//! Format versions: what each store's data looks like, as a number that is kept with the data.
//!
//! | what | where its version stands | changes with it |
//! |---|---|---|
//! | journal in SQLite | `meta`, key `format` | tables, the meaning of `meta`, the witness file beside the database |
//! | journal in Redis | hash `PREFIX:store`, field `format` | keys, values and scripts under the prefix |
//! | catalog | the last migration that its migrations table names | tables |
//! | doorbell | in front of each notice | the notice's text |
//! | screens | in front of each frame, on its way and kept | what stands before the image |
//! | presence | in each node's entry | that entry, and the node's hashes beside it |
//! | backup | `manifest.json` | the files of a backup |
//! | a run's file | its first line | its lines |
//!
//! A build opens data of its own version and of any before, which it takes over: from then on the data has this build's
//! version. Newer data it refuses by name, since it might misread them, or write what the newer build misreads. Data
//! without a version are from before there were any, version 0.

use std::fmt;

/// The journal in a SQLite file.
pub const SQLITE_JOURNAL: u32 = 2;
/// The journal in Redis.
pub const REDIS_JOURNAL: u32 = 2;
/// A notice on the doorbell.
pub const DOORBELL: u32 = 1;
/// A screen for the other nodes.
pub const SCREENS: u32 = 1;
/// What a node writes of itself for the others.
pub const PRESENCE: u32 = 1;

/// Data of a newer build. Nothing of them was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{store} has format version {found}, and the newest that this build of runcast knows is {known}: run the build that \
     wrote it, or a newer one"
)]
pub struct NewerFormat {
    /// What the data are, in words for people.
    pub store: String,
    /// The version that it has.
    pub found: String,
    /// The newest version that this build knows.
    pub known: u32,
}

/// Why a store was not opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError<E> {
    /// It is there, and not for this build.
    #[error(transparent)]
    NewerFormat(NewerFormat),
    /// As the store says.
    #[error("{0}")]
    Failed(E),
}

impl<E> From<E> for OpenError<E> {
    fn from(error: E) -> Self {
        Self::Failed(error)
    }
}

/// Reads a version as it is stored; 0 when there is none.
///
/// # Errors
/// It is newer than `known`, or no number at all, which no build up to this one writes.
pub fn check(store: impl fmt::Display, stored: Option<&str>, known: u32) -> Result<u32, NewerFormat> {
    let Some(text) = stored else { return Ok(0) };
    match text.parse() {
        Ok(version) if version <= known => Ok(version),
        _ => Err(NewerFormat { store: store.to_string(), found: text.to_owned(), known }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_version_is_refused_by_name_and_any_other_is_read() {
        assert_eq!(check("the store", None, 3), Ok(0));
        assert_eq!(check("the store", Some("2"), 3), Ok(2));
        assert_eq!(check("the store", Some("3"), 3), Ok(3));
        for newer in ["4", "4.1", "99999999999999", ""] {
            let refused = check("the store", Some(newer), 3).unwrap_err().to_string();
            let wanted =
                format!("the store has format version {newer}, and the newest that this build of runcast knows is 3");
            assert!(refused.starts_with(&wanted), "{refused}");
        }
    }
}
