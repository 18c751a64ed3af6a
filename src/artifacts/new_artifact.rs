//! Something that is to become an artifact, as its client describes it.

use crate::protocol::artifact::recognise;
use crate::protocol::{ArtifactKind, ArtifactName, RunId, Sha256};

/// The media type of what nobody knows.
const UNKNOWN_TYPE: &str = "application/octet-stream";

/// See the module. What its client does not say of kind and media type is guessed.
#[derive(Clone, Debug)]
pub struct NewArtifact {
    /// Its run.
    pub run: RunId,
    /// What it is called.
    pub name: ArtifactName,
    /// What it is.
    pub kind: Option<ArtifactKind>,
    /// Its media type.
    pub content_type: Option<String>,
    /// The test it belongs to.
    pub test: Option<String>,
    /// Its bytes, if they were announced.
    pub size: Option<u64>,
    /// Its digest, if it was announced.
    pub sha256: Option<Sha256>,
    /// What its client calls the upload, if it has a name for it.
    pub idempotency_key: Option<String>,
}

/// By what an upload is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Repeat<'a> {
    /// Its run.
    pub(super) run: &'a RunId,
    /// What the artifact is to be called.
    pub(super) name: &'a ArtifactName,
    /// Its bytes, if they were announced.
    pub(super) size: Option<u64>,
    /// Its digest, if it was announced.
    pub(super) sha256: Option<Sha256>,
    /// What its client calls the upload, if it has a name for it.
    pub(super) key: Option<&'a str>,
}

impl NewArtifact {
    /// Its kind and its media type: as its client says, else as its name suggests, else as its first bytes, `head`, do.
    pub(super) fn described(&self, head: &[u8]) -> (ArtifactKind, String) {
        let known = recognise(head);
        let guessed = || {
            let named = mime_guess::from_path(self.name.as_str()).first_raw().unwrap_or(UNKNOWN_TYPE);
            known.filter(|_| named == UNKNOWN_TYPE).map_or(named, |(_, content_type)| content_type).to_owned()
        };
        let content_type = self.content_type.clone().unwrap_or_else(guessed);
        let kind = self.kind.unwrap_or_else(|| match ArtifactKind::guess(self.name.as_str(), &content_type) {
            ArtifactKind::Other => known.map_or(ArtifactKind::Other, |(kind, _)| kind),
            kind => kind,
        });
        (kind, content_type)
    }

    /// By what a repeated upload of it is known.
    pub(super) fn repeat(&self) -> Repeat<'_> {
        let Self { run, name, size, sha256, idempotency_key, .. } = self;
        Repeat { run, name, size: *size, sha256: *sha256, key: idempotency_key.as_deref() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(name: &str, content_type: Option<&str>, head: &[u8]) -> (ArtifactKind, String) {
        let new = NewArtifact {
            run: RunId::parse("r").unwrap(),
            name: ArtifactName::parse(name).unwrap(),
            kind: None,
            content_type: content_type.map(str::to_owned),
            test: None,
            size: None,
            sha256: None,
            idempotency_key: None,
        };
        new.described(head)
    }

    #[test]
    fn what_is_not_said_is_guessed_from_the_name() {
        assert_eq!(described("trace.zip", None, b""), (ArtifactKind::Trace, "application/zip".into()));
        assert_eq!(described("trace.zip", Some("video/webm"), b"").1, "video/webm");
    }

    #[test]
    fn what_the_name_does_not_say_the_content_does() {
        let read = |name, head: &[u8]| described(name, None, head);
        let png = b"\x89PNG\r\n\x1a\n";
        assert_eq!(read("attachment", png), (ArtifactKind::Screenshot, "image/png".into()));
        assert_eq!(read("data.zip", b"PK\x03\x04 1-trace.trace"), (ArtifactKind::Trace, "application/zip".into()));
        assert_eq!(
            read("page.html", png),
            (ArtifactKind::Report, "text/html".into()),
            "a name that says something counts"
        );
        assert_eq!(read("attachment", b"?"), (ArtifactKind::Other, "application/octet-stream".into()));
    }
}
