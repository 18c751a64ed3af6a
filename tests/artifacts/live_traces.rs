//! Live traces on one node: what is taken in, what is refused, and what the viewer's socket does.

use serde_json::json;

use super::fixture::{Store, fetch, files, node, objects};
use super::support::{Op, SOON, Socket, TestNode, TraceViewer, eventually, exchange, post_trace, trace_parts};

const TYPE: (&str, &str) = ("content-type", "application/vnd.runcast.trace-parts");
const PATH: &str = "/api/runs/r/live-traces/t";

/// As often as a test likes, and at once.
const QUICK: [(&str, &str); 3] = [
    ("artifacts.live_trace_posts_per_sec", "1000"),
    ("artifacts.live_trace_poll_ms", "50"),
    ("artifacts.live_trace_update_ms", "50"),
];

fn quick(settings: &[(&str, &str)]) -> TestNode {
    node(&[&QUICK, settings].concat())
}

async fn a_trace_grows(store: Store) {
    let node = store.node(&QUICK);
    let mut viewer = TraceViewer::start(&node, "r").await;
    let stored = post_trace(&node, "r", &[("1-trace.trace", 0, "{}\n"), ("resources/p@1.png", 0, "png")]).await;
    assert_eq!(stored.status, 202, "{stored:?}");
    let told = stored.json();
    assert_eq!((&told["bytes"], &told["full"], &told["maxBytes"]), (&json!(6), &json!(false), &json!(64 << 20)));
    assert_eq!(told["entries"], json!({"1-trace.trace": 3, "resources/p@1.png": 3}));
    assert_eq!(told["viewerUrl"], "/live-traces/r/t/v/?isServer");
    // It may have looked between the two parts.
    while viewer.told("liveTrace").await != json!({"bytes": 6, "maxBytes": 64 << 20, "full": false}) {}
    let (first, text) = viewer.loads(&node, "1-trace.trace").await;
    assert_eq!(text, "{}\n");

    assert_eq!(post_trace(&node, "r", &[("1-trace.trace", 3, "{1}\n")]).await.status, 202);
    let (second, text) = viewer.loads(&node, "1-trace.trace").await;
    assert_eq!(text, "{}\n{1}\n");
    assert_ne!(first, second, "the viewer would not load the same URL again");

    let again = post_trace(&node, "r", &[("1-trace.trace", 0, "{}\n{1}\n{2}\n")]).await;
    assert_eq!(again.json()["entries"], json!({"1-trace.trace": 11}));
    viewer.loads_until(&node, "1-trace.trace", "{}\n{1}\n{2}\n").await;
    let all = node.get_json(PATH).await;
    assert_eq!(all["entries"], json!({"1-trace.trace": 11, "resources/p@1.png": 3}));
    let listed = node.get_json("/api/tests/r/live-traces").await;
    assert_eq!((&listed["liveTraces"][0]["traceId"], &listed["more"]), (&json!("t"), &json!(false)), "{listed}");

    let picture = fetch("GET", &node.url("/live-traces/r/t/7/resources/p%401.png"), &[], Vec::new()).await;
    assert_eq!((&picture.body[..], picture.header("content-type")), (&b"png"[..], "image/png"));
    assert_eq!(picture.header("cache-control"), "no-store");
    assert_eq!(picture.header("x-content-type-options"), "nosniff");
    assert_eq!(picture.header("content-security-policy"), "sandbox; default-src 'none'");
    let head = fetch("HEAD", &node.url("/live-traces/r/t/7/1-trace.trace"), &[], Vec::new()).await;
    assert_eq!((head.status, head.header("content-length")), (200, "11"));
}

#[tokio::test]
async fn a_trace_grows_and_its_viewer_with_it() {
    tokio::join!(a_trace_grows(Store::Directory), a_trace_grows(Store::s3()));
}

