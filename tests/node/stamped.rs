//! Events into which the server writes who posted them, and when: what workers, tests and runs report over HTTP.

use runcast::protocol::Timestamp;
use serde_json::{Value, json};

use crate::support::{EventStream, TestNode, Viewer, numbered, soon, stamp_of};

const JSON: (&str, &str) = ("content-type", "application/json");
const ND_JSON: (&str, &str) = ("content-type", "application/x-ndjson");

/// Headers of a numbered post.
fn from<'a>(producer: &'a str, n: &'a str) -> [(&'a str, &'a str); 2] {
    [("runcast-producer", producer), ("runcast-producer-seq", n)]
}

/// One of each of these types, as clients write them: in any order, with odd spaces and escapes.
fn one_of_each() -> Vec<String> {
    [
        r#"{ "status" : "running","timestamp":"t" ,"type":"run_status","data":{"total":1.0e1} }"#,
        r#"{"type":"worker","timestamp":"t","state":"joined","can":["pause"],"slots":2,"dup":1,"dup":2}"#,
        r#"{"timestamp":"t","type":"test_status","testId":"\u00e9\/ é","status":"passed","at\u0020":"mine"}"#,
        r#"{"type":"command\u005fstatus","timestamp":"t","commandId":"c-1","status":"rejected","detail":"\ud83d"}"#,
        r#"{"type":"ai_stuck","timestamp":"t","askId":"a","needs":"text","expiresInSecs":60,"data":{"producer":1}}"#,
    ]
    .map(str::to_owned)
    .to_vec()
}

/// The events of a run as they are delivered, but for their seq.
async fn delivered(node: &TestNode, run: &str) -> Vec<String> {
    let page = node.get_with(&format!("/api/runs/{run}/events"), &[("accept", "application/x-ndjson")]).await;
    let lines = page.text.lines().enumerate();
    lines
        .map(|(index, line)| {
            let rest = line.strip_prefix(&format!("{{\"seq\":{},", index + 1));
            format!("{{{}", rest.unwrap_or_else(|| panic!("{line}")))
        })
        .collect()
}

fn time(event: &Value, member: &str) -> i64 {
    let text = event[member].as_str().unwrap_or_else(|| panic!("{member} of {event}"));
    Timestamp::parse(text).unwrap().as_millis()
}

