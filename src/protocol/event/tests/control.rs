//! Events that the server looks into: what it remembers of them, and what it refuses.

use super::super::stamp::{Shard, StampKind};
use super::*;

/// What is remembered of a single event.
fn stamp_of(event: &str) -> Stamp {
    let batch = parse(BodyKind::Json, event.to_owned()).unwrap_or_else(|error| panic!("{event}: {error}"));
    let [stamp] = &batch.stamps[..] else { panic!("{event}: {batch:?}") };
    stamp.clone()
}

/// The event with one more member in front.
fn with(event: &str, member: &str) -> String {
    event.replacen('{', &format!("{{{member},"), 1)
}

const WORKER: &str = r#"{"type":"worker","state":"joined"}"#;
const COMMAND_STATUS: &str = r#"{"type":"command_status","commandId":"c","status":"done"}"#;
const AI_STUCK: &str = r#"{"type":"ai_stuck","askId":"a","needs":"click"}"#;
const RUN_STATUS: &str = r#"{"type":"run_status","status":"passed"}"#;
const TEST_STATUS: &str = r#"{"type":"test_status","testId":"t","status":"passed"}"#;

#[test]
fn what_an_event_does_and_the_deadline_that_it_gives_are_remembered() {
    let ask = |expires_ms| StampKind::Ask { expires_ms, sent_at: None };
    let shard = |variant: Option<&str>| Some(Shard { variant: variant.map(Into::into), current: 2, total: 1_000 });
    let sharded = r#"{"type":"worker","state":"joined","slots":1000,"shard":{"total":1000,"current":2}}"#;
    for (event, kind, due_ms) in [
        (TEST_STATUS.to_owned(), StampKind::TestStatus, None),
        (RUN_STATUS.to_owned(), StampKind::RunStatus(RunStatus::Passed), Some(900_000)),
        (RUN_STATUS.replace("passed", "running"), StampKind::RunStatus(RunStatus::Running), None),
        (WORKER.to_owned(), StampKind::Joined(None), Some(120_000)),
        (sharded.to_owned(), StampKind::Joined(shard(None)), Some(120_000)),
        (with(sharded, r#""variant":"webkit""#), StampKind::Joined(shard(Some("webkit"))), Some(120_000)),
        (WORKER.replace("joined", "left"), StampKind::Left, Some(900_000)),
        (COMMAND_STATUS.to_owned(), StampKind::CommandStatus, None),
        (COMMAND_STATUS.replace("done", "accepted"), StampKind::CommandStatus, Some(120_000)),
        (AI_STUCK.to_owned(), ask(300_000), Some(300_000)),
        (with(AI_STUCK, r#""expiresInSecs":5"#), ask(5_000), Some(5_000)),
        (with(AI_STUCK, r#""timestamp":"yesterday""#), ask(300_000), Some(300_000)),
    ] {
        assert_eq!(stamp_of(&event), Stamp { index: 0, kind, due_ms }, "{event}");
    }
    let timed = stamp_of(&with(AI_STUCK, r#""timestamp":"1970-01-01T00:00:01Z""#)).kind;
    assert_eq!(timed, StampKind::Ask { expires_ms: 300_000, sent_at: Some(Timestamp::from_millis(1_000)) });
    let deadlines = EventDeadlines { run_ms: 1, silent_ms: 2, shard_wait_ms: 3 };
    let limits = EventLimits { deadlines, ..EventLimits::default() };
    let events = [&COMMAND_STATUS.replace("done", "accepted"), WORKER, RUN_STATUS].join("\n");
    let batch = parse_with(BodyKind::NdJson, events, &limits).unwrap();
    assert_eq!(batch.stamps.iter().map(|stamp| stamp.due_ms).collect::<Vec<_>>(), [Some(1), Some(2), Some(3)]);
}

#[test]
fn stamps_name_their_events_in_order_and_a_body_without_any_has_none() {
    let log = r#"{"type":"log","producer":"p","at":1,"by":2,"lease":3,"expiresAt":4,"stale":5,"keyHash":6}"#;
    let batch = parse(BodyKind::NdJson, [log, TEST_STATUS, log, "", WORKER].join("\n")).unwrap();
    assert_eq!(batch.stamps.iter().map(|stamp| stamp.index).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(batch.lines.get(0), batch.lines.get(2), "other events are as they were");
    assert!(parse(BodyKind::NdJson, [log; 3].join("\n")).unwrap().stamps.is_empty());
    let escaped = parse(BodyKind::Json, r#"{"\u0074ype":"work\u0065r","st\u0061te":"l\u0065ft"}"#).unwrap();
    assert_eq!(escaped.stamps[0].kind, StampKind::Left);
}

#[test]
fn what_cannot_be_folded_is_refused_with_the_member() {
    let long = format!("\"{}\"", "é".repeat(129));
    let many = |count: usize| format!("[{}]", vec![r#"{"id":"a","label":"b"}"#; count].join(","));
    let rows: Vec<(&str, &str, String, &str)> = vec![
        (WORKER, "state", "\"gone\"".into(), "`state` must be `joined` or `left`"),
        (WORKER, "slots", "0".into(), "`slots` must be a whole number from 1 to 1000"),
        (WORKER, "slots", "1.5".into(), "`slots` must be"),
        (WORKER, "can", r#""pause""#.into(), "`can` must be a list of at most 64 strings of at most 64 bytes"),
        (WORKER, "can", r#"["pause",1]"#.into(), "`can` must be a list"),
        (WORKER, "can", format!("[{}]", vec![r#""x""#; 65].join(",")), "`can` must be a list"),
        (WORKER, "can", format!("[\"{}\"]", "x".repeat(65)), "`can` must be a list"),
        (WORKER, "variant", long.clone(), "`variant` must be a string of at most 128 characters"),
        (WORKER, "variant", "1".into(), "`variant` must be"),
        (WORKER, "shard", "1".into(), "`shard` must be an object with `current` and `total`"),
        (WORKER, "shard", r#"{"total":2}"#.into(), "`shard.current` must be a whole number from 1 to 1000"),
        (WORKER, "shard", r#"{"current":1,"total":1001}"#.into(), "`shard.total` must be a whole number"),
        (WORKER, "shard", r#"{"current":3,"total":2}"#.into(), "`shard.current` must be at most `shard.total`"),
        (COMMAND_STATUS, "commandId", "\"\"".into(), "`commandId` must be a string of 1 to 128 characters"),
        (COMMAND_STATUS, "commandId", long.clone(), "`commandId` must be"),
        (COMMAND_STATUS, "status", "\"interrupted\"".into(), "`status` must be `accepted`, `done`, `failed` or"),
        (AI_STUCK, "askId", long, "`askId` must be a string of 1 to 128 characters"),
        (AI_STUCK, "needs", "\"money\"".into(), "`needs` must be `click`, `text`, `choice`, `credential` or"),
        (AI_STUCK, "expiresInSecs", "4".into(), "`expiresInSecs` must be a whole number from 5 to 86400"),
        (AI_STUCK, "expiresInSecs", "\"60\"".into(), "`expiresInSecs` must be"),
        (AI_STUCK, "onTimeout", "\"fail\"".into(), "`onTimeout` must be an object with `action`"),
        (AI_STUCK, "onTimeout", "{}".into(), "`onTimeout.action` must be `fail`, `skip`, `continue` or `wait`"),
        (AI_STUCK, "candidates", "{}".into(), "`candidates` must be a list of at most 50 objects"),
        (AI_STUCK, "candidates", many(51), "`candidates` must be a list of at most 50 objects"),
        (AI_STUCK, "candidates", r#"[{"id":"a","label":"b"},2]"#.into(), "`candidates[1]` must be an object with `id`"),
        (AI_STUCK, "candidates", r#"[{"label":"b"}]"#.into(), "`candidates[0]` must be an object whose `id` is"),
        (AI_STUCK, "candidates", r#"[{"id":"a"}]"#.into(), "`candidates[0]` must be an object whose `label` is"),
    ];
    for (event, key, value, wanted) in &rows {
        // In place of what the event has under this key.
        let mut event: serde_json::Map<_, _> = serde_json::from_str(event).unwrap();
        event.insert((*key).to_owned(), serde_json::from_str(value).unwrap());
        let event = serde_json::to_string(&event).unwrap();
        let (status, code, text) = refusal(BodyKind::NdJson, format!("{{\"type\":\"log\"}}\n{event}"));
        assert_eq!((status, code), (400, "invalid_field"), "{event}: {text}");
        assert!(text.starts_with(&format!("event 1: {wanted}")), "{event}: {text}");
    }
    for (event, key) in
        [(WORKER, "state"), (COMMAND_STATUS, "commandId"), (COMMAND_STATUS, "status"), (AI_STUCK, "askId")]
    {
        let mut event: serde_json::Map<_, _> = serde_json::from_str(event).unwrap();
        event.remove(key);
        let (_, code, text) = refusal(BodyKind::Json, serde_json::to_string(&event).unwrap());
        assert!(code == "invalid_field" && text.starts_with(&format!("event 0: `{key}` must be")), "{text}");
    }
    for accepted in
        [with(AI_STUCK, &format!("\"candidates\":{}", many(50))), with(WORKER, "\"shard\":null,\"slots\":null")]
    {
        stamp_of(&accepted);
    }
}

#[test]
fn what_the_server_writes_into_an_event_is_refused_in_it() {
    let common = ["producer", "at", "by", "lease"];
    for (event, more) in [
        (WORKER, &[][..]),
        (COMMAND_STATUS, &["expiresAt", "keyHash"]),
        (AI_STUCK, &["expiresAt", "stale"]),
        (RUN_STATUS, &[]),
        (TEST_STATUS, &[]),
    ] {
        for key in common.iter().chain(more) {
            let want = format!("event 0: has a `{key}`, which is for the server to give");
            let escaped = format!("\\u{:04x}{}", u32::from(key.as_bytes()[0]), &key[1..]);
            for spelt in [(*key).to_owned(), escaped] {
                let event = with(event, &format!("\"{spelt}\":null"));
                assert_eq!(refusal(BodyKind::Json, event), (400, "reserved_field", want.clone()));
            }
        }
        stamp_of(&with(event, r#""data":{"producer":1,"at":2,"by":3,"lease":4}"#));
    }
    for accepted in [with(RUN_STATUS, r#""expiresAt":1,"stale":true"#), with(WORKER, r#""stale":true,"keyHash":1"#)] {
        stamp_of(&accepted);
    }
}

#[test]
fn no_member_that_is_read_may_come_twice_where_the_control_is_folded_from_it() {
    for (event, kind) in [
        (WORKER, ProducerEvent::Worker),
        (COMMAND_STATUS, ProducerEvent::CommandStatus),
        (AI_STUCK, ProducerEvent::AiStuck),
    ] {
        for field in kind.fields().iter().filter(|field| !field.name.contains(['.', '['])) {
            let name = field.name;
            let twice = with(&with(event, &format!("\"{name}\":null")), &format!("\"{name}\":null"));
            let want = format!("event 0: `{name}` comes twice");
            assert_eq!(refusal(BodyKind::Json, twice), (400, "duplicate_key", want));
        }
        stamp_of(&with(event, r#""x":1,"x":2"#));
    }
    for (event, member, key) in [
        (WORKER, r#""shard":{"total":1,"current":1,"total":1}"#, "shard.total"),
        (AI_STUCK, r#""onTimeout":{"action":"fail","action":"skip"}"#, "onTimeout.action"),
        (AI_STUCK, r#""candidates":[{"id":"a","label":"b","\u0069d":"c"}]"#, "candidates[].id"),
    ] {
        let want = format!("event 0: `{key}` comes twice");
        assert_eq!(refusal(BodyKind::Json, with(event, member)), (400, "duplicate_key", want));
    }
    // Nothing is folded from those of a test.
    stamp_of(r#"{"type":"test_status","status":"a","status":"b","testId":1,"testId":2}"#);
}
