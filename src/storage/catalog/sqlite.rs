//! The catalog in SQLite: a file, or memory for nodes that keep nothing.

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use sqlx::migrate::Migrator;
use sqlx::query_builder::QueryBuilder;
use sqlx::sqlite::{
    Sqlite, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};

use super::runs::{ListedRun, list};
use super::tables::{CatalogStatement, SqlDialect, Tables};
use super::{Catalog, CatalogError, RunFilter, RunRow, format};
use crate::protocol::status::RunStatus;
use crate::protocol::{RunId, Timestamp};
use crate::storage::format::OpenError;

/// The catalog's tables, step by step.
static MIGRATIONS: Migrator = sqlx::migrate!("src/storage/catalog/migrations/sqlite");

/// Most connections that read.
const READERS: u32 = 3;

/// How long a statement waits for a connection, and for a lock of the database.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Rows in one statement.
const CHUNK_ROWS: usize = 500;

/// The time in milliseconds.
const NOW: &str = "CAST(unixepoch('subsec') * 1000 AS BIGINT)";

/// Location of the catalog (`catalog.url`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CatalogUrl {
    /// `memory:`, lost at the end of the process.
    Memory,
    /// `sqlite:PATH`: a file, created if it is missing.
    Sqlite(PathBuf),
}

impl CatalogUrl {
    /// Parses `memory:` or `sqlite:PATH`; `None` for anything else.
    pub fn parse(url: &str) -> Option<Self> {
        if url == "memory:" {
            return Some(Self::Memory);
        }
        let path = url.strip_prefix("sqlite:").filter(|path| !path.is_empty())?;
        Some(Self::Sqlite(path.into()))
    }
}

/// The catalog in SQLite.
#[derive(Debug)]
pub struct SqliteCatalog {
    /// The one connection that writes, as SQLite has one writer at a time.
    writer: SqlitePool,
    /// Connections that only read. In memory it is the writer.
    readers: SqlitePool,
}

impl SqliteCatalog {
    /// Opens the catalog and runs its migrations.
    ///
    /// # Errors
    /// [`OpenError::NewerFormat`]: a newer build has changed the tables, and nothing was done to them.
    pub async fn open(url: &CatalogUrl) -> Result<Self, OpenError<CatalogError>> {
        if let CatalogUrl::Sqlite(path) = url {
            Self::stored_format(path).await?;
        }
        let connect = match url {
            CatalogUrl::Memory => SqliteConnectOptions::new().in_memory(true),
            CatalogUrl::Sqlite(path) => SqliteConnectOptions::new().filename(path),
        };
        let connect = connect.busy_timeout(BUSY_TIMEOUT).disable_statement_logging().thread_name(|_| "catalog".into());
        let pool = SqlitePoolOptions::new()
            .acquire_timeout(BUSY_TIMEOUT)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None);
        let write = connect
            .clone()
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // Rows lost by a power failure are restored from the journal.
            .synchronous(SqliteSynchronous::Normal);
        let writer = pool.clone().max_connections(1).connect_with(write).await.map_err(unavailable)?;
        MIGRATIONS.run(&writer).await.map_err(|error| CatalogError(error.to_string()))?;
        let readers = match url {
            // Another connection would open another, empty database.
            CatalogUrl::Memory => writer.clone(),
            CatalogUrl::Sqlite(_) => pool.max_connections(READERS).connect_lazy_with(connect.read_only(true)),
        };
        Ok(Self { writer, readers })
    }

    /// Opens the catalog of a node that may be running, only to read it.
    ///
    /// # Errors
    /// As [`SqliteCatalog::open`]; also when there is no catalog, or one of an older format.
    pub async fn open_to_read(path: &Path) -> Result<Self, OpenError<CatalogError>> {
        let known = format::newest(&MIGRATIONS);
        match Self::stored_format(path).await? {
            Some(format) if format == known => {}
            Some(format) => {
                let shown = path.display();
                return Err(CatalogError(format!(
                    "the catalog {shown} has format version {format}: start this build of runcast on it once, which \
                     makes it version {known}"
                ))
                .into());
            }
            None => return Err(CatalogError(format!("there is no catalog at {}", path.display())).into()),
        }
        let connect = SqliteConnectOptions::new().filename(path).read_only(true).busy_timeout(BUSY_TIMEOUT);
        let connect = connect.disable_statement_logging().thread_name(|_| "catalog".into());
        let readers = SqlitePoolOptions::new().max_connections(1).connect_lazy_with(connect);
        // Whatever is written fails.
        Ok(Self { writer: readers.clone(), readers })
    }

    /// The format version of the catalog in a file, which is only read: 0 when it has no tables, `None` when there is
    /// no file.
    ///
    /// # Errors
    /// As [`SqliteCatalog::open`].
    pub async fn stored_format(path: &Path) -> Result<Option<u32>, OpenError<CatalogError>> {
        if !path.exists() {
            return Ok(None);
        }
        // Without a write-ahead log there is nothing to read but the file; SQLite would make one, and not remove it.
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        let connect = SqliteConnectOptions::new().filename(path).read_only(true).immutable(!Path::new(&log).exists());
        let mut connection = connect.disable_statement_logging().connect().await.map_err(unavailable)?;
        let version = check(&mut connection, path).await?;
        connection.close().await.map_err(unavailable)?;
        Ok(Some(version))
    }

    async fn record_rows(&self, rows: &[RunRow]) -> Result<(), sqlx::Error> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        for chunk in rows.chunks(CHUNK_ROWS) {
            let mut sql =
                QueryBuilder::<Sqlite>::new("INSERT INTO runs (run_id, status, tip, created_at, last_at, written_at) ");
            sql.push_values(chunk, |mut values, row| {
                values
                    .push_bind(row.run.as_str().to_owned())
                    .push_bind(row.status.map(RunStatus::as_str))
                    .push_bind(row.tip as i64)
                    .push_bind(row.created_at.as_millis())
                    .push_bind(row.last_at.as_millis())
                    .push(NOW);
            });
            sql.push(
                " ON CONFLICT (run_id) DO UPDATE SET status = excluded.status, tip = excluded.tip, \
                 created_at = excluded.created_at, last_at = excluded.last_at, written_at = excluded.written_at \
                 WHERE excluded.tip >= runs.tip",
            );
            // Statements differ by the number of rows and would fill the cache.
            sql.build().persistent(chunk.len() == CHUNK_ROWS).execute(&mut *transaction).await?;
        }
        transaction.commit().await
    }

    async fn forget_runs(&self, runs: &[RunId]) -> Result<(), sqlx::Error> {
        let names = serde_json::to_string(runs).map_err(|error| sqlx::Error::Encode(error.into()))?;
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        for sql in [
            "DELETE FROM runs WHERE run_id IN (SELECT value FROM json_each(?))",
            "DELETE FROM runcast_results WHERE run_id IN (SELECT value FROM json_each(?))",
        ] {
            sqlx::query(sql).bind(&names).execute(&mut *transaction).await?;
        }
        transaction.commit().await
    }
}

