//! The catalog: which runs there are, so that they can be listed without touching a log, and which artifacts they have.
//!
//! Of the runs it holds nothing that the journal could not tell again: the catalog writer writes it in batches behind the log and
//! repairs it after a crash. Losing it loses no event. Of the artifacts it is the only record.

use async_trait::async_trait;

use self::artifacts::ArtifactCatalog;
use crate::protocol::{RunId, Seq, Timestamp};
use crate::run_state::RunStatus;

pub mod artifacts;
mod migrations;
pub mod postgres;
pub mod sqlite;

/// A run as the list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRow {
    /// The run.
    pub run: RunId,
    /// Its last `run_status`; `None` when it never posted one.
    pub status: Option<RunStatus>,
    /// Seq of its last event.
    pub tip: Seq,
    /// Journal time of its first event.
    pub created_at: Timestamp,
    /// Journal time of its last event.
    pub last_at: Timestamp,
}

/// Which page of the list.
#[derive(Clone, Debug, Default)]
pub struct RunFilter {
    /// Only runs with this status.
    pub status: Option<RunStatus>,
    /// At most this many.
    pub limit: usize,
    /// Go on after this row: its `last_at` and run.
    pub after: Option<(Timestamp, RunId)>,
}

/// The catalog did not answer; nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("catalog unavailable: {0}")]
pub struct CatalogError(pub String);

/// The list of runs, newest change first.
#[async_trait]
pub trait Catalog: Send + Sync + 'static {
    /// Inserts or replaces rows, all in one transaction. A row never moves back: an older `tip` changes nothing.
    async fn record(&self, rows: &[RunRow]) -> Result<(), CatalogError>;
    /// A page of runs, ordered by `last_at` then run, both descending.
    async fn list(&self, filter: &RunFilter) -> Result<Vec<RunRow>, CatalogError>;
    /// Removes runs.
    async fn forget(&self, runs: &[RunId]) -> Result<(), CatalogError>;
    /// The newest `last_at` of any row: from here on the catalog may lag behind the journal.
    async fn newest(&self) -> Result<Option<Timestamp>, CatalogError>;
    /// Whether it answers.
    async fn probe(&self) -> Result<(), CatalogError>;
    /// Finishes and closes.
    async fn close(&self);
}

/// Both parts of one catalog: an `Arc` of it becomes an `Arc` of either.
pub trait WholeCatalog: Catalog + ArtifactCatalog {}

impl<T: Catalog + ArtifactCatalog> WholeCatalog for T {}
