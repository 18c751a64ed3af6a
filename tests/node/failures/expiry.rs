//! A run's end: sealed, expired, and gone, under a running node.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use runcast::protocol::Timestamp;
use runcast::storage::journal::memory::MemoryJournal;
use runcast::storage::journal::{Journal, JournalLimits};
use serde_json::json;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::failures::node::{LocalNode, PATIENCE, run, storage};

async fn sweeping_node() -> (LocalNode, Arc<dyn Journal>) {
    let (tell, told) = oneshot::channel();
    let node = LocalNode::start(
        |config| {
            config.journal.sweep_secs = 1;
            config.journal.seal_hours = 0;
        },
        move || {
            async move {
                let limits = JournalLimits { max_run_bytes: 64 << 20, tombstone: Duration::from_secs(3600) };
                let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new(limits));
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
async fn an_ended_run_is_sealed_once_and_takes_no_more() {
    let (node, _) = sweeping_node().await;
    let mut viewer = node.watch("r", "").await;
    assert_eq!(node.post("r", &json!({"type": "run_status", "status": "passed"})).await.0, 202);
    assert_eq!(viewer.until("sealed").await["seq"], 2);
    let (status, problem, _) = node.post("r", &json!({"type": "log"})).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("run_sealed")));
    let (_, page) = node.get("/api/runs/r/events").await;
    assert_eq!(page["tip"], 2, "sealed once");
    node.stop();
}

#[tokio::test]
async fn what_has_expired_is_a_gap_for_viewers_and_gone_for_producers() {
    let (node, journal) = sweeping_node().await;
    for n in 0..3 {
        assert_eq!(node.post("r", &json!({"type": "log", "n": n})).await.0, 202);
    }
    assert_eq!(node.post("r", &json!({"type": "run_status", "status": "failed"})).await.0, 202);
    let listed = |node: &LocalNode| {
        let url = node.url("/api/runs");
        async move {
            let page: serde_json::Value = reqwest::get(url).await.unwrap().json().await.unwrap();
            page["runs"].as_array().unwrap().len()
        }
    };
    timeout(PATIENCE, async { while listed(&node).await != 1 {} }).await.expect("the list shows the run");

    let (_, page) = node.get("/api/runs/r/events?types=log").await;
    assert_eq!(page["events"].as_array().unwrap().len(), 3, "{page}");
    let sealed = timeout(PATIENCE, async { while journal.head(&run("r")).await.unwrap().tip != 5 {} });
    sealed.await.expect("the run is sealed");
    let expired = journal.expire(Timestamp::now().plus_millis(1), 10).await.unwrap();
    assert_eq!(expired.runs, [run("r")]);
    // A node that did not see it happen serves what it holds until its room has gone; a new one tells the truth.
    let mut told = None;
    let gap = timeout(PATIENCE, async {
        loop {
            let (status, problem, _) = node.post("r", &json!({"type": "log"})).await;
            assert_eq!((status, problem["code"].as_str()), (410, Some("run_gone")));
            assert_eq!(problem["lastSeq"], 5);
            let mut viewer = node.watch("r", "1").await;
            viewer.until("connected").await;
            if let Ok(message) = viewer.next().await
                && message["type"] == "gap"
            {
                told = Some((message, viewer.closed().await));
                break;
            }
        }
    });
    gap.await.expect("a gap");
    let (gap, code) = told.unwrap();
    assert_eq!((gap["from"].as_u64(), gap["to"].as_u64(), gap["reason"].as_str()), (Some(2), Some(5), Some("expired")));
    assert_eq!(code, Some(4410));

    assert_eq!(node.get("/api/runs/r").await.0, 410);
    let (_, page) = node.get("/api/runs/r/events").await;
    assert_eq!((&page["gap"], &page["firstAvailable"]), (&json!({"from": 1, "to": 5}), &json!(6)));
    for query in ["types=log", "types=log&before=9", "before=latest"] {
        let (status, page) = node.get(&format!("/api/runs/r/events?{query}")).await;
        assert_eq!((status, &page["gap"], &page["events"]), (200, &json!({"from": 1, "to": 5}), &json!([])), "{query}");
    }
    for path in ["/timeline", "/search?q=x", "?at=1", "/tests?at=1"] {
        let (status, problem) = node.get(&format!("/api/runs/r{path}")).await;
        assert_eq!((status, problem["code"].as_str()), (410, Some("run_gone")), "{path}");
    }
    let cursor = gap["cursor"].as_str().unwrap();
    let stream = reqwest::get(node.url(&format!("/api/runs/r/events/stream?after={cursor}"))).await.unwrap();
    assert_eq!(stream.status(), 204, "an EventSource does not ask again");
    assert_eq!(node.get("/api/runs/never").await.0, 404);
    node.stop();
}

#[tokio::test]
async fn listeners_to_the_list_are_told_that_a_run_is_gone() {
    let (node, journal) = sweeping_node().await;
    let mut stream = reqwest::get(node.url("/api/runs/stream")).await.unwrap();
    let mut told = String::new();
    let mut until = async |wanted: &str| {
        let heard = async {
            while !told.contains(wanted) {
                let piece = stream.chunk().await.unwrap().expect("the stream goes on");
                told.push_str(std::str::from_utf8(&piece).unwrap());
            }
        };
        timeout(PATIENCE, heard).await.unwrap_or_else(|_| panic!("no {wanted}"));
    };
    assert_eq!(node.post("r", &json!({"type": "run_status", "status": "passed"})).await.0, 202);
    until(r#""runId":"r","status":"passed","word":"passed""#).await;
    let sealed = timeout(PATIENCE, async { while journal.head(&run("r")).await.unwrap().tip != 2 {} });
    sealed.await.expect("the run is sealed");
    journal.expire(Timestamp::now().plus_millis(1), 10).await.unwrap();
    until(r#""gone":["r"]"#).await;
    node.stop();
}
