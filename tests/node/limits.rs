//! What one client may do: requests, events, connections. Promised in docs/reliability.md, "Every bound".

use std::net::IpAddr;

use futures_util::future::join_all;
use serde_json::Value;

use crate::support::{SOON, Site, Socket, TestNode, eventually, numbered, soon};

/// A client with an address of its own on this machine.
pub(crate) fn client_at(address: &str) -> reqwest::Client {
    let address: IpAddr = address.parse().unwrap();
    reqwest::Client::builder().no_proxy().local_address(address).timeout(SOON).build().unwrap()
}

async fn status(client: &reqwest::Client, url: &str, forwarded: &str) -> u16 {
    let mut request = client.get(url);
    if !forwarded.is_empty() {
        request = request.header("x-forwarded-for", forwarded);
    }
    request.send().await.unwrap().status().as_u16()
}

/// Statuses of so many requests that are sent at once.
async fn crowd(node: &Site, count: usize) -> Vec<u16> {
    let replies = join_all((0..count).map(|_| node.get("/api/runs"))).await;
    for reply in replies.iter().filter(|reply| reply.status != 200) {
        reply.problem(429, "too_many_requests");
        let wait: u64 = reply.header("retry-after").parse().unwrap();
        assert!((1..=2).contains(&wait), "{reply:?}");
    }
    replies.iter().map(|reply| reply.status).collect()
}

#[tokio::test]
async fn a_client_with_too_many_requests_is_told_when_to_come_back_and_nobody_else_is_refused() {
    let settings = [("RUNCAST__LIMITS__REQUESTS_PER_SEC", "1"), ("RUNCAST__LIMITS__REQUEST_BURST", "3")];
    let node = TestNode::start(&settings);
    let statuses = crowd(&node, 40).await;
    assert!(statuses.iter().filter(|status| **status == 200).count() >= 3, "{statuses:?}");
    assert!(statuses.contains(&429), "{statuses:?}");
    let other = client_at("127.0.0.2");
    for _ in 0..3 {
        assert_eq!(status(&other, &node.url("/api/runs"), "").await, 200);
    }
    for _ in 0..20 {
        assert_eq!((node.get("/health").await.status, node.get("/ready").await.status), (200, 200));
    }
    eventually!(node.get("/api/runs").await.status, |status| *status == 200, SOON);
    let refused = r#"runcast_limited_total{kind="requests"}"#;
    let client = client_at("127.0.0.3");
    let metrics = client.get(node.url("/metrics")).send().await.unwrap().text().await.unwrap();
    assert!(metrics.lines().any(|line| line.starts_with(refused)), "{metrics}");
}

#[tokio::test]
async fn events_are_limited_apart_from_requests_and_a_large_batch_passes_after_a_rest() {
    let settings = [("RUNCAST__LIMITS__EVENTS_PER_SEC", "10"), ("RUNCAST__LIMITS__EVENT_BURST", "20")];
    let node = TestNode::start(&settings);
    let events = |from, count| numbered(from, count, 20);
    node.store("r", &events(0, 150)).await;
    let reply = node.post_ndjson("r", &events(150, 1), &[]).await;
    let detail = reply.problem(429, "too_many_requests");
    assert!(detail.contains("limits.events_per_sec"), "{detail}");
    let wait: u64 = reply.header("retry-after").parse().unwrap();
    assert!((1..=14).contains(&wait), "{wait}");
    let other = client_at("127.0.0.2").post(node.url("/api/runs/other/events"));
    let other = other.header("content-type", "application/x-ndjson").body(events(0, 20).join("\n"));
    assert_eq!(other.send().await.unwrap().status(), 202);
    let posted = eventually!(node.post_ndjson("r", &events(150, 1), &[]).await.status, |status| *status == 202, SOON);
    assert_eq!(posted, 202);
    assert_eq!(node.stored("r").await.len(), 151, "what was refused was not stored");
}

/// The code of the error that comes before the close, and the code of the close.
async fn refusal(socket: &mut Socket) -> (Value, Option<u16>) {
    let error = socket.said("error").await;
    assert!(error["reconnectAfterMs"].as_u64().unwrap() >= 1, "{error}");
    (error["code"].clone(), socket.close_code().await)
}

