//! `server.header_timeout_secs` counts for every head of a connection, and a client that goes frees what it had.

use super::raw::{HANDSHAKE, Raw, node};
use crate::support::{SOON, eventually};

#[tokio::test]
async fn a_further_head_has_no_more_time_than_the_first() {
    let node = node(&[("server.header_timeout_secs", "1"), ("server.keep_alive_secs", "3600")]);
    let first = "GET /api/runs HTTP/1.1\r\nHost: localhost\r\n\r\n";
    // One byte and silence; or a byte now and then, for ever.
    let mut silent = Raw::say(&node, first).await;
    let head = silent.head().await;
    silent.take(head.header("content-length").unwrap().parse().unwrap()).await;
    silent.send(b"G").await;
    let mut slow = Raw::say(&node, &format!("{first}{first}GET /x")).await;
    for _ in 0..2 {
        let head = slow.head().await;
        slow.take(head.header("content-length").unwrap().parse().unwrap()).await;
    }
    // One byte for each request that others have answered meanwhile.
    let trickling = async {
        while slow.try_send(b"y").await {
            assert_eq!(node.get("/health").await.status, 200);
        }
    };
    crate::support::soon("the end of an endless head", trickling).await;
    assert_eq!(silent.rest().await, b"");
    // A whole head behind a pause is served: between requests only `server.keep_alive_secs` counts.
    let mut patient = Raw::say(&node, first).await;
    for _ in 0..2 {
        let head = patient.head().await;
        assert_eq!((head.status, head.header("connection")), (200, None));
        patient.take(head.header("content-length").unwrap().parse().unwrap()).await;
        patient.send(first.as_bytes()).await;
    }
    drop(patient);
    eventually!(node.metric("runcast_connections").await, |open| *open <= 1.0, SOON);
}

#[tokio::test]
async fn a_client_that_goes_in_the_middle_of_a_handshake_is_no_longer_counted() {
    let node = node(&[("server.header_timeout_secs", "1")]);
    for _ in 0..20 {
        let mut half = Raw::say(&node, "GET /ws/runs/r HTTP/1.1\r\n").await;
        half.send(HANDSHAKE.as_bytes()).await;
        drop(half);
        drop(Raw::say(&node, &format!("GET /ws/runs/r HTTP/1.1\r\n{HANDSHAKE}\r\n")).await);
        drop(Raw::say(&node, &format!("POST /x HTTP/1.1\r\n{HANDSHAKE}Content-Length: 99\r\n\r\n")).await);
    }
    let mut waits = Raw::say(&node, &format!("GET /ws/runs/r HTTP/1.1\r\n{HANDSHAKE}")).await;
    assert_eq!(waits.answer().await.status, 408);
    eventually!(node.metric("runcast_connections").await, |open| *open <= 1.0, SOON);
    eventually!(node.get_json("/api/actors").await["living"]["session"].clone(), |sessions| sessions.is_null(), SOON);
}
