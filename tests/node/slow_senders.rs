//! Senders that trickle: they lose their permit, not the others theirs.
//! Promised in docs/reliability.md, "Abuse".

use std::time::Duration;

use crate::support::{SOON, Site, TestNode, eventually, numbered, soon};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A request whose body comes a byte at a time; ends when it is answered, with the answer.
async fn trickle(node: &Site, head: &str, body: &str, begin: usize) -> String {
    let mut stream = TcpStream::connect(node.address()).await.unwrap();
    let head = format!("{head}Host: localhost\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&body.as_bytes()[..begin]).await.unwrap();
    let mut answer = Vec::new();
    for byte in &body.as_bytes()[begin..] {
        // A byte now and then is the point.
        let read = tokio::time::timeout(Duration::from_millis(250), stream.read_buf(&mut answer));
        if read.await.is_ok() {
            break;
        }
        if stream.write_all(&[*byte]).await.is_err() {
            break;
        }
    }
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

fn post(run: &str) -> String {
    format!("POST /api/runs/{run}/events HTTP/1.1\r\nContent-Type: application/x-ndjson\r\n")
}

#[tokio::test]
async fn a_body_that_trickles_is_let_go_and_stores_nothing() {
    let node = TestNode::start(&[("RUNCAST__SERVER__BODY_PAUSE_SECS", "1")]);
    let body = numbered(1, 100, 100).join("\n");
    let answer = soon("an answer", trickle(&node, &post("r"), &body, 10)).await;
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("1024 bytes per second"), "{answer}");
    assert_eq!(node.stored("r").await.len(), 0);
    assert_eq!(node.metric("runcast_slow_transfers_total{kind=\"post\",reason=\"rate\"}").await, 1.0);
}

#[tokio::test]
async fn honest_posts_find_room_while_others_trickle() {
    let node = TestNode::start(&[
        ("RUNCAST__INGEST__INFLIGHT_BYTES", "1048576"),
        ("RUNCAST__INGEST__MAX_BATCH_BYTES", "524288"),
    ]);
    let body = numbered(1, 100, 1_000).join("\n");
    let slow: Vec<_> = (0..16)
        .map(|index| {
            let (site, body) = (Site::clone(&node), body.clone());
            tokio::spawn(async move { trickle(&site, &post(&format!("slow-{index}")), &body, 64_000).await })
        })
        .collect();
    eventually!(node.metric("runcast_ingest_bytes").await, |bytes| *bytes >= 900_000.0, SOON);
    // They may pause for ten seconds; whoever comes meanwhile does not wait for that.
    let lines = numbered(1, 400, 1_000);
    eventually!(node.post_ndjson("r", &lines, &[]).await.status, |status| *status == 202, Duration::from_secs(8));
    let preempted = node.metric("runcast_slow_transfers_total{kind=\"post\",reason=\"preempted\"}").await;
    assert!(preempted >= 1.0);
    let mut told = 0;
    for task in slow {
        let answer = soon("an answer", task).await.unwrap();
        told += usize::from(answer.starts_with("HTTP/1.1 503 ") && answer.contains("preempted"));
    }
    assert!(told >= 1, "who gives way is told");
}

#[tokio::test]
async fn an_upload_gets_a_permit_while_others_trickle_and_one_that_only_pauses_is_kept() {
    let node = TestNode::start(&[("RUNCAST__ARTIFACTS__MAX_UPLOADS", "2"), ("RUNCAST__SERVER__BODY_PAUSE_SECS", "1")]);
    let put = |name: &str| format!("PUT /api/runs/r/artifacts/{name} HTTP/1.1\r\nContent-Type: image/png\r\n");
    let body = "x".repeat(200_000);

    // This one has sent half of it, and pauses for longer than a post might.
    let mut pausing = TcpStream::connect(node.address()).await.unwrap();
    let head = format!("{}Host: localhost\r\nContent-Length: {}\r\n\r\n", put("pausing.png"), body.len());
    pausing.write_all(head.as_bytes()).await.unwrap();
    pausing.write_all(&body.as_bytes()[..100_000]).await.unwrap();
    let early = tokio::time::timeout(Duration::from_secs(3), pausing.peek(&mut [0])).await;
    assert!(early.is_err(), "it was answered while it paused");
    pausing.write_all(&body.as_bytes()[100_000..]).await.unwrap();
    let mut answer = vec![0; 12];
    soon("an answer", pausing.read_exact(&mut answer)).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 201");

    let slow: Vec<_> = (0..2)
        .map(|index| {
            let (site, body, head) = (Site::clone(&node), body.clone(), put(&format!("slow-{index}.png")));
            tokio::spawn(async move { trickle(&site, &head, &body, 10).await })
        })
        .collect();
    let waiting = async || node.get("/api/runs/r/artifacts").await.json()["artifacts"].as_array().map_or(0, Vec::len);
    eventually!(waiting().await, |count| *count == 3, SOON);
    let quick =
        async || node.try_send("PUT", "/api/runs/r/artifacts/quick.png", &[], body.clone()).await.unwrap().status;
    eventually!(quick().await, |status| *status == 201, Duration::from_secs(10));
    assert!(node.metric("runcast_slow_transfers_total{kind=\"upload\",reason=\"preempted\"}").await >= 1.0);
    slow.iter().for_each(tokio::task::JoinHandle::abort);
}
