//! The database's format version: the row of `meta` with the key `format`.
//!
//! Version 0 is a database without such a row. It names the last instance under the key `life` and in a file that ends
//! in `-life`. Version 1 uses `instance` and `-instance`. Version 2 keeps the control of runs: the migration
//! `0002_control.sql` has filled its columns before the version is written.

use std::fs;
use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};

use super::instance::{WITNESS, put_meta, read_meta, rename_durably, witness_path};
use super::unavailable;
use crate::storage::format::{self, OpenError, SQLITE_JOURNAL};
use crate::storage::journal::JournalError;

/// The row of `meta` that holds the version.
const KEY: &str = "format";
/// The end of the witness file's name in version 0.
const WITNESS_OF_0: &str = "-life";

/// Converts an older database to this build's version. The witness file of version 0 is renamed first. If the process
/// ends in between, the next one finds the row under its former name and the file under the new one, compares them, and
/// continues from there.
pub(super) async fn take_over(connection: &mut SqliteConnection, path: &Path) -> Result<(), JournalError> {
    let stored = read_meta(connection).await?.remove(KEY);
    if stored.as_deref() == Some(SQLITE_JOURNAL.to_string().as_str()) {
        return Ok(());
    }
    if stored.is_none() {
        rename_witness(path)?;
    }
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)?;
    let rename = sqlx::query("UPDATE meta SET key = 'instance' WHERE key = 'life'");
    rename.execute(&mut *transaction).await.map_err(unavailable)?;
    put_meta(&mut transaction, KEY, &SQLITE_JOURNAL.to_string()).await.map_err(unavailable)?;
    transaction.commit().await.map_err(unavailable)
}

/// Gives the witness file of version 0 its present name.
fn rename_witness(path: &Path) -> Result<(), JournalError> {
    let (former, witness) = (witness_path(path, WITNESS_OF_0), witness_path(path, WITNESS));
    let failed = |error| JournalError::Unavailable(format!("{}: {error}", former.display()));
    match former.try_exists().map_err(failed)? {
        // An older copy of the database was put in the place of a newer one, whose witness file is still there and
        // proves it.
        true if witness.exists() => fs::remove_file(&former).map_err(failed),
        true => rename_durably(&former, &witness).map_err(failed),
        false => Ok(()),
    }
}

/// Reads the format version of a database file without changing it: 0 when it has none, `None` when there is no file.
pub async fn stored_format(path: &Path) -> Result<Option<u32>, OpenError<JournalError>> {
    if !path.exists() {
        return Ok(None);
    }
    // Without a write-ahead log the file is all there is to read. SQLite would create a log otherwise, and leave it
    // there.
    let alone = !witness_path(path, "-wal").exists();
    let connect = SqliteConnectOptions::new().filename(path).read_only(true).immutable(alone);
    let mut connection = connect.disable_statement_logging().connect().await.map_err(unavailable)?;
    let stored = stored(&mut connection).await.map_err(unavailable)?;
    connection.close().await.map_err(unavailable)?;
    let version = format::check(format_args!("the journal {}", path.display()), stored.as_deref(), SQLITE_JOURNAL);
    version.map(Some).map_err(OpenError::NewerFormat)
}

async fn stored(connection: &mut SqliteConnection) -> Result<Option<String>, sqlx::Error> {
    let table = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'meta'";
    if sqlx::query_scalar::<_, i64>(table).fetch_one(&mut *connection).await? == 0 {
        return Ok(None);
    }
    sqlx::query_scalar("SELECT value FROM meta WHERE key = ?").bind(KEY).fetch_optional(connection).await
}
