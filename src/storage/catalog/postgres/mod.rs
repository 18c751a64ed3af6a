//! The catalog in PostgreSQL, which all nodes of a cluster share.
//!
//! Every call is bounded here and in the server, so neither a lock nor a silent server blocks a node, and
//! abandoned statements do not pile up in the server. Settings are `LOCAL`, locks end with their transaction and
//! statements have no name, so a connection pooler may stand between.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use sqlx::Connection as _;
use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnection;
use tokio::time::timeout;

use super::runs::{ListedRun, list};
use super::{Catalog, CatalogError, RunFilter, RunRow, format};
use crate::protocol::status::RunStatus;
use crate::protocol::{RunId, Timestamp};
use crate::storage::format::{NewerFormat, OpenError};
use crate::tasks;

mod connections;
mod tables;

use connections::Connections;

/// Longest time of a call: getting a connection, a statement of at most 5 seconds, and the transaction around it.
const ANSWER: Duration = Duration::from_secs(12);
/// Longest time for the first connection, perhaps while a whole cluster starts.
const FIRST: Duration = Duration::from_secs(15);
/// Longest time for migrations, including the wait for another node that runs them.
const MIGRATION: Duration = Duration::from_secs(60);

/// The table that says which migrations have been applied.
const APPLIED: &str = "_runcast_migrations";

/// The advisory lock under which nodes run migrations one after the other.
const MIGRATION_LOCK: i64 = 0x7275_6e63_6173_7401;

const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout = '5s'";
const BEGIN_MIGRATION: &str = "BEGIN; SET LOCAL statement_timeout = '55s'; SET LOCAL client_min_messages = 'warning'";

/// The catalog in PostgreSQL.
#[derive(Debug)]
pub struct PostgresCatalog {
    connections: Arc<Connections>,
    /// The name of the store that has the runs' logs; kept with each row.
    home: String,
}

/// The result of [`PostgresCatalog::inspect`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// The server's address, without user and password.
    pub location: String,
    /// The server's version.
    pub version: String,
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// The format version of its tables; 0 when they are yet to be made.
    pub format: u32,
    /// The format version of this build.
    pub known: u32,
    /// Why it can't be used as it is.
    pub obstacle: Option<String>,
}

impl PostgresCatalog {
    /// Connects and runs the migrations. `home` is kept with each row: the name of the store that has the run's log.
    ///
    /// # Errors
    /// [`OpenError::NewerFormat`]: a newer build has changed the tables, and nothing was done to them. [`OpenError::Failed`]: the
    /// server can't be reached, refuses the login, or the migrations fail. Neither text has the password.
    pub async fn open(url: &str, home: &str) -> Result<Self, OpenError<CatalogError>> {
        let connections = Arc::new(Connections::to(url)?);
        let store = store(&connections);
        let migrated = async {
            match timeout(MIGRATION, migrate(connections.single(FIRST).await?, &store)).await {
                Ok(migrated) => migrated.map_err(say),
                Err(_) => Err(CatalogError("the tables could not be brought up to date within 60 s".into())),
            }
        };
        migrated.await.map_err(|error| at(&connections, &error))?.map_err(OpenError::NewerFormat)?;
        Ok(Self { connections, home: home.to_owned() })
    }

    /// Checks whether a catalog could be opened; changes nothing.
    ///
    /// # Errors
    /// When the server can't be reached or refuses the login. The text has no password.
    pub async fn inspect(url: &str) -> Result<Inspection, CatalogError> {
        let connections = Arc::new(Connections::to(url)?);
        let sql = "SELECT current_setting('server_version'), current_setting('transaction_read_only') = 'on', \
                   to_regclass('runcast_runs') IS NOT NULL OR \
                       coalesce(has_schema_privilege(current_schema(), 'CREATE'), false), \
                   coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false)";
        let select = sqlx::query_as::<_, (String, bool, bool, bool)>(sql).persistent(false);
        let looked = answered(&connections, |connection| {
            Box::pin(async move { Ok((select.fetch_one(&mut *connection).await?, last_migration(connection).await?)) })
        });
        let ((version, read_only, tables, tls), last) = looked.await.map_err(|error| at(&connections, &error))?;
        connections.close().await;
        let format = format::check(store(&connections), last, &self::tables());
        let obstacle = match (read_only, tables, &format) {
            (true, ..) => Some("it only lets read: a replica, perhaps".to_owned()),
            (false, false, _) => Some("this user may not create tables there".to_owned()),
            (false, true, Err(newer)) => Some(newer.to_string()),
            (false, true, Ok(_)) => None,
        };
        let (location, format, known) =
            (connections.location(), format.unwrap_or_default(), format::newest(&self::tables()));
        Ok(Inspection { location, version, tls, format, known, obstacle })
    }
}

fn say(error: sqlx::Error) -> CatalogError {
    CatalogError(error.to_string())
}

/// Adds the server's address to an error, for operators only.
fn at(connections: &Connections, CatalogError(error): &CatalogError) -> CatalogError {
    CatalogError(format!("PostgreSQL at {}: {error}", connections.location()))
}

/// Runs `work` in a transaction of its own, with a time-out. It goes on when the caller is cancelled, because
/// abandoned statements must not pile up in the server without a connection of ours.
async fn answered<T: Send + 'static>(
    connections: &Arc<Connections>,
    work: impl for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, sqlx::Error>> + Send + 'static,
) -> Result<T, CatalogError> {
    let connections = connections.clone();
    let answer = async move {
        let mut lent = connections.lend().await?;
        let mut transaction = lent.begin_with(BEGIN).await.map_err(say)?;
        let answer = work(&mut transaction).await.map_err(say)?;
        transaction.commit().await.map_err(say)?;
        lent.give_back();
        Ok(answer)
    };
    match tasks::spawn("catalog_query", timeout(ANSWER, answer)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => Err(CatalogError("PostgreSQL did not answer within 12 s".into())),
        Err(failed) => Err(CatalogError(failed.to_string())),
    }
}