#[tokio::test]
async fn what_is_posted_wrong_is_refused_with_what_is_wrong_and_stored_nowhere() {
    let node = quick(&[("artifacts.live_trace_bytes", "100")]);
    let post = async |body: Vec<u8>| node.post(PATH, &[TYPE], body).await;
    let parts = |parts: &[(&str, u64, &str)]| trace_parts(parts);
    node.post(PATH, &[("content-type", "application/json")], "{}").await.problem(415, "unsupported_content_type");
    node.post("/api/runs/r/live-traces/.t", &[TYPE], "").await.problem(400, "invalid_trace_id");
    node.post("/api/runs/r/live-traces/a%2Fb", &[TYPE], "").await.problem(400, "invalid_trace_id");
    node.post("/api/runs/r!/live-traces/t", &[TYPE], "").await.problem(400, "invalid_run_id");
    node.post("/api/runs/r/live-traces/a/b", &[TYPE], "").await.problem(404, "not_found");
    for (body, what) in [
        (Vec::new(), "part 0"),
        (b"\xff\xff\xff\xff{}".to_vec(), "4294967295 bytes"),
        (b"\0\0\0\x05{}".to_vec(), "5 more bytes were announced, and there are 2"),
        (parts(&[("../../../etc/passwd", 0, "x")]), "entry must be a relative path"),
        (parts(&[("/etc/passwd", 0, "x")]), "entry must be a relative path"),
        (parts(&[("a\u{7}", 0, "x")]), "entry must be a relative path"),
        (parts(&[(&"x".repeat(201), 0, "x")]), "has 201"),
        (parts(&[("a", u64::MAX, "x")]), "offset is too large"),
        (parts(&[("a", 0, "x"), ("test.trace", 0, "{}\n{")]), "part 1 (test.trace): it ends within a line"),
    ] {
        let detail = post(body).await.problem(400, "invalid_parts");
        assert!(detail.contains(what), "{detail}");
    }
    let half = post(parts(&[("a", 0, "x"), ("test.trace", 0, "{")])).await.json();
    assert_eq!((&half["index"], &half["entry"]), (&json!(1), &json!("test.trace")));
    let gap = post(parts(&[("b", 0, "x"), ("a", 1, "x")])).await;
    gap.problem(409, "live_trace_gap");
    assert_eq!(gap.json()["expected"], json!({"a": 0}));
    post(vec![0; (4 << 20) + 1]).await.problem(413, "batch_too_large");
    assert_eq!(files(&objects(&node)), Vec::<String>::new(), "nothing half done");
    node.get(PATH).await.problem(404, "live_trace_unknown");

    assert_eq!(post(parts(&[("a.trace", 0, "{}\n")])).await.status, 202);
    let changed = post(parts(&[("a.trace", 0, "[]\n")])).await;
    changed.problem(409, "live_trace_changed");
    assert_eq!((&changed.json()["entry"], &changed.json()["offset"]), (&json!("a.trace"), &json!(0)));
    let mut viewer = TraceViewer::start(&node, "r").await;
    let full = post(parts(&[("b", 0, &"x".repeat(98))])).await.problem(413, "live_trace_full");
    assert!(full.contains("artifacts.live_trace_bytes"), "{full}");
    while viewer.told("liveTrace").await["full"] != true {}
    assert_eq!(node.get_json(PATH).await["full"], true);
}

#[tokio::test]
async fn a_trace_takes_two_posts_a_second_and_another_one_two_more() {
    let node = node(&[]);
    let mut refused = Vec::new();
    for n in 0..6 {
        let reply = post_trace(&node, "r", &[("a", n, "x")]).await;
        if reply.status == 429 {
            refused.push(reply);
        }
    }
    assert!(!refused.is_empty());
    for reply in refused {
        reply.problem(429, "live_trace_throttled");
        assert_eq!(reply.header("retry-after"), "1");
    }
    assert_eq!(post_trace(&node, "other", &[("a", 0, "x")]).await.status, 202);
}

#[tokio::test]
async fn where_no_artifacts_are_kept_there_are_no_live_traces() {
    let node = node(&[("objects.url", "none:")]);
    post_trace(&node, "r", &[("a", 0, "x")]).await.problem(501, "artifacts_off");
    for path in [PATH, "/api/runs/r/live-traces", "/live-traces/r/t/1/traces.dir", "/live-traces/r/t/v/"] {
        node.get(path).await.problem(501, "artifacts_off");
    }
    let socket = Socket::open(&node, "/live-traces/r/t/ws").await;
    assert!(socket.head.starts_with("HTTP/1.1 501 "), "{}", socket.head);
}

