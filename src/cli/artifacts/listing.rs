//! A run's artifacts, as a server lists them page by page.

use std::time::Duration;

use indicatif::DecimalBytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::request::{AskError, Retry, Servers, read};
use crate::protocol::RunId;

/// An artifact, and the JSON from which it was parsed.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct ShownArtifact {
    pub(in super::super) artifact_id: String,
    pub(in super::super) name: String,
    pub(in super::super) kind: String,
    pub(in super::super) size: Option<u64>,
    pub(in super::super) stored_size: Option<u64>,
    pub(in super::super) state: String,
    pub(in super::super) sha256: Option<String>,
    pub(in super::super) expires_at: Option<String>,
    pub(in super::super) retained_by: Option<String>,
    /// What was done to store less; after `rezipped` a download is not the original byte for byte.
    pub(in super::super) method: Option<String>,
    #[serde(skip)]
    pub(in super::super) json: String,
}

impl ShownArtifact {
    pub(in super::super) fn parse(json: &str) -> Result<Self, AskError> {
        Ok(Self { json: json.to_owned(), ..read(json.as_bytes())? })
    }

    pub(in super::super) fn is_ready(&self) -> bool {
        self.state == "ready"
    }

    pub(in super::super) fn is_pending(&self) -> bool {
        self.state == "pending"
    }
}

/// A page of a run's artifacts, and the server's terms for uploads to the run.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct ArtifactsPage<'a> {
    #[serde(borrow)]
    artifacts: Vec<&'a RawValue>,
    cursor: Option<String>,
    direct: bool,
    max_bytes: u64,
}

/// How a server accepts uploads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Terms {
    /// Whether the server's store accepts uploads directly.
    pub(in super::super) direct: bool,
    /// Most bytes of one artifact.
    pub(in super::super) max_bytes: u64,
}

/// Reads all pages of a run's artifacts; `on_artifact` gets each of them.
pub(in super::super) async fn read_all(
    servers: &Servers,
    run: &RunId,
    patience: Duration,
    mut on_retry: impl FnMut(&Retry<'_>),
    mut on_artifact: impl FnMut(ShownArtifact),
) -> Result<Terms, AskError> {
    let mut cursor = String::new();
    loop {
        let body = servers
            .insist(patience, |client, server| client.get(server.artifacts(run, &cursor)), &mut on_retry)
            .await?;
        let ArtifactsPage { artifacts, cursor: next, direct, max_bytes } = read(&body)?;
        for artifact in artifacts {
            on_artifact(ShownArtifact::parse(artifact.get())?);
        }
        match next {
            // A server that repeats its cursor must not keep us here for ever.
            Some(next) if next != cursor => cursor = next,
            _ => return Ok(Terms { direct, max_bytes }),
        }
    }
}

/// The same for a run that may be yet to come, and has no artifacts then.
pub(in super::super) async fn read_existing(
    servers: &Servers,
    run: &RunId,
    patience: Duration,
    on_retry: impl FnMut(&Retry<'_>),
    on_artifact: impl FnMut(ShownArtifact),
) -> Result<Terms, AskError> {
    match read_all(servers, run, patience, on_retry, on_artifact).await {
        Err(AskError::Refused { code: Some(code), body, .. }) if code == "run_not_found" => read(&body),
        listed => listed,
    }
}

/// Describes what storing the artifact compressed has saved.
pub(in super::super) fn saving(size: u64, stored: u64) -> String {
    let (shown, shown_stored) = (DecimalBytes(size), DecimalBytes(stored));
    format!("{shown} -> {shown_stored} stored ({} saved)", percent_saved(size, stored))
}

/// The saving as a percentage, rounded down so that it never promises too much.
pub(in super::super) fn percent_saved(size: u64, stored: u64) -> String {
    let percent = if size == 0 { 0.0 } else { 100.0 * (size as f64 - stored as f64) / size as f64 };
    format!("{:.1} %", (10.0 * percent).floor() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_saving_is_never_rounded_up() {
        assert_eq!(saving(2_000_000, 500), "2.00 MB -> 500 B stored (99.9 % saved)");
        assert_eq!(saving(3, 2), "3 B -> 2 B stored (33.3 % saved)");
        assert_eq!(saving(0, 0), "0 B -> 0 B stored (0.0 % saved)");
    }

    #[test]
    fn an_artifact_keeps_the_json_that_said_so() {
        let json = r#"{"artifactId":"i","name":"n","kind":"log","size":null,"state":"pending", "new":1}"#;
        let shown = ShownArtifact::parse(json).unwrap();
        assert_eq!((shown.json.as_str(), shown.size, shown.is_ready()), (json, None, false));
        assert!(ShownArtifact::parse("{}").is_err());
    }
}
