//! The artifacts' catalog in SQL, for every database that implements `Tables`.

use std::collections::HashSet;

use async_trait::async_trait;

use super::rows::{self, COLUMNS, PIN_COLUMNS};
use super::{ArtifactCatalog, ArtifactRow, DueArtifact, DueQuery, Finished, KeptArtifact, StoredForm, Totals, due};
use crate::protocol::{ArtifactId, ArtifactName, Pin, RunId, Sha256, Timestamp};
use crate::storage::catalog::CatalogError;
use crate::storage::catalog::tables::{CatalogStatement, Cells as _, Tables};

fn unreadable(error: sqlx::Error) -> CatalogError {
    CatalogError(error.to_string())
}

/// Runs a statement and reads each row.
async fn all<T: Tables, A>(
    tables: &T,
    statement: CatalogStatement,
    read: impl Fn(&T::Row) -> Result<A, sqlx::Error>,
) -> Result<Vec<A>, CatalogError> {
    tables.ask(statement).await?.iter().map(read).collect::<Result<_, _>>().map_err(unreadable)
}

/// Runs a statement and reads its row, if there is one.
async fn one<T: Tables, A>(
    tables: &T,
    statement: CatalogStatement,
    read: impl Fn(&T::Row) -> Result<A, sqlx::Error>,
) -> Result<Option<A>, CatalogError> {
    Ok(all(tables, statement, read).await?.into_iter().next())
}

/// Runs a statement that returns the rows it changes; true when it changed one.
async fn changed(tables: &impl Tables, statement: CatalogStatement) -> Result<bool, CatalogError> {
    Ok(!tables.ask(statement).await?.is_empty())
}

/// A list of texts as one JSON value.
fn list<T: ToString>(items: &[T]) -> String {
    let texts: Vec<String> = items.iter().map(T::to_string).collect();
    serde_json::Value::from(texts).to_string()
}

/// Selects those ids of the list that exist. All nodes lock rows in the same order, so that they can't deadlock.
fn listed<T: Tables>() -> String {
    let (list, lock) = (T::DIALECT.list, T::DIALECT.lock);
    format!("SELECT id FROM runcast_artifacts WHERE id IN (SELECT value FROM {list}) ORDER BY id{lock}")
}

fn with_stored(statement: CatalogStatement, stored: &StoredForm) -> CatalogStatement {
    let StoredForm { size, sha256, coding, method, decoded } = stored;
    statement.with(*size).with(sha256.to_string()).with(coding.as_str()).with(method.as_str()).with(*decoded)
}

#[async_trait]
impl<T: Tables> ArtifactCatalog for T {
    async fn announce(&self, artifact: &ArtifactRow, most: usize) -> Result<bool, CatalogError> {
        let sql = "INSERT INTO runcast_artifacts \
                   (id, run_id, name, kind, content_type, test, state, key, direct, size, sha256, created_at, \
                   idempotency_key) \
                   SELECT $1, $2, $3, $4, $5, $6, 'pending', $7, $8, $9, $10, $11, $13 WHERE $12 > (SELECT count(*) FROM \
                   (SELECT 1 FROM runcast_artifacts WHERE run_id = $2 AND state <> 'deleted' LIMIT $12) AS others) \
                   RETURNING id";
        let insert = CatalogStatement::new(sql)
            .with(artifact.id)
            .with(&artifact.run)
            .with(artifact.name.as_str())
            .with(artifact.kind.as_str())
            .with(artifact.content_type.as_str())
            .with(artifact.test.clone())
            .with(artifact.key.as_str())
            .with(artifact.direct)
            .with(artifact.size)
            .with(artifact.sha256.map(|digest| digest.to_string()))
            .with(artifact.created_at)
            .with(most)
            .with(artifact.idempotency_key.clone());
        changed(self, insert.alone(&artifact.run)).await
    }

    async fn find(&self, run: &RunId, id: ArtifactId) -> Result<Option<KeptArtifact>, CatalogError> {
        let sql = format!(
            "SELECT {COLUMNS}, {PIN_COLUMNS} FROM runcast_artifacts LEFT JOIN runcast_pins USING (run_id) \
             WHERE id = $1 AND run_id = $2"
        );
        one(self, CatalogStatement::new(sql).with(id).with(run), rows::kept).await
    }

