//! Posting events to the real server: what is stored, what is refused and why, and that a refusal stores nothing.

use std::time::Duration;

use crate::support::{Reply, SOON, TestNode, Viewer, eventually, exchange, gzip, numbered, zstd};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

const ND_JSON: (&str, &str) = ("content-type", "application/x-ndjson");
const JSON: (&str, &str) = ("content-type", "application/json");
const KIB: usize = 1024;
const MIB: usize = KIB * KIB;

/// A log event of exactly so many bytes.
fn event_of(bytes: usize) -> String {
    let (head, tail) = (r#"{"type":"log","timestamp":"t","m":""#, r#""}"#);
    format!("{head}{}{tail}", "x".repeat(bytes - head.len() - tail.len()))
}

fn nested(levels: usize) -> String {
    format!(r#"{{"type":"log","a":{}1{}}}"#, "[".repeat(levels - 1), "]".repeat(levels - 1))
}

#[tokio::test]
async fn every_bad_event_is_refused_by_its_index_and_nothing_of_its_batch_is_stored() {
    let node = TestNode::start(&[]);
    let long_type = format!(r#"{{"type":"{}"}}"#, "x".repeat(65));
    let deep = nested(129);
    let rows: Vec<(&[u8], &str, &str)> = vec![
        (b"@nonsense", "invalid_json", "not JSON"),
        (b"{'type':'log'}", "invalid_json", "not JSON"),
        (b"{\"type\":\"log\"", "invalid_json", "not JSON"),
        (b"{\"type\":\"log\",}", "invalid_json", "not JSON"),
        (b"{\"type\":\"log\",\"a\":01}", "invalid_json", "not JSON"),
        (b"{\"type\":\"log\",\"a\":NaN}", "invalid_json", "not JSON"),
        (b"{\"type\":\"log\"} {\"type\":\"log\"}", "invalid_json", "follows"),
        (b"{\"type\":\"log\",\"a\":\"\x01\"}", "invalid_json", "not JSON"),
        (b"{\"type\":\"log\",\"a\":\"\xFF\"}", "invalid_utf8", "byte"),
        (b"{\"type\":\"log\",\"a\":\"\xED\xA0\x80\"}", "invalid_utf8", "byte"),
        (b"[1]", "not_an_object", "not an object"),
        (b"\"log\"", "not_an_object", "not an object"),
        (b"null", "not_an_object", "not an object"),
        (b"{}", "missing_type", "`type`"),
        (b"{\"Type\":\"log\"}", "missing_type", "`type`"),
        (b"{\"type\":1}", "invalid_type", "`type`"),
        (b"{\"type\":\"\"}", "invalid_type", "64"),
        (long_type.as_bytes(), "invalid_type", "64"),
        (b"{\"type\":\"log\",\"seq\":1}", "reserved_field", "`seq`"),
        (b"{\"type\":\"log\",\"s\\u0065q\":1}", "reserved_field", "`seq`"),
        (b"{\"type\":\"log\",\"type\":\"log\"}", "duplicate_key", "`type`"),
        (b"{\"type\":\"log\",\"\\u0074ype\":\"log\"}", "duplicate_key", "`type`"),
        (b"{\"type\":\"log\",\"timestamp\":\"a\",\"timestamp\":\"b\"}", "duplicate_key", "`timestamp`"),
        (b"{\"type\":\"log\",\"timestamp\":5}", "invalid_timestamp", "`timestamp`"),
        (b"{\"type\":\"log\",\"runId\":\"other\"}", "run_mismatch", "`runId`"),
        (b"{\"type\":\"log\",\"runId\":5}", "run_mismatch", "`runId`"),
        (b"{\"type\":\"run_status\",\"status\":\"done\"}", "invalid_status", "passed"),
        (b"{\"type\":\"run_status\"}", "invalid_status", "`status`"),
        (deep.as_bytes(), "too_deep", "128"),
    ];
    for (event, code, named) in rows {
        let shown = String::from_utf8_lossy(event);
        let batch = [b"{\"type\":\"log\"}\n\n{\"type\":\"log\"}\n", event, b"\n{\"type\":\"log\"}\n"].concat();
        let detail = node.post("/api/runs/bad/events", &[ND_JSON], batch).await.problem(400, code);
        assert!(detail.starts_with("event 2: ") && detail.contains(named), "NDJSON {shown}: {detail}");

        let array = [b"[{\"type\":\"log\"},", event, b"]"].concat();
        let detail = node.post("/api/runs/bad/events", &[JSON], array).await.problem(400, code);
        assert!(detail.starts_with("event 1: "), "array {shown}: {detail}");
    }
    for (kind, body) in [(JSON, "[]"), (JSON, ""), (JSON, "  "), (ND_JSON, ""), (ND_JSON, "\n \r\n")] {
        node.post("/api/runs/bad/events", &[kind], body).await.problem(400, "empty_batch");
    }
    assert_eq!(node.stored("bad").await, [""; 0]);
    node.get("/api/runs/bad").await.problem(404, "run_not_found");
    assert_eq!(node.get_json("/api/runs").await["runs"].as_array().map(Vec::len), Some(0));
}

#[tokio::test]
async fn limits_are_kept_to_the_byte_and_named() {
    let node = TestNode::start(&[]);
    let post = async |body: String| node.post("/api/runs/r/events", &[ND_JSON], body).await;
    let batch_of = |bytes: usize| {
        let full = event_of(100 * KIB);
        let count = bytes / (full.len() + 1);
        let mut lines = vec![full; count - 1];
        let used: usize = lines.iter().map(|line| line.len() + 1).sum();
        lines.push(event_of(bytes - used - 1));
        lines.join("\n") + "\n"
    };
    for (body, code, named) in [
        (
            format!("{}\n{}", event_of(100), event_of(256 * KIB + 1)),
            "event_too_large",
            "event 1: has 262145 bytes of at most 262144",
        ),
        (vec!["{\"type\":\"log\"}"; 10_001].join("\n"), "too_many_events", "10000"),
        (batch_of(4 * MIB + 1), "batch_too_large", "4194304"),
    ] {
        let detail = post(body).await.problem(413, code);
        assert!(detail.contains(named), "{detail}");
    }
    assert_eq!(node.stored("r").await.len(), 0);
    for (body, count) in [(event_of(256 * KIB), 1), (vec!["{\"type\":\"log\"}"; 10_000].join("\n"), 10_000)] {
        assert_eq!(post(body).await.json()["stored"], count);
    }
    let full = batch_of(4 * MIB);
    assert_eq!((full.len(), post(full).await.status), (4 * MIB, 202));
    assert_eq!(node.store_one("deep", &nested(128)).await.status, 202);
    // Declared too large, it is refused before it comes.
    let answer = exchange(
        &node,
        "POST /api/runs/r/events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: 4194305\r\n\r\n",
    );
    assert!(answer.await.starts_with("HTTP/1.1 413 "));
}

#[tokio::test]
async fn run_ids_and_content_types_are_checked() {
    let node = TestNode::start(&[]);
    let long = "x".repeat(129);
    for run in [".a", "-a", "a%20b", "a%2Fb", "%C3%A9", "%FF", "a!", &long] {
        let reply = node.store_one(run, r#"{"type":"log"}"#).await;
        assert!(reply.problem(400, "invalid_run_id").starts_with("runId "), "{run}: {reply:?}");
    }
    assert_eq!(node.store_one("A-1.b_c:d", r#"{"type":"log"}"#).await.status, 202);
    for kind in [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("multipart/form-data"),
        Some("jsonx"),
    ] {
        let headers: Vec<_> = kind.iter().map(|kind| ("content-type", *kind)).collect();
        let reply = node.post("/api/runs/r/events", &headers, r#"{"type":"log"}"#).await;
        reply.problem(415, "unsupported_content_type");
    }
    for kind in ["application/json; charset=utf-8", "Application/JSON", "application/ndjson"] {
        let reply = node.post("/api/runs/r/events", &[("content-type", kind)], r#"{"type":"log"}"#).await;
        assert_eq!(reply.status, 202, "{kind}");
    }
    let reply = node.post("/api/runs/r/events", &[JSON, ("content-encoding", "br")], "x").await;
    reply.problem(415, "unsupported_encoding");
}

#[tokio::test]
async fn an_object_an_array_and_lines_are_stored_as_they_are() {
    let node = TestNode::start(&[]);
    let events = [
        r#"{"type":"log","timestamp":"t","n":1.0e5,"b":"\u00e9\/","dup":1,"dup":2}"#,
        r#"{ "timestamp" : "t", "x" : [ 1 , {} ] ,"type" : "log" }"#,
        r#"{"runId":"r","type":"ünï","timestamp":"not looked at"}"#,
        r#"{"timestamp":"t","type":"log","deep":{"seq":1,"type":2}}"#,
    ];
    let bodies = [
        (JSON, events[0].to_owned()),
        (JSON, format!(" [ {} , {} ]\n", events[1], events[2])),
        (ND_JSON, format!("\r\n{}\r\n\n{}", events[3], events[0])),
    ];
    for (kind, body) in bodies {
        let reply = node.post("/api/runs/r/events", &[kind], body).await;
        assert_eq!(reply.status, 202, "{reply:?}");
    }
    let want = [events[0], events[1], events[2], events[3], events[0]];
    assert_eq!(node.stored("r").await, want);
    let mut viewer = Viewer::join(&node, "r").await;
    viewer.until_events(5).await;
    assert_eq!(viewer.texts(), want);

    // The two things that are not left alone: a missing timestamp, and line breaks between tokens.
    node.post("/api/runs/r/events", &[JSON], "{\n\"type\":\r\n\"log\",\n\"timestamp\":\"t\"}").await;
    node.store_one("r", r#"{"type":"log"}"#).await;
    viewer.until_events(7).await;
    assert_eq!(viewer.texts()[5], r#"{ "type":  "log", "timestamp":"t"}"#);
    let stamp =
        viewer.texts()[6].strip_prefix(r#"{"timestamp":""#).unwrap().strip_suffix(r#"","type":"log"}"#).unwrap();
    assert!(stamp.len() == 24 && stamp.ends_with('Z'), "RFC 3339 with milliseconds: {stamp}");
}

#[tokio::test]
async fn the_answer_to_a_post_says_where_it_went() {
    let node = TestNode::start(&[]);
    let first = node.store("r", &numbered(1, 3, 0)).await;
    let epoch = first["epoch"].as_str().unwrap();
    let want = serde_json::json!({
        "runId": "r", "epoch": epoch, "firstSeq": 1, "lastSeq": 3, "stored": 3, "duplicates": 0, "producerSeq": null,
        "cursor": format!("{epoch}:3"), "viewers": 0, "commands": [],
        "hints": {"tag": first["hints"]["tag"], "flushMs": 2_000, "watched": false, "screens": []},
    });
    assert_eq!(first, want);
    let second = node.store("r", &numbered(4, 1, 0)).await;
    assert_eq!((&second["firstSeq"], &second["lastSeq"]), (&4.into(), &4.into()));
    assert_eq!(second["epoch"], epoch);
}

#[tokio::test]
async fn coded_bodies_are_decoded_within_the_limits() {
    let node = TestNode::start(&[]);
    let post = async |coding: &str, body: Vec<u8>| {
        node.post("/api/runs/r/events", &[ND_JSON, ("content-encoding", coding)], body).await
    };
    let lines = numbered(1, 500, 200).join("\n");
    for (coding, body) in [("gzip", gzip(lines.as_bytes())), ("zstd", zstd(lines.as_bytes()))] {
        assert!(body.len() * 4 < lines.len());
        let before = body.clone();
        assert_eq!(post(coding, before).await.json()["stored"], 500, "{coding}");
        let detail = post(coding, body[..body.len() / 2].to_vec()).await.problem(400, "invalid_encoding");
        assert!(!detail.is_empty());
        post(coding, lines.clone().into_bytes()).await.problem(400, "invalid_encoding");
        post(coding, [&body[..], b"more"].concat()).await.problem(400, "invalid_encoding");
    }
    assert_eq!(node.stored("r").await.len(), 1_000);
    // Much that comes out of little.
    let before = node.resident_bytes();
    let spaces = vec![b' '; 256 * MIB];
    for (coding, bomb) in [("gzip", gzip(&spaces[..12 * MIB])), ("zstd", zstd(&spaces))] {
        assert!(bomb.len() < 200 * KIB, "{} bytes", bomb.len());
        let posts = (0..3).map(|_| post(coding, bomb.clone()));
        for reply in futures_util::future::join_all(posts).await {
            assert!(reply.problem(413, "batch_too_large").contains("4194304"), "{coding}");
        }
    }
    let growth = node.resident_bytes().saturating_sub(before);
    assert!(growth < 64 * MIB, "{growth} bytes more");
}

#[tokio::test]
async fn the_older_names_of_the_routes_lead_to_the_same_runs() {
    let node = TestNode::start(&[]);
    let reply = node.post("/api/tests/r/events", &[JSON], r#"{"type":"log","timestamp":"t"}"#).await;
    assert_eq!((reply.status, &reply.json()["lastSeq"]), (202, &1.into()));
    assert_eq!(node.get_json("/api/tests/r/events").await, node.get_json("/api/runs/r/events").await);
    assert_eq!(node.get_json("/api/tests/r").await["events"], 1);
    eventually!(node.get_json("/api/tests").await["runs"].clone(), |runs| runs[0]["runId"] == "r", SOON);
}

#[tokio::test]
async fn what_is_not_a_route_a_method_or_a_query_is_a_problem_document_too() {
    let node = TestNode::start(&[]);
    node.get("/api/nothing").await.problem(404, "not_found");
    node.get("/api/runs/r/nothing").await.problem(404, "not_found");
    let reply = node.post("/api/runs/r", &[JSON], "{}").await;
    assert!(
        reply.problem(405, "method_not_allowed").contains("POST") && reply.header("allow") == "GET, HEAD, DELETE",
        "{reply:?}"
    );
    node.post("/health", &[JSON], "{}").await.problem(405, "method_not_allowed");
    node.get("/api/runs/r/frame").await.problem(405, "method_not_allowed");
    for query in ["limit=x", "limit=-1", "wait=1.5", "limit=1&limit=2"] {
        let detail = node.get(&format!("/api/runs/r/events?{query}")).await.problem(400, "invalid_query");
        assert!(!detail.is_empty());
    }
    node.get("/api/runs?limit=x").await.problem(400, "invalid_query");
    node.get("/api/runs?status=done").await.problem(400, "invalid_status");
    node.get("/api/runs?cursor=x").await.problem(400, "invalid_cursor");
}

#[tokio::test]
async fn a_node_with_its_hands_full_refuses_and_takes_more_when_they_are_free() {
    let small = [
        ("RUNCAST__INGEST__MAX_EVENT_BYTES", "1024"),
        ("RUNCAST__INGEST__MAX_BATCH_BYTES", "65536"),
        ("RUNCAST__INGEST__INFLIGHT_BYTES", "65536"),
    ];
    let node = TestNode::start(&small);
    let slow_body = "x".repeat(60_000);
    let head = "POST /api/runs/r/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                Content-Length: 65000\r\n\r\n";
    let mut slow = TcpStream::connect(node.address()).await.unwrap();
    slow.write_all([head, &slow_body].concat().as_bytes()).await.unwrap();
    eventually!(node.metric("runcast_ingest_bytes").await, |held| *held == 60_000.0, SOON);
    let lines = numbered(1, 10, 1_000);
    let reply = node.post_ndjson("r", &lines, &[]).await;
    assert!(reply.problem(503, "saturated").contains("nothing was stored"));
    assert!(reply.header("retry-after").parse::<u64>().is_ok_and(|secs| secs >= 1), "{reply:?}");
    assert_eq!(node.stored("r").await.len(), 0);
    drop(slow);
    eventually!(node.post_ndjson("r", &lines, &[]).await, |reply| reply.status == 202, SOON);
    assert_eq!(node.stored("r").await, lines);
    eventually!(node.metric("runcast_ingest_bytes").await, |held| *held == 0.0, SOON);
}

#[tokio::test]
async fn a_producer_that_falls_silent_within_a_body_does_not_keep_the_room_for_it() {
    let node =
        TestNode::start(&[("RUNCAST__SERVER__BODY_PAUSE_SECS", "1"), ("RUNCAST__SERVER__MIN_BYTES_PER_SEC", "50")]);
    let head = "POST /api/runs/r/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                Content-Length: 65000\r\n\r\n";
    let answer = exchange(&node, &[head, &"x".repeat(60_000)].concat()).await;
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("\"code\":\"body_timeout\""), "{answer}");
    assert_eq!(node.metric("runcast_ingest_bytes").await, 0.0);
    // One that is slow, but never silent for so long, is served.
    let body = format!("[{}]", [r#"{"type":"log"}"#; 12].join(","));
    let mut slow = TcpStream::connect(node.address()).await.unwrap();
    slow.write_all(head.replace("65000", &body.len().to_string()).as_bytes()).await.unwrap();
    for part in body.as_bytes().chunks(body.len() / 6) {
        slow.write_all(part).await.unwrap();
        let early = tokio::time::timeout(Duration::from_millis(250), slow.peek(&mut [0])).await;
        assert!(early.is_err() || node.stored("r").await.len() == 12, "it was answered before its end");
    }
    eventually!(node.stored("r").await.len(), |count| *count == 12, SOON);
}

#[tokio::test]
async fn a_full_run_refuses_events_but_can_still_say_how_it_ended() {
    let node = TestNode::start(&[
        ("RUNCAST__JOURNAL__MAX_RUN_BYTES", "1048576"),
        ("RUNCAST__INGEST__MAX_BATCH_BYTES", "524288"),
    ]);
    let lines = numbered(1, 10, 10_000);
    let full = loop {
        let reply = node.post_ndjson("r", &lines, &[]).await;
        if reply.status != 202 {
            break reply;
        }
    };
    assert!(full.problem(413, "run_full").contains("1048576"));
    let held = node.stored("r").await.len();
    assert!((90..=104).contains(&held) && held % 10 == 0, "{held} of 10 kB each, in whole batches");
    let end = [r#"{"type":"run_status","status":"failed"}"#.to_owned()];
    assert_eq!(node.store("r", &end).await["lastSeq"], held + 1);
    node.post_ndjson("r", &lines, &[]).await.problem(413, "run_full");
    assert_eq!(node.store("other", &lines).await["stored"], 10, "others have room");
    assert_eq!(node.get_json("/api/runs/r").await["status"], "failed");
}

impl crate::support::Site {
    /// Posts one event as a JSON body.
    async fn store_one(&self, run: &str, event: &str) -> Reply {
        self.post(&format!("/api/runs/{run}/events"), &[JSON], event.to_owned()).await
    }
}
