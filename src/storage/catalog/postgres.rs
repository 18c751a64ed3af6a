//! The catalog in PostgreSQL, which all nodes of a cluster share.
//!
//! Every statement has a time-out here and one in the server, so that neither a lock nor a server that went silent holds
//! a node, and abandoned statements do not pile up in the server. Connections are tested with a time-out when they are
//! taken and when they are put back: the pool would wait for the answer of a dead one until TCP gives up. Settings
//! are made `LOCAL`, and statements have no name, so that a pooler may stand between.

use std::collections::BTreeMap;
use std::str::FromStr as _;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions, PgRow, Postgres};
use sqlx::{ConnectOptions as _, Connection as _, Row as _, Transaction};
use tokio::time::timeout;

use super::{Catalog, CatalogError, RunFilter, RunRow};
use crate::protocol::state::RunStatus;
use crate::protocol::{RunId, Timestamp};

/// Connections of a node: the recorder's, and a few for those who list runs.
const CONNECTIONS: u32 = 4;
/// How long a connection may take to be had.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a connection may take to show that it lives.
const PING: Duration = Duration::from_secs(1);
/// How long a call may take: a connection, a statement of 5 seconds, and what goes with it.
const ANSWER: Duration = Duration::from_secs(12);
/// Age of the oldest connection, so that a server that moved behind its name is found.
const LIFETIME: Duration = Duration::from_secs(300);
/// How long bringing the tables up to date may take, the wait for another node that does it included.
const MIGRATION: Duration = Duration::from_secs(60);

/// The lock under which nodes bring the tables up to date, one after the other.
const MIGRATION_LOCK: i64 = 0x7275_6e63_6173_7401;

const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout = '5s'";
const BEGIN_MIGRATION: &str = "BEGIN; SET LOCAL statement_timeout = '55s'; SET LOCAL client_min_messages = 'warning'";

