//! Where the catalogs of tests are, and how a test is run for each implementation.

use std::sync::Arc;

use crate::support::Postgres;
use runcast::storage::catalog::WholeCatalog;
use runcast::storage::catalog::postgres::PostgresCatalog;
use runcast::storage::catalog::sqlite::{CatalogUrl, SqliteCatalog};
use tempfile::TempDir;

/// What migration 5 added to the runs of a catalog.
const COLUMNS: [&str; 13] = [
    "word",
    "run_group",
    "project",
    "branch",
    "commit_id",
    "number",
    "ended_at",
    "labels",
    "words",
    "summary",
    "summary_tip",
    "written_at",
    "results",
];
const INDEXES: [&str; 6] = ["by_group", "by_project", "by_branch", "by_written_at", "behind", "with_results"];

/// The statements that take the summaries and results of runs back, and what came later, with the table of runs that is
/// called `runs`.
pub(crate) fn without_summaries(runs: &str) -> String {
    let indexes = INDEXES.map(|index| format!("DROP INDEX {runs}_{index}; ")).concat();
    let columns = COLUMNS.map(|column| format!("ALTER TABLE {runs} DROP COLUMN {column}; ")).concat();
    let last_at = match runs {
        "runs" => "DROP INDEX runs_to_search; CREATE INDEX runs_by_last_at ON runs (last_at, run_id); ",
        _ => "",
    };
    let access =
        ["credentials", "revocations", "used_tokens"].map(|table| format!("DROP TABLE runcast_{table}; ")).concat();
    format!("{last_at}{indexes}{columns}{access}DROP TABLE runcast_results; ")
}

/// Where a test's catalog is.
pub(super) enum Backend {
    Sqlite(TempDir),
    Postgres(String),
}

impl Backend {
    pub(super) async fn sqlite() -> Self {
        Self::Sqlite(tempfile::tempdir().unwrap())
    }

    pub(super) async fn postgres() -> Self {
        Self::Postgres(Postgres::shared().await.database().await)
    }

    pub(super) async fn open(&self) -> Arc<dyn WholeCatalog> {
        match self {
            Self::Sqlite(dir) => {
                Arc::new(SqliteCatalog::open(&CatalogUrl::Sqlite(dir.path().join("c.db"))).await.unwrap())
            }
            Self::Postgres(url) => Arc::new(PostgresCatalog::open(url, "here").await.unwrap()),
        }
    }
}

/// Makes of each `async fn name(backend: Backend)` a test per implementation.
macro_rules! contract {
    ($($name:ident)+) => {
        mod sqlite {
            $(#[tokio::test] async fn $name() { super::$name(crate::catalog::backend::Backend::sqlite().await).await })+
        }
        mod postgres {
            $(#[tokio::test] async fn $name() { super::$name(crate::catalog::backend::Backend::postgres().await).await })+
        }
    };
}

pub(super) use contract;
