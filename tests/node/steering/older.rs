//! Older names of commands, of a step's events, of where a run is watched.

use serde_json::{Value, json};

use super::{command, join, logged, post};
use crate::support::TestNode;

#[tokio::test]
async fn older_names_give_the_same_commands_and_obey_the_lease() {
    let node = TestNode::start(&[]);
    join(&node, "r", &["w1"]).await;
    let ann = [("runcast-user", "Ann")];
    let typed = [("content-type", "application/json"), ann[0]];
    for (path, headers, body, event) in [
        ("pause", &ann[..], "", "pause_requested"),
        ("pause", &typed, r#"{"maxSecs":60}"#, "pause_requested"),
        ("resume", &ann, "", "resume_requested"),
        ("override-step", &typed, r#"{"action":{"type":"skip"}}"#, "step_override_queued"),
        ("update-instructions", &typed, r#"{"instructions":"look"}"#, "instructions_updated"),
    ] {
        let before = logged(&node, "r", event).await.len();
        let reply = node.post(&format!("/api/tests/r/{path}"), headers, body).await;
        assert_eq!(reply.status, 202, "{path}: {reply:?}");
        assert!(reply.json()["commandId"].is_string(), "{reply:?}");
        let stored = logged(&node, "r", event).await;
        assert_eq!((stored.len(), &stored[before]["by"]["name"]), (before + 1, &json!("Ann")), "{path}");
    }
    assert_eq!(logged(&node, "r", "instructions_updated").await[0]["mode"], "replace");
    node.post("/api/tests/r/override-step", &ann, "{}").await.problem(415, "unsupported_content_type");
    node.post("/api/tests/r/override-step", &typed, "{}").await.problem(400, "invalid_command");
    command(&node, "r", "Ben", &json!({"type": "take_control"})).await;
    node.post("/api/tests/r/resume", &ann, "").await.problem(409, "lease_held");
    assert_eq!(node.post("/api/tests/r/pause", &ann, "").await.status, 202);
}

#[tokio::test]
async fn the_events_of_a_step_come_page_by_page() {
    let node = TestNode::start(&[]);
    let step = |test: &str, n: u64, pad: usize| json!({"type": "test_step", "testId": test, "step": {"stepNumber": n}, "pad": "x".repeat(pad)});
    for round in 0..30 {
        let events: Vec<Value> = (0..30).map(|n| step(if n % 2 == 0 { "a" } else { "b" }, n % 3, 4_000)).collect();
        post(&node, "r", "w1", round * 30 + 1, &events).await;
    }
    let (mut after, mut found, mut pages) = (String::new(), 0, 0);
    loop {
        let page = node.get_json(&format!("/api/tests/r/steps/1?test=a&after={after}")).await;
        let events = page["events"].as_array().unwrap();
        assert!(
            events.iter().all(|e| e["testId"] == "a" && e["step"]["stepNumber"] == 1 && e["seq"].is_u64()),
            "{page}"
        );
        (found, pages) = (found + events.len(), pages + 1);
        after = page["cursor"].as_str().unwrap().to_owned();
        if page["more"] != true {
            break;
        }
    }
    assert_eq!((found, pages > 0), (150, true));
    assert_eq!(node.get_json("/api/tests/r/steps/9").await["events"], json!([]));
    node.get("/api/tests/r/steps/x").await.problem(400, "invalid_step");
}

#[tokio::test]
async fn a_run_says_where_it_is_watched() {
    let node = TestNode::start(&[]);
    let host = node.address().to_string();
    let streams = node.get_json("/api/tests/r/stream").await;
    let want = json!({
        "webSocket": format!("ws://{host}/ws/runs/r"),
        "events": format!("http://{host}/api/runs/r/events/stream"),
        "page": format!("http://{host}/runs/r"),
    });
    assert_eq!(streams, want);
}
