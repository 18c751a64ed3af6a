//! A node: started, asked how it is, guarded against strangers, drained, doubled, and crowded. Killed: `chaos/`.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::support::{EventStream, Op, SOON, Site, Socket, TestNode, Viewer, eventually, exchange, numbered, soon};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A drain that begins with a second in which only `/ready` refuses.
const WITH_NOTICE: [(&str, &str); 1] = [("RUNCAST__SERVER__DRAIN_NOTICE_SECS", "1")];

#[tokio::test]
async fn a_drain_gives_notice_streams_on_and_sends_everybody_elsewhere() {
    let mut node = TestNode::start(&WITH_NOTICE);
    node.store("r", &numbered(1, 3, 0)).await;
    let (mut early, mut late) = (Viewer::join(&node, "r").await, Viewer::join(&node, "r").await);
    let mut stream = EventStream::open(&node, "/api/runs/r/events/stream?after=3", "").await;
    assert_eq!(node.get("/ready").await.status, 200);
    let mut slow_post = TcpStream::connect(node.address()).await.unwrap();
    let event = r#"{"type":"log","timestamp":"t"}"#;
    let head = format!(
        "POST /api/runs/r/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n",
        event.len()
    );
    slow_post.write_all(head.as_bytes()).await.unwrap();

    node.ask_to_stop();
    let ready = eventually!(node.get("/ready").await, |ready| ready.status == 503, SOON);
    assert_eq!(ready.json()["status"], "draining");
    node.store("r", &numbered(4, 1, 0)).await;
    assert_eq!(Viewer::join(&node, "r").await.connected["tip"], 4, "still accepting");
    assert!(early.told("draining").is_empty());

    for viewer in [&mut early, &mut late] {
        viewer.until("draining", |viewer| !viewer.told("draining").is_empty()).await;
        assert!(viewer.told("draining")[0]["reconnectAfterMs"].as_u64().is_some_and(|ms| ms <= 5_000));
        assert_eq!((viewer.closed, viewer.events.len()), (None, 4));
    }
    let records = stream.take(2).await;
    assert_eq!(records[1].event.as_deref(), Some("draining"), "{records:?}");
    let refused = async || TcpStream::connect(node.address()).await.map(drop).map_err(|error| error.kind());
    let _ = eventually!(refused().await, |refused| *refused == Err(std::io::ErrorKind::ConnectionRefused), SOON);

    // A request that had begun is finished, and what it stored is streamed.
    slow_post.write_all(event.as_bytes()).await.unwrap();
    late.until_events(5).await;
    let mut answer = String::new();
    soon("the answer", slow_post.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 202 ") && answer.contains("\"lastSeq\":5"), "{answer}");

    early.leave().await;
    late.until("the end", |viewer| viewer.closed.is_some()).await;
    assert_eq!(late.closed, Some(1012));
    assert_eq!(stream.next().await.map(|record| record.id.is_some()), Some(true));
    assert_eq!(stream.next().await, None);
    node.ended().await.assert_clean(false);

    // The clean end resets nobody.
    node.restart();
    late.may_reconnect(&node).await;
    assert_eq!((late.connected["from"].as_u64(), late.told("reset").len()), (Some(6), 0));
}

#[tokio::test]
async fn a_drain_is_not_held_up_by_those_who_do_not_listen() {
    let mut node = TestNode::start(&[]);
    let mut stalled = Viewer::join_narrow(&node, "r").await;
    node.store("r", &numbered(1, 500, 2_000)).await;
    let silent = Socket::open(&node, "/ws/runs/r").await;
    let site: Site = node.clone();
    let poll = tokio::spawn(async move { site.try_send("GET", "/api/runs/idle/events?wait=30", &[], "").await });
    eventually!(node.get_json("/api/ws/stats").await["activeRuns"].clone(), |runs| runs == 2, SOON);
    let idle = TcpStream::connect(node.address()).await.unwrap();
    let started = Instant::now();
    let exit = node.terminate().await;
    exit.assert_clean(false);
    assert!(started.elapsed() < Duration::from_secs(11), "server.drain_secs and a bit: {:?}", started.elapsed());
    let _ = soon("the poll's end", poll).await.unwrap();
    drop((silent, idle));
    stalled.until("the end", |viewer| viewer.closed.is_some()).await;

    node.restart();
    stalled.may_reconnect(&node).await;
    stalled.until_events(500).await;
    assert_eq!(stalled.texts(), numbered(1, 500, 2_000));
}