/// See the module.
#[derive(Debug)]
pub struct PostgresCatalog {
    pool: PgPool,
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
        let options = options(url)?;
        let connection = connect(&options).await?;
        match timeout(MIGRATION, migrate(connection)).await {
            Ok(migrated) => migrated.map_err(|error| at(&options, &error))?,
            Err(_) => return Err(at(&options, &"the tables could not be brought up to date in a minute")),
        }
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(CONNECT)
            .max_lifetime(LIFETIME)
            .test_before_acquire(false)
            .before_acquire(|connection, _| Box::pin(async move { Ok(lives(connection).await) }))
            .after_release(|connection, _| Box::pin(async move { Ok(lives(connection).await) }))
            .connect_lazy_with(options);
        Ok(Self { pool, home: home.to_owned() })
    }

    /// Looks whether a catalog could be opened there, and changes nothing.
    ///
    /// # Errors
    /// When it can't be reached or does not let us in; without the password.
    pub async fn inspect(url: &str) -> Result<Inspection, CatalogError> {
        let options = options(url)?;
        let mut connection = connect(&options).await?;
        let sql = "SELECT current_setting('server_version'), current_setting('transaction_read_only') = 'on', \
                   to_regclass('runcast_runs') IS NOT NULL OR \
                       coalesce(has_schema_privilege(current_schema(), 'CREATE'), false), \
                   coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false)";
        let asked = sqlx::query_as::<_, (String, bool, bool, bool)>(sql).persistent(false).fetch_one(&mut connection);
        let (version, read_only, tables, tls) = answered(asked).await.map_err(|error| at(&options, &error.0))?;
        let _ = timeout(PING, connection.close()).await; // it has served
        let obstacle = match (read_only, tables) {
            (true, _) => Some("it only lets read: a replica, perhaps"),
            (false, false) => Some("this user may not create tables there"),
            (false, true) => None,
        };
        Ok(Inspection { place: place(&options), version, tls, obstacle })
    }

    async fn begin(&self) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        self.pool.begin_with(BEGIN).await
    }

    async fn record_rows(&self, rows: &[RunRow]) -> Result<(), sqlx::Error> {
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
            .bind(&self.home);
        let mut transaction = self.begin().await?;
        insert.persistent(false).execute(&mut *transaction).await?;
        transaction.commit().await
    }

    async fn list_rows(&self, filter: &RunFilter) -> Result<Vec<RunRow>, sqlx::Error> {
        let sql = "SELECT run_id, status, tip, created_at, last_at FROM runcast_runs \
                   WHERE ($1::text IS NULL OR status = $1) AND ($2::bigint IS NULL OR (last_at, run_id) < ($2, $3)) \
                   ORDER BY last_at DESC, run_id DESC LIMIT $4";
        let (last_at, run) = filter.after.as_ref().map(|(at, run)| (at.as_millis(), run.as_str())).unzip();
        let select = sqlx::query(sql)
            .bind(filter.status.map(RunStatus::as_str))
            .bind(last_at)
            .bind(run)
            .bind(i64::try_from(filter.limit).unwrap_or(i64::MAX));
        let mut transaction = self.begin().await?;
        let rows = select.persistent(false).fetch_all(&mut *transaction).await?;
        transaction.commit().await?;
        rows.iter().map(run_row).collect()
    }

    async fn forget_runs(&self, runs: &[RunId]) -> Result<(), sqlx::Error> {
        // Locked in the order in which `record_rows` does it.
        let sql = "DELETE FROM runcast_runs WHERE run_id IN \
                   (SELECT run_id FROM runcast_runs WHERE run_id = ANY($1) ORDER BY run_id FOR UPDATE)";
        let delete = sqlx::query(sql).bind(runs.iter().map(RunId::as_str).collect::<Vec<_>>());
        let mut transaction = self.begin().await?;
        delete.persistent(false).execute(&mut *transaction).await?;
        transaction.commit().await
    }

    async fn newest_change(&self) -> Result<Option<i64>, sqlx::Error> {
        let mut transaction = self.begin().await?;
        let newest = sqlx::query_scalar("SELECT max(last_at) FROM runcast_runs").persistent(false);
        let newest = newest.fetch_one(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(newest)
    }

    async fn is_writable(&self) -> Result<bool, sqlx::Error> {
        let mut transaction = self.begin().await?;
        let sql = "SELECT current_setting('transaction_read_only') = 'off' AND count(*) >= 0 \
                   FROM (SELECT 1 FROM runcast_runs LIMIT 1) AS one";
        let writable = sqlx::query_scalar(sql).persistent(false).fetch_one(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(writable)
    }
}

fn options(url: &str) -> Result<PgConnectOptions, CatalogError> {
    let options = PgConnectOptions::from_str(url).map_err(|error| CatalogError(error.to_string()))?;
    let named = options.get_application_name().is_some();
    let options = options.disable_statement_logging();
    Ok(if named { options } else { options.application_name("runcast") })
}

/// A connection of its own: the pool would not say why there is none.
async fn connect(options: &PgConnectOptions) -> Result<PgConnection, CatalogError> {
    match timeout(CONNECT, options.connect()).await {
        Ok(connected) => connected.map_err(|error| at(options, &error)),
        Err(_) => Err(at(options, &"no connection within 5 s")),
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
    let _ = timeout(PING, connection.close()).await; // it has served
    Ok(())
}

async fn lives(connection: &mut PgConnection) -> bool {
    matches!(timeout(PING, connection.ping()).await, Ok(Ok(())))
}

/// Where it is, in words that hold no password.
fn place(options: &PgConnectOptions) -> String {
    match options.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    }
}

fn at(options: &PgConnectOptions, error: &dyn std::fmt::Display) -> CatalogError {
    CatalogError(format!("PostgreSQL at {}: {error}", place(options)))
}

/// Awaits a call's answer, but not for ever.
async fn answered<T>(work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, CatalogError> {
    match timeout(ANSWER, work).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(sqlx::Error::PoolTimedOut)) => Err(CatalogError("no connection to PostgreSQL within 5 s".into())),
        Ok(Err(error)) => Err(CatalogError(error.to_string())),
        Err(_) => Err(CatalogError("PostgreSQL did not answer within 12 s".into())),
    }
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
        answered(self.record_rows(rows)).await
    }

    async fn list(&self, filter: &RunFilter) -> Result<Vec<RunRow>, CatalogError> {
        answered(self.list_rows(filter)).await
    }

    async fn forget(&self, runs: &[RunId]) -> Result<(), CatalogError> {
        answered(self.forget_runs(runs)).await
    }

    async fn newest(&self) -> Result<Option<Timestamp>, CatalogError> {
        Ok(answered(self.newest_change()).await?.map(Timestamp::from_millis))
    }

    async fn probe(&self) -> Result<(), CatalogError> {
        if answered(self.is_writable()).await? { Ok(()) } else { Err(CatalogError("PostgreSQL only lets read".into())) }
    }

    async fn close(&self) {
        // Bounded: a connection that does not answer has nothing to finish.
        let _ = timeout(CONNECT, self.pool.close()).await;
    }
}
