//! How SQLite finds what is asked for: each statement searches an index, and reads no table from its start to its end.

use sqlx::{Connection as _, Row as _, SqliteConnection};

use super::{due, listing, reads};

/// The steps of a statement's plan. Its parameters are NULL, which changes no plan.
async fn plan(sql: &str) -> Vec<String> {
    let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
    super::connection::migrate(&mut connection).await.unwrap();
    let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
    let steps = sqlx::query(explain).fetch_all(&mut connection).await.unwrap();
    steps.iter().map(|step| step.get(3)).collect()
}

/// The steps that read the journal's tables.
async fn reads_of(sql: &str) -> Vec<String> {
    let tables = ["runs", "segments", "control_segments", "producers", "lineage", "r", "s", "c"];
    let is_read = |step: &String| {
        let mut words = step.split(' ');
        matches!(words.next(), Some("SCAN" | "SEARCH")) && words.next().is_some_and(|table| tables.contains(&table))
    };
    plan(sql).await.into_iter().filter(is_read).collect()
}

#[tokio::test]
async fn changed_runs_are_found_in_two_indices_and_each_phase_in_its_order() {
    let by_phase = [
        "SEARCH runs USING INDEX runs_by_active_at (phase=? AND active_at>?)",
        "SEARCH runs USING INDEX steered_runs_by_last_at (phase=? AND last_at>?)",
    ];
    let wanted = [&["SEARCH r USING INTEGER PRIMARY KEY (rowid=?)"], &by_phase[..], &by_phase].concat();
    let found = reads_of(listing::CHANGED.sql).await;
    assert_eq!(found[..5], wanted);
    assert_eq!(found[5..], ["SEARCH lineage USING PRIMARY KEY (run=?)"]);
    assert!(plan(listing::CHANGED.sql).await.contains(&"MERGE (UNION ALL)".to_owned()), "nothing is sorted as a whole");
}

#[tokio::test]
async fn idle_and_due_runs_are_found_in_their_order() {
    for idle in [listing::IDLE_OPEN, listing::IDLE_ENDED] {
        let found = reads_of(idle.sql).await;
        assert_eq!(found[0], "SEARCH r USING INDEX runs_by_active_at (phase=? AND active_at>? AND active_at<?)");
    }
    assert_eq!(plan(due::DUE).await, ["SEARCH runs USING INDEX runs_by_due (due<?)"]);
}

#[tokio::test]
async fn control_is_one_range_of_its_table() {
    let wanted = [
        "SEARCH c USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)",
        "SEARCH runs USING INDEX sqlite_autoindex_runs_1 (run=?)",
        "SEARCH s USING INTEGER PRIMARY KEY (rowid=?)",
    ];
    let mut found = reads_of(reads::CONTROL).await;
    found.dedup(); // the run is looked up for both ends of the range
    assert_eq!(found, wanted);
}