#[tokio::test]
async fn the_socket_does_nothing_but_what_a_viewer_of_a_trace_needs() {
    let node = quick(&[("artifacts.live_trace_viewers", "2")]);
    let mut viewer = TraceViewer::start(&node, "r").await;
    assert_eq!(viewer.ask(&json!({"id": 7, "method": "ping"})).await, json!({"id": 7, "result": {}}));
    for method in ["runTests", "listFiles", "open", "installBrowsers", "closeGracefully", "watch"] {
        let answer = viewer.ask(&json!({"id": 8, "method": method, "params": {"file": "/etc/passwd"}})).await;
        assert!(answer["error"].is_string() && answer["result"].is_null(), "{answer}");
    }
    for (op, payload, code) in [
        (Op::Text, &b"not JSON"[..], 1008),
        (Op::Text, b"\xff", 1007),
        (Op::Binary, b"x", 1008),
        (Op::Text, &vec![b'x'; 70_000], 1009),
    ] {
        let mut other = Socket::open(&node, "/live-traces/r/t/ws").await;
        other.say(op, payload).await;
        assert_eq!(other.close_code().await, Some(code));
        let gone = async || node.get_json("/api/actors").await["living"]["trace_session"].clone();
        drop(other);
        eventually!(gone().await, |living| *living == json!(1), SOON);
    }
    let _second = TraceViewer::start(&node, "r").await;
    let mut third = Socket::open(&node, "/live-traces/r/t/ws").await;
    assert_eq!(third.close_code().await, Some(1013), "there are as many as there may be");
    drop(third);
    eventually!(node.metric("runcast_live_trace_viewers").await as u64, |viewers| *viewers == 2, SOON);
}

/// The live traces that a producer is told of with its next post.
async fn hinted(node: &TestNode) -> serde_json::Value {
    node.store("r", &["{\"type\":\"log\",\"text\":\"x\"}".to_owned()]).await["hints"]["traces"].clone()
}

#[tokio::test]
async fn producers_are_hinted_what_traces_are_open() {
    let node = quick(&[]);
    assert_eq!(hinted(&node).await, json!(null));
    let viewer = TraceViewer::start(&node, "r").await;
    eventually!(hinted(&node).await, |traces| *traces == json!(["t"]), SOON);
    drop(viewer);
    eventually!(hinted(&node).await, serde_json::Value::is_null, SOON);
}

#[tokio::test]
async fn a_viewer_is_pinged_and_told_when_the_node_goes() {
    let mut node = quick(&[("heartbeat.ping_secs", "1")]);
    let mut viewer = TraceViewer::start(&node, "r").await;
    let ping = viewer.socket.frame().await;
    assert!(ping.is(Op::Ping), "{ping:?}");
    let told = node.get_json("/api/runs/r/viewers").await;
    assert_eq!(told["viewers"], 0, "who watches the run is counted there: {told}");
    assert_eq!(node.get_json("/api/actors").await["living"]["trace_session"], 1);
    node.ask_to_stop();
    assert_eq!(viewer.socket.close_code().await, Some(1012));
    viewer.socket.say(Op::Close, &1000_u16.to_be_bytes()).await;
    assert_eq!(node.ended().await.code, Some(0));
}

