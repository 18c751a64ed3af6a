//! Messages of the cleanup, and its answers.

use actix::Message;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::protocol::{ArtifactId, ArtifactKind, ArtifactName, Jump, RunId, Timestamp};

/// Clean up now, or only list what would be removed.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct Sweep {
    /// Nothing is removed; the answer lists what would be.
    pub dry_run: bool,
    /// Takes the answer when the run has ended.
    pub reply: oneshot::Sender<Result<Swept, SweepRefused>>,
}

/// Why nothing was cleaned up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SweepRefused {
    /// A run is in progress on this node or another one.
    #[error("a cleanup is running")]
    Running,
    /// The clock has jumped, so it is not known what is due.
    #[error(transparent)]
    Clock(#[from] Jump),
    /// The catalog did not answer.
    #[error("{0}")]
    Unavailable(String),
}

/// A number of artifacts or objects, and their size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    /// Their number.
    pub count: u64,
    /// Their bytes in the store.
    pub bytes: u64,
}

/// What a run of the cleanup removed, or would remove.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Swept {
    /// The node that ran it.
    pub node_id: String,
    /// When the run began, in milliseconds since 1970.
    pub started_at: i64,
    /// How long the run took.
    pub duration_ms: u64,
    /// Whether it was a dry run.
    pub dry_run: bool,
    /// Artifacts whose retention is over.
    pub expired: Amount,
    /// Uploads that did not end, or failed.
    pub abandoned: Amount,
    /// Artifacts that were deleted earlier, while the store was unreachable.
    pub removed: Amount,
    /// Objects that a smaller one has replaced.
    pub replaced: Amount,
    /// Objects that belong to no artifact.
    pub orphan_objects: Amount,
    /// Artifacts that have no object.
    pub orphan_artifacts: u64,
    /// Whether orphans were removed.
    pub orphans_removed: bool,
    /// Removals that failed. They are tried again.
    pub failed: u64,
    /// Tombstones that were purged, because their time is over.
    pub forgotten: u64,
    /// Why the run ended early, if it did.
    pub error: Option<String>,
    /// The first artifacts that would be removed; empty unless it was a dry run.
    #[serde(skip_deserializing, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<SweptItem>,
}

impl Swept {
    /// Whether the run removed all that was due.
    pub fn is_complete(&self) -> bool {
        self.error.is_none() && self.failed == 0
    }
}

/// An artifact that would be removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SweptItem {
    /// The artifact's id.
    pub artifact_id: ArtifactId,
    /// The artifact's run.
    pub run_id: RunId,
    /// The artifact's name.
    pub name: ArtifactName,
    /// The artifact's kind.
    pub kind: ArtifactKind,
    /// Bytes that removing it frees.
    pub bytes: u64,
    /// The reason for the removal.
    pub reason: &'static str,
    /// When the upload was announced.
    pub created_at: Timestamp,
    /// The rule that decided how long it was kept, for an expired artifact.
    pub retained_by: Option<String>,
}