/// Refuses a catalog of a newer build.
async fn check(connection: &mut SqliteConnection, path: &Path) -> Result<u32, OpenError<CatalogError>> {
    let table = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = '_sqlx_migrations'";
    let tables: i64 = sqlx::query_scalar(table).fetch_one(&mut *connection).await.map_err(unavailable)?;
    let last: Option<i64> = match tables {
        0 => None,
        _ => {
            let last = sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations").fetch_one(connection);
            last.await.map_err(unavailable)?
        }
    };
    format::check(format_args!("the catalog {}", path.display()), last, &MIGRATIONS).map_err(OpenError::NewerFormat)
}

fn unavailable(error: sqlx::Error) -> CatalogError {
    CatalogError(error.to_string())
}

#[async_trait]
impl Catalog for SqliteCatalog {
    async fn record(&self, rows: &[RunRow]) -> Result<(), CatalogError> {
        self.record_rows(rows).await.map_err(unavailable)
    }

    async fn list(&self, filter: &RunFilter) -> Result<Vec<ListedRun>, CatalogError> {
        list::list(self, filter).await
    }

    async fn forget(&self, runs: &[RunId]) -> Result<(), CatalogError> {
        self.forget_runs(runs).await.map_err(unavailable)
    }

    async fn newest(&self) -> Result<Option<Timestamp>, CatalogError> {
        let newest = sqlx::query_scalar("SELECT max(last_at) FROM runs").fetch_one(&self.readers);
        let newest: Option<i64> = newest.await.map_err(unavailable)?;
        Ok(newest.map(Timestamp::from_millis))
    }

    async fn probe(&self) -> Result<(), CatalogError> {
        self.readers.execute("SELECT 1 FROM runs LIMIT 1").await.map(|_| ()).map_err(unavailable)
    }

    async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

#[async_trait]
impl Tables for SqliteCatalog {
    type Row = SqliteRow;

    /// SQLite has one writer at a time, so nothing needs a lock.
    const DIALECT: SqlDialect = SqlDialect {
        list: "json_each($1)",
        matches_pattern: "GLOB",
        pattern: |pattern| pattern.to_owned(),
        rows: "json_each($1)",
        runs: "runs",
        find: "instr",
        now: NOW,
        lock_run: "",
        lock: "",
        lock_free: "",
    };

    async fn ask(&self, statement: CatalogStatement) -> Result<Vec<SqliteRow>, CatalogError> {
        let pool = if statement.only_reads() { &self.readers } else { &self.writer };
        statement.query::<Sqlite>().map_err(unavailable)?.fetch_all(pool).await.map_err(unavailable)
    }
}
