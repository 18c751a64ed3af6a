//! Words about artifacts: what a run leaves behind besides its log.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};
use uuid::Uuid;

mod content;
mod digest;
mod name;

pub use content::recognise;
pub use digest::Sha256;
pub use name::{ArtifactName, MAX_NAME_CHARS, NameError, safe_part};

/// An artifact; unique over all runs, and growing with time.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ArtifactId(Uuid);

impl ArtifactId {
    /// One that nobody has had before.
    pub fn unique() -> Self {
        Self(Uuid::now_v7())
    }

    /// Reads the 36 characters that [`fmt::Display`] wrote; `None` when it is not that.
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

/// What an artifact is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ArtifactKind {
    /// A Playwright trace.
    Trace,
    /// A recording of the screen.
    Video,
    /// A picture of the screen.
    Screenshot,
    /// Text, line by line.
    Log,
    /// A report for people.
    Report,
    /// Anything else.
    Other,
}

impl ArtifactKind {
    /// Every kind.
    pub const ALL: [Self; 6] = [Self::Trace, Self::Video, Self::Screenshot, Self::Log, Self::Report, Self::Other];

    /// Every kind, as it is written.
    pub const NAMES: [&'static str; Self::ALL.len()] = {
        let mut names = [""; Self::ALL.len()];
        let mut index = 0;
        while index < names.len() {
            names[index] = Self::ALL[index].as_str();
            index += 1;
        }
        names
    };

    /// As it is written.
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

    /// Reads what [`Self::as_str`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// What an artifact of this name and content type most likely is.
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

/// Where an artifact is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ArtifactState {
    /// Announced; its bytes are not here, or not all of them, or not yet checked.
    Pending,
    /// Whole, checked, to be had.
    Ready,
    /// What came was not what had been announced, or did not come.
    Failed,
    /// Gone: expired, or deleted by somebody. The name of it stays for a while.
    Deleted,
}

impl ArtifactState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Ready, Self::Failed, Self::Deleted];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Ready => "ready",
            Self::Failed => "failed",
            Self::Deleted => "deleted",
        }
    }

    /// Reads what [`Self::as_str`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// What was done to an artifact's bytes to store them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Nothing: they are stored as they came.
    #[default]
    Kept,
    /// gzip, level 9.
    Gzip,
    /// The entries of a zip file stored instead of deflated, then zstd. What is handed out is a zip file with the same
    /// entries, and not byte for byte the one that came.
    Rezipped,
}

impl Method {
    /// Every method.
    pub const ALL: [Self; 3] = [Self::Kept, Self::Gzip, Self::Rezipped];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Gzip => "gzip",
            Self::Rezipped => "rezipped",
        }
    }

    /// Reads what [`Self::as_str`] wrote.
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