#[tokio::test]
async fn who_posted_an_event_and_when_stands_in_front_and_the_rest_is_byte_for_byte() {
    let node = TestNode::start(&[]);
    let mut viewer = Viewer::join(&node, "r").await;
    let log = r#"{"type":"log","timestamp":"t","producer":"mine","at":1,"by":2,"lease":3,"stale":4}"#.to_owned();
    let posted = [&one_of_each()[..], &[log], &one_of_each()].concat();
    let before = Timestamp::now().as_millis();
    assert_eq!(node.post_ndjson("r", &posted[..6], &from("p:1", "1")).await.status, 202);
    let array = format!("[{}]", posted[6..].join(" ,"));
    assert_eq!(node.post("/api/runs/r/events", &[JSON], array).await.status, 202);
    let after = Timestamp::now().as_millis();

    let events = delivered(&node, "r").await;
    assert_eq!(events.len(), 11);
    for (index, (event, posted)) in events.iter().zip(&posted).enumerate() {
        if index == 5 {
            assert_eq!(event, posted, "a type of its own is the producer's alone");
            assert_eq!(stamp_of(event), None);
            continue;
        }
        let ((producer, more), rest) = stamp_of(event).unwrap_or_else(|| panic!("no stamp in {event}"));
        assert_eq!((producer.as_str(), &rest), (if index < 6 { "p:1" } else { "-" }, posted));
        assert_eq!(more.is_some(), posted.contains("ai_stuck"), "{event}");
        let read: Value = serde_json::from_str(&event.replace("\\ud83d", "")).unwrap();
        assert!((before..=after).contains(&time(&read, "at")), "{event}");
        if more.is_some() {
            assert_eq!(time(&read, "expiresAt") - time(&read, "at"), 60_000);
        }
    }
    // Everybody gets the same bytes.
    viewer.until_events(11).await;
    assert_eq!(viewer.texts(), posted);
    let mut stream = EventStream::open(&node, "/api/runs/r/events/stream", "").await;
    let mut streamed = Vec::new();
    while streamed.len() < 11 {
        let record = soon("a record", stream.next()).await.unwrap();
        streamed.extend(record.id.is_some().then_some(record.data));
    }
    let with_seq = |(index, event): (usize, &String)| format!("{{\"seq\":{},{}", index + 1, &event[1..]);
    assert_eq!(streamed, events.iter().enumerate().map(with_seq).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_missing_timestamp_stands_behind_the_stamp_and_an_old_question_is_told_as_stale() {
    let node = TestNode::start(&[]);
    let ask = |timestamp: Option<Timestamp>| {
        let timestamp = timestamp.map_or_else(String::new, |timestamp| format!(r#""timestamp":"{timestamp}","#));
        format!(r#"{{{timestamp}"type":"ai_stuck","askId":"a","needs":"click"}}"#)
    };
    let ago = |secs: i64| Some(Timestamp::now().plus_millis(-1_000 * secs));
    let events =
        [ask(None), ask(ago(0)), ask(ago(590)), ask(ago(610)), r#"{"type":"run_status","status":"passed"}"#.into()];
    node.store("r", &events).await;
    let events = delivered(&node, "r").await;
    let told: Vec<Option<String>> = events.iter().map(|event| stamp_of(event).unwrap().0.1).collect();
    let kinds: Vec<_> = told.iter().map(|more| more.as_deref().map(|more| more.split(':').next().unwrap())).collect();
    let (open, stale) = (Some("\"expiresAt\""), Some("\"stale\""));
    assert_eq!(kinds, [open, open, open, stale, None], "{events:#?}");
    for event in [&events[0], &events[4]] {
        let (_, rest) = stamp_of(event).unwrap();
        assert!(rest.starts_with(r#"{"timestamp":""#), "{event}");
    }
}

#[tokio::test]
async fn what_cannot_be_folded_is_refused_by_index_and_member_and_nothing_is_stored() {
    let node = TestNode::start(&[]);
    let rows = [
        (r#"{"type":"worker"}"#, "invalid_field", "`state` must be"),
        (r#"{"type":"worker","state":"joined","slots":1001}"#, "invalid_field", "`slots` must be"),
        (
            r#"{"type":"worker","state":"joined","shard":{"current":2,"total":1}}"#,
            "invalid_field",
            "`shard.current` must be",
        ),
        (r#"{"type":"worker","state":"joined","state":"left"}"#, "duplicate_key", "`state` comes twice"),
        (r#"{"type":"command_status","status":"done"}"#, "invalid_field", "`commandId` must be"),
        (r#"{"type":"command_status","commandId":"c","status":"interrupted"}"#, "invalid_field", "`status` must be"),
        (r#"{"type":"ai_stuck","needs":"click"}"#, "invalid_field", "`askId` must be"),
        (r#"{"type":"ai_stuck","askId":"a","needs":"help"}"#, "invalid_field", "`needs` must be"),
        (
            r#"{"type":"ai_stuck","askId":"a","needs":"text","expiresInSecs":86401}"#,
            "invalid_field",
            "`expiresInSecs` must be",
        ),
        (
            r#"{"type":"ai_stuck","askId":"a","needs":"text","onTimeout":{"action":"x"}}"#,
            "invalid_field",
            "`onTimeout.action` must",
        ),
        (
            r#"{"type":"ai_stuck","askId":"a","needs":"choice","candidates":[{"id":"x"}]}"#,
            "invalid_field",
            "`candidates[0]` must",
        ),
        (r#"{"type":"ai_stuck","askId":"a","needs":"text","expiresAt":"t"}"#, "reserved_field", "`expiresAt`"),
        (r#"{"type":"ai_stuck","askId":"a","needs":"text","stale":true}"#, "reserved_field", "`stale`"),
        (r#"{"type":"run_status","status":"passed","producer":"x"}"#, "reserved_field", "`producer`"),
        (r#"{"type":"test_status","testId":"t","status":"passed","at":"t"}"#, "reserved_field", "`at`"),
        (r#"{"type":"worker","state":"left","by":{}}"#, "reserved_field", "`by`"),
        (
            r#"{"type":"command_status","commandId":"c","status":"done","l\u0065ase":"1:2"}"#,
            "reserved_field",
            "`lease`",
        ),
    ];
    for (event, code, named) in rows {
        let lines = format!("{{\"type\":\"log\"}}\n\n{}\n{event}\n", one_of_each()[1]);
        let reply = node.post("/api/runs/bad/events", &[ND_JSON], lines).await;
        let detail = reply.problem(400, code);
        assert!(detail.starts_with("event 2: ") && detail.contains(named), "{event}: {detail}");
        assert_eq!(reply.json()["index"], 2);
        let detail = node.post("/api/tests/bad/events", &[JSON], event.to_owned()).await.problem(400, code);
        assert!(detail.starts_with("event 0: ") && detail.contains(named), "{event}: {detail}");
    }
    // The name of those who send none can't be sent.
    let reply = node.post_ndjson("bad", &one_of_each(), &from("-", "1")).await;
    assert!(reply.problem(400, "invalid_producer").contains("'-' at 0"), "{reply:?}");
    node.get("/api/runs/bad").await.problem(404, "run_not_found");
}

#[tokio::test]
async fn what_is_stamped_is_numbered_and_recognised_like_all_else() {
    let mut node = TestNode::start(&[]);
    let posted = [&one_of_each()[..], &numbered(1, 2, 0), &one_of_each()].concat();
    let figures = |reply: crate::support::Reply| {
        assert_eq!(reply.status, 202, "{reply:?}");
        let json = reply.json();
        ["firstSeq", "lastSeq", "stored", "duplicates", "producerSeq"].map(|member| json[member].as_u64())
    };
    let first = node.post_ndjson("r", &posted[..4], &from("p", "1")).await;
    assert_eq!(figures(first), [Some(1), Some(4), Some(4), Some(0), Some(4)]);
    let stored = delivered(&node, "r").await;
    let again = node.post_ndjson("r", &posted[..4], &from("p", "1")).await;
    assert_eq!(figures(again), [None, None, Some(0), Some(4), Some(4)]);
    // Half of it is there already: the rest is stored with the stamps that belong to it.
    let rest = node.post_ndjson("r", &posted[2..], &from("p", "3")).await;
    assert_eq!(figures(rest), [Some(5), Some(12), Some(8), Some(2), Some(12)]);
    node.kill9();
    node.restart();
    let late = node.post_ndjson("r", &posted, &from("p", "1")).await;
    assert_eq!(figures(late), [None, None, Some(0), Some(12), Some(12)]);
    let events = delivered(&node, "r").await;
    assert_eq!(events[..4], stored, "a repeated event keeps the time of the first");
    for (event, posted) in events.iter().zip(&posted) {
        match stamp_of(event) {
            Some(((producer, _), rest)) => assert_eq!((producer.as_str(), &rest), ("p", posted)),
            None => assert_eq!(event, posted),
        }
    }
    assert_eq!(events.iter().filter(|event| stamp_of(event).is_some()).count(), 10);
    assert_eq!(node.get_json("/api/runs/r").await["events"], 12);
}

#[tokio::test]
async fn limits_count_what_was_posted() {
    let node = TestNode::start(&[("RUNCAST__INGEST__MAX_EVENT_BYTES", "1024")]);
    let event = |bytes: usize| {
        let (head, tail) = (r#"{"type":"test_status","timestamp":"t","testId":"t","status":"passed","m":""#, r#""}"#);
        format!("{head}{}{tail}", "x".repeat(bytes - head.len() - tail.len()))
    };
    node.store("r", &[event(1024)]).await;
    let detail = node.post_ndjson("r", &[event(1025)], &[]).await.problem(413, "event_too_large");
    assert!(detail.contains("1025 bytes of at most 1024"), "{detail}");
    assert_eq!(node.stored("r").await, [event(1024)]);
    let state = node.get_json("/api/runs/r").await;
    assert_eq!((&state["events"], &state["counts"]["passed"]), (&json!(1), &json!(1)));
}
