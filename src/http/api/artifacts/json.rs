//! An artifact as JSON.

use serde::Serialize;

use crate::artifacts::{ArtifactService, download_path, saved_percent};
use crate::protocol::artifact::Method;
use crate::protocol::retention::RetainedBy;
use crate::protocol::{ArtifactId, ArtifactKind, ArtifactName, ArtifactState, ContentCoding, RunId, Sha256, Timestamp};
use crate::storage::catalog::artifacts::{ArtifactRow, KeptArtifact};

/// The members of an artifact.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Artifact<'a> {
    artifact_id: ArtifactId,
    run_id: &'a RunId,
    name: &'a ArtifactName,
    kind: ArtifactKind,
    content_type: &'a str,
    test: Option<&'a str>,
    size: Option<u64>,
    stored_size: Option<u64>,
    saved_percent: Option<f64>,
    encoding: Option<ContentCoding>,
    method: Option<Method>,
    sha256: Option<Sha256>,
    state: ArtifactState,
    failure: Option<&'a str>,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
    retained_by: RetainedBy,
    download_url: Option<String>,
    trace_url: Option<String>,
}

impl<'a> Artifact<'a> {
    pub(super) fn of(kept: &'a KeptArtifact, artifacts: &ArtifactService) -> Self {
        let ArtifactRow { id, run, name, kind, content_type, test, state, size, sha256, stored, failure, .. } =
            &kept.artifact;
        let expiry = artifacts.expiry(kept);
        let is_ready = *state == ArtifactState::Ready;
        Self {
            artifact_id: *id,
            run_id: run,
            name,
            kind: *kind,
            content_type,
            test: test.as_deref(),
            size: *size,
            stored_size: stored.map(|stored| stored.size),
            saved_percent: saved_percent(&kept.artifact),
            encoding: stored.map(|stored| stored.coding),
            method: stored.map(|stored| stored.method),
            sha256: *sha256,
            state: *state,
            failure: failure.as_deref(),
            created_at: kept.artifact.created_at,
            expires_at: expiry.at,
            retained_by: expiry.by,
            download_url: is_ready.then(|| download_path(&kept.artifact)),
            trace_url: if is_ready { artifacts.trace_path(&kept.artifact) } else { None },
        }
    }
}
