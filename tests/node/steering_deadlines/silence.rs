//! Workers that have joined and are not heard: silent, back, lost; and shards that do not come.

use serde_json::json;

use super::steered::{QUICK, Worker, between, command, event, events, for_a_while, says};
use crate::support::{SOON, TestNode, eventually};

#[tokio::test]
async fn a_worker_is_silent_then_back_then_lost() {
    let node = TestNode::start(&QUICK);
    let mut worker = Worker::join(&node, "r", "w").await;
    let mut other = Worker::new("plain");
    other.post(&node, "r", &json!({"type": "log"})).await;
    // Whoever posts, says that it is alive, or asks for commands is heard.
    for_a_while(1_500, async || {
        worker.post(&node, "r", &json!({"type": "log"})).await;
    })
    .await;
    for_a_while(1_500, async || worker.alive(&node, "r").await).await;
    for_a_while(1_500, async || {
        let path = "/api/runs/r/commands?wait=0";
        assert_eq!(node.get_with(path, &[("runcast-producer", "w")]).await.status, 200);
    })
    .await;
    assert_eq!(events(&node, "r", "producer_status").await, Vec::<serde_json::Value>::new());

    let silent = event(&node, "r", "producer_status", says("w", "silent")).await;
    worker.alive(&node, "r").await;
    let back = event(&node, "r", "producer_status", says("w", "back")).await;
    assert!(between(&silent, &back) > 0, "{silent} {back}");
    let lost = event(&node, "r", "producer_status", says("w", "lost")).await;
    assert!((2_000..15_000).contains(&between(&back, &lost)), "{back} {lost}");
    let told = events(&node, "r", "producer_status").await;
    let words: Vec<_> = told.iter().map(|event| event["status"].as_str().unwrap()).collect();
    assert_eq!(words, ["silent", "back", "silent", "lost"], "{told:?}");
    assert!(told.iter().all(|event| event["producer"] == "w"), "only of those that have joined");
    assert_ne!(node.get_json("/api/runs/r").await["status"], "lost", "the run itself is not lost by it");
}

#[tokio::test]
async fn a_paused_worker_is_not_silent() {
    let node = TestNode::start(&QUICK);
    let mut worker = Worker::join(&node, "r", "w").await;
    worker.post(&node, "r", &json!({"type": "run_status", "status": "running"})).await;
    let given = command(&node, "r", "ann", &json!({"type": "pause", "maxSecs": 60})).await;
    let id = given["commandId"].as_str().unwrap();
    worker.post(&node, "r", &json!({"type": "command_status", "commandId": id, "status": "done"})).await;
    for_a_while(3_500, async || {
        assert_eq!(events(&node, "r", "producer_status").await, Vec::<serde_json::Value>::new());
    })
    .await;
    command(&node, "r", "ann", &json!({"type": "resume"})).await;
    event(&node, "r", "producer_status", says("w", "silent")).await;
}

#[tokio::test]
async fn silence_begins_anew_after_a_restart() {
    let mut node = TestNode::start_to_stay(&[&QUICK[..], &[("RUNCAST__RUNS__SILENT_SECS", "2")]].concat());
    let worker = Worker::join(&node, "r", "w").await;
    for_a_while(1_000, async || worker.alive(&node, "r").await).await;
    node.kill9();
    // Down for longer than a worker may be silent.
    for_a_while(2_500, async || ()).await;
    node.restart_in_place();
    let up = runcast::protocol::Timestamp::now().as_millis();
    let silent = event(&node, "r", "producer_status", says("w", "silent")).await;
    assert!(super::steered::at(&silent) >= up + 1_500, "{silent} {up}");
}

#[tokio::test]
async fn shards_that_do_not_come_are_given_up() {
    let node = TestNode::start(&QUICK);
    let mut worker = Worker::new("w");
    let shard = json!({"type": "worker", "state": "joined", "shard": {"current": 1, "total": 2}});
    worker.post(&node, "r", &shard).await;
    worker.post(&node, "r", &json!({"type": "run_status", "status": "passed"})).await;
    let ended = event(&node, "r", "run_status", |_| true).await;
    let given_up = event(&node, "r", "shards_given_up", |_| true).await;
    assert!((1_000..15_000).contains(&between(&ended, &given_up)), "{ended} {given_up}");
    eventually!(node.get_json("/api/runs/r").await["status"].clone(), |status| status == "passed", SOON);
    assert_eq!(events(&node, "r", "shards_given_up").await.len(), 1);
}
