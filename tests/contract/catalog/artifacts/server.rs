//! What is PostgreSQL's alone.

use std::time::{Duration, Instant};

use runcast::storage::catalog::artifacts::{ArtifactCatalog, DueFor};
use runcast::storage::catalog::postgres::PostgresCatalog;
use sqlx::PgConnection;

use crate::catalog::artifacts::fixture::{at, id, pending, put_all, query, run};
use crate::support::{Postgres, SOON, eventually};

/// What a call may take at most: a dead connection, a new one, a statement.
const BOUNDED: Duration = Duration::from_secs(13);

#[tokio::test]
async fn a_server_that_goes_silent_fails_every_call_in_time() {
    let server = Postgres::start().await;
    let catalog = PostgresCatalog::open(&server.database().await, "here").await.unwrap();
    put_all(&catalog, [1]).await;
    server.freeze();
    let started = Instant::now();
    let (query, new, run) = (query(DueFor::Expired, 9, 9), pending(2), run("r"));
    let (announced, found, due, claimed) = tokio::join!(
        catalog.announce(&new, 9),
        catalog.find(&run, id(1)),
        catalog.due(&query),
        catalog.claim(at(1), at(2), 3, 9),
    );
    assert!(announced.is_err() && found.is_err() && due.is_err() && claimed.is_err());
    assert!(started.elapsed() < BOUNDED, "{:?}", started.elapsed());
    server.thaw();
    assert_eq!(catalog.due(&query).await.unwrap().len(), 1);
}

/// So many artifacts of each state, in runs of a hundred; all were created at their number.
async fn fill(session: &mut PgConnection, each: i64) {
    let sql = "INSERT INTO runcast_artifacts (id, run_id, name, kind, content_type, state, key, direct, size, sha256, \
               stored_size, stored_sha256, coding, method, created_at, gone_at, seen_at) \
               SELECT '01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'), 'run-' || n / 100, 'trace.zip', \
               (ARRAY['trace', 'video', 'screenshot', 'log', 'report', 'other'])[1 + n % 6], 'application/zip', \
               CASE WHEN n % 10 = 0 THEN 'deleted' ELSE 'ready' END, 'runs/' || n, false, 10, repeat('a', 64), \
               5, repeat('b', 64), 'zstd', 'rezipped', n, CASE WHEN n % 10 = 0 THEN n END, 0 \
               FROM generate_series(1, $1) AS n";
    sqlx::query(sql).bind(each).execute(&mut *session).await.unwrap();
    sqlx::query("ANALYZE runcast_artifacts").execute(session).await.unwrap();
}

/// Rows that were read through an index, and in all.
async fn reads(session: &mut PgConnection) -> (i64, i64) {
    let sql = "SELECT idx_tup_fetch, idx_tup_fetch + seq_tup_read FROM pg_stat_user_tables \
               WHERE relname = 'runcast_artifacts'";
    sqlx::query_as(sql).fetch_one(session).await.unwrap()
}

/// Neither what is not due nor the order in which it came costs anything: the server tells how many rows it has read.
#[tokio::test]
async fn what_is_due_is_found_without_reading_what_is_not() {
    let server = Postgres::start().await;
    let url = server.database().await;
    let catalog = PostgresCatalog::open(&url, "here").await.unwrap();
    let mut admin = server.admin(url.rsplit('/').next().unwrap()).await;
    fill(&mut admin, 50_000).await;
    put_all(&catalog, 100_000..100_010).await;
    for number in 100_000..100_005 {
        catalog.announce(&pending(number + 50), 99).await.unwrap();
        assert!(catalog.remove(&run("r"), id(number), at(9)).await.unwrap());
    }
    // A session tells of its reads when it has nothing to do.
    let mut before = eventually!(reads(&mut admin).await, |(by_index, _)| *by_index > 0, SOON);
    for (reason, found) in [(DueFor::Expired, 90), (DueFor::Abandoned, 5), (DueFor::Removed, 5), (DueFor::Replaced, 0)]
    {
        let cutoff = if reason == DueFor::Abandoned { 200_000 } else { 100 };
        assert_eq!(catalog.due(&query(reason, 9, cutoff)).await.unwrap().len(), found, "{reason:?}");
        // The run's, so that there is something to be told even if nothing is due.
        assert_eq!(catalog.of_run(&run("run-7"), None, 1).await.unwrap().len(), 1);
        let after = eventually!(reads(&mut admin).await, |(by_index, _)| *by_index > before.0, SOON);
        assert!(after.1 - before.1 < 1_000, "{reason:?} read {} rows", after.1 - before.1);
        before = after;
    }
}
