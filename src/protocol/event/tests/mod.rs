use bytes::Bytes;

use super::*;

mod control;
mod properties;

const TIMESTAMP: &str = r#""timestamp":"2026-11-23T17:15:47.966Z","#;

fn parse_with(kind: BodyKind, body: impl Into<Bytes>, limits: &EventLimits) -> Result<EventBatch, EventError> {
    let now = Timestamp::from_millis(1_795_454_147_966);
    parse_body(kind, body.into(), &RunId::parse(oracle::RUN).unwrap(), limits, now)
}

fn parse(kind: BodyKind, body: impl Into<Bytes>) -> Result<EventBatch, EventError> {
    parse_with(kind, body, &EventLimits::default())
}

fn stored(kind: BodyKind, body: impl Into<Bytes>) -> Vec<String> {
    parse(kind, body).unwrap().lines.iter().map(|line| String::from_utf8(line.to_vec()).unwrap()).collect()
}

fn refusal(kind: BodyKind, body: impl Into<Bytes>) -> (u16, &'static str, String) {
    let error = parse(kind, body).unwrap_err();
    (error.status(), error.code(), error.to_string())
}

#[test]
fn an_event_is_stored_byte_for_byte() {
    let event = r#"{ "type" : "x", "timestamp":"t" ,"n":1.0e3, "s":"\u00e9\/ é", "dup":1, "dup":2,"a":[ [ ], {} ] }"#;
    assert_eq!(stored(BodyKind::Json, event), [event]);
    assert_eq!(stored(BodyKind::Json, format!(" \r\n{event}\n ")), [event], "trimmed");
    assert_eq!(stored(BodyKind::Json, format!("[{event},\n{event} ]")), [event, event]);
    assert_eq!(stored(BodyKind::NdJson, format!("{event}\n{event}\n")), [event, event]);
    assert_eq!(stored(BodyKind::NdJson, format!("\n \r\n{event}\r\n\n\t{event}")), [event, event]);
}

