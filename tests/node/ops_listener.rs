//! A listener for operators alone: `server.ops_bind`.

use std::net::SocketAddr;

use tokio::net::TcpStream;

use crate::http_edge::raw::Raw;
use crate::support::{SOON, Site, Socket, TestNode, eventually};

/// What only operators look at.
const OPERATORS: [&str; 5] = ["/metrics", "/api/actors", "/api/ws/stats", "/api/cleanup/stats", "/ops"];

fn start(settings: &[(&str, &str)]) -> (TestNode, Site) {
    let node = TestNode::start(&[&[("RUNCAST__SERVER__OPS_BIND", "127.0.0.1:0")], settings].concat());
    let log = node.log();
    let told = log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let told = told.map(|line| line.get("fields").cloned().unwrap_or(line));
    let address =
        told.into_iter().find(|line| line["message"] == "serving operators").expect("it is logged")["address"]
            .as_str()
            .and_then(|address| address.parse::<SocketAddr>().ok());
    let ops = Site::new(address.unwrap());
    (node, ops)
}

#[tokio::test]
async fn operators_have_their_routes_on_their_own_listener_and_nobody_else_sees_them() {
    let (node, ops) = start(&[]);
    for path in OPERATORS {
        assert_eq!(ops.get(path).await.status, 200, "{path}");
        node.get(path).await.problem(404, "not_found");
    }
    assert_eq!(ops.post("/api/cleanup/run?dryRun=1", &[], "").await.status, 200);
    node.post("/api/cleanup/run?dryRun=1", &[], "").await.problem(404, "not_found");
    for path in
        ["/", "/api/runs", "/api/openapi.json", "/clients", "/ws/runs/r", "/trace/", "/api/runs/r/events/stream"]
    {
        ops.get(path).await.problem(404, "not_found");
    }
    ops.post_ndjson("r", &["{}".to_owned()], &[]).await.problem(404, "not_found");

    assert_eq!(node.get_json("/ready").await, serde_json::json!({"status": "ok"}), "the word alone");
    assert_eq!(node.get("/ready?strict=1").await.status, 200);
    node.get("/ready?strikt=1").await.problem(400, "unknown_parameter");
    let whole = ops.get_json("/ready").await;
    assert!(whole["dependencies"]["journal"]["status"] == "ok" && whole["warnings"].is_array(), "{whole}");
    assert_eq!((node.get("/health").await.status, ops.get("/health").await.status), (200, 200));
}

#[tokio::test]
async fn a_page_of_another_site_reaches_operators_as_little_as_it_reaches_viewers() {
    let (_node, ops) = start(&[]);
    let foreign = ops.get_with("/api/actors", &[("host", "evil.example.com")]).await;
    foreign.problem(403, "host_not_allowed");
    let foreign = ops.post("/api/cleanup/run", &[("origin", "https://evil.example.com")], "").await;
    foreign.problem(403, "origin_not_allowed");
    assert_eq!(ops.get_with("/metrics", &[("host", "prometheus.example.com")]).await.status, 200);
}

#[tokio::test]
async fn operators_can_ask_until_the_node_has_drained() {
    let (mut node, ops) = start(&[]);
    let mut viewer = Socket::open(&node, "/ws/runs/r").await;
    viewer.said("connected").await;
    node.ask_to_stop();
    let address = node.address();
    // The viewer stays until it is closed.
    eventually!(TcpStream::connect(address).await.is_err(), |closed| *closed, SOON);
    let ready = ops.get("/ready").await;
    assert_eq!((ready.status, ready.json()["status"].as_str()), (503, Some("draining")));
    assert_eq!(ops.get("/metrics").await.status, 200);
    assert_eq!(viewer.close_code().await, Some(1012));
    assert_eq!(node.ended().await.code, Some(0));
    assert!(TcpStream::connect(ops.address()).await.is_err(), "it has ended with the node");
}

#[tokio::test]
async fn operators_are_answered_while_the_node_has_as_many_connections_as_it_may() {
    let (node, ops) = start(&[("RUNCAST__SERVER__MAX_CONNECTIONS", "2")]);
    let viewers = [Socket::open(&node, "/ws/runs/r").await, Socket::open(&node, "/ws/runs/r").await];
    node.get("/api/runs").await.problem(503, "saturated");
    for path in OPERATORS {
        let reply = ops.get(path).await;
        assert_eq!((reply.status, reply.header("connection")), (200, ""), "{path}");
    }
    // Each of these has its own connection, as many as the node may have, and more.
    let asked = futures_util::future::join_all((0..3).map(|_| async {
        let mut raw = Raw::say(&ops, "GET /api/actors HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        (raw.head().await.status, raw)
    }));
    assert_eq!(asked.await.iter().map(|(status, _)| *status).collect::<Vec<_>>(), [200, 200, 200]);
    drop(viewers);
}

#[tokio::test]
async fn operators_need_a_credential_on_their_own_listener_too_and_sign_in_there() {
    let (node, ops) = start(&[("RUNCAST__AUTH__MODE", "token")]);
    let first = std::fs::read_to_string(node.data().join("admin.key")).unwrap().trim().to_owned();
    for path in ["/metrics", "/api/actors", "/api/ws/stats", "/api/cleanup/stats"] {
        ops.get(path).await.problem(401, "unauthenticated");
        let bearer = format!("Bearer {first}");
        assert_eq!(ops.get_with(path, &[("authorization", &bearer)]).await.status, 200, "{path}");
    }
    assert_eq!(ops.get_json("/ready").await, serde_json::json!({"status": "ok"}), "the word alone");
    let json = [("content-type", "application/json")];
    let signed_in = ops.post("/api/session", &json, serde_json::json!({"key": first}).to_string()).await;
    assert_eq!(signed_in.status, 204, "{signed_in:?}");
    let cookie = signed_in.header("set-cookie").split(';').next().unwrap().to_owned();
    assert_eq!(
        ops.get_with("/api/actors", &[("cookie", &cookie), ("sec-fetch-site", "same-origin")]).await.status,
        200
    );
    ops.get("/api/keys").await.problem(404, "not_found");
}
