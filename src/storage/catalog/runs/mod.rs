//! What the catalog knows of runs besides their rows: a summary of each, by which the list shows, finds and counts
//! them, and how their tests ended.
//!
//! Everything here can be computed anew from the journal: a summary is written behind the log, and says up to which
//! event it goes. The trait is implemented once, in `sql`, for every database that implements `Tables`.

use std::sync::Arc;

use async_trait::async_trait;

use super::{CatalogError, RunFilter, RunRow};
use crate::protocol::status::{TestOutcome, TestStatus};
use crate::protocol::{RunGroup, RunId, RunWord, Seq, Timestamp};

mod compare;
mod history;
pub(super) mod list;
mod query;
mod read;
mod sql;
mod statement;

/// Most results of a test that a history shows.
pub const MAX_HISTORY: usize = 14;
/// Most tests of each kind that a comparison lists.
pub const MAX_COMPARED: usize = 100;
/// Most tests that a comparison lists as the slowest.
pub const MAX_SLOWEST: usize = 10;
/// What stands before the author among the words of a run, so that authors are found apart from other words.
pub const AUTHOR: char = '\u{1}';
/// The project of a run that names none.
pub const NO_PROJECT: &str = "-";

/// A run in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedRun {
    /// The run as it was stored last.
    pub row: RunRow,
    /// Its word; `None`: there is no summary yet.
    pub word: Option<RunWord>,
    /// The members that the list adds, as a JSON object; `None`: there is no summary yet.
    pub summary: Option<String>,
    /// The last event in the summary.
    pub summary_tip: Seq,
    /// When the row was written last, by the database's clock.
    pub written_at: i64,
}

/// What is known of a run after its event `tip`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SummaryRow {
    /// The run.
    pub run: RunId,
    /// The last event in it.
    pub tip: Seq,
    /// Its word.
    pub word: RunWord,
    /// The group that it is counted in.
    pub group: RunGroup,
    /// Its project, or [`NO_PROJECT`].
    pub project: String,
    /// Its branch.
    pub branch: Option<String>,
    /// Its commit.
    pub commit: Option<String>,
    /// The number that its CI gave it.
    pub number: Option<u64>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Words that its producer gave it.
    pub labels: Vec<String>,
    /// What it is searched by: texts, in any case. The author stands behind [`AUTHOR`].
    pub words: Vec<String>,
    /// The members that the list adds, as a JSON object.
    pub text: String,
    /// Whether a test of it has ended.
    pub has_results: bool,
}

/// How a test of a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultRow {
    /// The test.
    pub test_id: String,
    /// Its variant; empty: none.
    pub variant: String,
    /// What its attempts make of it.
    pub outcome: TestOutcome,
    /// How the last one ended.
    pub status: TestStatus,
    /// How long that took, in milliseconds.
    pub duration_ms: Option<i64>,
    /// How many there were.
    pub attempts: u64,
    /// The test's title.
    pub title: Option<String>,
    /// The project of its test runner.
    pub test_project: Option<String>,
    /// The first line of its error.
    pub error: Option<String>,
    /// Where that was.
    pub location: Option<String>,
}

/// How many runs there are of each group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupCounts {
    /// All runs, also those without a summary.
    pub all: u64,
    /// Per group.
    pub groups: Vec<(RunGroup, u64)>,
}

/// A test, in a variant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TestKey {
    /// Its id.
    pub test_id: String,
    /// The variant; empty: none.
    pub variant: String,
}

/// How a test ended in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastResult {
    /// The run.
    pub run: RunId,
    /// The number that its CI gave it.
    pub number: Option<u64>,
    /// Its branch.
    pub branch: Option<String>,
    /// Its commit.
    pub commit: Option<String>,
    /// When it began.
    pub at: Timestamp,
    /// How the test ended.
    pub result: StoredResult,
}

/// A result as it is stored; the texts of its outcome and status are those of the events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredResult {
    /// What its attempts make of it.
    pub outcome: String,
    /// How the last one ended.
    pub status: String,
    /// How long that took, in milliseconds.
    pub duration_ms: Option<i64>,
    /// How many there were.
    pub attempts: u64,
    /// The first line of its error.
    pub error: Option<String>,
    /// Where that was.
    pub location: Option<String>,
}

