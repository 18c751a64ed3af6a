//! A copy of the catalog of a node that may be running, for a backup.
//!
//! The copy is made before that of the journal, so that the list of runs lacks what the journal has, which a node mends
//! at its start. The artifacts are taken again behind it ([`CatalogCopy::take_artifacts`]), so that each artifact that
//! the journal tells of has its row; and rows whose objects go meanwhile are taken a third time, or marked as gone, so
//! that each object that the copy names is there.

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _};

use super::CatalogError;
use super::sqlite::SqliteCatalog;
use crate::protocol::Timestamp;
use crate::storage::format::OpenError;
use crate::storage::sqlite_file;

/// The format version that brought the artifacts.
const WITH_ARTIFACTS: u32 = 2;

/// The copy of a catalog, with the catalog itself beside it to be read.
#[derive(Debug)]
pub struct CatalogCopy {
    connection: SqliteConnection,
    format: u32,
}

/// An object that a ready artifact has.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct NamedObject {
    /// The artifact's id.
    pub id: String,
    /// The object's key in the store.
    pub key: String,
    /// Its size in bytes.
    pub size: i64,
    /// Its SHA-256.
    pub sha256: String,
}

/// What [`NamedObject`] is read from.
const NAMED: &str = "SELECT id, key, coalesce(stored_size, 0) AS size, coalesce(stored_sha256, '') AS sha256 \
                     FROM main.runcast_artifacts WHERE state = 'ready' AND id > ? ORDER BY id LIMIT ?";

fn failed(error: sqlx::Error) -> CatalogError {
    CatalogError(error.to_string())
}

impl CatalogCopy {
    /// Copies the catalog at `from`, an absolute path, into the new file `to`, as it is at one moment.
    ///
    /// # Errors
    /// [`OpenError::NewerFormat`]; [`OpenError::Failed`]: there is no catalog, it can't be read, or `to` not be written.
    pub async fn make(from: &Path, to: &Path) -> Result<Self, OpenError<CatalogError>> {
        let Some(format) = SqliteCatalog::stored_format(from).await? else {
            return Err(CatalogError(format!("there is no catalog at {}", from.display())).into());
        };
        sqlite_file::copy(from, to).await.map_err(failed)?;
        // A copy that fails is removed as a whole: nothing has to be rolled back in it.
        let connect = SqliteConnectOptions::new()
            .filename(to)
            .journal_mode(SqliteJournalMode::Off)
            .synchronous(SqliteSynchronous::Off)
            .foreign_keys(false);
        let mut connection = connect.disable_statement_logging().connect().await.map_err(failed)?;
        let attach = sqlx::query("ATTACH ? AS live").bind(sqlite_file::read_only_uri(from));
        attach.execute(&mut connection).await.map_err(failed)?;
        Ok(Self { connection, format })
    }

    /// The catalog's format version.
    pub fn format(&self) -> u32 {
        self.format
    }

    /// Takes the artifacts and pins again, as they are now. The leases, which nobody will hold, are left out.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn take_artifacts(&mut self) -> Result<(), CatalogError> {
        if self.format < WITH_ARTIFACTS {
            return Ok(());
        }
        let sql = "BEGIN; \
                   DELETE FROM main.runcast_artifacts; \
                   INSERT INTO main.runcast_artifacts SELECT * FROM live.runcast_artifacts; \
                   DELETE FROM main.runcast_pins; \
                   INSERT INTO main.runcast_pins SELECT * FROM live.runcast_pins; \
                   DELETE FROM main.runcast_leases; \
                   COMMIT";
        sqlx::raw_sql(sql).execute(&mut self.connection).await.map(drop).map_err(failed)
    }

    /// How many objects the copy names, and their bytes.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn count(&mut self) -> Result<(u64, u64), CatalogError> {
        if self.format < WITH_ARTIFACTS {
            return Ok((0, 0));
        }
        let sql = "SELECT count(*), coalesce(sum(stored_size), 0) FROM main.runcast_artifacts WHERE state = 'ready'";
        let counted = sqlx::query_as::<_, (i64, i64)>(sql).fetch_one(&mut self.connection).await;
        counted.map(|(count, bytes)| (count as u64, bytes as u64)).map_err(failed)
    }

    /// The objects that the copy names, by their artifacts' ids, at most `limit` behind `after`; empty at the end.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn objects(&mut self, after: &str, limit: u32) -> Result<Vec<NamedObject>, CatalogError> {
        if self.format < WITH_ARTIFACTS {
            return Ok(Vec::new());
        }
        let named = sqlx::query_as(NAMED).bind(after).bind(limit);
        named.fetch_all(&mut self.connection).await.map_err(failed)
    }

    /// Takes an artifact's row again, as it is now; its object, if it is still ready.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn take_again(&mut self, id: &str) -> Result<Option<NamedObject>, CatalogError> {
        for sql in [
            "DELETE FROM main.runcast_artifacts WHERE id = ?",
            "INSERT INTO main.runcast_artifacts SELECT * FROM live.runcast_artifacts WHERE id = ?",
        ] {
            sqlx::query(sql).bind(id).execute(&mut self.connection).await.map_err(failed)?;
        }
        let sql = "SELECT id, key, coalesce(stored_size, 0) AS size, coalesce(stored_sha256, '') AS sha256 \
                   FROM main.runcast_artifacts WHERE state = 'ready' AND id = ?";
        sqlx::query_as(sql).bind(id).fetch_optional(&mut self.connection).await.map_err(failed)
    }

    /// Marks an artifact as deleted, and its object as gone.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn mark_gone(&mut self, id: &str, at: Timestamp) -> Result<(), CatalogError> {
        let sql = "UPDATE main.runcast_artifacts SET state = 'deleted', deleted_at = ?1, gone_at = ?1, compress_at = NULL \
                   WHERE id = ?2";
        let mark = sqlx::query(sql).bind(at.as_millis()).bind(id).execute(&mut self.connection);
        mark.await.map(drop).map_err(failed)
    }

    /// Closes the copy.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn close(self) -> Result<(), CatalogError> {
        self.connection.close().await.map_err(failed)
    }
}
