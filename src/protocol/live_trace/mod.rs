//! Live traces: traces that are shown while their tests still run. Their bytes come in parts, and each part is an object
//! whose key says what it is: the listing of a trace's folder is its index.
//!
//! ```text
//! live/{run}/{traceId}/{position}-{offset}-{entry}     a part
//! live/{run}/{traceId}/full                            the trace is larger than it may be, and has ended
//! ```
//!
//! The position is the number of bytes of the trace that were stored before. So a listing is in the order in which parts
//! came, and who knows a trace lists only what is new.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

pub mod batch;
pub mod index;
pub mod key;
pub mod viewer;

/// The folder of all live traces in the store.
pub const LIVE: &str = "live";

/// Longest id of a trace, in bytes.
pub const MAX_TRACE_ID: usize = 128;
/// Longest name of an entry, in bytes.
pub const MAX_ENTRY: usize = 200;

/// Why a name was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TraceNameError {
    /// The id of a trace has another length or other characters.
    #[error("must have 1 to {MAX_TRACE_ID} characters of A-Z a-z 0-9 . _ -, and not start with a dot")]
    TraceId,
    /// The name of an entry is empty or too long.
    #[error("must have 1 to {MAX_ENTRY} bytes, of which others than A-Z a-z 0-9 . - count three times; has {0}")]
    Length(usize),
    /// The name of an entry is no relative path.
    #[error("must be a relative path without empty parts, `.`, `..`, `\\` and control characters")]
    Path,
}

/// The id of a live trace within its run: 1-128 of `A-Z a-z 0-9 . _ -`, not starting with a dot. Clients take a digest of
/// test, attempt and variant.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TraceId(Arc<str>);

impl TraceId {
    /// Checks an id.
    ///
    /// # Errors
    /// [`TraceNameError::TraceId`].
    pub fn parse(text: &str) -> Result<Self, TraceNameError> {
        let letter = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        let fits = (1..=MAX_TRACE_ID).contains(&text.len()) && !text.starts_with('.') && text.bytes().all(letter);
        if fits { Ok(Self(text.into())) } else { Err(TraceNameError::TraceId) }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Serialize for TraceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// The name of an entry of a trace, as in its zip file: `1-trace.trace`, `resources/SHA1.jpeg`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryName(Arc<str>);

impl EntryName {
    /// Checks a name.
    ///
    /// # Errors
    /// [`TraceNameError`].
    pub fn parse(text: &str) -> Result<Self, TraceNameError> {
        let length = key::escaped_len(text);
        if !(1..=MAX_ENTRY).contains(&length) {
            return Err(TraceNameError::Length(length));
        }
        let part = |part: &str| !matches!(part, "" | "." | "..");
        let fits = text.split('/').all(part) && !text.chars().any(|c| c.is_control() || c == '\\');
        if fits { Ok(Self(text.into())) } else { Err(TraceNameError::Path) }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the entry consists of lines, which the viewer reads as such: only whole lines of it are stored.
    pub fn has_lines(&self) -> bool {
        self.0.ends_with(".trace") || self.0.ends_with(".network")
    }

    /// The order in which the parts of a batch are stored: what others point to is there before them.
    pub fn rank(&self) -> u8 {
        match () {
            () if self.0.ends_with(".trace") => 2,
            () if self.0.ends_with(".network") => 1,
            () => 0,
        }
    }
}

impl fmt::Display for EntryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for EntryName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_part_of_a_key() {
        for good in ["a", "A1._-", &"x".repeat(128)] {
            assert_eq!(TraceId::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", ".a", "..", "a/b", "a%2fb", "a b", "\u{e9}", "a:b", &"x".repeat(129)] {
            assert_eq!(TraceId::parse(bad), Err(TraceNameError::TraceId), "{bad}");
        }
    }

    #[test]
    fn an_entry_is_a_relative_path() {
        for good in ["trace.trace", "resources/a b@1.jpeg", "src/\u{e9}.js", ".a", "a..b/..c"] {
            assert_eq!(EntryName::parse(good).unwrap().as_str(), good);
        }
        for bad in ["/a", "a/", "a//b", "..", "a/../b", "./a", "a\\b", "a\nb", "a\0", "a\u{7f}"] {
            assert_eq!(EntryName::parse(bad), Err(TraceNameError::Path), "{bad:?}");
        }
        assert_eq!(EntryName::parse(""), Err(TraceNameError::Length(0)));
        assert_eq!(EntryName::parse(&"x".repeat(201)), Err(TraceNameError::Length(201)));
        assert_eq!(EntryName::parse(&"@".repeat(67)), Err(TraceNameError::Length(201)));
    }

    #[test]
    fn what_lines_point_to_is_stored_before_them() {
        let rank = |name| EntryName::parse(name).unwrap().rank();
        assert!(rank("resources/a.jpeg") < rank("1-trace.network") && rank("1-trace.network") < rank("test.trace"));
        assert!(
            EntryName::parse("a.network").unwrap().has_lines() && !EntryName::parse("a.stacks").unwrap().has_lines()
        );
    }
}
