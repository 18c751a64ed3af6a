//! A damaged journal: events of a run that goes on are missing.

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};

use crate::support::{SOON, TestNode, eventually};

/// Why a question about the run can't be answered.
const MISSING: &str =
    "journal unavailable: events 1 to 12 of the run are missing: they are expiring, or the store has lost them";

#[tokio::test]
async fn events_that_a_damaged_journal_lacks_are_named_and_nothing_reads_them_again_and_again() {
    let mut node = TestNode::start(&[("RUNCAST__CATALOG__SUMMARY_MS", "50")]);
    for index in 0..30 {
        node.store("r", &[format!(r#"{{"type":"log","text":"line {index}"}}"#)]).await;
    }
    node.terminate().await;
    let journal = SqliteConnectOptions::new().filename(node.data().join("journal.db"));
    let mut journal = journal.connect().await.unwrap();
    let removed = journal.execute("DELETE FROM segments WHERE first <= 12").await.unwrap();
    assert_eq!(removed.rows_affected(), 12);
    // The list does not have the run yet, as after a crash.
    journal.close().await.unwrap();
    std::fs::remove_file(node.data().join("catalog.db")).unwrap();
    node.restart();

    for path in [
        "",
        "/tests",
        "?at=20",
        "/search?q=line",
        "/timeline?bins=10",
        "/events?types=log&before=40",
        "/events?after=0",
    ] {
        let answer = node.get(&format!("/api/runs/r{path}")).await;
        assert_eq!((answer.status, answer.json()["detail"].as_str()), (503, Some(MISSING)), "{path}");
    }
    // What is there can be read.
    assert_eq!(node.get_json("/api/runs/r/events?after=12").await["events"].as_array().unwrap().len(), 18);

    // Summing up reads it once for each change. While it did so again and again, each summary of another run came with 32.
    node.store("r", &[r#"{"type":"log"}"#.to_owned()]).await;
    let before = node.metric("runcast_journal_reads_total").await;
    for written in 1..=8 {
        node.store("other", &[r#"{"type":"log"}"#.to_owned()]).await;
        let told = |text: &String| counted(text, "runcast_run_summaries_total") >= written;
        eventually!(node.get("/metrics").await.text, told, SOON);
    }
    let reads = node.metric("runcast_journal_reads_total").await - before;
    assert!(reads < 64.0, "{reads}");
}

/// A counter, which is not there before it counts.
fn counted(metrics: &str, name: &str) -> u64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix(name));
    line.map_or(0, |value| value.trim().parse().unwrap())
}
