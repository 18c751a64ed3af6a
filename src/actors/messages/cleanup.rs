//! What the cleanup understands, and what it answers.

use actix::Message;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::protocol::{ArtifactId, ArtifactKind, ArtifactName, Jump, RunId, Timestamp};

/// Clean up now, or only say what would go.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct Sweep {
    /// Only say what would go.
    pub dry_run: bool,
    /// Where the answer goes once it is done.
    pub reply: oneshot::Sender<Result<Swept, SweepRefused>>,
}

/// Why nothing was cleaned up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SweepRefused {
    /// Here or on another node.
    #[error("a cleanup is running")]
    Running,
    /// Nobody knows what is due.
    #[error(transparent)]
    Clock(#[from] Jump),
    /// The catalog did not answer.
    #[error("{0}")]
    Unavailable(String),
}

/// How much of something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    /// How many.
    pub count: u64,
    /// Their bytes in the store.
    pub bytes: u64,
}

/// What a cleanup did, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Swept {
    /// The node that did it.
    pub node_id: String,
    /// When it began, in milliseconds since 1970.
    pub started_at: i64,
    /// How long it took.
    pub duration_ms: u64,
    /// Whether it only looked.
    pub dry_run: bool,
    /// Past their retention.
    pub expired: Amount,
    /// Uploads that did not end, or failed.
    pub abandoned: Amount,
    /// Deleted before, while the store was away.
    pub removed: Amount,
    /// Objects that a smaller one has replaced.
    pub replaced: Amount,
    /// Objects that belong to no artifact.
    pub orphan_objects: Amount,
    /// Artifacts that have no object.
    pub orphan_artifacts: u64,
    /// Whether orphans were removed.
    pub orphans_removed: bool,
    /// Removals that failed; they are tried again.
    pub failed: u64,
    /// Tombstones that nobody needs any more.
    pub forgotten: u64,
    /// Why it stopped early.
    pub error: Option<String>,
    /// What would go, the first of it; empty unless it only looked.
    #[serde(skip_deserializing, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<SweptItem>,
}

/// Something that would go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SweptItem {
    /// The artifact.
    pub artifact_id: ArtifactId,
    /// Its run.
    pub run_id: RunId,
    /// What it is called.
    pub name: ArtifactName,
    /// What it is.
    pub kind: ArtifactKind,
    /// Bytes that would be free.
    pub bytes: u64,
    /// Why.
    pub reason: &'static str,
    /// When it was announced.
    pub created_at: Timestamp,
    /// What decided how long it was kept: for an expired one.
    pub retained_by: Option<String>,
}
