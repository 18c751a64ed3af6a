//! What ends by time ends on any node, once, also when the node that took the command is dead.

use serde_json::json;

use crate::steered::{QUICK, Worker, between, command, event, events, for_a_while, says};
use crate::support::{Cluster, SOON, eventually};

const REDIS: [(&str, &str); 2] = [("appendonly", "yes"), ("appendfsync", "always")];

#[tokio::test]
async fn deadlines_pass_once_though_the_node_that_took_them_is_killed() {
    let mut cluster = Cluster::start_with(2, &REDIS, &QUICK).await;
    let mut worker = Worker::join(&cluster.nodes[0], "r", "w").await;
    let ask = json!({
        "type": "ai_stuck", "askId": "a1", "message": "?", "needs": "text", "expiresInSecs": 5,
        "onTimeout": {"action": "skip"},
    });
    worker.post(&cluster.nodes[0], "r", &ask).await;
    command(&cluster.nodes[0], "r", "ann", &json!({"type": "pause", "maxSecs": 2})).await;
    command(&cluster.nodes[0], "r", "ann", &json!({"type": "step", "expiresInSecs": 2})).await;
    cluster.nodes[0].kill9();
    let node = &cluster.nodes[1];
    let resumed = event(node, "r", "resume_requested", |_| true).await;
    let paused = event(node, "r", "pause_requested", |_| true).await;
    assert!((2_000..20_000).contains(&between(&paused, &resumed)), "{paused} {resumed}");
    event(node, "r", "command_expired", |_| true).await;
    let ended = event(node, "r", "ask_expired", |_| true).await;
    assert_eq!((&ended["reason"], &ended["action"]), (&json!("timeout"), &json!("skip")));
    for kind in ["resume_requested", "command_expired", "ask_expired"] {
        assert_eq!(events(node, "r", kind).await.len(), 1, "{kind}");
    }
}

#[tokio::test]
async fn two_nodes_end_a_thing_once() {
    let cluster = Cluster::start_with(2, &REDIS, &QUICK).await;
    let [one, other] = &cluster.nodes[..] else { panic!("two nodes") };
    for index in 0..20 {
        let run = format!("r{index}");
        let mut worker = Worker::new("w");
        worker.post(one, &run, &json!({"type": "run_status", "status": "running"})).await;
        command(other, &run, "ann", &json!({"type": "pause", "maxSecs": 1})).await;
    }
    for index in 0..20 {
        let run = format!("r{index}");
        event(one, &run, "resume_requested", |_| true).await;
    }
    for_a_while(1_000, async || ()).await;
    for index in 0..20 {
        assert_eq!(events(other, &format!("r{index}"), "resume_requested").await.len(), 1);
    }
}

#[tokio::test]
async fn a_worker_that_one_node_hears_is_silent_on_none_and_nobody_is_while_redis_is_away() {
    let cluster = Cluster::start_with(2, &REDIS, &QUICK).await;
    let [one, other] = &cluster.nodes[..] else { panic!("two nodes") };
    let worker = Worker::join(one, "r", "w").await;
    for_a_while(3_000, async || worker.alive(one, "r").await).await;
    assert_eq!(events(other, "r", "producer_status").await, Vec::<serde_json::Value>::new());
    cluster.proxy.refuse();
    cluster.proxy.cut();
    for_a_while(2_500, async || ()).await;
    let back = runcast::protocol::Timestamp::now().as_millis();
    cluster.proxy.pass();
    eventually!(other.get("/ready?strict=1").await.status, |status| *status == 200, SOON);
    let silent = event(other, "r", "producer_status", says("w", "silent")).await;
    assert!(crate::steered::at(&silent) >= back + 900, "a second after the first node can hear again: {silent} {back}");
    assert_eq!(other.log().matches("runs that are due are unknown").count(), 1, "it is said once");
}
