//! HTTP/1.0: no chunks, and an end by closing.

use super::raw::{Raw, node};
use crate::support::numbered;

#[tokio::test]
async fn a_download_for_http_1_0_has_no_chunks_and_ends_with_its_connection() {
    let node = node(&[]);
    let text = "a line of a log\n".repeat(20_000);
    let stored = node.try_send("PUT", "/api/runs/r/artifacts/a.log", &[], text.clone()).await.unwrap();
    let stored = stored.json();
    assert_ne!(stored["method"], "kept", "{stored}");
    let id = stored["artifactId"].as_str().unwrap();
    let download = node.get_json(&format!("/api/runs/r/artifacts/{id}/download?encoding=identity")).await;
    let url = download["downloadUrl"].as_str().unwrap();
    let path = url.split_once("://").map_or(url, |(_, rest)| &rest[rest.find('/').unwrap()..]);
    let answer = Raw::ask(&node, &format!("GET {path} HTTP/1.0\r\n\r\n")).await;
    assert_eq!((answer.status, answer.header("transfer-encoding")), (200, None), "{}", answer.head);
    assert_ne!(answer.header("connection"), Some("keep-alive"));
    assert!(answer.body == text.as_bytes(), "{} bytes, not {}", answer.body.len(), text.len());
}

#[tokio::test]
async fn an_event_stream_for_http_1_0_is_bare_records() {
    let node = node(&[]);
    node.store("r", &numbered(1, 3, 0)).await;
    let mut stream = Raw::say(&node, "GET /api/runs/r/events/stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").await;
    let head = stream.head().await;
    assert_eq!((head.status, head.header("transfer-encoding")), (200, None), "{}", head.head);
    assert_ne!(head.header("connection"), Some("keep-alive"));
    let begin = String::from_utf8(stream.take(40).await).unwrap();
    let (retry, rest) = begin.split_once("\n\n").unwrap();
    assert!(retry.starts_with("retry: ") && rest.starts_with(": connected\n\n"), "{begin:?}");
}

#[tokio::test]
async fn an_answer_of_known_length_keeps_the_connection_of_http_1_0() {
    let node = node(&[]);
    let mut raw = Raw::connect(&node).await;
    for _ in 0..3 {
        raw.send(b"GET /api/runs HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").await;
        let head = raw.head().await;
        assert_eq!((head.status, head.header("connection")), (200, Some("keep-alive")));
        raw.take(head.header("content-length").unwrap().parse().unwrap()).await;
    }
}
