//! The whole run of docs/events.md, posted to a real server.

use serde_json::{Value, json};

use crate::support::TestNode;

#[tokio::test]
async fn the_run_of_the_page_about_events_is_stored_and_folds_to_what_the_page_says() {
    let page = include_str!("../../docs/events.md");
    let (run, _) = page.split_once("```ndjson\n").unwrap().1.split_once("```").unwrap();
    let events: Vec<_> = run.lines().map(str::to_owned).collect();
    let node = TestNode::start(&[]);
    let producer = [("runcast-producer", "p"), ("runcast-producer-seq", "1")];
    let answer = node.post_ndjson("r", &events, &producer).await;
    assert_eq!((answer.status, answer.json()["stored"].as_u64()), (202, Some(events.len() as u64)), "{answer:?}");

    let state = node.get_json("/api/runs/r").await;
    assert_eq!((&state["status"], &state["total"], &state["workers"]), (&json!("passed"), &json!(2), &json!(1)));
    assert_eq!((&state["lastError"], &state["meta"]["branch"]), (&Value::Null, &json!("main")));
    let page = node.get_json("/api/runs/r/tests").await;
    let tests = page["tests"].as_array().unwrap();
    let shown: Vec<_> = tests.iter().map(|test| json!([test["testId"], test["variant"], test["outcome"]])).collect();
    assert_eq!(shown, [json!(["cart-1", "linux", "flaky"]), json!(["cart-2", "linux", "expected"])]);
    let first = &tests[0]["attempts"][0];
    assert_eq!((&first["status"], &first["failedStep"]["title"]), (&json!("failed"), &json!("Click")), "{first}");
}

#[tokio::test]
async fn the_schema_of_events_is_answered_by_every_server() {
    let node = TestNode::start(&[]);
    let answer = node.get("/api/events.schema.json").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/schema+json"));
    assert_eq!(answer.text, include_str!("../../docs/events.schema.json"));
}