#[test]
fn a_missing_timestamp_is_put_in_front() {
    let want = format!(r#"{{{TIMESTAMP} "type":"x"}}"#);
    assert_eq!(stored(BodyKind::Json, r#"{ "type":"x"}"#), [want.as_str()]);
    let mixed = "{\"type\":\"a\",\"timestamp\":\"t\"}\n{\"type\":\"b\"}\n{\"timestamp\":\"t\",\"type\":\"c\"}";
    assert_eq!(
        stored(BodyKind::NdJson, mixed),
        [
            r#"{"type":"a","timestamp":"t"}"#,
            &format!(r#"{{{TIMESTAMP}"type":"b"}}"#),
            r#"{"timestamp":"t","type":"c"}"#
        ]
    );
}

#[test]
fn line_breaks_between_tokens_become_spaces_and_escaped_ones_stay() {
    let pretty = "{\r\n\t\"type\": \"x\",\n\t\"timestamp\": \"t\",\n\t\"s\": \"a\\n\\r\"\r\n}";
    assert_eq!(
        stored(BodyKind::Json, pretty),
        ["{  \t\"type\": \"x\", \t\"timestamp\": \"t\", \t\"s\": \"a\\n\\r\"  }"]
    );
    assert_eq!(
        stored(BodyKind::NdJson, "{\"type\":\"x\",\r\"timestamp\":\"t\"}"),
        [r#"{"type":"x", "timestamp":"t"}"#]
    );
}

#[test]
fn lines_that_need_no_change_are_not_copied() {
    let body = Bytes::from("{\"type\":\"a\",\"timestamp\":\"t\"}\n{\"type\":\"b\",\"timestamp\":\"t\"}\n");
    let batch = parse(BodyKind::NdJson, body.clone()).unwrap();
    assert_eq!(batch.lines.bytes().as_ptr(), body.as_ptr());
    assert_eq!(batch.lines, Lines::from_stored(body.slice(..body.len() - 1)));
}

#[test]
fn a_small_event_does_not_keep_a_large_body_in_memory() {
    let body = Bytes::from(format!("{}{}", r#"{"type":"a","timestamp":"t"}"#, " ".repeat(100_000)));
    let batch = parse(BodyKind::Json, body.clone()).unwrap();
    assert_ne!(batch.lines.bytes().as_ptr(), body.as_ptr());
}

#[test]
fn the_last_run_status_of_a_batch_counts() {
    let status = |status: &str| format!(r#"{{"type":"run_status","status":"{status}"}}"#);
    let batch = parse(BodyKind::NdJson, status("running") + "\n" + &status("passed")).unwrap();
    assert_eq!(batch.status, Some(RunStatus::Passed));
    let batch = parse(BodyKind::NdJson, status("failed") + "\n{\"type\":\"log\",\"status\":\"odd\"}").unwrap();
    assert_eq!(batch.status, Some(RunStatus::Failed));
    let batch = parse(BodyKind::Json, r#"{"type":"log"}"#).unwrap();
    assert_eq!(batch.status, None);
    let escaped = parse(BodyKind::Json, r#"{"\u0074ype":"run\u005fstatus","st\u0061tus":"\u0070assed"}"#).unwrap();
    assert_eq!(escaped.status, Some(RunStatus::Passed));
}

#[test]
fn bad_events_are_refused_by_name() {
    for (event, code) in [
        ("", "empty_batch"),
        (" \n ", "empty_batch"),
        ("[]", "empty_batch"),
        ("{", "invalid_json"),
        ("[{\"type\":\"x\"}", "invalid_json"),
        ("[{\"type\":\"x\"},]", "invalid_json"),
        ("{\"type\":\"x\"},", "invalid_json"),
        ("{\"type\":\"x\"} {\"type\":\"x\"}", "invalid_json"),
        ("{'type':'x'}", "invalid_json"),
        ("{\"type\":\"x\",}", "invalid_json"),
        ("{\"type\":\"x\" \"a\":1}", "invalid_json"),
        ("{\"type\":\"x\",\"a\"}", "invalid_json"),
        ("{\"type\":\"x\",1:2}", "invalid_json"),
        ("{\"type\":\"x}", "invalid_json"),
        ("\u{feff}\u{feff}{\"type\":\"x\"}", "invalid_json"),
        ("{\"type\":\"x\"}\u{feff}", "invalid_json"),
        ("\u{feff}", "empty_batch"),
        ("\0", "invalid_json"),
        ("3", "not_an_object"),
        ("null", "not_an_object"),
        ("\"type\"", "not_an_object"),
        ("[[]]", "not_an_object"),
        ("{}", "missing_type"),
        (r#"{"Type":"x"}"#, "missing_type"),
        (r#"{"a":{"type":"x"}}"#, "missing_type"),
        (r#"{"type":3}"#, "invalid_type"),
        (r#"{"type":null}"#, "invalid_type"),
        (r#"{"type":""}"#, "invalid_type"),
        (r#"{"type":"x","seq":1}"#, "reserved_field"),
        (r#"{"type":"x","s\u0065q":null}"#, "reserved_field"),
        (r#"{"type":"x","type":"x"}"#, "duplicate_key"),
        (r#"{"type":"x","t\u0079pe":"y"}"#, "duplicate_key"),
        (r#"{"type":"x","timestamp":"t","timestamp":"t"}"#, "duplicate_key"),
        (r#"{"type":"x","runId":"run-1","runId":"run-1"}"#, "duplicate_key"),
        (r#"{"type":"run_status","status":"passed","status":"failed"}"#, "duplicate_key"),
        (r#"{"type":"x","runId":"run-2"}"#, "run_mismatch"),
        (r#"{"type":"x","runId":1}"#, "run_mismatch"),
        (r#"{"type":"x","timestamp":1}"#, "invalid_timestamp"),
        (r#"{"type":"x","timestamp":null}"#, "invalid_timestamp"),
        (r#"{"type":"run_status"}"#, "invalid_status"),
        (r#"{"type":"run_status","status":"Passed"}"#, "invalid_status"),
        (r#"{"type":"run_status","status":{}}"#, "invalid_status"),
        (r#"{"type":"sealed"}"#, "reserved_type"),
        (r#"{"type":"s\u0065aled"}"#, "reserved_type"),
        (r#"{"type":"artifact"}"#, "reserved_type"),
        (r#"{"typ\u0065":"epoch"}"#, "reserved_type"),
    ] {
        let (status, found, text) = refusal(BodyKind::Json, event.to_owned());
        assert_eq!((status, found), (400, code), "{event}: {text}");
    }
    for accepted in [
        r#"{"type":"error","message":"a producer's own"}"#,
        r#"{"type":"x","runId":"run-1"}"#,
        r#"{"type":"x","runId":"\u0072un-1"}"#,
        r#"{"type":"test_status","status":"a","status":"b"}"#,
        r#"{"type":"x","a":{"seq":1,"type":1,"type":2}}"#,
    ] {
        assert!(parse(BodyKind::Json, accepted).is_ok(), "{accepted}");
    }
}

#[test]
fn every_reserved_type_is_refused_and_type_length_is_counted_in_characters() {
    for reserved in server_event::reserved_types() {
        assert_eq!(refusal(BodyKind::Json, format!(r#"{{"type":"{reserved}"}}"#)).1, "reserved_type");
    }
    assert!(parse(BodyKind::Json, format!(r#"{{"type":"{}"}}"#, "é".repeat(64))).is_ok());
    assert_eq!(refusal(BodyKind::Json, format!(r#"{{"type":"{}"}}"#, "é".repeat(65))).1, "invalid_type");
}

#[test]
fn values_that_some_json_readers_refuse_are_refused() {
    for value in [
        "01",
        "-",
        "+1",
        "1.",
        ".5",
        "1e",
        "1e+",
        "-01",
        "0x1",
        "NaN",
        "Infinity",
        "1e999",
        "-1e999",
        "tru",
        "nul",
        "True",
        r#""\x""#,
        r#""\u12""#,
        r#""\u12g4""#,
        r#""\ud8""#,
        r#""\ud83d\u""#,
        r#""\ud83d\ude0""#,
        "\"\t\"",
        "\"\n\"",
        "\"\u{1}\"",
        "\"",
        "[1,]",
        "[1 2]",
        "[,]",
        "{\"a\":}",
        "{,}",
        "[}",
        "{]",
        "[",
        "{",
        "]",
        "//x",
    ] {
        let (_, code, text) = refusal(BodyKind::Json, format!(r#"{{"type":"x","v":{value}}}"#));
        assert_eq!(code, "invalid_json", "{value}: {text}");
    }
    let long = "9".repeat(400);
    assert_eq!(refusal(BodyKind::Json, format!(r#"{{"type":"x","v":{long}}}"#)).1, "invalid_json");
    for value in [
        "-0",
        "0.0",
        "1E+2",
        "1e-999",
        "123456789012345678901234567890",
        r#""\ud83d\ude00""#,
        r#""\ud800""#,
        r#""\udc00""#,
        r#""\ud800\ud800""#,
        r#""\udc00\ud800""#,
        r#""\ud800x""#,
        r#""\ud800\n""#,
        "\"\u{7f}\u{2028}\"",
        "[[],{}]",
    ] {
        assert!(parse(BodyKind::Json, format!(r#"{{"type":"x","v":{value}}}"#)).is_ok(), "{value}");
    }
    assert!(parse(BodyKind::Json, format!(r#"{{"type":"x","v":0.{long}}}"#)).is_ok());
}

#[test]
fn nesting_is_counted_exactly_with_the_event_as_the_first_level() {
    let arrays = |n: usize| format!(r#"{{"type":"x","v":{}{}}}"#, "[".repeat(n), "]".repeat(n));
    let objects = |n: usize| format!(r#"{{"type":"x","v":{}1{}}}"#, r#"{"a":"#.repeat(n), "}".repeat(n));
    for nested in [&arrays as &dyn Fn(usize) -> String, &objects] {
        assert!(parse(BodyKind::Json, nested(127)).is_ok());
        assert!(parse(BodyKind::Json, format!("[{}]", nested(127))).is_ok(), "the batch's array does not count");
        assert_eq!(refusal(BodyKind::Json, nested(128)).1, "too_deep");
    }
    assert_eq!(refusal(BodyKind::Json, format!(r#"{{"type":"x","v":{}"#, "[".repeat(100_000))).1, "too_deep");
    let wide = format!(r#"{{"type":"x","v":[{}1]}}"#, r#"[[{"a":[]}]],"#.repeat(1000));
    assert!(parse(BodyKind::Json, wide).is_ok(), "what was closed does not count");
}

#[test]
fn a_refusal_names_the_event_and_the_position() {
    let (_, _, text) = refusal(BodyKind::NdJson, "{\"type\":\"a\"}\n\n{\"type\":\"b\"}\n{\"type\":\"c\",}");
    assert_eq!(text, "event 2: not JSON: expected a key at byte 39 of the body");
    let (_, _, text) = refusal(BodyKind::Json, r#"[{"type":"a"}, 3]"#);
    assert_eq!(text, "event 1: not an object at byte 15 of the body");
    let (_, _, text) = refusal(BodyKind::Json, r#"[{"type":"a"},{"type":"a"},{}]"#);
    assert_eq!(text, "event 2: has no `type`");
    let (_, _, text) = refusal(BodyKind::NdJson, "{\"type\":\"a\"}\n{\n\"type\":\"b\"}\n");
    assert_eq!(text, "event 1: not JSON: expected a key at byte 14 of the body", "an event has one line");
    let (_, _, text) = refusal(BodyKind::NdJson, "{\"type\":\"a\"}{\"type\":\"b\"}");
    assert_eq!(text, "event 0: not JSON: something follows the event on its line at byte 12 of the body");
}

#[test]
fn bytes_that_are_not_utf8_are_refused_with_their_position() {
    let at = |kind, body: &[u8]| parse(kind, body.to_vec()).unwrap_err();
    let error = |index, at| EventError::Event { index, flaw: EventFlaw::InvalidUtf8 { at } };
    assert_eq!(at(BodyKind::NdJson, b"{\"type\":\"a\"}\n{\"type\":\"a\",\"s\":\"\xff\"}"), error(1, 30));
    assert_eq!(at(BodyKind::Json, b"[{\"type\":\"a\"},{\"type\":\"a\",\"s\":\"\xc3\"}]"), error(1, 31));
    assert_eq!(at(BodyKind::Json, b"\xff"), error(0, 0));
    assert_eq!(at(BodyKind::Json, b"{\"type\":\"\xed\xa0\x80\"}"), error(0, 9));
    let first = EventError::Event { index: 0, flaw: EventFlaw::MissingType };
    assert_eq!(at(BodyKind::NdJson, b"{}\n{\"type\":\"\xff\"}"), first, "what is wrong before it is told first");
}

#[test]
fn a_byte_order_mark_in_front_is_skipped_and_not_stored() {
    let event = r#"{"type":"x","timestamp":"t"}"#;
    for kind in [BodyKind::Json, BodyKind::NdJson] {
        assert_eq!(stored(kind, format!("\u{feff}{event}")), [event]);
        assert_eq!(stored(kind, format!("\u{feff} \r\n{event}\n")), [event]);
    }
    assert_eq!(stored(BodyKind::Json, format!("\u{feff}[{event},{event}]")), [event, event]);
    assert_eq!(stored(BodyKind::NdJson, format!("\u{feff}{event}\n{event}")), [event, event]);
    let (_, _, text) = refusal(BodyKind::Json, "\u{feff}{]");
    assert_eq!(text, "event 0: not JSON: expected a key at byte 4 of the body", "positions are those of the body");
}

#[test]
fn half_of_a_surrogate_pair_is_stored_as_it_came_wherever_it_stands() {
    for event in [
        r#"{"type":"log","timestamp":"t","text":"cut \ud83d"}"#,
        r#"{"type":"log","timestamp":"t","text":"\udc00\ud83d"}"#,
        r#"{"type":"log","timestamp":"t","\ud83d":{"\udc00":["\uD83D\uD83D\uDE00"]}}"#,
        r#"{"type":"\ud83d","timestamp":"\udc00","testId":"\ud83d"}"#,
        r#"{"type":"run_status","status":"passed","timestamp":"t","\ud83dstatus":"failed","status\udc00":"failed"}"#,
    ] {
        assert_eq!(stored(BodyKind::Json, event), [event]);
        assert_eq!(stored(BodyKind::NdJson, format!("{event}\n{event}")), [event, event]);
        let lines = parse(BodyKind::Json, event).unwrap().lines;
        serde_json::from_slice::<serde_json::Value>(&crate::protocol::json_text::readable(lines.get(0).unwrap()))
            .unwrap();
    }
    let batch = parse(BodyKind::Json, r#"{"type":"run_status","status":"passed","\ud83d":1}"#).unwrap();
    assert_eq!(batch.status, Some(RunStatus::Passed));
    // It counts as one character, makes no other word of a word, and hides no key that comes twice.
    assert!(parse(BodyKind::Json, format!(r#"{{"type":"{}"}}"#, r"\ud83d".repeat(64))).is_ok());
    for (event, code) in [
        (format!(r#"{{"type":"{}"}}"#, r"\ud83d".repeat(65)), "invalid_type"),
        (r#"{"\ud83d":1,"type":"x","\udc00":2,"t\u0079pe":"x"}"#.to_owned(), "duplicate_key"),
        (r#"{"type\ud83d":"x"}"#.to_owned(), "missing_type"),
        (r#"{"type":"x","runId":"run-1\ud83d"}"#.to_owned(), "run_mismatch"),
        (r#"{"type":"run_status","status":"passed\ud83d"}"#.to_owned(), "invalid_status"),
        (r#"{"type":"x","\ud83d":1,"s\u0065q":1}"#.to_owned(), "reserved_field"),
    ] {
        assert_eq!(refusal(BodyKind::Json, event.clone()).1, code, "{event}");
    }
}

#[test]
fn limits_are_answered_with_413_and_hold_exactly() {
    let limits =
        EventLimits { max_event_bytes: 20, max_batch_bytes: 100, max_batch_events: 3, ..EventLimits::default() };
    let event = |bytes: usize| format!(r#"{{"type":"{}"}}"#, "x".repeat(bytes - 11));
    let refused = |body: String| {
        let error = parse_with(BodyKind::NdJson, body, &limits).unwrap_err();
        (error.status(), error.code(), error.to_string())
    };
    assert!(parse_with(BodyKind::NdJson, format!("{}\n  {}\n", event(20), event(20)), &limits).is_ok());
    let text = "event 1: has 21 bytes of at most 20".to_owned();
    assert_eq!(refused(format!("{}\n{}", event(20), event(21))), (413, "event_too_large", text));
    assert!(parse_with(BodyKind::NdJson, [event(20), event(20), event(20)].join("\n"), &limits).is_ok());
    let text = "the body holds more than 3 events".to_owned();
    assert_eq!(refused(vec![event(12); 4].join("\n")), (413, "too_many_events", text));
    assert!(parse_with(BodyKind::NdJson, format!("{:100}", event(20)), &limits).is_ok());
    let text = "the decoded body is larger than 100 bytes".to_owned();
    assert_eq!(refused(format!("{:101}", event(20))), (413, "batch_too_large", text));
}

#[test]
fn a_real_run_passes_untouched() {
    let run = include_str!("../../../../tests/data/run.ndjson");
    assert_eq!(stored(BodyKind::NdJson, run), run.lines().collect::<Vec<_>>());
    let array = format!("[{}]", run.lines().collect::<Vec<_>>().join(","));
    assert_eq!(stored(BodyKind::Json, array), run.lines().collect::<Vec<_>>());
}
