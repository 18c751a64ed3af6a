//! `Upgrade` means something only where a WebSocket is.

use super::raw::{Answer, H2C, HANDSHAKE, Raw, node};
use crate::support::{Op, SOON, Socket, TestNode, eventually, numbered};

const JSON: &str = "Content-Type: application/json\r\n";

async fn living(node: &TestNode, what: &str) -> u64 {
    node.get_json("/api/actors").await["living"][what].as_u64().unwrap_or(0)
}

/// That it was refused as a whole: a problem document, and the end of the connection.
#[track_caller]
fn refused(answer: &Answer, what: &str) {
    assert_eq!((answer.status, answer.code().as_str()), (400, "upgrade_not_here"), "{what}: {answer:?}");
    assert_eq!(answer.header("connection"), Some("close"), "{what}: {answer:?}");
}

#[tokio::test]
async fn an_upgrade_where_no_web_socket_is_leaves_no_connection_viewer_or_session_behind() {
    let node = node(&[("server.max_connections", "40"), ("server.workers", "1")]);
    node.store("r", &numbered(1, 3, 0)).await;
    // More than ten times as many as the node takes; half of the clients go at once, half stay until they are refused.
    for round in 0..40 {
        let mut open = Vec::new();
        for _ in 0..10 {
            open.push(Raw::say(&node, &format!("GET /api/runs/r/events/stream HTTP/1.1\r\n{HANDSHAKE}\r\n")).await);
        }
        for (index, mut raw) in open.into_iter().enumerate() {
            if (round + index) % 2 == 0 {
                refused(&raw.answer().await, "a stream");
            }
        }
    }
    eventually!(node.metric("runcast_connections").await, |open| *open <= 2.0, SOON);
    assert_eq!(living(&node, "session").await, 0);
    assert_eq!(node.get_json("/api/runs/r/viewers").await["viewers"], 0);
    let mut socket = Socket::open(&node, "/ws/runs/r").await;
    socket.said("connected").await;
}

