//! What JSON allows is taken and handed on as it came: byte order marks, halves of surrogate pairs, the names of
//! NDJSON. Promised in docs/reliability.md, "Abuse".

use crate::support::{EventStream, SOON, TestNode, Viewer, eventually, gzip, numbered, soon, without_seq, zstd};

const ND_JSON: (&str, &str) = ("content-type", "application/x-ndjson");
const JSON: (&str, &str) = ("content-type", "application/json");
const BOM: &[u8] = b"\xef\xbb\xbf";

#[tokio::test]
async fn half_of_a_surrogate_pair_reaches_every_reader_as_it_came_and_refuses_nobody() {
    let node = TestNode::start(&[]);
    let mut live = Viewer::join(&node, "r").await;
    let mut lines = numbered(1, 496, 0);
    lines.insert(250, r#"{"type":"log","timestamp":"t","text":"cut \ud83d"}"#.to_owned());
    lines.extend(
        [
            r#"{"type":"\ud83d","timestamp":"t","\udc00":{"\ud83d\ud83d":["\udc00\ud83d"]}}"#,
            r#"{"type":"test_status","timestamp":"t","testId":"t\ud83d","status":"failed","data":{"title":["a","b\ud83d"],"errors":[{"message":"\udc00"}]}}"#,
            r#"{"type":"error","timestamp":"t","message":"no \ud83d","\ud83d":1}"#,
            r#"{"type":"run_status","timestamp":"t","\udc00":0,"status":"passed","data":{"total":7,"note":"\ud83d"}}"#,
        ]
        .map(str::to_owned),
    );
    assert_eq!(lines.len(), 501);
    assert_eq!(node.store("r", &lines).await["stored"], 501);
    let array = format!("[{}]", lines.join(",\n"));
    assert_eq!(node.post("/api/runs/array/events", &[JSON], array).await.json()["stored"], 501);

    assert_eq!(node.stored("r").await, lines, "as NDJSON");
    assert_eq!(node.stored("array").await, lines);
    live.until_events(501).await;
    assert_eq!(live.texts(), lines, "live");
    let mut late = Viewer::join(&node, "r").await;
    late.until_events(501).await;
    assert_eq!(late.texts(), lines, "from the log");
    let page = node.get("/api/runs/r/events?after=497").await.text;
    for (seq, line) in (498..).zip(&lines[497..]) {
        let (_, rest) = page.split_once(&format!("{{\"seq\":{seq},")).unwrap_or_else(|| panic!("no {seq}: {page}"));
        // Behind who posted it, and when: a time of 24 characters.
        let posted = rest.strip_prefix(r#""producer":"-","at":""#).map_or(rest, |rest| &rest[26..]);
        assert!(posted.starts_with(&line[1..]), "{page}");
    }
    let mut stream = EventStream::open(&node, "/api/runs/r/events/stream?after=250", "").await;
    let record = loop {
        let record = soon("a record", stream.next()).await.unwrap();
        if record.id.is_some() {
            break record;
        }
    };
    assert_eq!(without_seq(&record.data), (251, lines[250].clone()), "as Server-Sent Events");

    // The state has whole characters.
    let state = node.get_json("/api/runs/r").await;
    assert_eq!((&state["status"], &state["total"], &state["events"]), (&"passed".into(), &7.into(), &501.into()));
    assert_eq!(state["lastError"]["message"], "no \u{fffd}");
    let test = &state["tests"][0];
    assert_eq!((&test["testId"], &test["status"]), (&"t\u{fffd}".into(), &"failed".into()));
    assert_eq!((&test["title"], &test["error"]), (&"a › b\u{fffd}".into(), &"\u{fffd}".into()));
}

#[tokio::test]
async fn a_status_with_half_of_a_surrogate_pair_counts_also_behind_a_repeat() {
    let node = TestNode::start(&[]);
    let lines = [r#"{"type":"log"}"#, r#"{"\ud83d":1,"type":"run_status","status":"passed"}"#].map(str::to_owned);
    let numbers = [("runcast-producer", "p"), ("runcast-producer-seq", "1")];
    assert_eq!(node.post_ndjson("r", &lines[..1], &numbers).await.json()["stored"], 1);
    let again = node.post_ndjson("r", &lines, &numbers).await.json();
    assert_eq!((&again["stored"], &again["duplicates"]), (&1.into(), &1.into()));
    eventually!(node.get_json("/api/runs").await["runs"][0]["status"].clone(), |status| status == "passed", SOON);
}

#[tokio::test]
async fn other_bodies_of_json_are_read_alike() {
    let node = TestNode::start(&[]);
    let pin = [BOM, br#"{"reason":"an emoji cut \ud83d"}"#].concat();
    let reply = soon("a pin", node.try_send("PUT", "/api/runs/r/pin", &[JSON], pin)).await.unwrap();
    assert_eq!((reply.status, &reply.json()["pin"]["reason"]), (200, &"an emoji cut \u{fffd}".into()), "{reply:?}");
}

#[tokio::test]
async fn a_byte_order_mark_in_front_is_skipped_also_in_what_was_encoded() {
    let node = TestNode::start(&[]);
    let lines = numbered(1, 3, 0);
    let post = async |run: &str, headers: &[(&str, &str)], body: &[u8]| {
        node.post(&format!("/api/runs/{run}/events"), headers, body.to_vec()).await
    };
    let array = [BOM, b"[", lines.join(",").as_bytes(), b"]"].concat();
    let nd_json = [BOM, lines.join("\r\n").as_bytes(), b"\r\n\r\n"].concat();
    for (run, kind, body) in [("json", JSON, &array), ("ndjson", ND_JSON, &nd_json)] {
        for (coding, body) in [("identity", body.clone()), ("gzip", gzip(body)), ("zstd", zstd(body))] {
            let run = format!("{run}-{coding}");
            let reply = post(&run, &[kind, ("content-encoding", coding)], &body).await;
            assert_eq!((reply.status, &reply.json()["stored"]), (202, &3.into()), "{run}: {reply:?}");
            assert_eq!(node.stored(&run).await, lines, "{run}");
        }
        post("none", &[kind], BOM).await.problem(400, "empty_batch");
        post("none", &[kind], &[BOM, BOM, lines[0].as_bytes()].concat()).await.problem(400, "invalid_json");
    }
}

#[tokio::test]
async fn lines_of_json_are_taken_and_given_under_each_of_their_names() {
    let node = TestNode::start(&[]);
    let names = ["x-ndjson", "ndjson", "jsonl", "jsonlines", "x-jsonlines"].map(|name| format!("application/{name}"));
    for name in &names {
        let before = node.stored("r").await.len();
        for spelt in [name.clone(), name.to_uppercase(), format!("{name}; charset=utf-8")] {
            let body = numbered(1, 2, 0).join("\n");
            let reply = node.post("/api/runs/r/events", &[("content-type", &spelt)], body).await;
            assert_eq!(reply.status, 202, "{spelt}: {reply:?}");
            let page = node.get_with(&format!("/api/runs/r/events?after={before}"), &[("accept", &spelt)]).await;
            assert_eq!(page.header("content-type"), name, "{spelt}");
            assert!(page.header("runcast-cursor").contains(':'), "{page:?}");
        }
        let page = node.get_with(&format!("/api/runs/r/events?after={before}"), &[("accept", name)]).await;
        assert_eq!(page.text.lines().count(), 6, "{name}");
    }
    let page = node.get_with("/api/runs/r/events", &[("accept", "application/jsonl;q=0, application/json")]).await;
    assert_eq!(page.header("content-type"), "application/json");
    let detail = node.post("/api/runs/r/events", &[("content-type", "text/plain")], "{}").await;
    assert!(detail.problem(415, "unsupported_content_type").contains("text/plain"));
}

#[tokio::test]
async fn a_refusal_has_the_index_of_the_event_as_a_number() {
    let node =
        TestNode::start(&[("RUNCAST__INGEST__MAX_EVENT_BYTES", "1024"), ("RUNCAST__INGEST__MAX_BATCH_EVENTS", "9")]);
    for (bad, status) in [("{}".to_owned(), 400), ("[1]".to_owned(), 400), (numbered(1, 1, 2000).remove(0), 413)] {
        let mut lines = numbered(1, 3, 0);
        lines.insert(2, bad);
        let reply = node.post_ndjson("r", &lines, &[]).await;
        assert_eq!((reply.status, &reply.json()["index"]), (status, &2.into()), "{reply:?}");
    }
    let reply = node.post_ndjson("r", &numbered(1, 10, 0), &[]).await;
    assert_eq!((reply.status, reply.json().get("index")), (413, None), "it is about no event");
}
