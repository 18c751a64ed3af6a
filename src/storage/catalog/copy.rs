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

/// A statement for [`NamedObject`]s, with a condition on their ids.
macro_rules! named {
    ($ids:literal) => {
        concat!(
            "SELECT id, key, coalesce(stored_size, 0) AS size, coalesce(stored_sha256, '') AS sha256 ",
            "FROM main.runcast_artifacts WHERE state = 'ready' AND id ",
            $ids
        )
    };
}

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
        let named = sqlx::query_as(named!("> ? ORDER BY id LIMIT ?")).bind(after).bind(limit);
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
        sqlx::query_as(named!("= ?")).bind(id).fetch_optional(&mut self.connection).await.map_err(failed)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::artifact::Method;
    use crate::protocol::{ArtifactId, ArtifactName, ArtifactState, ContentCoding, Pin, RunId, Sha256};
    use crate::storage::catalog::artifacts::{ArtifactCatalog as _, ArtifactRow, Finished, StoredForm};
    use crate::storage::catalog::sqlite::CatalogUrl;

    const AT: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn stored(size: u64) -> StoredForm {
        let (coding, method) = (ContentCoding::Gzip, Method::Gzip);
        StoredForm { size, sha256: Sha256([size as u8; 32]), coding, method, decoded: Some(9) }
    }

    async fn ready(live: &SqliteCatalog, run: &RunId, key: &str) -> ArtifactId {
        let artifact = ArtifactRow {
            run: run.clone(),
            name: ArtifactName::parse(key).unwrap(),
            key: key.into(),
            ..ArtifactRow::sample()
        };
        live.announce(&artifact, 100).await.unwrap();
        let finished =
            Finished { key: key.into(), size: 9, sha256: Sha256([9; 32]), stored: stored(5), compress_at: None };
        assert!(live.set_ready(run, artifact.id, &finished).await.unwrap());
        artifact.id
    }

    #[tokio::test]
    async fn what_becomes_of_artifacts_behind_the_copy_is_taken_again_and_the_catalog_is_left_alone() {
        // A name that a URI has to escape.
        let home = tempfile::Builder::new().prefix("a ?#%20 ü").tempdir().unwrap();
        let (from, to) = (home.path().join("catalog.db"), home.path().join("copy.db"));
        let live = SqliteCatalog::open(&CatalogUrl::Sqlite(from.clone())).await.unwrap();
        let run = RunId::parse("r").unwrap();
        let smaller = ready(&live, &run, "smaller").await;
        let deleted = ready(&live, &run, "deleted").await;
        let lost = ready(&live, &run, "lost").await;
        assert!(live.lease("cleanup", "me", AT, AT.plus_millis(9)).await.unwrap());

        let mut copy = CatalogCopy::make(&from, &to).await.unwrap();
        assert_eq!(copy.count().await.unwrap(), (3, 15));
        let later = ready(&live, &run, "later").await;
        live.pin(&run, &Pin { reason: "why".into(), until: None, since: AT }).await.unwrap();
        assert_eq!(copy.count().await.unwrap(), (3, 15), "the copy is of one moment");
        copy.take_artifacts().await.unwrap();
        assert_eq!(copy.count().await.unwrap(), (4, 20));
        let page = copy.objects("", 3).await.unwrap();
        let ids: Vec<_> = page.iter().map(|object| object.id.clone()).collect();
        assert_eq!(ids, [smaller, deleted, lost].map(|id| id.to_string()));
        assert_eq!((page[0].key.as_str(), page[0].size, &page[0].sha256), ("smaller", 5, &"05".repeat(32)));
        let rest = copy.objects(&ids[2], 3).await.unwrap();
        assert_eq!(rest.iter().map(|object| &object.id).collect::<Vec<_>>(), [&later.to_string()]);

        assert!(live.replace(smaller, "smaller", "smaller.gz", &stored(3), AT).await.unwrap());
        assert!(live.remove(&run, deleted, AT).await.unwrap());
        let now = copy.take_again(&ids[0]).await.unwrap().unwrap();
        assert_eq!((now.key.as_str(), now.size), ("smaller.gz", 3));
        assert_eq!(copy.take_again(&ids[1]).await.unwrap(), None);
        copy.mark_gone(&ids[2], AT).await.unwrap();
        assert_eq!(copy.count().await.unwrap(), (2, 8));
        copy.close().await.unwrap();

        let copied = SqliteCatalog::open(&CatalogUrl::Sqlite(to)).await.unwrap();
        let state = async |catalog: &SqliteCatalog, id| catalog.find(&run, id).await.unwrap().unwrap().artifact.state;
        assert_eq!(state(&copied, lost).await, ArtifactState::Deleted);
        assert_eq!(state(&copied, deleted).await, ArtifactState::Deleted);
        assert_eq!(state(&live, lost).await, ArtifactState::Ready);
        assert_eq!(copied.pinned(&run).await.unwrap().unwrap().reason, "why");
        assert!(copied.lease("cleanup", "another", AT, AT.plus_millis(9)).await.unwrap(), "nobody holds it there");
    }
}