#[tokio::test]
async fn long_polls_are_answered_when_the_node_drains() {
    let mut node = TestNode::start(&[]);
    node.store("r", &numbered(1, 3, 0)).await;
    let polls = [("r", 3), ("unborn", 0)].map(|(run, tip)| {
        let site: Site = node.clone();
        let target = format!("/api/runs/{run}/events?after={tip}&wait=30");
        (tip, tokio::spawn(async move { site.try_send("GET", &target, &[], "").await }))
    });
    eventually!(node.get_json("/api/ws/stats").await["activeRuns"].clone(), |runs| runs == 2, SOON);
    let started = Instant::now();
    node.terminate().await.assert_clean(false);
    assert!(started.elapsed() < Duration::from_secs(2), "not held up by them: {:?}", started.elapsed());
    for (tip, poll) in polls {
        let answer = poll.await.unwrap().unwrap();
        assert_eq!((answer.status, answer.json()["tip"].as_u64()), (200, Some(tip)), "{answer:?}");
    }
}

/// The beginning of the answer to a request for a stream; `None` when there is none.
async fn knock(address: SocketAddr) -> Option<String> {
    let mut socket = TcpStream::connect(address).await.ok()?;
    let request = "GET /api/runs/r/events/stream HTTP/1.1\r\nHost: localhost\r\n\r\n";
    socket.write_all(request.as_bytes()).await.ok()?;
    let mut answer = [0; 12];
    socket.read_exact(&mut answer).await.ok()?;
    Some(String::from_utf8(answer.to_vec()).unwrap())
}

#[tokio::test]
async fn a_node_that_begins_to_drain_refuses_nobody_whom_it_lets_in() {
    // Several, because the moment is short.
    let nodes = [&WITH_NOTICE; 4].map(|settings| TestNode::start(settings));
    let visitors = nodes.each_ref().map(|node| {
        let address = node.address();
        let visit = move || async move {
            // A stream may end at once. But a browser's EventSource, when it is refused, gives up for good.
            while let Some(answer) = soon("an answer", knock(address)).await {
                assert_eq!(answer, "HTTP/1.1 200");
            }
        };
        [(); 4].map(|()| tokio::spawn(visit()))
    });
    for node in &nodes {
        node.ask_to_stop();
    }
    for visitor in visitors.into_iter().flatten() {
        visitor.await.unwrap();
    }
}