/// The catalog's tables, step by step.
fn tables() -> Migrator {
    let mut tables = sqlx::migrate!("src/storage/catalog/migrations/postgres");
    tables.dangerous_set_table_name(APPLIED);
    // sqlx's own lock belongs to the connection, which a pooler may share; that of `migrate` ends with the transaction.
    tables.set_locking(false);
    tables
}

/// How refusals name it.
fn store(connections: &Connections) -> String {
    format!("the catalog in PostgreSQL at {}", connections.location())
}

/// The migration that was applied last; `None` when there are no tables.
async fn last_migration(connection: &mut PgConnection) -> Result<Option<i64>, sqlx::Error> {
    let table = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL").bind(APPLIED).persistent(false);
    if !table.fetch_one(&mut *connection).await? {
        return Ok(None);
    }
    let last = sqlx::query_scalar("SELECT max(version) FROM _runcast_migrations").persistent(false);
    last.fetch_one(connection).await
}

/// Brings the tables up to date, unless a newer build has changed them.
async fn migrate(mut connection: PgConnection, store: &str) -> Result<Result<(), NewerFormat>, sqlx::Error> {
    let tables = tables();
    let mut transaction = connection.begin_with(BEGIN_MIGRATION).await?;
    let lock = sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(MIGRATION_LOCK);
    lock.persistent(false).execute(&mut *transaction).await?;
    if let Err(newer) = format::check(store, last_migration(&mut transaction).await?, &tables) {
        return Ok(Err(newer));
    }
    tables.run(&mut *transaction).await?;
    transaction.commit().await?;
    connection.close().await.map(Ok)
}

#[async_trait]
impl Catalog for PostgresCatalog {
    async fn record(&self, rows: &[RunRow]) -> Result<(), CatalogError> {
        // A statement must not name a run twice, and all nodes use the same order so that they can't deadlock.
        let mut newest: BTreeMap<&str, &RunRow> = BTreeMap::new();
        for row in rows {
            let known = newest.entry(row.run.as_str()).or_insert(row);
            if row.tip >= known.tip {
                *known = row;
            }
        }
        let rows = || newest.values();
        let sql = "INSERT INTO runcast_runs (run_id, status, tip, created_at, last_at, home, written_at) \
                   SELECT *, $6, CAST(extract(epoch FROM now()) * 1000 AS BIGINT) FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[]) \
                   ON CONFLICT (run_id) DO UPDATE SET status = excluded.status, tip = excluded.tip, \
                   created_at = excluded.created_at, last_at = excluded.last_at, home = excluded.home, \
                   written_at = excluded.written_at \
                   WHERE excluded.tip >= runcast_runs.tip";
        let insert = sqlx::query(sql)
            .bind(newest.keys().copied().collect::<Vec<_>>())
            .bind(rows().map(|row| row.status.map(RunStatus::as_str)).collect::<Vec<_>>())
            .bind(rows().map(|row| row.tip as i64).collect::<Vec<_>>())
            .bind(rows().map(|row| row.created_at.as_millis()).collect::<Vec<_>>())
            .bind(rows().map(|row| row.last_at.as_millis()).collect::<Vec<_>>())
            .bind(&self.home)
            .persistent(false);
        answered(&self.connections, |connection| Box::pin(insert.execute(connection))).await.map(drop)
    }

    async fn list(&self, filter: &RunFilter) -> Result<Vec<ListedRun>, CatalogError> {
        list::list(self, filter).await
    }

    async fn forget(&self, runs: &[RunId]) -> Result<(), CatalogError> {
        // Rows are locked in the same order as in `record`.
        let sql = "WITH gone AS (SELECT run_id FROM runcast_runs WHERE run_id = ANY($1) ORDER BY run_id FOR UPDATE), \
                   results AS (DELETE FROM runcast_results WHERE run_id IN (SELECT run_id FROM gone)) \
                   DELETE FROM runcast_runs WHERE run_id IN (SELECT run_id FROM gone)";
        let delete = sqlx::query(sql).bind(runs.iter().map(RunId::as_str).collect::<Vec<_>>()).persistent(false);
        answered(&self.connections, |connection| Box::pin(delete.execute(connection))).await.map(drop)
    }

    async fn newest(&self) -> Result<Option<Timestamp>, CatalogError> {
        let select = sqlx::query_scalar("SELECT max(last_at) FROM runcast_runs").persistent(false);
        let newest: Option<i64> =
            answered(&self.connections, |connection| Box::pin(select.fetch_one(connection))).await?;
        Ok(newest.map(Timestamp::from_millis))
    }

    async fn probe(&self) -> Result<(), CatalogError> {
        let sql = "SELECT current_setting('transaction_read_only') = 'off' AND count(*) >= 0 \
                   FROM (SELECT 1 FROM runcast_runs LIMIT 1) AS one";
        let select = sqlx::query_scalar(sql).persistent(false);
        let writable: bool = answered(&self.connections, |connection| Box::pin(select.fetch_one(connection))).await?;
        if writable { Ok(()) } else { Err(CatalogError("PostgreSQL only lets read".into())) }
    }

    async fn close(&self) {
        self.connections.close().await;
    }
}
