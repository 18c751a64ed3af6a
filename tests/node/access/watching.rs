//! Connections that stay open while rights end.

use serde_json::json;

use super::super::support::{EventStream, Op, SOON, Socket, eventually};
use super::GuardedNode;

async fn socket(guarded: &GuardedNode, path: &str, key: &str) -> Socket {
    let mut socket = Socket::connect(&guarded.node, None).await;
    socket.upgrade(path, &format!("Authorization: Bearer {key}\r\n"), b"").await;
    assert!(socket.head.starts_with("HTTP/1.1 101"), "{}", socket.head);
    socket
}

#[tokio::test]
async fn a_socket_is_closed_when_the_key_behind_it_is_revoked_and_others_stay() {
    let guarded = GuardedNode::start(&[]);
    assert_eq!(guarded.post(&guarded.first, "r").await.status, 202);
    let (key, id) = guarded.key(&["view"], &["r"]).await;
    let mut watched = socket(&guarded, "/ws/runs/r", &key).await;
    let mut other = socket(&guarded, "/ws/test-control?runId=r", &guarded.first).await;
    watched.said("connected").await;
    other.said("connected").await;
    let revoked = guarded.ask(&guarded.first, "DELETE", &format!("/api/keys/{id}"), json!(null)).await;
    assert_eq!(revoked.status, 204);
    assert_eq!(watched.close_code().await, Some(4401));
    assert_eq!(guarded.post(&guarded.first, "r").await.status, 202);
    other.said("log").await;
}

#[tokio::test]
async fn a_stream_ends_when_the_key_behind_it_is_revoked() {
    let guarded = GuardedNode::start(&[]);
    assert_eq!(guarded.post(&guarded.first, "r").await.status, 202);
    let (key, id) = guarded.key(&["view"], &["r"]).await;
    let header = format!("Authorization: Bearer {key}\r\n");
    let mut events = EventStream::open(&guarded.node, "/api/runs/r/events/stream", &header).await;
    while !events.next().await.expect("a record").data.contains("\"type\":\"log\"") {}
    let mut list = EventStream::open(&guarded.node, "/api/runs/stream", &header).await;
    let revoked = guarded.ask(&guarded.first, "DELETE", &format!("/api/keys/{id}"), json!(null)).await;
    assert_eq!(revoked.status, 204);
    while events.next().await.is_some() {}
    while list.next().await.is_some() {}
}

#[tokio::test]
async fn who_may_only_look_gives_no_commands() {
    let guarded = GuardedNode::start(&[]);
    assert_eq!(guarded.post(&guarded.first, "r").await.status, 202);
    let (viewer, _) = guarded.key(&["view"], &["r"]).await;
    let id = uuid::Uuid::now_v7().to_string();
    let pause = json!({"type": "pause", "commandId": id}).to_string();
    let mut looks = socket(&guarded, "/ws/runs/r", &viewer).await;
    looks.say(Op::Text, pause.as_bytes()).await;
    let refused = looks.said("command").await;
    assert_eq!((&refused["code"], &refused["commandId"]), (&json!("insufficient_scope"), &json!(id)), "{refused}");
    let mut steers = socket(&guarded, "/ws/runs/r", &guarded.first).await;
    steers.say(Op::Text, pause.as_bytes()).await;
    let accepted = steers.said("command").await;
    assert_eq!((&accepted["commandId"], accepted["state"].is_string()), (&json!(id), true), "{accepted}");
    let state = guarded.ask(&guarded.first, "GET", "/api/runs/r", json!(null)).await;
    assert!(state.text.contains("first key"), "the log says who it was: {}", state.text);
}

#[tokio::test]
async fn a_name_that_a_client_gives_itself_counts_for_nothing() {
    let guarded = GuardedNode::start(&[]);
    assert_eq!(guarded.post(&guarded.first, "r").await.status, 202);
    let mut seen = socket(&guarded, "/ws/runs/r?userId=mallory", &guarded.first).await;
    seen.said("connected").await;
    let viewers = async || guarded.ask(&guarded.first, "GET", "/api/runs/r/viewers?details=1", json!(null)).await.text;
    let told = eventually!(viewers().await, |told| told.contains("first key"), SOON);
    assert!(!told.contains("mallory"), "{told}");
    let (viewer, _) = guarded.key(&["view"], &["r"]).await;
    let refused = guarded.ask(&viewer, "GET", "/api/runs/r/viewers?details=1", json!(null)).await;
    refused.problem(403, "insufficient_scope");
}
