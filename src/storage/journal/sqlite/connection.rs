//! Opens the connections to the database.

use std::time::Duration;

use sqlx::sqlite::{
    SqliteAutoVacuum, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, Connection as _};

use super::{SqliteOptions, SyncMode};
use crate::storage::journal::JournalError;

/// Page size in bytes, chosen by measurement (benches/append.rs): 4 KiB makes 64 KiB bodies slower, 16 KiB single
/// events.
const PAGE_SIZE: u32 = 8192;

/// Pages that the write-ahead log reaches before it is copied into the database: 32 MiB. Each copy costs two fsyncs;
/// with a quarter of this size they halve the throughput.
const WAL_PAGES: u32 = 4096;

/// Most bytes of the write-ahead log's file that are kept for reuse.
const WAL_KEPT_BYTES: u32 = 64 * 1024 * 1024;

/// How long a connection waits for a lock. Only a tool, or a copy of the database that is being made, takes one.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Connections for reading. Each is a thread; one page of history keeps it busy for about a millisecond.
const READERS: u32 = 4;

/// Page cache of a reader, in KiB. History is read once, from its start to its end, and the system caches the file.
/// SQLite's default of 2,000 would stay allocated in each reader and save no read.
const READER_CACHE_KIB: u32 = 128;

/// Rows that a reader may run ahead of its caller, up to 64 KiB each.
const READ_AHEAD_ROWS: usize = 4;

fn common(options: &SqliteOptions) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(&options.path)
        .foreign_keys(false)
        .busy_timeout(BUSY_TIMEOUT)
        .disable_statement_logging()
}

/// Opens the one connection that writes, creating the database if it is missing.
pub(super) async fn writer(options: &SqliteOptions, sync: SyncMode) -> Result<SqliteConnection, sqlx::Error> {
    let mut connect = common(options)
        .create_if_missing(true)
        .page_size(PAGE_SIZE)
        .auto_vacuum(SqliteAutoVacuum::Incremental)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(match sync {
            SyncMode::Normal => SqliteSynchronous::Normal,
            SyncMode::Full => SqliteSynchronous::Full,
        })
        .pragma("wal_autocheckpoint", WAL_PAGES.to_string())
        .pragma("journal_size_limit", WAL_KEPT_BYTES.to_string())
        // Every statement has up to eight multi-row forms (rows.rs), and all of them stay prepared.
        .statement_cache_capacity(128)
        .thread_name(|_| "journal-writer".into());
    if let Some(bytes) = options.max_db_bytes {
        connect = connect.pragma("max_page_count", (bytes / u64::from(PAGE_SIZE)).max(1).to_string());
    }
    SqliteConnection::connect_with(&connect).await
}

/// Runs the migrations that the database still lacks.
pub(super) async fn migrate(connection: &mut SqliteConnection) -> Result<(), JournalError> {
    let unavailable = |error: sqlx::migrate::MigrateError| JournalError::Unavailable(error.to_string());
    sqlx::migrate!("src/storage/journal/migrations").run(connection).await.map_err(unavailable)
}

/// The pool of read-only connections. They are opened as needed and kept.
pub(super) fn readers(options: &SqliteOptions) -> SqlitePool {
    let connect = common(options)
        .read_only(true)
        .pragma("cache_size", format!("-{READER_CACHE_KIB}"))
        .row_buffer_size(READ_AHEAD_ROWS)
        .thread_name(|_| "journal-reader".into());
    SqlitePoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(BUSY_TIMEOUT)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_lazy_with(connect)
}
