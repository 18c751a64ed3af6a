//! A run whose room panics: its viewers are sent away, and all others go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use runcast::protocol::RunId;
use runcast::storage::journal::memory::MemoryJournal;
use runcast::storage::journal::{Append, JournalError, JournalLimits};
use serde_json::json;

use crate::failures::faulty_journal::{Fault, FaultyJournal};
use crate::failures::node::{LocalNode, PATIENCE, storage};

/// The room of the run "poisoned" panics, while this is armed.
struct Poison(Arc<AtomicBool>);

impl Poison {
    fn strike(&self, run: &RunId) {
        assert!(!(run.as_str() == "poisoned" && self.0.load(Ordering::SeqCst)), "poison");
    }
}

impl Fault for Poison {
    fn before_append(&self, append: &Append) -> Result<(), JournalError> {
        self.strike(&append.run);
        Ok(())
    }

    fn before_head(&self, run: &RunId) {
        self.strike(run);
    }
}

async fn poisoned_node() -> (LocalNode, Arc<AtomicBool>) {
    let armed = Arc::new(AtomicBool::new(false));
    let switch = armed.clone();
    let node = LocalNode::start(
        |_| {},
        move || {
            Box::pin(async move {
                let limits = JournalLimits { max_run_bytes: 1 << 20, tombstone: Duration::from_secs(60) };
                let journal = Arc::new(FaultyJournal { inner: MemoryJournal::new(limits), fault: Poison(switch) });
                storage(journal).await
            })
        },
    )
    .await;
    (node, armed)
}

#[tokio::test]
async fn a_room_that_panics_closes_its_viewers_with_1013_and_the_next_join_works() {
    let (node, armed) = poisoned_node().await;
    assert_eq!(node.post("poisoned", &json!({"type": "log", "n": 1})).await.0, 202);
    let mut viewers = Vec::new();
    for _ in 0..4 {
        let mut viewer = node.watch("poisoned", "").await;
        viewer.until("log").await;
        viewers.push(viewer);
    }
    let mut other = node.watch("healthy", "").await;
    other.until("connected").await;

    armed.store(true, Ordering::SeqCst);
    let (status, problem, _) = node.post("poisoned", &json!({"type": "log", "n": 2})).await;
    assert_eq!((status, problem["code"].as_str()), (503, Some("outcome_unknown")));
    for viewer in &mut viewers {
        assert_eq!(viewer.closed().await, Some(1013));
    }
    armed.store(false, Ordering::SeqCst);

    let mut back = node.watch("poisoned", "").await;
    assert_eq!(back.until("log").await["n"], 1);
    assert_eq!(node.post("poisoned", &json!({"type": "log", "n": 3})).await.0, 202);
    assert_eq!(back.until("log").await["n"], 3);
    assert_eq!(node.post("healthy", &json!({"type": "log", "n": 1})).await.0, 202);
    assert_eq!(other.until("log").await["n"], 1, "the other run's viewer was never disturbed");
    let (_, actors) = node.get("/api/actors").await;
    let room = actors["rooms"].as_array().unwrap().iter().find(|room| room["run"] == "poisoned").unwrap().clone();
    assert_eq!((room["restarts"].as_u64(), room["state"].as_str()), (Some(1), Some("running")));
    assert!(room["lastExit"].as_str().unwrap().contains("poison"), "{room}");
    node.stop();
}

#[tokio::test]
async fn a_run_that_poisons_its_room_every_time_is_quarantined_while_all_others_go_on() {
    let (node, armed) = poisoned_node().await;
    armed.store(true, Ordering::SeqCst);
    let mut other = node.watch("healthy", "").await;
    other.until("connected").await;

    let quarantined = tokio::time::timeout(PATIENCE, async {
        loop {
            let mut viewer = node.watch("poisoned", "").await;
            // Either told why and when, or closed by the dying room; always with 1013.
            let told = viewer.next().await;
            match told {
                Ok(message) => {
                    assert_eq!((&message["type"], &message["code"]), (&json!("error"), &json!("room_failed")));
                    assert_eq!(viewer.closed().await, Some(1013));
                    break message["reconnectAfterMs"].as_u64().unwrap();
                }
                Err(code) => assert_eq!(code, Some(1013)),
            }
        }
    });
    assert!(quarantined.await.unwrap() > 0);
    let (status, problem, retry) = node.post("poisoned", &json!({"type": "log"})).await;
    assert_eq!((status, problem["code"].as_str()), (503, Some("room_failed")));
    assert!(retry.unwrap().parse::<u64>().unwrap() >= 1);
    let (_, actors) = node.get("/api/actors").await;
    assert_eq!(actors["rooms"][0]["run"], "poisoned");
    assert_eq!(actors["rooms"][0]["state"], "quarantined");
    assert_eq!(actors["supervisor"].as_array().unwrap().iter().filter(|child| child["restarts"] != 0).count(), 0);

    for n in 0..20 {
        assert_eq!(node.post("healthy", &json!({"type": "log", "n": n})).await.0, 202);
        assert_eq!(other.until("log").await["n"], n);
    }
    // Once the poison is gone and the quarantine over, the run works again.
    armed.store(false, Ordering::SeqCst);
    let works = tokio::time::timeout(PATIENCE, async {
        while node.post("poisoned", &json!({"type": "log"})).await.0 != 202 {
            tokio::task::yield_now().await;
        }
    });
    works.await.unwrap();
    node.stop();
}
