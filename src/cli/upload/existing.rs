//! The artifacts that the run has already, which are not sent again.

use std::collections::HashMap;

use super::super::artifacts::listing::ShownArtifact;
use super::source_file::SourceRead;

/// The run's ready artifacts, by name.
#[derive(Debug, Default)]
pub(super) struct ExistingArtifacts(HashMap<String, Vec<ShownArtifact>>);

impl ExistingArtifacts {
    /// Keeps the artifact if it is ready and its name is wanted.
    pub(super) fn add(&mut self, artifact: ShownArtifact, is_wanted: impl Fn(&str) -> bool) {
        if artifact.is_ready() && is_wanted(&artifact.name) {
            self.0.entry(artifact.name.clone()).or_default().push(artifact);
        }
    }

    /// The artifact with this name and exactly these bytes.
    pub(super) fn find(&self, name: &str, reading: &SourceRead) -> Option<&ShownArtifact> {
        self.0.get(name)?.iter().find(|artifact| reading.is_that_of(artifact))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_what_is_ready_and_the_same_is_there() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "abc").unwrap();
        let reading = SourceRead::of(file.path()).await.unwrap();
        let sha256 = reading.sha256.to_string();
        let mut there = ExistingArtifacts::default();
        for (id, name, state, size, sha256) in [
            ("pending", "a", "pending", 3, sha256.as_str()),
            ("other size", "a", "ready", 4, sha256.as_str()),
            ("other bytes", "a", "ready", 3, "00"),
            ("the one", "a", "ready", 3, sha256.as_str()),
            ("other name", "b", "ready", 3, sha256.as_str()),
        ] {
            let json = serde_json::json!({
                "artifactId": id, "name": name, "kind": "log", "state": state, "size": size, "sha256": sha256
            });
            there.add(ShownArtifact::parse(&json.to_string()).unwrap(), |name| name == "a");
        }
        assert_eq!(there.find("a", &reading).unwrap().artifact_id, "the one");
        assert!(there.find("b", &reading).is_none(), "nobody asked for it");
    }
}
