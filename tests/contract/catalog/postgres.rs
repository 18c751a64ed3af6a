//! The catalog in PostgreSQL when things go wrong, each caused for real. What all catalogs share: `runs.rs`.

use std::time::{Duration, Instant};

use crate::support::{Certificates, PASSWORD, Postgres, SOON, eventually, soon};
use futures_util::future::join_all;
use runcast::protocol::{RunId, Timestamp};
use runcast::storage::catalog::postgres::PostgresCatalog;
use runcast::storage::catalog::runs::RunCatalog as _;
use runcast::storage::catalog::{Catalog as _, CatalogError, RunFilter, RunRow};
use rustix::process::{Pid, Signal, kill_process};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

/// What a call may take at most: a dead connection, a new one, a statement.
const BOUNDED: Duration = Duration::from_secs(13);

fn row(name: &str, tip: u64) -> RunRow {
    RunRow {
        run: RunId::parse(name).unwrap(),
        status: None,
        tip,
        created_at: Timestamp::from_millis(1),
        last_at: Timestamp::from_millis(tip as i64),
    }
}

async fn open(url: &str) -> PostgresCatalog {
    PostgresCatalog::open(url, "here").await.unwrap()
}

/// Records the run `r` with this tip.
async fn record(catalog: &PostgresCatalog, tip: u64) -> Result<(), CatalogError> {
    catalog.record(&[row("r", tip)]).await
}

async fn rows(catalog: &PostgresCatalog) -> Result<Vec<RunRow>, CatalogError> {
    let listed = catalog.list(&RunFilter { limit: 1_000, ..RunFilter::default() }).await?;
    Ok(listed.into_iter().map(|listed| listed.row).collect())
}

/// The name at a URL's end.
fn database(url: &str) -> &str {
    url.rsplit('/').next().unwrap()
}

/// How many connections the catalogs of a database have, those that do something.
async fn busy(admin: &mut PgConnection, url: &str) -> i64 {
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND usename = 'runcast' AND state <> 'idle'";
    sqlx::query_scalar(sql).bind(database(url)).fetch_one(admin).await.unwrap()
}

/// The server's processes that serve the catalogs of a database and wait for this: `Client` or `Lock`.
async fn backends(admin: &mut PgConnection, url: &str, wait: &str) -> Vec<i32> {
    let sql = "SELECT pid FROM pg_stat_activity WHERE datname = $1 AND usename = 'runcast' AND wait_event_type = $2";
    sqlx::query_scalar(sql).bind(database(url)).bind(wait).fetch_all(admin).await.unwrap()
}

fn signal(processes: &[i32], signal: Signal) {
    for process in processes {
        kill_process(Pid::from_raw(*process).unwrap(), signal).unwrap();
    }
}

/// What opening says, which must hold no password.
async fn refusal(url: &str) -> String {
    let error = soon("a refusal", PostgresCatalog::open(url, "here")).await.unwrap_err().to_string();
    assert!(!error.contains(PASSWORD), "{error}");
    error
}

#[tokio::test]
async fn nodes_that_start_together_bring_the_tables_up_to_date_once() {
    for _ in 0..5 {
        let url = Postgres::shared().await.database().await;
        let nodes = join_all((0..8).map(|_| open(&url))).await;
        join_all(nodes.iter().zip(1..).map(async |(node, tip)| record(node, tip).await.unwrap())).await;
        for node in &nodes {
            assert_eq!(rows(node).await.unwrap(), [row("r", 8)]);
            node.close().await;
        }
    }
}

#[tokio::test]
async fn a_row_says_where_its_run_is_stored_and_other_tables_are_left_alone() {
    let server = Postgres::shared().await;
    let url = server.database().await;
    let mut owner = PgConnection::connect(&url).await.unwrap();
    let theirs = "CREATE TABLE runs (theirs int); CREATE TABLE _sqlx_migrations (theirs int)";
    owner.execute(theirs).await.unwrap();
    let (east, west) =
        (PostgresCatalog::open(&url, "east").await.unwrap(), PostgresCatalog::open(&url, "west").await.unwrap());
    east.record(&[row("a", 5), row("b", 1)]).await.unwrap();
    west.record(&[row("a", 4), row("b", 2)]).await.unwrap();
    let homes = sqlx::query_as::<_, (String, String)>("SELECT run_id, home FROM runcast_runs ORDER BY run_id");
    let homes = homes.fetch_all(&mut owner).await.unwrap();
    assert_eq!(homes, [("a".into(), "east".into()), ("b".into(), "west".into())]);
}