#[tokio::test]
async fn a_client_with_too_many_connections_is_refused_in_the_protocol_that_it_speaks() {
    let node = TestNode::start(&[("RUNCAST__LIMITS__CONNECTIONS", "3")]);
    let mut open = Vec::new();
    for _ in 0..3 {
        let mut socket = Socket::open(&node, "/ws/runs/r").await;
        socket.said("connected").await;
        open.push(socket);
    }
    let mut further = Socket::open(&node, "/ws/runs/r").await;
    assert_eq!(refusal(&mut further).await, ("too_many_requests".into(), Some(4429)));
    drop(further);
    let reply = node.get("/api/runs").await;
    reply.problem(429, "too_many_requests");
    assert_eq!((reply.header("connection"), reply.header("retry-after")), ("close", "5"));
    for path in ["/health", "/api/no-route"] {
        assert_eq!(node.get(path).await.header("connection"), "close", "{path}: it is one connection too many");
    }
    for stream in ["/api/runs/r/events/stream", "/api/runs/stream"] {
        let reply = node.get(stream).await;
        assert_eq!(reply.status, 200, "an EventSource would never come back: {reply:?}");
        let wait: u64 = reply.text.trim().strip_prefix("retry: ").unwrap().parse().unwrap();
        assert!((5_000..=10_000).contains(&wait), "{reply:?}");
    }
    assert_eq!(status(&client_at("127.0.0.2"), &node.url("/api/runs"), "").await, 200);
    open.pop();
    eventually!(node.get("/api/runs").await.status, |status| *status == 200, SOON);
}

#[tokio::test]
async fn a_web_socket_of_a_client_with_too_many_requests_is_closed_with_4429() {
    let settings = [("RUNCAST__LIMITS__REQUESTS_PER_SEC", "1"), ("RUNCAST__LIMITS__REQUEST_BURST", "1")];
    let node = TestNode::start(&settings);
    let sockets = join_all((0..20).map(|_| Socket::open(&node, "/ws/runs/r"))).await;
    let mut refused = 0;
    for mut socket in sockets {
        let first = soon("a message", socket.message()).await.json();
        if first["type"] == "error" {
            assert_eq!(
                (&first["code"], socket.close_code().await),
                (&"too_many_requests".into(), Some(4429)),
                "{first}"
            );
            let wait = first["reconnectAfterMs"].as_u64().unwrap();
            assert!((1..=1_001).contains(&wait), "{first}");
            refused += 1;
        }
    }
    assert!((1..20).contains(&refused), "{refused}");
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_forwarded_address_is_a_client() {
    let settings = [
        ("RUNCAST__LIMITS__REQUESTS_PER_SEC", "1"),
        ("RUNCAST__LIMITS__REQUEST_BURST", "2"),
        ("RUNCAST__LIMITS__CONNECTIONS", "1"),
        ("RUNCAST__SERVER__TRUSTED_PROXIES", "127.0.0.1"),
    ];
    let node = TestNode::start(&settings);
    let (proxy, url) = (client_at("127.0.0.1"), node.url("/api/runs"));
    let one = join_all((0..40).map(|_| status(&proxy, &url, "198.51.100.1"))).await;
    assert!(one.contains(&429) && one.contains(&200), "{one:?}");
    assert_eq!(status(&proxy, &url, "198.51.100.2").await, 200);
    assert_eq!(status(&proxy, &url, "2001:db8::1").await, 200);

    let watch = async |address: &str| {
        let mut socket = Socket::connect(&node, None).await;
        socket.upgrade("/ws/runs/r", &format!("X-Forwarded-For: {address}\r\n"), b"").await;
        socket
    };
    let mut first = watch("198.51.100.3").await;
    first.said("connected").await;
    assert_eq!(refusal(&mut watch("198.51.100.3").await).await, ("too_many_requests".into(), Some(4429)));
    watch("198.51.100.4").await.said("connected").await;
    drop(first);
    let again = async || watch("198.51.100.3").await.message().await.json()["type"].clone();
    eventually!(again().await, |kind| *kind == "connected", SOON);
    assert!(!node.log().contains("X-Forwarded-For is ignored"));
}

#[tokio::test]
async fn an_address_that_is_forwarded_by_nobody_known_is_told_once() {
    let node = TestNode::start(&[]);
    for address in ["198.51.100.1", "198.51.100.2"] {
        assert_eq!(status(&client_at("127.0.0.1"), &node.url("/api/runs"), address).await, 200);
    }
    let told = eventually!(node.log().matches("X-Forwarded-For is ignored").count(), |told| *told > 0, SOON);
    assert_eq!(told, 1, "{}", node.log());
}

#[tokio::test]
async fn refusals_are_logged_a_few_times_and_then_counted() {
    let settings = [("RUNCAST__LIMITS__REQUESTS_PER_SEC", "1"), ("RUNCAST__LIMITS__REQUEST_BURST", "1")];
    let node = TestNode::start(&settings);
    let refused = crowd(&node, 200).await.iter().filter(|status| **status == 429).count() as u64;
    let logged = || {
        let log = node.log();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let (mut lines_of_their_own, mut counted) = (0, 0);
        for line in lines.filter(|line| line["fields"]["client"] == "127.0.0.1" || line["client"] == "127.0.0.1") {
            match line.pointer("/fields/count").or(line.get("count")).and_then(Value::as_u64) {
                Some(count) => counted += count,
                None => lines_of_their_own += 1,
            }
        }
        (lines_of_their_own, counted)
    };
    let (lines, counted) = eventually!(logged(), |(lines, counted)| lines + counted == refused, SOON);
    assert!(lines >= 1 && counted > 0, "{lines} lines, {counted} counted");
}