    async fn of_run(
        &self,
        run: &RunId,
        after: Option<ArtifactId>,
        limit: usize,
    ) -> Result<Vec<KeptArtifact>, CatalogError> {
        let sql = format!(
            "SELECT {COLUMNS}, {PIN_COLUMNS} FROM runcast_artifacts LEFT JOIN runcast_pins USING (run_id) \
             WHERE run_id = $1 AND state <> 'deleted' AND id > $2 ORDER BY id LIMIT $3"
        );
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        all(self, CatalogStatement::new(sql).with(run).with(after).with(limit), rows::kept).await
    }

    async fn note_upload(&self, id: ArtifactId, upload: &str) -> Result<(), CatalogError> {
        let sql = "UPDATE runcast_artifacts SET upload = $2 WHERE id = $1";
        self.ask(CatalogStatement::new(sql).with(id).with(upload)).await.map(drop)
    }

    async fn keyed(&self, run: &RunId, key: &str) -> Result<Vec<KeptArtifact>, CatalogError> {
        let sql = format!(
            "SELECT {COLUMNS}, {PIN_COLUMNS} FROM runcast_artifacts LEFT JOIN runcast_pins USING (run_id) \
             WHERE run_id = $1 AND idempotency_key IS NOT NULL AND idempotency_key = $2 \
             AND state IN ('pending', 'ready') ORDER BY id"
        );
        all(self, CatalogStatement::new(sql).with(run).with(key), rows::kept).await
    }

    async fn same(
        &self,
        run: &RunId,
        name: &ArtifactName,
        sha256: Sha256,
    ) -> Result<Option<KeptArtifact>, CatalogError> {
        let sql = format!(
            "SELECT {COLUMNS}, {PIN_COLUMNS} FROM runcast_artifacts LEFT JOIN runcast_pins USING (run_id) \
             WHERE run_id = $1 AND name = $2 AND sha256 = $3 AND state = 'ready' ORDER BY id LIMIT 1"
        );
        one(self, CatalogStatement::new(sql).with(run).with(name.as_str()).with(sha256.to_string()), rows::kept).await
    }

    async fn set_ready(&self, run: &RunId, id: ArtifactId, finished: &Finished) -> Result<bool, CatalogError> {
        // A digest that the row already has was announced.
        let sql = "UPDATE runcast_artifacts AS mine SET state = 'ready', stored_size = $2, stored_sha256 = $3, \
                   coding = $4, method = $5, decoded_size = $6, key = $7, size = $8, sha256 = $9, compress_at = $10, \
                   upload = NULL, failures = 0, retry_at = NULL \
                   WHERE id = $1 AND run_id = $11 AND state = 'pending' \
                   AND NOT EXISTS (SELECT 1 FROM runcast_artifacts AS other WHERE other.run_id = $11 \
                   AND other.state = 'ready' AND other.idempotency_key IS NOT NULL \
                   AND other.idempotency_key = mine.idempotency_key) \
                   AND (mine.sha256 IS NULL OR NOT EXISTS (SELECT 1 FROM runcast_artifacts AS other \
                   WHERE other.run_id = $11 AND other.state = 'ready' AND other.name = mine.name \
                   AND other.sha256 = $9)) RETURNING id";
        let update = with_stored(CatalogStatement::new(sql).with(id), &finished.stored)
            .with(finished.key.as_str())
            .with(finished.size)
            .with(finished.sha256.to_string())
            .with(finished.compress_at)
            .with(run);
        changed(self, update.alone(run)).await
    }

    async fn fail(&self, id: ArtifactId, reason: &str) -> Result<bool, CatalogError> {
        let sql = "UPDATE runcast_artifacts SET state = 'failed', failure = $2 WHERE id = $1 AND state = 'pending' \
                   RETURNING id";
        changed(self, CatalogStatement::new(sql).with(id).with(reason)).await
    }

    async fn remove(&self, run: &RunId, id: ArtifactId, at: Timestamp) -> Result<bool, CatalogError> {
        let sql = "UPDATE runcast_artifacts SET state = 'deleted', deleted_at = $3, compress_at = NULL, \
                   former_until = CASE WHEN former_until > $3 THEN $3 ELSE former_until END \
                   WHERE id = $1 AND run_id = $2 AND state <> 'deleted' RETURNING id";
        changed(self, CatalogStatement::new(sql).with(id).with(run).with(at)).await
    }

    async fn remove_all(&self, run: &RunId, at: Timestamp) -> Result<usize, CatalogError> {
        let sql = "UPDATE runcast_artifacts SET state = 'deleted', deleted_at = $2, compress_at = NULL, \
                   former_until = CASE WHEN former_until > $2 THEN $2 ELSE former_until END \
                   WHERE run_id = $1 AND state <> 'deleted' RETURNING id";
        Ok(self.ask(CatalogStatement::new(sql).with(run).with(at)).await?.len())
    }

