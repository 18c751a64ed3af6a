//! The catalog: the list of runs, which is read without touching a log, the artifacts of the runs, the packages that
//! were handed out, and who may do something.
//!
//! Everything about runs can be restored from the journal: the catalog writer writes it in batches behind the log and
//! repairs it after a crash, so losing it loses no event. For everything else it is the only record.

use async_trait::async_trait;

use self::access::AccessCatalog;
use self::artifacts::ArtifactCatalog;
use self::packages::PackageCatalog;
use self::runs::{ListedRun, RunCatalog};
use crate::protocol::status::RunStatus;
use crate::protocol::{RunGroup, RunId, RunPatterns, RunWord, Seq, Timestamp};

pub mod access;
pub mod artifacts;
pub mod copy;
mod format;
pub mod packages;
pub mod postgres;
pub mod runs;
pub mod sqlite;
mod tables;

/// A run in the list.
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

/// A query for a page of the list.
#[derive(Clone, Debug, Default)]
pub struct RunFilter {
    /// Only runs that have one of these statuses, or one of the words; all if both are empty.
    pub statuses: Vec<RunStatus>,
    /// The words.
    pub words: Vec<RunWord>,
    /// Only runs of this group.
    pub group: Option<RunGroup>,
    /// Only runs that have all words of this text in what they are searched by, in any case.
    pub text: Option<String>,
    /// Only runs of this project.
    pub project: Option<String>,
    /// Only runs of this branch.
    pub branch: Option<String>,
    /// Only runs of this author, in any case.
    pub author: Option<String>,
    /// Only runs with this label.
    pub label: Option<String>,
    /// Only runs with these names; `None`: with any.
    pub names: Option<RunPatterns>,
    /// Only runs that began at this time or later.
    pub since: Option<Timestamp>,
    /// Most rows of the page.
    pub limit: usize,
    /// The page begins after this row, given by its `last_at` and run.
    pub after: Option<(Timestamp, RunId)>,
}

/// The catalog failed or did not answer; nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("catalog unavailable: {0}")]
pub struct CatalogError(pub String);

/// The list of runs, newest change first.
#[async_trait]
pub trait Catalog: Send + Sync + 'static {
    /// Inserts or replaces rows, all in one transaction. A row never moves back: an older `tip` changes nothing.
    async fn record(&self, rows: &[RunRow]) -> Result<(), CatalogError>;
    /// Lists a page of runs, ordered by `last_at` then run, both descending.
    async fn list(&self, filter: &RunFilter) -> Result<Vec<ListedRun>, CatalogError>;
    /// Removes runs, with the results of their tests.
    async fn forget(&self, runs: &[RunId]) -> Result<(), CatalogError>;
    /// Finds the newest `last_at` of any row. The catalog may lack what the journal stored after it.
    async fn newest(&self) -> Result<Option<Timestamp>, CatalogError>;
    /// Checks that the catalog answers.
    async fn probe(&self) -> Result<(), CatalogError>;
    /// Finishes running statements and closes the catalog.
    async fn close(&self);
}

/// A catalog with all its parts. An `Arc` of it converts to an `Arc` of each part.
pub trait WholeCatalog: Catalog + RunCatalog + ArtifactCatalog + PackageCatalog + AccessCatalog {}

impl<T: Catalog + RunCatalog + ArtifactCatalog + PackageCatalog + AccessCatalog> WholeCatalog for T {}
