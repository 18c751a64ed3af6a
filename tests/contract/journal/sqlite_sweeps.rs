//! Sweeps over a SQLite journal: what they give back, what was cut short, what can't be read.

use runcast::protocol::Timestamp;
use runcast::protocol::status::RunStatus;
use runcast::storage::journal::{Journal as _, Refusal, RunPhase};
use sqlx::{Connection as _, Executor as _};

use super::sqlite::{open, outsider, post_to};
use super::words::*;

#[tokio::test]
async fn expiry_gives_the_space_back_to_the_file_system() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path(), "boot").await;
    let event = |n| format!(r#"{{"type":"log","n":{n},"text":"{}"}}"#, "x".repeat(50_000));
    for start in [1, 101] {
        let events: Vec<String> = (start..start + 100).map(event).collect();
        post_to(&journal, "old", post_of("a", start, &events)).await.unwrap();
    }
    post_to(&journal, "old", seal_post("room", 1)).await.unwrap();
    post_to(&journal, "kept", post("a", 1..=5)).await.unwrap();
    journal.expire(journal.now().plus_millis(1), 10).await.unwrap();
    assert_eq!(log(&journal, "kept").await.len(), 5);
    journal.close().await;
    let size = std::fs::metadata(dir.path().join("journal.db")).unwrap().len();
    assert!(size < 1 << 20, "{size} bytes are left of 10 MB");
}

#[tokio::test]
async fn a_sweep_that_was_cut_short_is_finished_by_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path(), "boot").await;
    post_to(&journal, "r", post("a", 1..=3)).await.unwrap();
    post_to(&journal, "r", decision(1, None, Some(journal.now()))).await.unwrap();
    post_to(&journal, "r", joins("a", 4, None)).await.unwrap();
    post_to(&journal, "r", seal_post("room", 2)).await.unwrap();
    journal.close().await;
    let mut database = outsider(dir.path()).await;
    let marked = format!("UPDATE runs SET phase = 2, ended = 0, due = NULL, gone_at = {}", journal.now().as_millis());
    database.execute(sqlx::AssertSqlSafe(marked)).await.unwrap();

    let journal = open(dir.path(), "boot").await;
    assert_eq!(journal.head(&run("r")).await.unwrap().phase, RunPhase::Gone, "gone as soon as it is marked");
    assert!(log(&journal, "r").await.is_empty());
    assert!(journal.read_control(&run("r"), 0, usize::MAX).await.unwrap().is_empty());
    let late = journal.append(append(&journal, "r", vec![post("a", 5..=5)])).await.unwrap();
    assert_eq!(late.outcomes, [Err(Refusal::RunGone { last: 6 })]);
    let expired = journal.expire(journal.now().plus_millis(-60_000), 10).await.unwrap();
    assert_eq!(expired.runs, [run("r")]);
    for table in ["segments", "control_segments", "producers"] {
        let count = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        let left: i64 = sqlx::query_scalar(count).fetch_one(&mut database).await.unwrap();
        assert_eq!(left, 0, "{table}");
    }
    assert!(journal.expire(journal.now().plus_millis(-60_000), 10).await.unwrap().runs.is_empty());
}

