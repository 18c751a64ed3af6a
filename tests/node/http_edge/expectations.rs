//! `Expect: 100-continue`: what is too large by its head is refused before any of it is sent.

use super::raw::{Raw, node};
use crate::support::{SOON, eventually};

#[tokio::test]
async fn a_body_that_is_too_large_by_its_head_is_refused_before_it_is_sent() {
    let node = node(&[
        ("ingest.max_event_bytes", "1024"),
        ("ingest.max_batch_bytes", "20000"),
        ("ingest.frame_bytes", "30000"),
        ("artifacts.max_bytes", "40000"),
    ]);
    let create =
        node.post("/api/runs/r/artifacts", &[("content-type", "application/json")], r#"{"name":"a","size":5}"#).await;
    let url = create.json()["upload"]["url"].as_str().unwrap().to_owned();
    let signed = url.split_once("://").map_or(url.as_str(), |(_, rest)| &rest[rest.find('/').unwrap()..]).to_owned();
    for (line, content_type, most, code) in [
        ("POST /api/runs/r/events", "application/json", 20_000, "batch_too_large"),
        ("POST /api/tests/r/events", "application/x-ndjson", 20_000, "batch_too_large"),
        ("POST //api/runs/r/events/", "application/json", 20_000, "batch_too_large"),
        ("POST /api/runs/r/frame", "image/png", 30_000, "frame_too_large"),
        ("POST /api/runs/r/artifacts", "application/json", 16 * 1024, "body_too_large"),
        ("PUT /api/runs/r/pin", "application/json", 16 * 1024, "body_too_large"),
        ("PUT /api/runs/r/artifacts/a.bin", "application/octet-stream", 40_000, "artifact_too_large"),
        (&format!("PUT {signed}"), "application/octet-stream", 40_000, "artifact_too_large"),
    ] {
        let head = |length: usize, expect: &str| {
            format!(
                "{line} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n{expect}\r\n"
            )
        };
        for expect in ["Expect: 100-continue\r\n", ""] {
            let answer = Raw::ask(&node, &head(most + 1, expect)).await;
            assert_eq!((answer.status, answer.code().as_str()), (413, code), "{line} {expect}: {answer:?}");
            assert_eq!(answer.header("connection"), Some("close"));
        }
        let mut welcome = Raw::say(&node, &head(most, "Expect: 100-continue\r\n")).await;
        assert_eq!(welcome.head().await.status, 100, "{line}");
    }
    assert_eq!(node.stored("r").await.len(), 0);
    eventually!(node.metric("runcast_ingest_bytes").await, |held| *held == 0.0, SOON);
}