#[tokio::test]
async fn what_keeps_a_catalog_from_opening_is_said_without_the_password() {
    let server = Postgres::shared().await;
    let url = server.database().await;
    let refused = refusal(&format!("postgres://runcast:{PASSWORD}@127.0.0.1:1/d")).await;
    assert!(refused.contains("127.0.0.1:1: ") && refused.contains("refused"), "{refused}");
    let refused = refusal(&url.replace(PASSWORD, "wrong")).await;
    assert!(refused.contains("password authentication failed"), "{refused}");
    let refused = refusal(&url.replace(database(&url), "nowhere")).await;
    assert!(refused.contains("database \"nowhere\" does not exist"), "{refused}");
    let refused = refusal(&format!("{url}?sslmode=require")).await;
    assert!(refused.contains("TLS"), "{refused}");
    // Of the administrator's database, this user may only read.
    let foreign = url.replace(database(&url), "postgres");
    let refused = refusal(&foreign).await;
    assert!(refused.contains("permission denied"), "{refused}");
    assert_eq!(
        PostgresCatalog::inspect(&foreign).await.unwrap().obstacle.as_deref(),
        Some("this user may not create tables there")
    );
    let found = PostgresCatalog::inspect(&url).await.unwrap();
    assert_eq!((found.obstacle, found.tls), (None, false));
    let mut admin = server.admin(database(&url)).await;
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        .fetch_one(&mut admin)
        .await
        .unwrap();
    assert_eq!(tables, 0, "an inspection changes nothing");
}

#[tokio::test]
async fn connections_that_the_server_cut_are_replaced_unnoticed() {
    let server = Postgres::shared().await;
    let url = server.database().await;
    let mut admin = server.admin("postgres").await;
    let catalog = open(&url).await;
    for tip in 1..=5 {
        // As many connections as there can be.
        let all = join_all((0..6).map(|_| record(&catalog, tip))).await;
        assert!(all.iter().all(Result::is_ok), "{all:?}");
        let sql = "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE datname = $1";
        let cut: i64 = sqlx::query_scalar(sql).bind(database(&url)).fetch_one(&mut admin).await.unwrap();
        assert!(cut > 0);
    }
    assert_eq!(rows(&catalog).await.unwrap(), [row("r", 5)]);
}

#[tokio::test]
async fn a_server_that_is_away_fails_every_call_in_time_and_is_found_when_it_is_back() {
    let mut server = Postgres::start().await;
    let catalog = open(&server.database().await).await;
    record(&catalog, 1).await.unwrap();
    for outage in 2..4 {
        server.stop();
        let started = Instant::now();
        let (recorded, listed, probed) = tokio::join!(record(&catalog, outage), rows(&catalog), catalog.probe());
        assert!(recorded.is_err() && listed.is_err() && probed.is_err());
        assert!(started.elapsed() < BOUNDED, "{:?}", started.elapsed());
        server.start_again().await;
        record(&catalog, outage).await.unwrap();
        assert_eq!(rows(&catalog).await.unwrap(), [row("r", outage)]);
    }
}

#[tokio::test]
async fn a_server_that_goes_silent_holds_nobody_and_is_used_again_when_it_answers() {
    let server = Postgres::start().await;
    let catalog = open(&server.database().await).await;
    let all = join_all((0..6).map(|_| record(&catalog, 1))).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    server.freeze();
    let started = Instant::now();
    let (recorded, listed, probed) = tokio::join!(record(&catalog, 2), rows(&catalog), catalog.probe());
    assert!(recorded.is_err() && listed.is_err() && probed.is_err());
    assert!(started.elapsed() < BOUNDED, "{:?}", started.elapsed());
    server.thaw();
    record(&catalog, 3).await.unwrap();
    assert_eq!(rows(&catalog).await.unwrap(), [row("r", 3)]);
}

/// What a firewall does that forgets connections: nobody answers on them, and new ones are fine.
#[tokio::test]
async fn connections_that_went_silent_are_replaced_whether_they_wait_or_work() {
    let server = Postgres::start().await;
    let url = server.database().await;
    let (catalog, mut admin) = (open(&url).await, server.admin("postgres").await);
    let all = join_all((0..6).map(|_| record(&catalog, 1))).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    let idle = eventually!(backends(&mut admin, &url, "Client").await, |idle| idle.len() > 1, SOON);
    signal(&idle, Signal::STOP);
    for tip in 2..5 {
        record(&catalog, tip).await.unwrap();
    }

    let mut holder = server.admin(database(&url)).await;
    holder.execute("BEGIN; LOCK TABLE runcast_runs").await.unwrap();
    let calls = join_all((0..4).map(async |_| {
        loop {
            catalog.probe().await.unwrap_err();
        }
    }));
    let working = async {
        let all = eventually!(backends(&mut admin, &url, "Lock").await, |all| all.len() == 4, SOON);
        signal(&all, Signal::STOP);
        all
    };
    let working = tokio::select! {
        _ = calls => unreachable!("the table is locked"),
        working = working => working,
    };
    holder.execute("COMMIT").await.unwrap();
    // Nobody waits for the answers any more, but the connections are all that there may be until they are given up.
    eventually!(record(&catalog, 5).await, Result::is_ok, 2 * SOON).unwrap();
    assert_eq!(rows(&catalog).await.unwrap(), [row("r", 5)]);
    signal(&[idle, working].concat(), Signal::CONT);
}

