//! Everything that runcast is asked for, through a balancer.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;

use crate::balancer::{Balancer, Kind};
use crate::nodes;
use crate::support::{EventStream, SOON, TestNode, Viewer, eventually, exchange, gzip, numbered, soon, zstd};

/// A balancer with one node: what is posted is what is read.
async fn alone(kind: Kind) -> (TestNode, Balancer) {
    let node = nodes::alone(&[]);
    let balancer = Balancer::before(kind, &[node.address()]).await;
    (node, balancer)
}

async fn every_request_passes(kind: Kind) {
    let (_node, balancer) = alone(kind).await;
    let mut viewer = Viewer::join(&balancer, "r").await;
    let mut stream = EventStream::open(&balancer, "/api/runs/r/events/stream", "").await;
    assert!(stream.connected().await);
    let mut list = EventStream::open(&balancer, "/api/runs/stream", "").await;
    list.take(1).await;

    let lines = numbered(1, 4, 0);
    let path = "/api/runs/r/events";
    let json = ("content-type", "application/json");
    assert_eq!(balancer.post(path, &[json], lines[0].clone()).await.status, 202);
    // Nothing waits in a buffer: each event is there before the next is posted.
    viewer.until_events(1).await;
    assert_eq!(stream.take(2).await[1].id.as_deref(), Some(viewer.cursor.as_str()), "epoch, event");
    let nd_json = ("content-type", "application/x-ndjson");
    for (encoding, body, n) in [("gzip", gzip(lines[1].as_bytes()), 2), ("zstd", zstd(lines[2].as_bytes()), 3)] {
        let reply = balancer.post(path, &[nd_json, ("content-encoding", encoding)], body).await;
        assert_eq!((reply.status, reply.json()["lastSeq"].as_u64()), (202, Some(n)), "{reply:?}");
        viewer.until_events(n as usize).await;
        assert_eq!(stream.take(1).await[0].id.as_deref(), Some(viewer.cursor.as_str()));
    }
    let waiting = tokio::spawn({
        let site = balancer.clone();
        async move { site.get("/api/runs/r/events?after=3&wait=20").await }
    });
    let numbering = [("runcast-producer", "p"), ("runcast-producer-seq", "1")];
    for (stored, duplicates) in [(1, 0), (0, 1)] {
        let reply = balancer.post_ndjson("r", &lines[3..], &numbering).await.json();
        assert_eq!((&reply["stored"], &reply["duplicates"]), (&stored.into(), &duplicates.into()), "{reply}");
    }
    assert_eq!(waiting.await.unwrap().json()["events"][0]["seq"], 4, "a long poll");
    assert!(list.take(1).await[0].data.contains(r#""runId":"r""#), "a change of the list");
    assert_eq!(balancer.stored("r").await, lines);
    assert_eq!(balancer.get_json("/api/runs/r").await["runId"], "r");
    let page = balancer.get("/runs/r").await;
    assert!(page.status == 200 && page.header("content-type").starts_with("text/html"), "{page:?}");
}

#[tokio::test]
async fn every_request_passes_nginx() {
    every_request_passes(Kind::Nginx).await;
}

#[tokio::test]
async fn every_request_passes_haproxy() {
    every_request_passes(Kind::HaProxy).await;
}

async fn events_are_not_held_back(kind: Kind) {
    let (_node, balancer) = alone(kind).await;
    let mut viewer = Viewer::join(&balancer, "r").await;
    let mut stream = EventStream::open(&balancer, "/api/runs/r/events/stream", "").await;
    assert!(stream.connected().await, "before the run's first event: it is told its epoch");
    balancer.store("r", &numbered(1, 1, 0)).await;
    stream.take(2).await;
    let mut fastest = [Duration::MAX; 2];
    for n in 2..12 {
        let posted = Instant::now();
        balancer.store("r", &numbered(n, 1, 0)).await;
        stream.take(1).await;
        fastest[0] = fastest[0].min(posted.elapsed());
        viewer.until_events(n as usize).await;
        fastest[1] = fastest[1].min(posted.elapsed());
    }
    // Who waits for more to send waits 0.2 s, every time.
    assert!(fastest.iter().all(|fastest| *fastest < Duration::from_millis(150)), "stream, WebSocket: {fastest:?}");
}

#[tokio::test]
async fn events_are_not_held_back_by_nginx() {
    events_are_not_held_back(Kind::Nginx).await;
}

#[tokio::test]
async fn events_are_not_held_back_by_haproxy() {
    events_are_not_held_back(Kind::HaProxy).await;
}

async fn limits_are_those_of_runcast(kind: Kind) {
    let (_node, balancer) = alone(kind).await;
    let lines = numbered(1, 16, 262_000);
    assert!(lines.join("\n").len() > 4_190_000, "nearly ingest.max_batch_bytes");
    assert_eq!(balancer.store("r", &lines).await["lastSeq"], 16);
    assert!(balancer.stored("r").await == lines, "what is large comes back whole, too");
    let too_many = [lines, numbered(17, 1, 10_000)].concat();
    balancer.post_ndjson("r", &too_many, &[]).await.problem(413, "batch_too_large");

    let mut viewer = Viewer::join_after(&balancer, "r", "latest").await;
    let image = vec![7; 2 * 1024 * 1024];
    let shown = balancer.post("/api/runs/r/frame", &[("content-type", "image/png")], image.clone()).await;
    assert_eq!(shown.status, 202, "{shown:?}");
    viewer.until("a screen frame", |viewer| !viewer.screens.is_empty()).await;
    assert!(viewer.screens[0].1 == image);
}

#[tokio::test]
async fn limits_behind_nginx_are_those_of_runcast() {
    limits_are_those_of_runcast(Kind::Nginx).await;
}

#[tokio::test]
async fn limits_behind_haproxy_are_those_of_runcast() {
    limits_are_those_of_runcast(Kind::HaProxy).await;
}

/// Watches from the address `from`, with further header lines, and goes.
async fn watch_from(balancer: &Balancer, from: [u8; 4], headers: &str) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((from, 0))).unwrap();
    let mut tcp = soon("a connection", socket.connect(balancer.address())).await.unwrap();
    let request = format!(
        "GET /ws/runs/r HTTP/1.1\r\nHost: runcast.example.org\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
    );
    tcp.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !String::from_utf8_lossy(&answer).contains("connected") {
        assert!(soon("an answer", tcp.read_buf(&mut answer)).await.unwrap() > 0, "{answer:?}");
    }
}

