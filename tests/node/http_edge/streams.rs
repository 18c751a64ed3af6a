//! Server-Sent Events as an `EventSource` takes them: one that is refused gives up for good.

use super::raw::{Raw, node};
use crate::support::{EventStream, SOON, Socket, eventually, numbered};

const PATH: &str = "/api/runs/r/events/stream";

#[tokio::test]
async fn every_event_stream_begins_with_when_to_come_back() {
    let node = node(&[]);
    node.store("r", &numbered(1, 3, 0)).await;
    for query in ["", "?after=latest", "?after=-1"] {
        let mut stream = EventStream::open(&node, &format!("{PATH}{query}"), "").await;
        assert!(stream.connected().await);
        let retry = stream.retry.expect("a retry before the greeting");
        assert!((1_000..2_000).contains(&retry), "{retry}");
    }
    let mut raw = Raw::say(&node, &format!("GET {PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await;
    raw.head().await;
    let begin = raw.take(60).await;
    let begin = String::from_utf8_lossy(&begin).into_owned();
    assert!(begin.split_once("\r\n").unwrap().1.starts_with("retry: "), "{begin:?}");
}

#[tokio::test]
async fn an_event_source_that_finds_a_crowd_is_asked_to_come_back() {
    let node = node(&[("server.max_connections", "3")]);
    let mut seated = Vec::new();
    for _ in 0..3 {
        let mut socket = Socket::open(&node, "/ws/runs/r").await;
        socket.said("connected").await;
        seated.push(socket);
    }
    for path in [PATH, "/api/tests/r/events/stream"] {
        let mut stream = EventStream::open(&node, path, "Accept: text/event-stream\r\n").await;
        assert_eq!(stream.header("content-type"), "text/event-stream");
        assert_eq!(stream.header("connection"), "close");
        assert_eq!(stream.next().await, None, "it ends");
        assert!(stream.retry.is_some_and(|retry| (5_000..10_000).contains(&retry)), "{:?}", stream.retry);
        assert_eq!(stream.comments, 0);
    }
    assert_eq!(node.get_json("/api/actors").await["living"]["session"], 3);
    seated.truncate(1); // the figures are asked for by a connection that stays
    let admitted = async || EventStream::open(&node, PATH, "").await.connected().await;
    eventually!(admitted().await, |admitted| *admitted, SOON);
}

#[tokio::test]
async fn a_last_event_id_that_is_no_cursor_is_told_and_the_stream_goes_on() {
    let node = node(&[]);
    let lines = numbered(1, 3, 0);
    node.store("r", &lines).await;
    for (query, first) in [("", 1), ("?after=2", 3)] {
        for id in ["abc", "1:2:3", "undefined", "\u{e9}"] {
            let mut stream =
                EventStream::open(&node, &format!("{PATH}{query}"), &format!("Last-Event-ID: {id}\r\n")).await;
            let told = stream.next().await.unwrap();
            assert_eq!((told.event.as_deref(), told.id.as_deref()), (Some("error"), None), "{told:?}");
            let data: serde_json::Value = serde_json::from_str(&told.data).unwrap();
            assert_eq!((data["type"].as_str(), data["code"].as_str()), (Some("error"), Some("invalid_event_id")));
            for (seq, record) in (first..).zip(stream.take(4 - first).await) {
                assert!(record.id.unwrap().ends_with(&format!(":{seq}")));
            }
        }
    }
    let bad = node.get_with(&format!("{PATH}?after=x"), &[("last-event-id", "abc")]).await;
    bad.problem(400, "invalid_after");
}
