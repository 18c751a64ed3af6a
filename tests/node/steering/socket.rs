//! Commands on a WebSocket, and beside it.

use serde_json::json;

use super::{given, id, join, logged, said, watch};
use crate::support::{Op, Socket, TestNode, Viewer};

#[tokio::test]
async fn a_viewer_without_a_name_is_known_by_the_id_that_it_keeps_or_by_its_session() {
    let node = TestNode::start(&[]);
    join(&node, "r", &["w1"]).await;
    let mut kept = Socket::open(&node, "/ws/runs/r?after=latest&clientId=abcdefgh-1").await;
    kept.said("connected").await;
    said(&mut kept, &json!({"type": "pause"})).await;
    let mut unnamed = Socket::open(&node, "/ws/runs/r?after=latest").await;
    let session = unnamed.said("connected").await["sessionId"].as_str().unwrap().to_owned();
    said(&mut unnamed, &json!({"type": "pause"})).await;
    let headers = [("content-type", "application/json"), ("runcast-client", "abcdefgh-1")];
    node.post("/api/runs/r/commands", &headers, r#"{"type":"pause"}"#).await;
    node.post("/api/runs/r/commands", &headers[..1], r#"{"type":"pause"}"#).await;
    let subjects: Vec<_> =
        logged(&node, "r", "pause_requested").await.iter().map(|e| e["by"]["subject"].clone()).collect();
    assert_eq!(subjects, ["anon:abcdefgh-1", &format!("anon:{session}"), "anon:abcdefgh-1", "anon:127.0.0.1"]);
    let bad = Socket::open(&node, "/ws/runs/r?clientId=short").await;
    assert!(bad.head.starts_with("HTTP/1.1 400"), "{}", bad.head);
}

#[tokio::test]
async fn commands_are_answered_in_order_and_what_comes_before_the_greeting_as_well() {
    let node = TestNode::start(&[]);
    join(&node, "r", &["w1"]).await;
    let commands: Vec<_> =
        ["pause", "resume", "step"].map(|kind| json!({"type": kind, "commandId": id()})).into_iter().collect();
    let mut early = Socket::connect(&node, None).await;
    let frames: Vec<u8> = commands
        .iter()
        .flat_map(|c| crate::support::frame(0x81, Some([1, 2, 3, 4]), c.to_string().as_bytes()))
        .collect();
    early.upgrade("/ws/runs/r?after=latest&userId=Ann", "", &frames).await;
    for command in &commands {
        let answer = early.said("command").await;
        assert_eq!((&answer["commandId"], answer["code"].is_null()), (&command["commandId"], true), "{answer}");
    }
}

#[tokio::test]
async fn the_answer_is_no_event_and_moves_no_viewer() {
    let node = TestNode::start(&[]);
    join(&node, "r", &["w1"]).await;
    let mut viewer = Viewer::join_at(&node, "/ws/runs/r?userId=Ann").await;
    viewer.say(r#"{"type":"pause","maxSecs":60}"#).await;
    viewer.until("the answer", |viewer| !viewer.told("command").is_empty()).await;
    viewer.until_events(3).await; // fails unless each event comes once, in order
    assert!(viewer.texts()[2].contains("pause_requested"));
    viewer.say(r#"{"type":"explode"}"#).await;
    viewer.until("the error", |viewer| !viewer.told("error").is_empty()).await;
    assert_eq!(viewer.told("error")[0]["code"], "unknown_type");
}

#[tokio::test]
async fn a_viewer_that_goes_while_its_command_is_decided_leaves_nothing_behind() {
    let node = TestNode::start(&[]);
    join(&node, "r", &["w1"]).await;
    for _ in 0..20 {
        let mut socket = watch(&node, "r", "Ann").await;
        socket.say(Op::Text, br#"{"type":"take_control"}"#).await;
    }
    // The node's drain proves that nobody is left.
    given(&node, "r", "Ann", &json!({"type": "pause"})).await;
}
