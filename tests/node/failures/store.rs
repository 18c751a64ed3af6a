//! A store that fails under a running node: a full disk, a loss of writes.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use runcast::protocol::Timestamp;
use runcast::storage::journal::sqlite::{SqliteJournal, SqliteOptions};
use runcast::storage::journal::{Journal, JournalLimits};
use serde_json::json;
use tokio::sync::oneshot;

use crate::failures::node::{LocalNode, run, storage};

fn options(path: &Path) -> SqliteOptions {
    let limits = JournalLimits { max_run_bytes: 64 << 20, tombstone: Duration::from_secs(3600) };
    SqliteOptions::new(path.join("journal.db"), limits)
}

async fn node_on(options: SqliteOptions) -> (LocalNode, Arc<dyn Journal>) {
    let (tell, told) = oneshot::channel();
    let node = LocalNode::start(
        |config| config.journal.sweep_secs = 86_400,
        move || {
            async move {
                let journal: Arc<dyn Journal> = Arc::new(SqliteJournal::open(options).await.unwrap());
                assert!(tell.send(journal.clone()).is_ok());
                storage(journal).await
            }
            .boxed_local()
        },
    )
    .await;
    (node, told.await.unwrap())
}

#[tokio::test]
async fn a_full_disk_refuses_posts_keeps_viewers_and_recovers_without_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (node, journal) = node_on(SqliteOptions { max_db_bytes: Some(4 << 20), ..options(dir.path()) }).await;
    let mut viewer = node.watch("live", "").await;
    viewer.until("connected").await;
    assert_eq!(node.post("live", &json!({"type": "log", "n": 0})).await.0, 202);
    assert_eq!(viewer.until("log").await["n"], 0);

    let filler = json!({"type": "log", "pad": "x".repeat(200_000)});
    for _ in 0..5 {
        assert_eq!(node.post("ended", &filler).await.0, 202);
    }
    assert_eq!(node.post("ended", &json!({"type": "run_status", "status": "passed"})).await.0, 202);
    let mut stored = 0;
    // Down to events so small that really nothing fits any more.
    for bytes in [200_000, 4_000, 10] {
        let filler = json!({"type": "log", "pad": "x".repeat(bytes)});
        let refused = loop {
            let answer = node.post("filler", &filler).await;
            if answer.0 != 202 {
                break answer;
            }
            stored += 1;
            assert!(stored < 5_000, "4 MiB never filled");
        };
        assert_eq!((refused.0, refused.1["code"].as_str()), (503, Some("journal_unavailable")), "{}", refused.1);
        assert!(refused.2.is_some(), "Retry-After");
    }
    let (status, ready) = node.get("/ready").await;
    assert_eq!((status, ready["status"].as_str()), (200, Some("degraded")), "{ready}");

    // Reading goes on, and the viewer is still there.
    let (_, page) = node.get("/api/runs/filler/events?after=0&limit=1").await;
    assert_eq!(page["tip"], stored);

    // The retention makes room: a run that has ended expires.
    let expired = journal.expire(Timestamp::now().plus_millis(1), 10).await.unwrap();
    assert_eq!(expired.runs, [run("ended")]);
    assert_eq!(node.post("live", &json!({"type": "log", "n": 1})).await.0, 202);
    assert_eq!(viewer.until("log").await["n"], 1, "the viewer was never disconnected");
    node.stop();
}

#[tokio::test]
async fn a_loss_of_writes_resets_exactly_the_viewers_that_saw_what_was_lost() {
    let (kept, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (node, _) = node_on(SqliteOptions { boot_id: Some("one".into()), ..options(kept.path()) }).await;
    for n in 1..=3 {
        assert_eq!(node.post("r", &json!({"type": "log", "n": n})).await.0, 202);
    }
    // What the disk held when the power went: the files as they are now.
    for entry in std::fs::read_dir(kept.path()).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
    }
    let mut epoch = String::new();
    for n in 4..=5 {
        let (status, answer, _) = node.post("r", &json!({"type": "log", "n": n})).await;
        assert_eq!(status, 202);
        epoch = answer["epoch"].as_str().unwrap().to_owned();
    }
    node.stop();

    let (node, _) = node_on(SqliteOptions { boot_id: Some("two".into()), ..options(copy.path()) }).await;
    let mut behind = node.watch("r", &format!("{epoch}:3")).await;
    let mut ahead = node.watch("r", &format!("{epoch}:5")).await;
    behind.until("connected").await;
    ahead.until("connected").await;
    let reset = ahead.until("reset").await;
    assert_eq!(reset["from"], 4, "{reset}");
    assert_ne!(reset["epoch"], epoch.as_str());
    assert_eq!(node.post("r", &json!({"type": "log", "n": 40})).await.0, 202);
    for viewer in [&mut ahead, &mut behind] {
        // The next event for either, and for the one that saw nothing of what was lost no reset before it.
        loop {
            let message = viewer.next().await.unwrap();
            assert_ne!(message["type"], "reset", "nobody is reset twice, or without need");
            if message["seq"].is_number() {
                assert_eq!((message["seq"].as_u64(), message["n"].as_u64()), (Some(4), Some(40)));
                break;
            }
        }
    }
    node.stop();
}
