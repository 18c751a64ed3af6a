//! A lease ends when its holder is gone, and not before.

use serde_json::json;

use super::steered::{QUICK, Worker, between, command, event, events, for_a_while, try_command};
use crate::support::{SOON, TestNode, Viewer, eventually};

/// Released without anybody's doing.
async fn released(node: &TestNode) -> serde_json::Value {
    event(node, "r", "control_released", |event| event["reason"] == "expired").await
}

#[tokio::test]
async fn a_holder_who_is_gone_loses_the_lease_and_one_who_renews_it_keeps_it() {
    let node = TestNode::start(&QUICK);
    Worker::join(&node, "r", "w").await;
    command(&node, "r", "ann", &json!({"type": "take_control"})).await;
    let taken = event(&node, "r", "control_taken", |_| true).await;
    for_a_while(2_500, async || {
        command(&node, "r", "ann", &json!({"type": "renew_control"})).await;
        try_command(&node, "r", "ben", &json!({"type": "resume"})).await.problem(409, "lease_held");
    })
    .await;
    let ended = released(&node).await;
    assert!((3_000..9_000).contains(&between(&taken, &ended)), "{taken} {ended}");
    command(&node, "r", "ben", &json!({"type": "take_control"})).await;
    released(&node).await;
    let ends = async || events(&node, "r", "control_released").await.len();
    eventually!(ends().await, |ends| *ends == 2, SOON);
}

#[tokio::test]
async fn an_open_socket_keeps_the_lease_for_a_time_after_its_holders_last_command() {
    let node = TestNode::start(&QUICK);
    Worker::join(&node, "r", "w").await;
    let mut ann = Viewer::join_at(&node, "/ws/runs/r?userId=ann").await;
    ann.say(r#"{"type":"take_control"}"#).await;
    let taken = event(&node, "r", "control_taken", |_| true).await;
    let ended = released(&node).await;
    // Three seconds by its socket, and one more without a sign.
    assert!((3_500..9_000).contains(&between(&taken, &ended)), "{taken} {ended}");

    ann.say(r#"{"type":"take_control"}"#).await;
    let taken = async || events(&node, "r", "control_taken").await;
    let taken = eventually!(taken().await, |taken| taken.len() == 2, SOON);
    ann.vanish();
    let ends = async || events(&node, "r", "control_released").await;
    let ends = eventually!(ends().await, |ends| ends.len() == 2, SOON);
    assert!((1_000..3_000).contains(&between(&taken[1], &ends[1])), "{taken:?} {ends:?}");
}