#[tokio::test]
async fn an_idle_node_is_gone_at_once() {
    let mut node = TestNode::start(&[]);
    node.get("/health").await;
    let started = Instant::now();
    node.terminate().await.assert_clean(false);
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_second_server_on_the_same_directory_refuses_and_the_first_goes_on() {
    let mut node = TestNode::start(&[]);
    node.store("r", &numbered(1, 1, 0)).await;
    let rival = node.start_a_rival();
    assert!(rival.code.is_some_and(|code| code != 0), "{:?}", rival.code);
    assert!(rival.log.contains("in use by another process"), "{}", rival.log);
    assert_eq!(node.store("r", &numbered(2, 1, 0)).await["lastSeq"], 2);
    node.kill9();
    node.restart();
    assert_eq!(node.stored("r").await.len(), 2, "and a killed server leaves no lock");
}

#[tokio::test]
async fn a_node_tells_how_it_is() {
    let node = TestNode::start(&[("RUNCAST__SERVER__NODE_ID", "node-7")]);
    node.store("r", &numbered(1, 3, 0)).await;
    let mut viewer = Viewer::join(&node, "r").await;
    viewer.until_events(3).await;
    assert_eq!(viewer.connected["nodeId"], "node-7");

    let health = node.get_json("/health").await;
    assert!(health["status"] == "ok" && health["timestamp"].is_string(), "{health}");
    for path in ["/ready", "/ready?strict=1"] {
        let ready = node.get_json(path).await;
        assert_eq!(ready["status"], "ok");
        assert_eq!(ready["dependencies"]["journal"]["status"], "ok");
        assert_eq!(ready["dependencies"]["catalog"]["status"], "ok");
        assert_eq!(ready["dependencies"]["objects"]["status"], "ok");
    }
    let stats = node.get_json("/api/ws/stats").await;
    assert_eq!(
        (&stats["serverId"], &stats["localConnections"], &stats["activeRuns"]),
        (&"node-7".into(), &1.into(), &1.into())
    );
    assert!(stats["uptime"].is_u64() && stats["nodes"][0]["serverId"] == "node-7", "{stats}");

    let actors = node.get_json("/api/actors").await;
    let names: Vec<_> =
        actors["supervisor"].as_array().unwrap().iter().map(|child| child["name"].as_str().unwrap()).collect();
    let all = ["registry", "catalog_writer", "heartbeat", "lifecycle", "deadlines", "compression", "cleanup"];
    assert_eq!(names, all);
    assert!(
        actors["supervisor"]
            .as_array()
            .unwrap()
            .iter()
            .all(|child| child["state"] == "running" && child["restarts"] == 0)
    );
    assert_eq!((&actors["rooms"][0]["run"], &actors["rooms"][0]["viewers"]), (&"r".into(), &1.into()));
    assert_eq!(
        (&actors["living"]["session"], &actors["living"]["room"], &actors["living"]["broadcaster"]),
        (&1.into(), &1.into(), &1.into())
    );

    let metrics = node.get("/metrics").await;
    assert!(metrics.header("content-type").starts_with("text/plain; version=0.0.4"));
    assert_eq!(node.metric("runcast_events_delivered_total").await, 3.0);
    assert_eq!(node.metric("runcast_viewers").await, 1.0);
    assert_eq!(node.metric("runcast_events_received_total").await, 3.0);
    for name in
        ["runcast_rooms", "runcast_connections", "runcast_journal_commits_total", "runcast_delivery_lag_seconds_count"]
    {
        assert!(node.metric(name).await >= 1.0, "{name}");
    }
    assert!(node.get_json("/api/openapi.json").await.is_object());
    for page in ["/", "/runs/r"] {
        let page = node.get(page).await;
        assert!(page.status == 200 && page.header("content-type").starts_with("text/html"), "{page:?}");
    }
    viewer.leave().await;
    eventually!(
        node.get_json("/api/actors").await["living"]["broadcaster"].clone(),
        |broadcasters| broadcasters.is_null(),
        SOON
    );
}

/// The status line and the code of the answer to a request with these header lines.
async fn asked(node: &TestNode, line: &str, headers: &str) -> (u16, String) {
    let body = if line.starts_with("POST") { r#"{"type":"log"}"# } else { "" };
    let request = format!("{line} HTTP/1.1\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len());
    let answer = exchange(node, &request).await;
    let status = answer.split(' ').nth(1).unwrap_or_default().parse().unwrap();
    let code = answer.split_once("\"code\":\"").and_then(|(_, rest)| rest.split_once('"'));
    (status, code.map_or(String::new(), |(code, _)| code.to_owned()))
}

#[tokio::test]
async fn strangers_are_refused_on_every_route_and_nothing_is_stored_for_them() {
    let node = TestNode::start(&[
        ("RUNCAST__SERVER__PUBLIC_URL", "https://runs.example.com"),
        ("RUNCAST__SERVER__ALLOWED_ORIGINS", "https://ci.example.org"),
    ]);
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let json = "Content-Type: application/json\r\n";
    let routes = [
        ("POST /api/runs/r/events", json),
        ("GET /api/runs", ""),
        ("GET /api/runs/r/events", ""),
        ("GET /api/runs/r/events/stream", ""),
        ("GET /ws/runs/r", upgrade),
        ("GET /ws/test-control?runId=r", upgrade),
        ("GET /api/ws/stats", ""),
        ("GET /", ""),
    ];
    for (route, more) in routes {
        for host in ["evil.example.com", "127.0.0.1.evil.example.com", "runs.example.com.evil.org"] {
            let answer = asked(&node, route, &format!("Host: {host}\r\n{more}")).await;
            assert_eq!(answer, (403, "host_not_allowed".to_owned()), "{route} {host}");
        }
        for stranger in [
            "Origin: https://evil.example.com",
            "Origin: null",
            "Origin: http://127.0.0.1:1",
            "Sec-Fetch-Site: cross-site",
        ] {
            let answer = asked(&node, route, &format!("Host: localhost\r\n{stranger}\r\n{more}")).await;
            assert_eq!(answer, (403, "origin_not_allowed".to_owned()), "{route} {stranger}");
        }
    }
    assert_eq!(node.stored("r").await.len(), 0);

    let address = node.address();
    for friend in [
        "Host: localhost\r\n".to_owned(),
        format!("Host: {address}\r\nOrigin: http://{address}\r\nSec-Fetch-Site: same-origin\r\n"),
        "Host: runs.example.com\r\nOrigin: https://runs.example.com\r\n".to_owned(),
        "Host: localhost\r\nOrigin: https://ci.example.org\r\nSec-Fetch-Site: cross-site\r\n".to_owned(),
    ] {
        assert_eq!(asked(&node, "POST /api/runs/r/events", &format!("{friend}{json}")).await.0, 202, "{friend}");
        let mut socket = Socket::connect(&node, None).await;
        let ours = if friend.contains("Origin: http:") { friend.split_once("\r\n").unwrap().1 } else { "" };
        socket.upgrade("/ws/runs/r", ours, b"").await;
        assert!(socket.head.starts_with("HTTP/1.1 101 "), "{friend}: {}", socket.head);
    }
    let link = "Host: localhost\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n";
    assert_eq!(asked(&node, "GET /runs/r", link).await.0, 200, "a link in a chat may be followed");
}

#[tokio::test]
async fn an_allowed_origin_may_ask_first_and_read_the_answer() {
    let node = TestNode::start(&[("RUNCAST__SERVER__ALLOWED_ORIGINS", "https://ci.example.org")]);
    let origin = ("origin", "https://ci.example.org");
    let ask = [origin, ("access-control-request-method", "POST"), ("access-control-request-headers", "content-type")];
    let preflight = node.try_send("OPTIONS", "/api/runs/r/events", &ask, "").await.unwrap();
    assert_eq!(preflight.status, 204);
    assert!(preflight.header("access-control-allow-methods").contains("POST"));
    assert!(preflight.header("access-control-allow-headers").contains("Content-Type"));
    for reply in [preflight, node.get_with("/api/runs", &[origin]).await, node.get_with("/api/none", &[origin]).await] {
        assert_eq!(reply.header("access-control-allow-origin"), origin.1, "{reply:?}");
        assert!(reply.header("vary").contains("Origin"));
    }
    let stranger = [("origin", "https://evil.example.com"), ask[1]];
    let refused = node.try_send("OPTIONS", "/api/runs/r/events", &stranger, "").await.unwrap();
    refused.problem(403, "origin_not_allowed");
    assert_eq!(refused.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn a_crowded_node_turns_newcomers_away_and_says_why() {
    let node = TestNode::start(&[("RUNCAST__SERVER__MAX_CONNECTIONS", "3")]);
    let mut seated = Vec::new();
    for _ in 0..3 {
        let mut socket = Socket::open(&node, "/ws/runs/r").await;
        socket.said("connected").await;
        seated.push(socket);
    }
    for _ in 0..3 {
        let mut newcomer = Socket::open(&node, "/ws/runs/r").await;
        let close = newcomer.frame().await;
        assert_eq!(close.close_code(), Some(1013), "at once, and after an upgrade: browsers can't read a refused one");
        newcomer.say(Op::Close, &1013_u16.to_be_bytes()).await;
        assert_eq!(newcomer.next().await, None);
    }
    let mut stream = EventStream::open(&node, "/api/runs/r/events/stream", "").await;
    assert_eq!(stream.next().await, None, "an EventSource that were refused would give up for good");
    assert!(stream.retry.is_some());
    let page = asked(&node, "GET /api/runs/r/events", "Host: localhost\r\n").await;
    assert_eq!(page, (503, "saturated".to_owned()), "plain HTTP, too");
    assert!(
        exchange(&node, "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .await
            .contains("200 OK")
    );
    seated.pop();
    let admitted = async || {
        let mut newcomer = Socket::open(&node, "/ws/runs/r").await;
        newcomer.frame().await.is(Op::Text)
    };
    eventually!(admitted().await, |admitted| *admitted, SOON);
}