#[tokio::test]
async fn an_answer_that_is_no_switch_comes_with_its_body_or_not_at_all() {
    let node = node(&[]);
    let content: Vec<u8> = (0..3_000_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    let stored = node.try_send("PUT", "/api/runs/r/artifacts/film.webm", &[], content).await.unwrap();
    assert_eq!(stored.status, 201, "{stored:?}");
    let id = stored.json()["artifactId"].as_str().unwrap().to_owned();
    let download = node.get_json(&format!("/api/runs/r/artifacts/{id}/download")).await;
    let url = download["signedUrl"].as_str().or(download["downloadUrl"].as_str()).unwrap().to_owned();
    let path = url.split_once("://").map_or(url.as_str(), |(_, rest)| &rest[rest.find('/').unwrap()..]).to_owned();
    for path in [path.as_str(), "/", "/health", "/api/runs", "/api/openapi.json", "/nothing/here"] {
        refused(&Raw::ask(&node, &format!("GET {path} HTTP/1.1\r\n{HANDSHAKE}\r\n")).await, path);
    }
    let plain = Raw::ask(&node, &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")).await;
    assert_eq!((plain.status, plain.body.len()), (200, 3_000_000));
}

#[tokio::test]
async fn a_body_behind_an_upgrade_is_refused_and_nothing_is_done_with_it() {
    let node = node(&[]);
    let event = r#"{"type":"log"}"#;
    let length = event.len();
    let post = format!("POST /api/runs/r/events HTTP/1.1\r\n{HANDSHAKE}{JSON}Content-Length: {length}\r\n\r\n{event}");
    refused(&Raw::ask(&node, &post).await, "a post");
    let put = format!("PUT /api/runs/r/artifacts/a.txt HTTP/1.1\r\n{HANDSHAKE}Content-Length: 5\r\n\r\nhello");
    refused(&Raw::ask(&node, &put).await, "an artifact");
    // With chunks, actix takes it for a request like others.
    let chunked = format!(
        "POST /api/runs/r/events HTTP/1.1\r\n{HANDSHAKE}{JSON}Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n{event}\r\n0\r\n\r\n"
    );
    refused(&Raw::ask(&node, &chunked).await, "a post in chunks");
    // A client that is still sending reads why, too.
    let mut large = Raw::connect(&node).await;
    large
        .send(
            format!("PUT /api/runs/r/artifacts/a.bin HTTP/1.1\r\n{HANDSHAKE}Content-Length: 4000000\r\n\r\n")
                .as_bytes(),
        )
        .await;
    for _ in 0..40 {
        if !large.try_send(&[7; 100_000]).await {
            break;
        }
    }
    refused(&large.answer().await, "a large artifact");
    let deleted = Raw::ask(&node, &format!("DELETE /api/runs/r/pin HTTP/1.1\r\n{HANDSHAKE}\r\n")).await;
    refused(&deleted, "a deletion");

    assert_eq!(node.stored("r").await.len(), 0);
    node.get("/api/runs/r/artifacts").await.problem(404, "run_not_found");
    eventually!(node.metric("runcast_connections").await, |open| *open <= 2.0, SOON);
}

#[tokio::test]
async fn a_request_for_h2c_is_plain_http() {
    let node = node(&[]);
    let event = r#"{"type":"log","message":"from java"}"#;
    let post = format!("POST /api/runs/r/events HTTP/1.1\r\n{H2C}{JSON}Content-Length: {}\r\n\r\n{event}", event.len());
    let stored = Raw::ask(&node, &post).await;
    assert_eq!(stored.status, 202, "{stored:?}");
    assert_eq!(stored.header("connection"), Some("close"), "and no word of an upgrade: {stored:?}");
    let events = node.stored("r").await;
    assert!(events.len() == 1 && events[0].contains("from java"), "{events:?}");
    let page = Raw::ask(&node, &format!("GET /api/runs/r/events HTTP/1.1\r\n{H2C}\r\n")).await;
    assert_eq!(page.status, 200);
    let length: usize = page.header("content-length").unwrap().parse().unwrap();
    assert_eq!(page.body.len(), length);
    let mut stream = Raw::say(&node, &format!("GET /api/runs/r/events/stream HTTP/1.1\r\n{H2C}\r\n")).await;
    let head = stream.head().await;
    assert_eq!((head.status, head.header("content-type")), (200, Some("text/event-stream")));
    stream.take(100).await;
    drop(stream);
    let none = Raw::ask(&node, &format!("GET /ws/runs/r HTTP/1.1\r\n{H2C}\r\n")).await;
    assert_eq!((none.status, none.code().as_str()), (400, "not_a_websocket"));
}

#[tokio::test]
async fn in_a_crowd_only_what_becomes_a_web_socket_is_let_in_to_be_closed() {
    let node = node(&[("server.max_connections", "20")]);
    let mut seated = Vec::new();
    for _ in 0..20 {
        let mut socket = Socket::open(&node, "/ws/runs/r").await;
        socket.said("connected").await;
        seated.push(socket);
    }
    let mut asked = 0;
    for upgrade in ["Upgrade: websocket\r\n", "Upgrade: h2c\r\n", "Upgrade: x\r\n"] {
        for line in ["GET /api/runs", "GET /", "GET /api/runs/r/events", "GET /ws/runs/none/x", "GET /api/openapi.json"]
        {
            for _ in 0..4 {
                let request = format!("{line} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n{upgrade}\r\n");
                let answer = Raw::ask(&node, &request).await;
                let code = answer.code();
                assert!(
                    matches!((answer.status, code.as_str()), (503, "saturated") | (400, "upgrade_not_here")),
                    "{line}: {answer:?}"
                );
                asked += 1;
            }
        }
    }
    assert_eq!(asked, 60);
    let odd = Raw::ask(&node, &format!("GET /ws/runs/.hidden HTTP/1.1\r\n{HANDSHAKE}\r\n")).await;
    assert_eq!((odd.status, odd.code().as_str()), (503, "saturated"), "it would not have become one");
    for _ in 0..5 {
        let mut newcomer = Socket::open(&node, "/ws/runs/r").await;
        assert_eq!(newcomer.frame().await.close_code(), Some(1013));
        newcomer.say(Op::Close, &1013_u16.to_be_bytes()).await;
        assert_eq!(newcomer.next().await, None);
    }
}

#[tokio::test]
async fn a_handshake_that_is_none_is_refused_and_another_version_is_told_ours() {
    let node = node(&[]);
    for version in ["8", "7", "14"] {
        let request = format!("GET /ws/runs/r HTTP/1.1\r\n{}\r\n", HANDSHAKE.replace("13", version));
        let answer = Raw::ask(&node, &request).await;
        assert_eq!((answer.status, answer.code().as_str()), (426, "websocket_version"), "{version}");
        assert_eq!(answer.header("sec-websocket-version"), Some("13"));
        assert_eq!(
            (answer.header("upgrade"), answer.header("connection")),
            (Some("websocket"), Some("close, upgrade"))
        );
    }
    for (line, more) in [
        ("POST /ws/runs/r HTTP/1.1", ""),
        ("GET /ws/runs/r HTTP/1.0", ""),
        ("GET /ws/runs/r HTTP/1.1", "Content-Length: 5\r\n"),
        ("GET /ws/runs/r HTTP/1.1", "Transfer-Encoding: chunked\r\n"),
        ("GET /ws/runs/r HTTP/1.1", "Upgrade: h2c\r\n"),
        ("GET /ws/runs/r HTTP/1.1", "Connection: close\r\n"),
    ] {
        let answer = Raw::ask(&node, &format!("{line}\r\n{HANDSHAKE}{more}\r\n")).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "not_a_websocket"), "{line} {more}");
    }
    let tunnel = Raw::ask(&node, "CONNECT localhost:80 HTTP/1.1\r\nHost: localhost:80\r\n\r\n").await;
    assert_eq!((tunnel.status, tunnel.code().as_str()), (405, "method_not_allowed"));
    eventually!(living(&node, "session").await, |sessions| *sessions == 0, SOON);
}