    async fn gone(&self, ids: &[ArtifactId], at: Timestamp) -> Result<(), CatalogError> {
        let sql = format!(
            "UPDATE runcast_artifacts SET state = 'deleted', deleted_at = coalesce(deleted_at, $2), \
             gone_at = coalesce(gone_at, $2), compress_at = NULL, upload = NULL, failures = 0, retry_at = NULL, \
             former_until = CASE WHEN former_until > $2 THEN $2 ELSE former_until END WHERE id IN ({})",
            listed::<T>()
        );
        self.ask(CatalogStatement::new(sql).with(list(ids)).with(at)).await.map(drop)
    }

    async fn claim(
        &self,
        now: Timestamp,
        again: Timestamp,
        tries: u32,
        limit: usize,
    ) -> Result<Vec<ArtifactRow>, CatalogError> {
        // The last permitted claim takes the artifact off the queue.
        let sql = format!(
            "WITH free AS MATERIALIZED (SELECT id FROM runcast_artifacts WHERE compress_at <= $1 \
             ORDER BY compress_at, id LIMIT $4{}) \
             UPDATE runcast_artifacts SET claims = claims + 1, compress_at = CASE WHEN claims + 1 < $3 THEN $2 END \
             WHERE id IN (SELECT id FROM free) RETURNING {COLUMNS}, claims",
            T::DIALECT.lock_free
        );
        let update = CatalogStatement::new(sql).with(now).with(again).with(i64::from(tries)).with(limit);
        let read = |row: &T::Row| Ok((rows::number(row, "claims")?, rows::artifact(row)?));
        let claimed = all(self, update, read).await?;
        Ok(claimed.into_iter().filter_map(|(claims, row)| (claims <= tries.into()).then_some(row)).collect())
    }

    async fn replace(
        &self,
        id: ArtifactId,
        from: &str,
        key: &str,
        stored: &StoredForm,
        until: Timestamp,
    ) -> Result<bool, CatalogError> {
        let sql = "UPDATE runcast_artifacts SET stored_size = $2, stored_sha256 = $3, coding = $4, method = $5, \
                   decoded_size = $6, key = $7, former_key = $8, former_until = $9, compress_at = NULL \
                   WHERE id = $1 AND state = 'ready' AND key = $8 AND former_key IS NULL RETURNING id";
        changed(self, with_stored(CatalogStatement::new(sql).with(id), stored).with(key).with(from).with(until)).await
    }

    async fn spare(&self, id: ArtifactId) -> Result<(), CatalogError> {
        let sql = "UPDATE runcast_artifacts SET compress_at = NULL WHERE id = $1";
        self.ask(CatalogStatement::new(sql).with(id)).await.map(drop)
    }

    async fn due(&self, query: &DueQuery) -> Result<Vec<DueArtifact>, CatalogError> {
        all(self, due::page(query), |row| rows::due(row, query.reason)).await
    }

    async fn put_off(&self, id: ArtifactId, until: Timestamp) -> Result<(), CatalogError> {
        let sql = "UPDATE runcast_artifacts SET failures = failures + 1, retry_at = $2 WHERE id = $1";
        self.ask(CatalogStatement::new(sql).with(id).with(until)).await.map(drop)
    }

    async fn forget_replaced(&self, ids: &[ArtifactId]) -> Result<(), CatalogError> {
        let sql = format!(
            "UPDATE runcast_artifacts SET former_key = NULL, former_until = NULL, failures = 0, retry_at = NULL \
             WHERE id IN ({})",
            listed::<T>()
        );
        self.ask(CatalogStatement::new(sql).with(list(ids))).await.map(drop)
    }

    async fn purge(&self, before: Timestamp, limit: usize) -> Result<usize, CatalogError> {
        let sql = format!(
            "WITH old AS MATERIALIZED (SELECT id FROM runcast_artifacts WHERE gone_at < $1 AND former_key IS NULL \
             ORDER BY gone_at, id LIMIT $2{}) \
             DELETE FROM runcast_artifacts WHERE id IN (SELECT id FROM old) RETURNING id",
            T::DIALECT.lock_free
        );
        Ok(self.ask(CatalogStatement::new(sql).with(before).with(limit)).await?.len())
    }

