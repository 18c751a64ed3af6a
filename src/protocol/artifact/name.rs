//! Names of artifacts, as data and as a part of an object's key.

use std::fmt;

use serde::Serialize;

/// Longest name of an artifact, in characters.
pub const MAX_NAME_CHARS: usize = 255;

/// The reason why a name was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The name is empty, or longer than [`MAX_NAME_CHARS`].
    #[error("name must have 1 to {MAX_NAME_CHARS} characters, has {0}")]
    Length(usize),
    /// The name contains a control character.
    #[error("name has the control character {found:?} at {index}")]
    Control {
        /// 0-based position, in characters.
        index: usize,
        /// The control character.
        found: char,
    },
}

/// The name that a user gave an artifact: any text of 1 to 255 characters without control characters. It is data, and
/// never a path: see [`ArtifactName::in_key`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ArtifactName(String);

impl ArtifactName {
    /// Checks a name.
    ///
    /// # Errors
    /// [`NameError`].
    pub fn parse(name: &str) -> Result<Self, NameError> {
        let count = name.chars().count();
        if !(1..=MAX_NAME_CHARS).contains(&count) {
            return Err(NameError::Length(count));
        }
        match name.chars().enumerate().find(|(_, found)| found.is_control()) {
            Some((index, found)) => Err(NameError::Control { index, found }),
            None => Ok(Self(name.to_owned())),
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as the last part of an object's key: at most 100 of `A-Z a-z 0-9 . _ -`, with no `.` at its start or
    /// end, so that every store accepts it and gives it no special meaning. The end of the name is kept, because it
    /// shows the type.
    pub fn in_key(&self) -> String {
        safe_part(&self.0)
    }
}

/// Most bytes of a name in a key.
const MAX_PART: usize = 100;

/// `text` as one part of an object's key.
pub fn safe_part(text: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '_' };
    let mut part: String = text.chars().map(safe).collect();
    part.drain(..part.len().saturating_sub(MAX_PART));
    if part.starts_with('.') {
        part.replace_range(..1, "_");
    }
    if part.ends_with('.') {
        part.replace_range(part.len() - 1.., "_");
    }
    part
}

impl fmt::Display for ArtifactName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_any_text_of_bounded_length_without_control_characters() {
        for good in ["trace.zip", "..", "../../etc/passwd", "a/b\\c", "видео é.webm", " ", &"x".repeat(255)] {
            assert_eq!(ArtifactName::parse(good).unwrap().as_str(), good);
        }
        assert_eq!(ArtifactName::parse(""), Err(NameError::Length(0)));
        assert_eq!(ArtifactName::parse(&"x".repeat(1_000)), Err(NameError::Length(1_000)));
        assert_eq!(ArtifactName::parse("a\r\nb"), Err(NameError::Control { index: 1, found: '\r' }));
        assert_eq!(ArtifactName::parse("a\0"), Err(NameError::Control { index: 1, found: '\0' }));
        assert_eq!(ArtifactName::parse("a\u{85}"), Err(NameError::Control { index: 1, found: '\u{85}' }));
    }

    #[test]
    fn in_a_key_a_name_is_one_harmless_part() {
        let long = format!("{}.zip", "x".repeat(200));
        let end = format!("{}.zip", "x".repeat(96));
        for (name, part) in [
            ("trace.zip", "trace.zip"),
            ("..", "__"),
            (".", "_"),
            ("../../etc/passwd", "_._.._etc_passwd"),
            ("a b/é%2e.", "a_b___2e_"),
            (long.as_str(), end.as_str()),
        ] {
            assert_eq!(ArtifactName::parse(name).unwrap().in_key(), part, "{name}");
        }
    }
}