#[tokio::test]
async fn a_slow_server_is_given_up_in_seconds_and_collects_no_abandoned_statements() {
    let server = Postgres::shared().await;
    let url = server.database().await;
    let catalog = open(&url).await;
    let mut admin = server.admin(database(&url)).await;
    let mut holder = server.admin(database(&url)).await;
    holder.execute("BEGIN; LOCK TABLE runcast_runs").await.unwrap();
    let started = Instant::now();
    let (recorded, listed) = tokio::join!(record(&catalog, 1), rows(&catalog));
    assert!(started.elapsed() < BOUNDED, "{:?}", started.elapsed());
    for error in [recorded.unwrap_err(), listed.unwrap_err()] {
        assert!(error.0.contains("statement timeout"), "{error}");
    }
    // Nor do those who ask and go.
    for _ in 0..10 {
        let all = join_all((0..4).map(|_| catalog.probe()));
        let _ = tokio::time::timeout(Duration::from_millis(200), all).await;
    }
    let left = busy(&mut admin, &url).await;
    assert!(left <= 4, "{left} statements");
    eventually!(busy(&mut admin, &url).await, |busy| *busy == 0, SOON);
    holder.execute("COMMIT").await.unwrap();
    record(&catalog, 2).await.unwrap();
    assert_eq!(rows(&catalog).await.unwrap(), [row("r", 2)]);
}

#[tokio::test]
async fn a_server_that_only_lets_read_is_reported_and_writes_wait_for_it() {
    let server = Postgres::shared().await;
    let url = server.database().await;
    let (before, mut admin) = (open(&url).await, server.admin("postgres").await);
    record(&before, 1).await.unwrap();
    before.close().await;
    let turn = |word: &str| {
        AssertSqlSafe(format!("ALTER DATABASE {} SET default_transaction_read_only = {word}", database(&url)))
    };
    let catalog = open(&url).await;
    admin.execute(turn("on")).await.unwrap();
    assert_eq!(rows(&catalog).await.unwrap(), [row("r", 1)]);
    assert_eq!(catalog.probe().await.unwrap_err().0, "PostgreSQL only lets read");
    assert!(record(&catalog, 2).await.is_err());
    let found = PostgresCatalog::inspect(&url).await.unwrap();
    assert_eq!(found.obstacle.as_deref(), Some("it only lets read: a replica, perhaps"));
}

#[tokio::test]
async fn the_url_says_whether_the_connection_is_encrypted_and_who_is_trusted() {
    let server = Postgres::start().await;
    let directory = tempfile::tempdir().unwrap();
    let (theirs, others) = (directory.path().join("theirs"), directory.path().join("others"));
    let [theirs, others] = [theirs, others].map(|directory| {
        std::fs::create_dir(&directory).unwrap();
        Certificates::make(&directory)
    });
    let url = server.database().await;
    server.encrypt(&theirs).await;

    let named = url.replace("127.0.0.1", "localhost");
    let with = |url: &str, mode: &str, trusted: &Certificates| {
        format!("{url}?sslmode={mode}&sslrootcert={}", trusted.authority.display())
    };
    for (url, tls) in [
        (format!("{url}?sslmode=disable"), false),
        (format!("{url}?sslmode=prefer"), true),
        (format!("{url}?sslmode=require"), true),
        (with(&url, "verify-ca", &theirs), true),
        (with(&named, "verify-full", &theirs), true),
    ] {
        let catalog = open(&url).await;
        record(&catalog, 1).await.unwrap();
        assert_eq!(PostgresCatalog::inspect(&url).await.unwrap().tls, tls, "{url}");
        catalog.close().await;
    }
    for url in [with(&url, "verify-full", &theirs), with(&named, "verify-full", &others)] {
        let refused = refusal(&url).await;
        assert!(refused.contains("certificate"), "{refused}");
    }
}

#[tokio::test]
async fn runs_whose_summaries_are_behind_are_found_among_100_000_by_an_index() {
    let url = Postgres::shared().await.database().await;
    let catalog = open(&url).await;
    let mut admin = Postgres::shared().await.admin(database(&url)).await;
    let rows = "INSERT INTO runcast_runs (run_id, status, tip, created_at, last_at, home, summary_tip) \
                SELECT 'r' || n, 'passed', 5, n, n, 'here', CASE WHEN n % 20000 = 0 THEN 4 ELSE 5 END \
                FROM generate_series(1, 100000) AS n";
    admin.execute(rows).await.unwrap();
    admin.execute("ANALYZE runcast_runs").await.unwrap();
    // More often than the server plans a statement anew for its parameters.
    for _ in 0..10 {
        let behind = catalog.behind(Timestamp::from_millis(90_000), 3).await.unwrap();
        assert_eq!(behind, ["r80000", "r60000", "r40000"].map(|run| RunId::parse(run).unwrap()));
    }
    // A session tells its figures when it ends.
    catalog.close().await;
    let sql = "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'runcast_runs_behind'";
    let mut scans = async || sqlx::query_scalar::<_, i64>(sql).fetch_one(&mut admin).await.unwrap();
    eventually!(scans().await, |by_index| *by_index == 10, SOON);
}
