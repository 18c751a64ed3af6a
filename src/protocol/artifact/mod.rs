//! Artifacts: files that a run leaves behind besides its log. Their ids, kinds and states.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};
use uuid::Uuid;

mod content;
mod digest;
mod name;

pub use content::recognise;
pub use digest::Sha256;
pub use name::{ArtifactName, MAX_NAME_CHARS, NameError, safe_part};

/// The id of an artifact; unique over all runs, and growing with time.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ArtifactId(Uuid);

impl ArtifactId {
    /// A new, unique id.
    pub fn unique() -> Self {
        Self(Uuid::now_v7())
    }

    /// Parses the 36 characters of [`fmt::Display`]; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let id = Uuid::try_parse(text).ok().map(Self)?;
        (id.to_string() == text).then_some(id)
    }
}

impl fmt::Display for ArtifactId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl fmt::Debug for ArtifactId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for ArtifactId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The kind of an artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ArtifactKind {
    /// A Playwright trace.
    Trace,
    /// A screen recording.
    Video,
    /// A screenshot.
    Screenshot,
    /// Lines of text.
    Log,
    /// A report for people.
    Report,
    /// Any other file.
    Other,
}

impl ArtifactKind {
    /// All kinds.
    pub const ALL: [Self; 6] = [Self::Trace, Self::Video, Self::Screenshot, Self::Log, Self::Report, Self::Other];

    /// The names of all kinds in the API.
    pub const NAMES: [&'static str; Self::ALL.len()] = {
        let mut names = [""; Self::ALL.len()];
        let mut index = 0;
        while index < names.len() {
            names[index] = Self::ALL[index].as_str();
            index += 1;
        }
        names
    };

    /// The kind's name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Video => "video",
            Self::Screenshot => "screenshot",
            Self::Log => "log",
            Self::Report => "report",
            Self::Other => "other",
        }
    }

    /// Parses the name of [`Self::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// The most likely kind of an artifact with this name and content type.
    pub fn guess(name: &str, content_type: &str) -> Self {
        let name = name.to_ascii_lowercase();
        let is_type = |prefix: &str| content_type.starts_with(prefix);
        let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
        if ends(&[".zip"]) && name.contains("trace") {
            Self::Trace
        } else if is_type("video/") || ends(&[".webm", ".mp4", ".mkv", ".mov"]) {
            Self::Video
        } else if is_type("image/") || ends(&[".png", ".jpg", ".jpeg", ".webp", ".gif"]) {
            Self::Screenshot
        } else if is_type("text/html") || ends(&[".html", ".htm", ".xml"]) {
            Self::Report
        } else if is_type("text/plain")
            || is_type("application/x-ndjson")
            || ends(&[".log", ".txt", ".ndjson", ".jsonl"])
        {
            Self::Log
        } else {
            Self::Other
        }
    }
}

/// The state of an artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ArtifactState {
    /// Announced, but its bytes have not arrived, are incomplete, or are not yet checked.
    Pending,
    /// Complete, checked, and available.
    Ready,
    /// The bytes did not match the announcement, or never arrived.
    Failed,
    /// Expired, or deleted by a user. The record stays for a while.
    Deleted,
}

impl ArtifactState {
    /// All states.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Ready, Self::Failed, Self::Deleted];

    /// The state's name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Ready => "ready",
            Self::Failed => "failed",
            Self::Deleted => "deleted",
        }
    }

    /// Parses the name of [`Self::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// How an artifact's bytes were compressed for storage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// The bytes are stored unchanged.
    #[default]
    Kept,
    /// gzip at level 9.
    Gzip,
    /// The entries of a zip file stored instead of deflated, then zstd. Downloads get a zip file with the same entries,
    /// which is not byte for byte the original.
    Rezipped,
}

impl Method {
    /// All methods.
    pub const ALL: [Self; 3] = [Self::Kept, Self::Gzip, Self::Rezipped];

    /// The method's name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Gzip => "gzip",
            Self::Rezipped => "rezipped",
        }
    }

    /// Parses the name of [`Self::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_and_nothing_else_does() {
        let id = ArtifactId::unique();
        assert_eq!(ArtifactId::parse(&id.to_string()), Some(id));
        let bare = id.to_string().replace('-', "");
        for bad in ["", "x", bare.as_str(), &id.to_string().to_uppercase(), "../../../../etc/passwd"] {
            assert_eq!(ArtifactId::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_kind_is_guessed_from_name_and_type() {
        for (name, content_type, kind) in [
            ("trace.zip", "application/zip", ArtifactKind::Trace),
            ("test-1-trace.ZIP", "", ArtifactKind::Trace),
            ("other.zip", "application/zip", ArtifactKind::Other),
            ("video.webm", "", ArtifactKind::Video),
            ("x", "video/mp4", ArtifactKind::Video),
            ("failure.png", "", ArtifactKind::Screenshot),
            ("stdout.txt", "", ArtifactKind::Log),
            ("index.html", "text/html", ArtifactKind::Report),
            ("data.bin", "application/octet-stream", ArtifactKind::Other),
        ] {
            assert_eq!(ArtifactKind::guess(name, content_type), kind, "{name}");
        }
    }

    #[test]
    fn all_words_read_back() {
        assert!(ArtifactKind::ALL.iter().all(|kind| ArtifactKind::parse(kind.as_str()) == Some(*kind)));
        assert!(ArtifactState::ALL.iter().all(|state| ArtifactState::parse(state.as_str()) == Some(*state)));
        assert!(Method::ALL.iter().all(|method| Method::parse(method.as_str()) == Some(*method)));
    }
}