async fn a_client_is_known_by_its_own_address(kind: Kind) {
    let (node, balancer) = alone(kind).await;
    watch_from(&balancer, [127, 0, 0, 2], "X-Forwarded-For: 203.0.113.9\r\n").await;
    let closed = || node.log().lines().find(|line| line.contains("session closed")).map(str::to_owned);
    let line = eventually!(closed(), |line| line.is_some(), SOON).unwrap();
    let client_ip: IpAddr =
        serde_json::from_str::<Value>(&line).unwrap()["client_ip"].as_str().unwrap().parse().unwrap();
    assert_eq!(
        client_ip,
        IpAddr::from([127, 0, 0, 2]),
        "neither the balancer's address nor what the client says of itself"
    );
}

#[tokio::test]
async fn a_client_behind_nginx_is_known_by_its_own_address() {
    a_client_is_known_by_its_own_address(Kind::Nginx).await;
}

#[tokio::test]
async fn a_client_behind_haproxy_is_known_by_its_own_address() {
    a_client_is_known_by_its_own_address(Kind::HaProxy).await;
}

/// The status of the answer to a GET with these header lines.
async fn status(balancer: &Balancer, path: &str, headers: &str) -> String {
    let answer = exchange(balancer, &format!("GET {path} HTTP/1.1\r\n{headers}\r\n")).await;
    answer.split(' ').nth(1).unwrap_or_default().to_owned()
}

async fn names_and_origins_are_judged_as_without_it(kind: Kind) {
    let (_node, balancer) = alone(kind).await;
    let address = balancer.address();
    for friend in [
        "Host: runcast.example.org\r\nOrigin: https://runcast.example.org\r\n".to_owned(),
        // The port must have passed: it makes the two the same.
        format!("Host: {address}\r\nOrigin: http://{address}\r\n"),
    ] {
        assert_eq!(status(&balancer, "/api/runs", &friend).await, "200", "{friend}");
    }
    for stranger in ["Host: evil.example.com\r\n", "Host: runcast.example.org\r\nOrigin: https://evil.example.com\r\n"]
    {
        assert_eq!(status(&balancer, "/api/runs", stranger).await, "403", "{stranger}");
    }
    for hidden in [
        "/metrics",
        "/%6detrics",
        "/api/actors",
        "/metrics?x",
        "/metrics/",
        "//metrics",
        "/metrics//?x",
        "/api//actors/",
        "//api/actors",
        "/api/cleanup/stats",
        "//api//cleanup//stats/",
    ] {
        assert_eq!(status(&balancer, hidden, "Host: runcast.example.org\r\n").await, "404", "{hidden}");
    }
}

#[tokio::test]
async fn names_and_origins_are_judged_behind_nginx_as_without_it() {
    names_and_origins_are_judged_as_without_it(Kind::Nginx).await;
}

#[tokio::test]
async fn names_and_origins_are_judged_behind_haproxy_as_without_it() {
    names_and_origins_are_judged_as_without_it(Kind::HaProxy).await;
}
