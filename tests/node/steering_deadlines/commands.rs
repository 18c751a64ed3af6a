//! Pauses, acts and questions end at their time, once, by an event of the server.

use serde_json::json;

use super::steered::{QUICK, Worker, at, between, command, event, events};
use crate::support::{SOON, TestNode, eventually};

#[tokio::test]
async fn a_pause_is_a_loan_and_ends_at_its_time() {
    let node = TestNode::start(&QUICK);
    let mut worker = Worker::join(&node, "r", "w").await;
    command(&node, "r", "ann", &json!({"type": "pause", "maxSecs": 1})).await;
    let paused = event(&node, "r", "pause_requested", |_| true).await;
    // A second pause moves no deadline.
    command(&node, "r", "ben", &json!({"type": "pause", "maxSecs": 60})).await;
    let resumed = event(&node, "r", "resume_requested", |_| true).await;
    assert_eq!(resumed["by"]["kind"], "server", "{resumed}");
    assert!((1_000..15_000).contains(&between(&paused, &resumed)), "{paused} {resumed}");
    let told = worker.post(&node, "r", &json!({"type": "log"})).await;
    let types: Vec<_> = told["commands"].as_array().unwrap().iter().map(|entry| &entry["event"]["type"]).collect();
    assert_eq!(types, ["resume_requested"], "{told}");
    assert_eq!(events(&node, "r", "resume_requested").await.len(), 1);
}

#[tokio::test]
async fn a_run_whose_pause_is_over_is_cancelled_where_that_is_wanted_though_nobody_obeys() {
    let node = TestNode::start(&[&QUICK[..], &[("RUNCAST__CONTROL__ON_PAUSE_EXPIRY", "cancel")]].concat());
    let worker = Worker::join(&node, "r", "w").await;
    command(&node, "r", "ann", &json!({"type": "pause", "maxSecs": 1})).await;
    let cancelled = event(&node, "r", "cancel_requested", |_| true).await;
    assert_eq!(cancelled["by"]["kind"], "server", "{cancelled}");
    let state = async || {
        worker.alive(&node, "r").await;
        node.get_json("/api/runs/r").await["status"].clone()
    };
    eventually!(state().await, |status| status == "cancelled", SOON);
    assert_eq!(events(&node, "r", "cancel_requested").await.len(), 1);
}

#[tokio::test]
async fn an_act_that_nobody_claims_expires_and_one_that_nobody_finishes_is_interrupted() {
    let node = TestNode::start(&QUICK);
    let worker = Worker::join(&node, "r", "w").await;
    let step = |secs: u64| json!({"type": "step", "expiresInSecs": secs});
    let given = command(&node, "r", "ann", &step(1)).await;
    let expired = event(&node, "r", "command_expired", |_| true).await;
    assert_eq!(expired["commandId"], given["commandId"]);
    let queued = event(&node, "r", "step_requested", |_| true).await;
    assert!((1_000..15_000).contains(&between(&queued, &expired)), "{queued} {expired}");
    let late = worker.claim(&node, "r", given["commandId"].as_str().unwrap()).await;
    late.problem(410, "command_expired");

    let given = command(&node, "r", "ann", &step(60)).await;
    let id = given["commandId"].as_str().unwrap().to_owned();
    assert_eq!(worker.claim(&node, "r", &id).await.status, 200);
    let alive = async || {
        worker.alive(&node, "r").await;
        let all = events(&node, "r", "command_status").await;
        all.into_iter().filter(|event| event["commandId"] == *id).collect::<Vec<_>>()
    };
    let told = eventually!(alive().await, |told| told.len() == 2, SOON);
    assert_eq!((&told[0]["status"], &told[1]["status"]), (&json!("accepted"), &json!("interrupted")));
    assert!((1_000..15_000).contains(&between(&told[0], &told[1])), "{told:?}");
    assert_eq!(events(&node, "r", "command_expired").await.len(), 1);
}

#[tokio::test]
async fn a_question_times_out_as_it_was_announced_once() {
    let node = TestNode::start(&QUICK);
    let mut worker = Worker::join(&node, "r", "w").await;
    let ask = json!({
        "type": "ai_stuck", "askId": "a1", "reason": "captcha", "message": "What now?", "needs": "text",
        "expiresInSecs": 5, "onTimeout": {"action": "continue", "value": "skip it"},
    });
    worker.post(&node, "r", &ask).await;
    let asked = event(&node, "r", "ai_stuck", |_| true).await;
    let ended = async || {
        worker.alive(&node, "r").await;
        events(&node, "r", "ask_expired").await
    };
    let ended = eventually!(ended().await, |ended| !ended.is_empty(), SOON);
    let ended = &ended[0];
    assert_eq!((&ended["askId"], &ended["reason"]), (&json!("a1"), &json!("timeout")));
    assert_eq!((&ended["action"], &ended["value"]), (&json!("continue"), &json!("skip it")));
    assert!((5_000..15_000).contains(&between(&asked, ended)), "{asked} {ended}");
    let late = json!({"type": "answer", "askId": "a1", "value": "late"});
    let refused = super::steered::try_command(&node, "r", "ann", &late).await;
    assert_eq!(refused.status, 409, "{refused:?}");
    assert_eq!(events(&node, "r", "ask_expired").await.len(), 1);
    assert!(at(ended) > 0);
}
