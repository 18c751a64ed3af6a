//! Files of SQLite that belong to another process, which may be running: they are read and copied, never written.
//!
//! A node keeps its databases in WAL mode, where a reader of another process holds up no writer. What a reader costs is
//! space: the log is not written back beyond the moment that it reads, and grows until it is done.

use std::path::Path;
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

/// What a path keeps in a URI.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_');

/// How long a lock is waited for. Only recovery after a kill takes one that a reader waits for.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// Opens a file to read it.
pub(super) async fn open(path: &Path) -> Result<SqliteConnection, sqlx::Error> {
    let connect = SqliteConnectOptions::new().filename(path).read_only(true).busy_timeout(BUSY_TIMEOUT);
    connect.disable_statement_logging().connect().await
}

/// A path as the URI of a file that is only read, for `ATTACH`.
pub(super) fn read_only_uri(path: &Path) -> String {
    format!("file:{}?mode=ro", percent_encode(path.as_os_str().as_encoded_bytes(), KEPT))
}

/// Copies a database as it is at one moment into a new file, within the memory of two page caches of 2 MB. The copy has
/// no log beside it.
pub(super) async fn copy(from: &Path, to: &Path) -> Result<(), sqlx::Error> {
    use sqlx::Connection as _;
    let no_text = || sqlx::Error::Configuration(format!("{} is not UTF-8", to.display()).into());
    let to = to.to_str().ok_or_else(no_text)?;
    let mut connection = open(from).await?;
    sqlx::query("VACUUM INTO ?").bind(to).execute(&mut connection).await?;
    connection.close().await
}