    async fn totals(&self, query: &DueQuery) -> Result<Totals, CatalogError> {
        Ok(one(self, due::totals(query), rows::totals).await?.unwrap_or_default())
    }

    async fn see(&self, keys: &[String], audit: Timestamp) -> Result<Vec<bool>, CatalogError> {
        let (texts, lock) = (T::DIALECT.list, T::DIALECT.lock);
        let sql = format!(
            "UPDATE runcast_artifacts SET seen_at = CASE WHEN seen_at > $2 THEN seen_at ELSE $2 END WHERE id IN \
             (SELECT id FROM runcast_artifacts WHERE id IN \
             (SELECT id FROM runcast_artifacts WHERE key IN (SELECT value FROM {texts}) UNION \
             SELECT id FROM runcast_artifacts WHERE former_key IS NOT NULL AND former_key IN \
             (SELECT value FROM {texts})) ORDER BY id{lock}) RETURNING key, former_key"
        );
        let seen = self.ask(CatalogStatement::new(sql).with(list(keys)).with(audit)).await?;
        let mut known = HashSet::new();
        for row in &seen {
            known.extend(row.text("key").map_err(unreadable)?);
            known.extend(row.text("former_key").map_err(unreadable)?);
        }
        Ok(keys.iter().map(|key| known.contains(key)).collect())
    }

    async fn unseen(
        &self,
        audit: Timestamp,
        after: Option<ArtifactId>,
        limit: usize,
    ) -> Result<Vec<ArtifactRow>, CatalogError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM runcast_artifacts WHERE state = 'ready' AND created_at < $1 AND \
             (seen_at IS NULL OR seen_at < $1) AND id > $2 ORDER BY id LIMIT $3"
        );
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        all(self, CatalogStatement::new(sql).with(audit).with(after).with(limit), rows::artifact).await
    }

    async fn pin(&self, run: &RunId, pin: &Pin) -> Result<(), CatalogError> {
        let sql = "INSERT INTO runcast_pins (run_id, reason, until, since) VALUES ($1, $2, $3, $4) \
                   ON CONFLICT (run_id) DO UPDATE SET reason = excluded.reason, until = excluded.until, \
                   since = excluded.since";
        let insert = CatalogStatement::new(sql).with(run).with(pin.reason.as_str()).with(pin.until).with(pin.since);
        self.ask(insert).await.map(drop)
    }

    async fn unpin(&self, run: &RunId) -> Result<bool, CatalogError> {
        changed(self, CatalogStatement::new("DELETE FROM runcast_pins WHERE run_id = $1 RETURNING run_id").with(run))
            .await
    }

    async fn pinned(&self, run: &RunId) -> Result<Option<Pin>, CatalogError> {
        let sql = format!("SELECT {PIN_COLUMNS} FROM runcast_pins WHERE run_id = $1");
        Ok(one(self, CatalogStatement::new(sql).with(run), rows::pin).await?.flatten())
    }

    async fn lease(&self, name: &str, holder: &str, now: Timestamp, until: Timestamp) -> Result<bool, CatalogError> {
        // A lease that lasts more than twice the requested time was taken by a clock that was ahead; it is ignored.
        let ahead = until.plus_millis(until.as_millis().saturating_sub(now.as_millis()));
        let sql = "INSERT INTO runcast_leases (name, holder, until) VALUES ($1, $2, $3) \
                   ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until \
                   WHERE runcast_leases.holder = excluded.holder OR runcast_leases.until <= $4 \
                   OR runcast_leases.until > $5 RETURNING name";
        changed(self, CatalogStatement::new(sql).with(name).with(holder).with(until).with(now).with(ahead)).await
    }

    async fn release(&self, name: &str, holder: &str) -> Result<(), CatalogError> {
        let sql = "DELETE FROM runcast_leases WHERE name = $1 AND holder = $2";
        self.ask(CatalogStatement::new(sql).with(name).with(holder)).await.map(drop)
    }

    async fn note(&self, name: &str, text: &str) -> Result<(), CatalogError> {
        let sql = "INSERT INTO runcast_notes (name, content) VALUES ($1, $2) \
                   ON CONFLICT (name) DO UPDATE SET content = excluded.content";
        self.ask(CatalogStatement::new(sql).with(name).with(text)).await.map(drop)
    }

    async fn noted(&self, name: &str) -> Result<Option<String>, CatalogError> {
        let sql = "SELECT content FROM runcast_notes WHERE name = $1";
        Ok(one(self, CatalogStatement::new(sql).with(name), |row| row.text("content")).await?.flatten())
    }
}