#[tokio::test]
async fn only_the_sockets_path_takes_an_upgrade_and_only_from_our_own_pages() {
    let node = quick(&[]);
    assert_eq!(post_trace(&node, "r", &[("a.trace", 0, "{}\n")]).await.status, 202);
    let upgrade = async |path: &str, lines: &str| {
        let request = format!(
            "GET {path} HTTP/1.1\r\n{lines}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        exchange(&node, &request).await
    };
    const LOCAL: &str = "Host: localhost\r\n";
    for path in [
        "/live-traces/r/t/v/ws",
        "/live-traces/r/t/v/",
        "/live-traces/r/t/1/traces.dir",
        "/live-traces/r/t/ws/x",
        "/live-traces/r/a/b/ws",
        "/live-traces/r/ws",
        "/live-traces/r/t%2Fws",
        "/api/runs/r/live-traces/t",
        "/trace/ws",
    ] {
        let answer = upgrade(path, LOCAL).await;
        assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("upgrade_not_here"), "{path}: {answer}");
    }
    for (path, code) in [("/live-traces/r/..%2fx/ws", "invalid_trace_id"), ("/live-traces/%20/t/ws", "invalid_run_id")]
    {
        let answer = upgrade(path, LOCAL).await;
        assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains(code), "{path}: {answer}");
    }
    for lines in [
        "Host: localhost\r\nOrigin: https://evil.example.org\r\n",
        "Host: localhost\r\nOrigin: null\r\n",
        "Host: evil.example.org\r\nOrigin: http://evil.example.org\r\n",
    ] {
        let answer = upgrade("/live-traces/r/t/ws", lines).await;
        assert!(answer.starts_with("HTTP/1.1 403 "), "{lines}: {answer}");
    }
    let evil = [("origin", "https://evil.example.org")];
    for path in ["/live-traces/r/t/1/traces.dir", "/live-traces/r/t/1/a.trace", "/live-traces/r/t/v/", PATH] {
        node.get_with(path, &evil).await.problem(403, "origin_not_allowed");
    }
    let link = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")];
    node.get_with("/live-traces/r/t/1/a.trace", &link).await.problem(403, "origin_not_allowed");
}

#[tokio::test]
async fn nothing_but_a_traces_own_entries_is_read() {
    let node = quick(&[]);
    for run in ["r", "secret"] {
        assert_eq!(post_trace(&node, run, &[("a.trace", 0, "{}\n")]).await.status, 202);
    }
    assert_eq!(node.get("/live-traces/r/t/1/a.trace").await.status, 200);
    for path in [
        "/live-traces/r/t/1/b.trace",
        "/live-traces/r/t/x/a.trace",
        "/live-traces/r/t/1x/traces.dir",
        "/live-traces/r/t/123456789012345678901/traces.dir",
        "/live-traces/r/t/1/..%2f..%2f..%2fsecret%2ft%2f1%2fa.trace",
        "/live-traces/r/t/1/%2e%2e/a.trace",
        "/live-traces/r/t/1/full",
        "/live-traces/r/t/1/00000000000-00000000000-a.trace",
        "/live-traces/r/t/1/a.trace%00",
        "/live-traces/r/t/1/",
    ] {
        let answer =
            exchange(&node, &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 404 "), "{path}: {answer}");
    }
    node.get("/live-traces/r/other/1/traces.dir").await.problem(404, "live_trace_unknown");
}

/// The parts get older.
fn age(node: &TestNode, hours: u64) {
    for file in files(&objects(node)) {
        let file = std::fs::File::options().write(true).open(objects(node).join(file)).unwrap();
        let modified = file.metadata().unwrap().modified().unwrap();
        file.set_modified(modified - std::time::Duration::from_secs(hours * 3_600)).unwrap();
    }
}

#[tokio::test]
async fn a_trace_goes_two_hours_after_its_last_part_and_its_viewer_is_told() {
    let node = quick(&[("artifacts.live_trace_sweep_secs", "1")]);
    assert_eq!(post_trace(&node, "r", &[("a.trace", 0, "{}\n")]).await.status, 202);
    age(&node, 3);
    assert_eq!(post_trace(&node, "r", &[("a.trace", 3, "{}\n")]).await.status, 202);
    let mut viewer = TraceViewer::start(&node, "r").await;
    viewer.loads_until(&node, "a.trace", "{}\n{}\n").await;
    age(&node, 3);
    eventually!(files(&objects(&node)), Vec::is_empty, SOON);
    assert_eq!(viewer.socket.close_code().await, Some(4410));
    node.get(PATH).await.problem(404, "live_trace_unknown");
    assert_eq!(node.metric("runcast_live_traces_removed_total").await as u64, 1);
}