#[tokio::test]
async fn a_refused_body_in_chunks_ends_its_connection_however_long_it_goes_on() {
    let node = node(&[("ingest.max_event_bytes", "1024"), ("ingest.max_batch_bytes", "20000")]);
    let head = |line: &str| format!("{line} HTTP/1.1\r\nHost: localhost\r\n{JSON}Transfer-Encoding: chunked\r\n\r\n");
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(4096));
    // Nothing more comes, or there is no end of it.
    for line in ["POST /nothing/here", "POST /api/runs/.r/events", "POST /api/runs/r/events"] {
        let mut silent = Raw::say(&node, &head(line)).await;
        silent.send(chunk.repeat(8).as_bytes()).await;
        let answer = silent.answer().await;
        assert!(answer.status >= 400 && answer.header("connection") == Some("close"), "{line}: {answer:?}");
        let mut endless = Raw::say(&node, &head(line)).await;
        let sending = async { while endless.try_send(chunk.as_bytes()).await {} };
        crate::support::soon("the end of an endless body", sending).await;
    }
    // One that is read to its end costs nobody the connection.
    let mut kept = Raw::connect(&node).await;
    for _ in 0..3 {
        kept.send(format!("{}e\r\n{{\"type\":\"log\"}}\r\n0\r\n\r\n", head("POST /api/runs/r/events")).as_bytes())
            .await;
        let answer = kept.head().await;
        assert_eq!((answer.status, answer.header("connection")), (202, None), "{answer:?}");
        kept.take(answer.header("content-length").unwrap().parse().unwrap()).await;
    }
    eventually!(node.metric("runcast_connections").await, |open| *open <= 3.0, SOON);
}

#[tokio::test]
async fn whatever_is_answered_in_a_crowd_ends_its_connection() {
    let node = node(&[("server.max_connections", "20")]);
    let mut seated = Vec::new();
    for _ in 0..21 {
        let mut socket = Socket::open(&node, "/ws/runs/r").await;
        if seated.len() < 20 {
            socket.said("connected").await;
        }
        seated.push(socket);
    }
    for (line, status) in [
        ("GET /health HTTP/1.1\r\nHost: localhost", 200),
        ("GET /api/actors HTTP/1.1\r\nHost: localhost", 200),
        ("GET /metrics HTTP/1.1\r\nHost: localhost", 200),
        ("GET /api/runs HTTP/1.1\r\nHost: localhost", 503),
        ("GET /api/runs HTTP/1.1\r\nHost: evil.example.com", 403),
        ("GET /api/runs/%20/events/stream HTTP/1.1\r\nHost: localhost", 400),
    ] {
        // It would stay open for the next request: it is heard to its end.
        let answer = Raw::ask(&node, &format!("{line}\r\nConnection: keep-alive\r\n\r\n")).await;
        assert_eq!((answer.status, answer.header("connection")), (status, Some("close")), "{line}: {}", answer.head);
    }
}