#[tokio::test]
async fn what_can_not_be_read_holds_up_nothing_that_is_listed_behind_it() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path(), "boot").await;
    let later = || journal.now().plus_millis(60_000);
    for n in 0..5 {
        post_to(&journal, &format!("damaged-ended{n}"), status_post("p", 1, RunStatus::Passed)).await.unwrap();
        post_to(&journal, &format!("damaged-open{n}"), post("p", 1..=1)).await.unwrap();
    }
    for n in 0..4 {
        post_to(&journal, &format!("ended{n}"), status_post("p", 1, RunStatus::Passed)).await.unwrap();
        post_to(&journal, &format!("open{n}"), post("p", 1..=1)).await.unwrap();
    }
    // Older than all others: heads that say nothing, and behind them a page and more of what can't even be a run's
    // name.
    let mut outsider = outsider(dir.path()).await;
    for damage in [
        "UPDATE runs SET active_at = number, last_at = number WHERE run LIKE 'damaged%'",
        "UPDATE runs SET tip = 'damaged' WHERE run IN ('damaged-ended0', 'damaged-open0')",
        "UPDATE runs SET run = 'no name! ' || run WHERE run LIKE 'damaged%' AND tip <> 'damaged'",
    ] {
        outsider.execute(damage).await.unwrap();
    }
    for (ended, names) in [(false, "open"), (true, "ended")] {
        let (mut after, mut idle, mut steps) = (None, Vec::new(), 0);
        loop {
            let page = journal.idle_since(later(), ended, after.as_ref(), 2).await.unwrap();
            idle.extend(page.runs.into_iter().map(|one| one.run.to_string()));
            (after, steps) = (page.next, steps + 1);
            if after.is_none() {
                break;
            }
        }
        idle.sort();
        let wanted: Vec<_> = (0..4).map(|n| format!("{names}{n}")).collect();
        assert_eq!((idle, steps <= 5), (wanted, true), "{steps}");
    }
    let mut changed = Vec::new();
    let mut after = None;
    loop {
        let page = journal.changed_since(Timestamp::from_millis(0), after.as_ref(), 3).await.unwrap();
        changed.extend(page.runs.into_iter().map(|one| one.run));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(changed.len(), 8, "{changed:?}");
    // All that ended are removed, also those that can't be named.
    let mut expired = Vec::new();
    loop {
        let step = journal.expire(later(), 2).await.unwrap();
        expired.extend(step.runs.into_iter().map(|run| run.to_string()));
        if !step.more {
            break;
        }
    }
    expired.sort();
    assert_eq!(expired.join(" "), "damaged-ended0 ended0 ended1 ended2 ended3");
    let gone: i64 =
        sqlx::query_scalar("SELECT count(*) FROM runs WHERE phase = 3").fetch_one(&mut outsider).await.unwrap();
    assert_eq!(gone, 9);
    drop(outsider);
    journal.close().await;
}

#[tokio::test]
async fn a_due_run_that_can_not_be_named_holds_up_none_behind_it() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path(), "boot").await;
    for n in 1..=5 {
        post_to(&journal, &format!("r{n}"), decision(1, None, Some(Timestamp::from_millis(n)))).await.unwrap();
    }
    let mut outsider = outsider(dir.path()).await;
    outsider.execute("UPDATE runs SET run = 'no name! ' || run WHERE due <= 3").await.unwrap();
    outsider.close().await.unwrap();
    let due = async |limit| journal.due(journal.now(), limit).await.unwrap();
    assert_eq!((due(1).await, due(9).await), (vec![run("r4")], vec![run("r4"), run("r5")]));
    journal.close().await;
}

#[tokio::test]
async fn a_deadline_that_can_not_be_settled_is_unavailable_and_stays() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path(), "boot").await;
    let head = post_to(&journal, "r", decision(1, None, Some(Timestamp::from_millis(1)))).await.unwrap();
    let mut outsider = outsider(dir.path()).await;
    let refuse = "CREATE TRIGGER refuse BEFORE UPDATE OF due ON runs BEGIN SELECT RAISE(ABORT, 'no'); END";
    outsider.execute(refuse).await.unwrap();
    assert!(is_unavailable(&journal.settle_due(&run("r"), head.control, None).await));
    assert_eq!(journal.due(journal.now(), 9).await.unwrap(), [run("r")]);
    outsider.execute("DROP TRIGGER refuse").await.unwrap();
    outsider.close().await.unwrap();
    post_to(&journal, "r", post("a", 1..=1)).await.unwrap();
    assert_eq!(journal.due(journal.now(), 9).await.unwrap(), [run("r")], "what is in memory is what is stored");
    journal.settle_due(&run("r"), head.control, None).await.unwrap();
    assert!(journal.due(journal.now(), 9).await.unwrap().is_empty());
    journal.close().await;
}
