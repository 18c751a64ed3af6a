//! The catalog in PostgreSQL, which all nodes of a cluster share.
//!
//! Every call is bounded here and in the server, so that neither a lock nor a server that went silent holds a node, and
//! abandoned statements do not pile up in the server. Settings are made `LOCAL`, locks end with their transaction and
//! statements have no name, so that a pooler may stand between.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{Connection as _, Row as _};
use tokio::time::timeout;

use super::{Catalog, CatalogError, RunFilter, RunRow};
use crate::protocol::{RunId, Timestamp};
use crate::run_state::RunStatus;
use crate::tasks;

mod artifacts;
mod connections;

use connections::Connections;

/// How long a call may take: to get a connection, a statement of 5 seconds, and what goes with it.
const ANSWER: Duration = Duration::from_secs(12);
/// How long the first connection may take: of a whole cluster that starts, perhaps.
const FIRST: Duration = Duration::from_secs(15);
/// How long bringing the tables up to date may take, the wait for another node that does it included.
const MIGRATION: Duration = Duration::from_secs(60);

/// The lock under which nodes bring the tables up to date, one after the other.
const MIGRATION_LOCK: i64 = 0x7275_6e63_6173_7401;

const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout = '5s'";
const BEGIN_MIGRATION: &str = "BEGIN; SET LOCAL statement_timeout = '55s'; SET LOCAL client_min_messages = 'warning'";

/// See the module.
#[derive(Debug)]
pub struct PostgresCatalog {
    connections: Arc<Connections>,
    /// Kept with each row: the name of the store that has the run's log.
    home: String,
}

/// What [`PostgresCatalog::inspect`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// Where it is; without user and password.
    pub place: String,
    /// Its version.
    pub version: String,
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// Why it can't serve as it is.
    pub obstacle: Option<&'static str>,
}

impl PostgresCatalog {
    /// Connects and brings the tables up to date. `home` is kept with each row: which store has the run's log.
    ///
    /// # Errors
    /// When it can't be reached, does not let us in or can't make the tables; without the password.
    pub async fn open(url: &str, home: &str) -> Result<Self, CatalogError> {
        let connections = Arc::new(Connections::to(url)?);
        let migrated = async {
            match timeout(MIGRATION, migrate(connections.single(FIRST).await?)).await {
                Ok(migrated) => migrated.map_err(say),
                Err(_) => Err(CatalogError("the tables could not be brought up to date within 60 s".into())),
            }
        };
        migrated.await.map_err(|error| at(&connections, &error))?;
        Ok(Self { connections, home: home.to_owned() })
    }

    /// Looks whether a catalog could be opened there, and changes nothing.
    ///
    /// # Errors
    /// When it can't be reached or does not let us in; without the password.
    pub async fn inspect(url: &str) -> Result<Inspection, CatalogError> {
        let connections = Arc::new(Connections::to(url)?);
        let sql = "SELECT current_setting('server_version'), current_setting('transaction_read_only') = 'on', \
                   to_regclass('runcast_runs') IS NOT NULL OR \
                       coalesce(has_schema_privilege(current_schema(), 'CREATE'), false), \
                   coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false)";
        let select = sqlx::query_as::<_, (String, bool, bool, bool)>(sql).persistent(false);
        let looked = answered(&connections, |connection| Box::pin(select.fetch_one(connection)));
        let (version, read_only, tables, tls) = looked.await.map_err(|error| at(&connections, &error))?;
        connections.close().await;
        let obstacle = match (read_only, tables) {
            (true, _) => Some("it only lets read: a replica, perhaps"),
            (false, false) => Some("this user may not create tables there"),
            (false, true) => None,
        };
        Ok(Inspection { place: connections.place(), version, tls, obstacle })
    }
}

fn say(error: sqlx::Error) -> CatalogError {
    CatalogError(error.to_string())
}

/// With where it is: for those who configure it, not for those who ask a node.
fn at(connections: &Connections, CatalogError(error): &CatalogError) -> CatalogError {
    CatalogError(format!("PostgreSQL at {}: {error}", connections.place()))
}

/// Does `work` in a transaction of its own, and gives up when it takes too long. It goes on when the caller goes: who
/// asks and does not wait must not leave statements behind in the server that no connection of ours stands for.
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

async fn migrate(mut connection: PgConnection) -> Result<(), sqlx::Error> {
    let mut migrations = sqlx::migrate!("src/storage/catalog/migrations/postgres");
    migrations.dangerous_set_table_name("_runcast_migrations");
    // sqlx's own lock belongs to the connection, which behind a pooler is anybody's: this one ends with the transaction.
    migrations.set_locking(false);
    let mut transaction = connection.begin_with(BEGIN_MIGRATION).await?;
    let lock = sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(MIGRATION_LOCK);
    lock.persistent(false).execute(&mut *transaction).await?;
    migrations.run(&mut *transaction).await?;
    transaction.commit().await?;
    connection.close().await
}

fn run_row(row: &PgRow) -> Result<RunRow, sqlx::Error> {
    Ok(RunRow {
        run: RunId::parse(row.try_get(0)?).map_err(|error| sqlx::Error::Decode(error.into()))?,
        status: row.try_get::<Option<&str>, _>(1)?.and_then(RunStatus::parse),
        tip: row.try_get::<i64, _>(2)? as u64,
        created_at: Timestamp::from_millis(row.try_get(3)?),
        last_at: Timestamp::from_millis(row.try_get(4)?),
    })
}

#[async_trait]
impl Catalog for PostgresCatalog {
    async fn record(&self, rows: &[RunRow]) -> Result<(), CatalogError> {
        // One statement must not meet a run twice. And in the same order on all nodes, or they wait for one another.
        let mut newest: BTreeMap<&str, &RunRow> = BTreeMap::new();
        for row in rows {
            let known = newest.entry(row.run.as_str()).or_insert(row);
            if row.tip >= known.tip {
                *known = row;
            }
        }
        let rows = || newest.values();
        let sql = "INSERT INTO runcast_runs (run_id, status, tip, created_at, last_at, home) \
                   SELECT *, $6 FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[]) \
                   ON CONFLICT (run_id) DO UPDATE SET status = excluded.status, tip = excluded.tip, \
                   created_at = excluded.created_at, last_at = excluded.last_at, home = excluded.home \
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

    async fn list(&self, filter: &RunFilter) -> Result<Vec<RunRow>, CatalogError> {
        let sql = "SELECT run_id, status, tip, created_at, last_at FROM runcast_runs \
                   WHERE ($1::text IS NULL OR status = $1) AND ($2::bigint IS NULL OR (last_at, run_id) < ($2, $3)) \
                   ORDER BY last_at DESC, run_id DESC LIMIT $4";
        let (last_at, run) = filter.after.as_ref().map(|(at, run)| (at.as_millis(), run.as_str())).unzip();
        let select = sqlx::query(sql)
            .bind(filter.status.map(RunStatus::as_str))
            .bind(last_at)
            .bind(run)
            .bind(i64::try_from(filter.limit).unwrap_or(i64::MAX))
            .persistent(false);
        let rows = answered(&self.connections, |connection| Box::pin(select.fetch_all(connection))).await?;
        rows.iter().map(run_row).collect::<Result<_, _>>().map_err(say)
    }

    async fn forget(&self, runs: &[RunId]) -> Result<(), CatalogError> {
        // Locked in the order in which `record` does it.
        let sql = "DELETE FROM runcast_runs WHERE run_id IN \
                   (SELECT run_id FROM runcast_runs WHERE run_id = ANY($1) ORDER BY run_id FOR UPDATE)";
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
