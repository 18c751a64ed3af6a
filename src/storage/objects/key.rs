//! Keys of objects.

use super::ObjectsError;

/// Longest key, in bytes: what every store takes, with room for a prefix.
const MAX_KEY: usize = 800;
/// Longest part of a key, in bytes: a file's name, with room for what stands behind it while the file is being written.
const MAX_PART: usize = 240;

/// A key that means the same on every store: parts of `A-Z a-z 0-9 . _ -`, none of which begins with a dot, with single
/// slashes between them. So no key leaves its directory, hides in it, or needs to be escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ObjectKey<'a>(&'a str);

impl<'a> ObjectKey<'a> {
    /// Parses a key.
    pub(super) fn parse(key: &'a str) -> Result<Self, ObjectsError> {
        Self::read(key).ok_or_else(|| ObjectsError::Key(key.chars().take(100).collect()))
    }

    /// Parses a key without naming what is wrong with it.
    pub(super) fn read(key: &'a str) -> Option<Self> {
        let letter = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        let part =
            |part: &str| (1..=MAX_PART).contains(&part.len()) && !part.starts_with('.') && part.bytes().all(letter);
        (key.len() <= MAX_KEY && key.split('/').all(part)).then_some(Self(key))
    }

    /// The key as text.
    pub(super) fn as_str(self) -> &'a str {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_safe_parts_only() {
        for good in ["a", "runs/r-1/0198/trace.zip", "A_b.c-d/9"] {
            assert_eq!(ObjectKey::parse(good).unwrap().as_str(), good);
        }
        let long = "a/".repeat(500);
        let bad =
            ["", "/", "a/", "/a", "a//b", ".", "..", "a/../b", "../../etc/passwd", ".probe/x", "a/.b", "a b", "a#1"];
        for bad in bad.into_iter().chain(["a\\b", "a%2e", "a\0b", "ä", "a:b", "a\nb", &long, &"x".repeat(241)]) {
            assert!(matches!(ObjectKey::parse(bad), Err(ObjectsError::Key(_))), "{bad:?}");
        }
    }
}