/// A run as others are compared with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComparedRun {
    /// The run.
    pub run: RunId,
    /// Its project, or [`NO_PROJECT`].
    pub project: String,
    /// Its branch.
    pub branch: Option<String>,
    /// Its commit.
    pub commit: Option<String>,
    /// The number that its CI gave it.
    pub number: Option<u64>,
    /// Its word; `None`: there is no summary yet.
    pub word: Option<RunWord>,
    /// When it began.
    pub created_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// The members that the list adds, as a JSON object.
    pub summary: Option<String>,
}

/// A test that a comparison names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComparedTest {
    /// The test.
    pub test: TestKey,
    /// Its title.
    pub title: Option<String>,
    /// The project of its test runner.
    pub project: Option<String>,
    /// The first line of its error.
    pub error: Option<String>,
    /// How long it took, in milliseconds.
    pub duration_ms: Option<i64>,
    /// How long it took in the run before.
    pub before_ms: Option<i64>,
}

/// What has changed between two runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunComparison {
    /// How many tests failed before and did not now.
    pub fixed_count: u64,
    /// How many fail now and did not before.
    pub failing_count: u64,
    /// How many failed before and do now.
    pub still_failing_count: u64,
    /// How many are flaky now and were not before.
    pub flaky_count: u64,
    /// How many have ended now and had not before.
    pub added: u64,
    /// How many had ended before and have not now.
    pub removed: u64,
    /// The first of those that are fixed, [`MAX_COMPARED`] at most; and so on.
    pub fixed: Vec<ComparedTest>,
    /// Those that fail now and did not before.
    pub failing: Vec<ComparedTest>,
    /// Those that are flaky now and were not before.
    pub flaky: Vec<ComparedTest>,
    /// Those that took longest, [`MAX_SLOWEST`] at most.
    pub slowest: Vec<ComparedTest>,
}

/// The summaries of runs, and the history of their tests.
#[async_trait]
pub trait RunCatalog: Send + Sync + 'static {
    /// Writes summaries of runs that are listed, all in one transaction. One of an older `tip` changes nothing.
    async fn summarize(&self, rows: &[SummaryRow]) -> Result<(), CatalogError>;
    /// Says that of these runs no more is to be known than is.
    async fn give_up(&self, runs: &[RunId]) -> Result<(), CatalogError>;
    /// Finds runs whose summary is older than their row, and whose last event is older than `before`; the newest first.
    async fn behind(&self, before: Timestamp, limit: usize) -> Result<Vec<RunId>, CatalogError>;
    /// Counts the runs of each group that match all of the filter but its statuses, group and page.
    async fn groups(&self, filter: &RunFilter) -> Result<GroupCounts, CatalogError>;
    /// Lists the projects that runs name, in order.
    async fn projects(&self, limit: usize) -> Result<Vec<String>, CatalogError>;
    /// Lists runs whose rows were written within the last `millis`, the last one first.
    async fn written_within(&self, millis: i64, limit: usize) -> Result<Vec<ListedRun>, CatalogError>;
    /// Writes results of tests of a run that is listed, known up to its event `tip`, under a project. Results of an
    /// older tip change nothing.
    async fn keep_results(
        &self,
        run: &RunId,
        project: &str,
        tip: Seq,
        results: &[ResultRow],
    ) -> Result<(), CatalogError>;
    /// Removes the results of at most `limit` runs whose last event is older than `before`; how many runs those were.
    async fn forget_results(&self, before: Timestamp, limit: usize) -> Result<usize, CatalogError>;
    /// Finds a run to compare; `None`: it is not listed.
    async fn compared_run(&self, run: &RunId) -> Result<Option<ComparedRun>, CatalogError>;
    /// Finds the last run of the same project and branch that began before this one and ended as `passed`, `failed` or
    /// `timedout`.
    async fn run_before(&self, run: &ComparedRun) -> Result<Option<ComparedRun>, CatalogError>;
    /// Compares two runs.
    async fn compare(&self, now: &RunId, before: Option<&RunId>) -> Result<RunComparison, CatalogError>;
    /// Finds the variants in which the run has results of these tests.
    async fn variants(&self, run: &RunId, tests: &[String]) -> Result<Vec<TestKey>, CatalogError>;
    /// For each test its last results in the run's project, those of runs that began after this one left out; the
    /// oldest first, [`MAX_HISTORY`] at most.
    async fn history(&self, run: &ComparedRun, tests: &[TestKey]) -> Result<Vec<Vec<PastResult>>, CatalogError>;
}

/// The catalog as what it is for the summaries.
pub type SharedRunCatalog = Arc<dyn RunCatalog>;

/// A text without NUL characters, which PostgreSQL can't store.
pub(super) fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
