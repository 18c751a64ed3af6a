//! A lease ends when its holder is gone, and not before. Its end is in the log before whoever comes next is answered.

use serde_json::{Value, json};

use super::steered::{QUICK, Worker, between, command, event, events, for_a_while, try_command};
use crate::support::{SOON, TestNode, Viewer, eventually};

/// The end of the `nth` lease, once Ben has been let in.
async fn until_free(node: &TestNode, nth: usize) -> Value {
    let resume = json!({"type": "resume"});
    eventually!(try_command(node, "r", "ben", &resume).await.status, |status| *status == 202, SOON);
    let ends = events(node, "r", "control_released").await;
    assert_eq!((ends.len(), &ends[nth - 1]["reason"]), (nth, &json!("expired")), "{ends:?}");
    ends[nth - 1].clone()
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
    let ended = until_free(&node, 1).await;
    assert!((2_500..20_000).contains(&between(&taken, &ended)), "{taken} {ended}");
    let late = json!({"type": "resume", "lease": taken["seq"]});
    assert_ne!(try_command(&node, "r", "ann", &late).await.status, 202, "it was hers");
}

#[tokio::test]
async fn an_open_socket_keeps_the_lease_for_a_time_after_its_holders_last_command() {
    let node = TestNode::start(&QUICK);
    Worker::join(&node, "r", "w").await;
    let mut ann = Viewer::join_at(&node, "/ws/runs/r?userId=ann").await;
    ann.say(r#"{"type":"take_control"}"#).await;
    let taken = event(&node, "r", "control_taken", |_| true).await;
    let ended = until_free(&node, 1).await;
    // Five seconds by its socket, and one more without a sign.
    assert!((5_500..20_000).contains(&between(&taken, &ended)), "{taken} {ended}");

    ann.say(r#"{"type":"take_control"}"#).await;
    let taken = async || events(&node, "r", "control_taken").await;
    let taken = eventually!(taken().await, |taken| taken.len() == 2, SOON);
    ann.vanish();
    let ended = until_free(&node, 2).await;
    assert!((1_000..5_000).contains(&between(&taken[1], &ended)), "{taken:?} {ended}");
}
