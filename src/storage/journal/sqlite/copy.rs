//! A copy of the journal of a node that may be running, for a backup.
//!
//! The copy does not have the `-instance` file. So whoever opens it takes it for what it is, an older copy, and goes on
//! in a new epoch: viewers that have seen more are told.

use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};

use super::{stored_format, unavailable};
use crate::protocol::Timestamp;
use crate::storage::format::OpenError;
use crate::storage::journal::JournalError;
use crate::storage::sqlite_file;

/// What a copy of the journal holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalCopy {
    /// Its format version.
    pub format: u32,
    /// Runs that have events.
    pub runs: u64,
    /// Their events.
    pub events: u64,
    /// Journal time of the last event; `None` without events.
    pub last_at: Option<Timestamp>,
}

/// Copies the journal at `from` into the new file `to`, as it is at one moment.
///
/// # Errors
/// [`OpenError::NewerFormat`]; [`OpenError::Failed`]: there is no journal, it can't be read, or `to` not be written.
pub async fn copy(from: &Path, to: &Path) -> Result<JournalCopy, OpenError<JournalError>> {
    let Some(format) = stored_format(from).await? else {
        return Err(JournalError::Unavailable(format!("there is no journal at {}", from.display())).into());
    };
    sqlite_file::copy(from, to).await.map_err(unavailable)?;
    // Nobody else has the copy: it is read without a lock, and without files beside it.
    let connect = SqliteConnectOptions::new().filename(to).read_only(true).immutable(true);
    let mut copy = connect.disable_statement_logging().connect().await.map_err(unavailable)?;
    let sql = "SELECT count(*), coalesce(sum(tip), 0), max(last_at) FROM runs WHERE phase < 2";
    let counted = sqlx::query_as::<_, (i64, i64, Option<i64>)>(sql).fetch_one(&mut copy).await;
    let (runs, events, last_at) = counted.map_err(unavailable)?;
    copy.close().await.map_err(unavailable)?;
    let last_at = last_at.map(Timestamp::from_millis);
    Ok(JournalCopy { format, runs: runs as u64, events: events as u64, last_at })
}
