//! Why something could not be done with an artifact.

use std::fmt;

use super::{CHANGES_AT_A_TIME, Departure};
use crate::protocol::{ArtifactId, ArtifactState};
use crate::storage::catalog::CatalogError;
use crate::storage::objects::ObjectsError;

/// A condition under which something is not done; `http::problem` has its status and code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArtifactError {
    /// The run has expired, and takes nothing any more.
    #[error("the run has expired")]
    RunGone,
    /// Nobody knows whether the run has expired: the journal did not answer.
    #[error("{0}")]
    Runs(String),
    /// The catalog did not answer. Nothing was changed.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The store failed or refused.
    #[error(transparent)]
    Objects(#[from] ObjectsError),
    /// The spool's disk failed or has too little space.
    #[error("the disk for uploads on their way: {0}")]
    Spool(String),
    /// As many uploads pass the node as may at a time.
    #[error("{0} uploads are on their way, as many as the node takes at a time (artifacts.max_uploads)")]
    Saturated(usize),
    /// As many artifacts are read from the store as may at a time.
    #[error("{0} artifacts are read from the store, as many as the node reads at a time (artifacts.max_downloads)")]
    Busy(usize),
    /// As many uploads are completed and artifacts deleted as may at a time.
    #[error("{CHANGES_AT_A_TIME} uploads are being completed or deleted, as many as the node does at a time")]
    Changing,
    /// The run has as many artifacts as it may.
    #[error("the run has {0} artifacts, as many as it may (artifacts.max_per_run)")]
    TooMany(usize),
    /// More bytes than an artifact may have.
    #[error("the artifact has more than {0} bytes (artifacts.max_bytes)")]
    TooLarge(u64),
    /// More bytes than were announced for a URL that takes them.
    #[error("the body has more than the {0} bytes that were announced")]
    MoreThanAnnounced(u64),
    /// The bytes that came are not those that were announced.
    #[error("what came is not what was announced: {0}")]
    Mismatch(String),
    /// The idempotency key already names another upload.
    #[error("the Idempotency-Key is that of another upload to this run: {0}")]
    Reused(String),
    /// The artifact can't be completed: no bytes came.
    #[error("nothing was uploaded yet")]
    Missing,
    /// The run has no such artifact.
    #[error("the run has no artifact {0}")]
    Unknown(ArtifactId),
    /// The artifact is in this state, which does not allow it; the text says more about it.
    #[error("the artifact is {}", .0.as_str())]
    NotReady(ArtifactState, Option<String>),
    /// The artifact has expired or was deleted.
    #[error("{0}")]
    Gone(Departure),
    /// The work behind it panicked, or the node stopped.
    #[error("the server failed; the artifact is not ready")]
    Interrupted,
}

impl ArtifactError {
    pub(super) fn of_spool(error: impl fmt::Display) -> Self {
        Self::Spool(error.to_string())
    }
}
