//! Types that only the server writes: no producer can post one, however it is spelt, and runs in which older versions
//! stored one are read as before.

use std::time::{Duration, Instant};

use runcast::protocol::server_event::reserved_types;
use runcast::protocol::{Lines, ProducerEvent, ProducerId, RunId};
use runcast::storage::journal::sqlite::{SqliteJournal, SqliteOptions};
use runcast::storage::journal::{Append, Journal as _, JournalLimits, OnGap, Post};

use crate::support::{EventStream, TestNode, Viewer, gzip, numbered, soon, without_seq, zstd};

const ND_JSON: (&str, &str) = ("content-type", "application/x-ndjson");
const JSON: (&str, &str) = ("content-type", "application/json");

/// The text with every character as an escape.
fn escaped(text: &str, hex: impl Fn(u32) -> String) -> String {
    text.chars().map(|c| format!("\\u{}", hex(c.into()))).collect()
}

/// An event of this type in every spelling that a reader of JSON takes for it.
fn spellings(name: &str) -> Vec<String> {
    let (first, rest) = name.split_at(1);
    let (lower, upper) = (|c| format!("{c:04x}"), |c| format!("{c:04X}"));
    let key = escaped("type", lower);
    vec![
        format!(r#"{{"type":"{name}"}}"#),
        format!("\t{{ \"timestamp\" : \"t\" ,\r \"type\"\t: \"{name}\" }} "),
        format!(r#"{{"type":"{}"}}"#, escaped(name, lower)),
        format!(r#"{{"type":"{}{rest}"}}"#, escaped(first, upper)),
        format!(r#"{{"data":{{"type":"log"}},"{key}":"{name}"}}"#),
        format!(r#"{{"\ud83d":1,"t\u0079pe":"{}"}}"#, escaped(name, upper)),
    ]
}

#[tokio::test]
async fn no_producer_can_post_what_only_the_server_writes_or_says() {
    let node = TestNode::start(&[]);
    let path = "/api/runs/forged/events";
    let numbered = [("runcast-producer", "p"), ("runcast-producer-seq", "1")];
    let mut count = 0;
    for &name in reserved_types() {
        for event in spellings(name) {
            let lines = format!("{{\"type\":\"log\"}}\n{}\n", event.replace(['\r', '\n'], " "));
            let array = format!("[{{\"type\":\"log\"}},{event}]");
            let marked = [&b"\xef\xbb\xbf"[..], event.as_bytes()].concat();
            let single = node.post(path, &[JSON], event.clone()).await;
            let bodies = [
                node.post(path, &[ND_JSON], lines.clone()).await,
                node.post(path, &[JSON], array.clone()).await,
                node.post(path, &[JSON, ("content-encoding", "gzip")], gzip(array.as_bytes())).await,
                node.post(path, &[ND_JSON, ("content-encoding", "zstd")], zstd(lines.as_bytes())).await,
                node.post("/api/tests/forged/events", &[ND_JSON, numbered[0], numbered[1]], lines).await,
            ];
            for (index, reply) in [single, node.post(path, &[JSON], marked).await]
                .iter()
                .map(|reply| (0, reply))
                .chain(bodies.iter().map(|reply| (1, reply)))
            {
                let detail = reply.problem(400, "reserved_type");
                assert_eq!(
                    detail,
                    format!("event {index}: only the server writes events of the type `{name}`"),
                    "{event}"
                );
                assert_eq!(reply.json()["index"], index);
                count += 1;
            }
        }
        // Which of two types counts is for each reader to say: neither is taken.
        for twice in
            [format!(r#"{{"type":"log","type":"{name}"}}"#), format!(r#"{{"type":"{name}","t\u0079pe":"log"}}"#)]
        {
            node.post(path, &[JSON], twice).await.problem(400, "duplicate_key");
        }
    }
    assert!(count > 500, "{count}");
    assert_eq!(node.stored("forged").await, [""; 0]);
    node.get("/api/runs/forged").await.problem(404, "run_not_found");
}

#[tokio::test]
async fn producers_keep_their_own_types() {
    let node = TestNode::start(&[]);
    let own = ProducerEvent::ALL.iter().map(|event| event.as_str());
    for name in own.chain(["ping", "Sealed", "sealed ", "sealed\\ud83d", "whatever I like"]) {
        // What some of these types must have.
        let members = match name {
            "worker" => r#""state":"joined""#,
            "command_status" => r#""commandId":"c","status":"done""#,
            "ai_stuck" => r#""askId":"a","needs":"click""#,
            _ => r#""status":"running""#,
        };
        let reply = node.post("/api/runs/r/events", &[JSON], format!(r#"{{"type":"{name}",{members}}}"#)).await;
        assert_eq!(reply.status, 202, "{name}: {reply:?}");
    }
}

/// Stores events as an older version took them from a producer.
async fn store_past_the_rules(node: &TestNode, run: &str, events: &[String]) {
    let limits = JournalLimits { max_run_bytes: 64 << 20, tombstone: Duration::from_secs(3600) };
    let journal = SqliteJournal::open(SqliteOptions::new(node.data().join("journal.db"), limits)).await.unwrap();
    let post = Post {
        producer: ProducerId::parse("old").unwrap(),
        n: 1,
        on_gap: OnGap::Refuse,
        lines: Lines::from_stored(events.join("\n").into()),
        status: None,
        privileged: false,
        seals: false,
        stamps: Default::default(),
        control: None,
    };
    let deadline = Instant::now() + Duration::from_secs(60);
    let append = Append { run: RunId::parse(run).unwrap(), posts: vec![post], precondition: None, deadline };
    assert!(journal.append(append).await.unwrap().outcomes[0].is_ok());
    journal.close().await;
}

#[tokio::test]
async fn what_older_versions_stored_under_a_type_that_is_reserved_now_is_read_as_before() {
    let mut node = TestNode::start(&[]);
    node.terminate().await.assert_clean(false);
    let old = [
        r#"{"type":"run_status","timestamp":"t","status":"running"}"#,
        r#"{"type":"epoch","timestamp":"t","epoch":"9","cursor":"9:99"}"#,
        r#"{"type":"artifact","timestamp":"t","name":"made up","downloadUrl":"/elsewhere"}"#,
        r#"{"type":"gap","timestamp":"t","from":1,"to":7,"cursor":"9:99"}"#,
        r#"{"type":"reset","timestamp":"t","epoch":"9","from":1,"cursor":"9:99"}"#,
        r#"{"type":"sealed","timestamp":"t"}"#,
    ]
    .map(str::to_owned);
    store_past_the_rules(&node, "r", &old).await;
    node.restart();

    assert_eq!(node.stored("r").await, old, "as NDJSON");
    let page = node.get_json("/api/runs/r/events").await;
    assert_eq!(
        (page["events"].as_array().map(Vec::len), &page["gap"], &page["reset"]),
        (Some(6), &().into(), &().into())
    );
    let state = node.get_json("/api/runs/r").await;
    assert_eq!((&state["status"], &state["events"]), (&"running".into(), &6.into()));
    assert_eq!(node.get_json("/api/runs/r/artifacts").await["artifacts"], serde_json::json!([]));

    // They have a `seq`, so no viewer takes one for a message of the server's.
    let mut viewer = Viewer::join(&node, "r").await;
    viewer.until_events(old.len()).await;
    assert_eq!(viewer.texts(), old);
    assert!(viewer.said.iter().all(|message| message["type"] == "connected"), "{:?}", viewer.said);
    let mut stream = EventStream::open(&node, "/api/runs/r/events/stream", "").await;
    for (seq, event) in (1..).zip(&old) {
        let record = loop {
            let record = soon("a record", stream.next()).await.unwrap();
            if record.id.is_some() {
                break record;
            }
        };
        assert_eq!((record.event, without_seq(&record.data)), (None, (seq, event.clone())));
    }

    // The run goes on, and takes no more of them.
    let more = numbered(1, 3, 0);
    assert_eq!(node.store("r", &more).await["firstSeq"], 7);
    node.post_ndjson("r", &old[1..2], &[]).await.problem(400, "reserved_type");
    viewer.until_events(old.len() + more.len()).await;
    assert_eq!(node.stored("r").await, [&old[..], &more].concat());
}
