//! The artifacts' tables in PostgreSQL.

use async_trait::async_trait;
use sqlx::Postgres;
use sqlx::postgres::PgRow;

use super::super::CatalogError;
use super::super::tables::{CatalogStatement, SqlDialect, Tables};
use super::{PostgresCatalog, answered};

/// Namespace of the advisory locks on runs.
const RUN_LOCKS: i64 = 0x7275_6e63_6173_7402;

/// The time in milliseconds.
pub(super) const NOW: &str = "CAST(extract(epoch FROM now()) * 1000 AS BIGINT)";

#[async_trait]
impl Tables for PostgresCatalog {
    type Row = PgRow;

    const DIALECT: SqlDialect = SqlDialect {
        list: "json_array_elements_text($1::json)",
        matches_pattern: "LIKE",
        pattern: |pattern| pattern.replace('_', "\\_").replace('*', "%"),
        rows: "json_array_elements($1::json)",
        runs: "runcast_runs",
        find: "strpos",
        now: NOW,
        lock_run: " FOR UPDATE OF run",
        lock: " FOR UPDATE",
        lock_free: " FOR UPDATE SKIP LOCKED",
    };

    async fn ask(&self, statement: CatalogStatement) -> Result<Vec<PgRow>, CatalogError> {
        answered(&self.connections, |connection| {
            Box::pin(async move {
                if let Some(run) = &statement.alone {
                    // The lock is a statement of its own, so that the next statement sees what was committed before the
                    // lock was taken.
                    let lock = sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, $2))");
                    let lock = lock.bind(run.as_str()).bind(RUN_LOCKS).persistent(false);
                    lock.execute(&mut *connection).await?;
                }
                statement.query::<Postgres>()?.persistent(false).fetch_all(connection).await
            })
        })
        .await
    }
}
