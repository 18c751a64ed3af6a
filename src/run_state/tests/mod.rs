use serde_json::{Value, json};

use super::*;
use crate::protocol::field::{Field, FieldKind};
use crate::protocol::state_part::MAX_TESTS;
use crate::protocol::status::RunStatus;
use crate::protocol::{ProducerEvent, RunId, Seq, StatePart, TestsQuery, Timestamp};

mod attempts;
mod parts;
mod properties;
mod variants;

fn fold<'a>(events: impl IntoIterator<Item = &'a str>) -> RunState {
    let mut state = RunState::new(RunId::parse("r").unwrap());
    for (seq, event) in (1..).zip(events) {
        state.apply(seq, stored_at(seq), event.as_bytes());
    }
    state
}

/// Journal time of the event with this seq: one second after the one before.
fn stored_at(seq: Seq) -> Timestamp {
    Timestamp::from_millis(1_795_000_000_000 + 1_000 * seq as i64)
}

/// The overview.
fn shown(state: &RunState) -> Value {
    serde_json::to_value(state).unwrap()
}

/// All tests that are kept.
fn tests(state: &RunState) -> Vec<Value> {
    let (mut tests, mut query) = (Vec::new(), TestsQuery { limit: 1_000, ..TestsQuery::default() });
    loop {
        let part = StatePart::Tests(query.clone());
        let mut page = serde_json::to_value(StateView { state, part: &part }).unwrap();
        tests.append(page["tests"].as_array_mut().unwrap());
        query.after = page["next"].as_u64().unwrap() as usize;
        if page["more"] == false {
            return tests;
        }
    }
}

const REAL_RUN: &str = include_str!("../../../tests/data/run.ndjson");

#[test]
fn a_real_run_folds_to_what_its_reporter_said() {
    let state = fold(REAL_RUN.lines());
    assert_eq!((state.tip(), state.status()), (438, Some(RunStatus::Failed)));
    let (shown, tests) = (shown(&state), tests(&state));
    let failed: Vec<_> = tests.iter().filter(|test| test["status"] == "failed").collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(
        shown,
        json!({
            "runId": "r",
            "status": "failed",
            "clock": "journal",
            "startedAt": stored_at(1),
            "endedAt": stored_at(438),
            "lastEventAt": stored_at(438),
            "elapsedMs": 437_000,
            "producer": {
                "startedAt": "2026-11-23T17:15:47.966Z",
                "endedAt": "2026-11-23T17:16:18.547Z",
                "lastEventAt": "2026-11-23T17:16:18.547Z",
            },
            "events": 438,
            "total": 11,
            "workers": 1,
            "meta": null,
            "step": null,
            "lastError": null,
            "counts": {
                "pending": 0, "running": 0, "passed": 9, "failed": 1, "skipped": 1, "timedout": 0, "interrupted": 0
            },
            "outcomes": {"expected": 9, "unexpected": 1, "flaky": 0, "skipped": 1},
            "variants": [],
            "shards": [],
            "tests": failed,
            "testsKept": 11,
            "testsOmitted": 0,
        })
    );
    assert_eq!(tests.len(), 11);
    assert_eq!(
        tests[0],
        json!({
            "testId": "a63ca64a6f071281070d-4686f0682ef36719bacc",
            "title": "orders: page through 1",
            "file": "shop.spec.js",
            "line": 3,
            "status": "passed",
            "outcome": "expected",
            "attempt": 0,
            "workerIndex": 0,
            "durationMs": 2258.0,
            "error": null,
            "step": null,
            "steps": tests[0]["steps"],
        })
    );
    assert!(tests[0]["steps"]["begun"].as_u64().unwrap() > 5, "{}", tests[0]["steps"]);
    let retried = tests.iter().find(|test| test["status"] == "failed").unwrap();
    assert_eq!((&retried["attempt"], &retried["workerIndex"]), (&json!(1), &json!(1)));
    assert!(retried["error"].as_str().unwrap().contains("Company is required"));
    let earlier = retried["attempts"].as_array().unwrap();
    assert_eq!((earlier.len(), &earlier[0]["status"], &earlier[0]["attempt"]), (1, &json!("failed"), &json!(0)));
    assert_eq!(tests[10]["status"], "skipped");
}

#[test]
fn half_of_a_real_run_shows_the_test_and_step_that_are_being_done() {
    let state = shown(&fold(REAL_RUN.lines().take(8)));
    assert_eq!((&state["status"], &state["endedAt"]), (&json!("running"), &Value::Null));
    assert_eq!((&state["counts"]["running"], &state["counts"]["pending"]), (&json!(1), &json!(10)));
    assert_eq!(
        state["tests"][0]["step"],
        json!({"id": "3", "stepNumber": 3, "title": "Fixture \"browser\"", "category": "fixture"})
    );
}

#[test]
fn a_retried_test_forgets_its_error_while_it_runs_again() {
    let attempt = |n: u64, status: &str, rest: &str| {
        format!(r#"{{"type":"test_status","testId":"t","status":"{status}","data":{{"attempt":{n}{rest}}}}}"#)
    };
    let mut events =
        vec![attempt(0, "running", ""), attempt(0, "timedOut", r#","durationMs":1.5,"errors":[{"message":"late"}]"#)];
    let state = shown(&fold(events.iter().map(String::as_str)));
    let test = &state["tests"][0];
    assert_eq!(
        (&test["status"], &test["error"], &test["durationMs"]),
        (&json!("timedout"), &json!("late"), &json!(1.5))
    );
    events.push(attempt(1, "running", ""));
    let state = shown(&fold(events.iter().map(String::as_str)));
    let test = &state["tests"][0];
    assert_eq!((&test["attempt"], &test["error"], &test["durationMs"]), (&json!(1), &Value::Null, &Value::Null));
    assert_eq!(
        test["attempts"],
        json!([{"attempt": 0, "status": "timedout", "workerIndex": null, "durationMs": 1.5, "error": "late", "step": null}])
    );
    assert_eq!((&state["counts"]["running"], &state["counts"]["timedout"]), (&json!(1), &json!(0)));
}

#[test]
fn a_run_ends_with_a_final_status_and_may_go_on_after_one() {
    let status = |status: &str, second: u32| {
        format!(r#"{{"type":"run_status","status":"{status}","timestamp":"2026-01-01T00:00:{second:02}Z"}}"#)
    };
    let mut events = vec![status("queued", 1), status("running", 2), status("lost", 3)];
    let state = shown(&fold(events.iter().map(String::as_str)));
    let times = |state: &Value| [&state["startedAt"], &state["endedAt"], &state["elapsedMs"]].map(Value::clone);
    assert_eq!(times(&state), [json!(stored_at(2)), json!(stored_at(3)), json!(1_000)], "waiting is not running");
    let producer = &state["producer"];
    assert_eq!((&producer["startedAt"], &producer["endedAt"]), (&second(2), &second(3)));
    events.push(status("running", 4));
    let state = shown(&fold(events.iter().map(String::as_str)));
    assert_eq!((&state["producer"]["endedAt"], &state["status"]), (&Value::Null, &json!("running")));
    assert_eq!(times(&state), [json!(stored_at(2)), Value::Null, json!(2_000)], "it goes on");
}

fn second(n: u32) -> Value {
    json!(format!("2026-01-01T00:00:{n:02}.000Z"))
}

#[test]
fn a_producer_whose_clock_goes_back_ends_no_run_before_its_start() {
    let mut state = RunState::new(RunId::parse("r").unwrap());
    let status = |status: &str, at: &str| format!(r#"{{"type":"run_status","status":"{status}","timestamp":"{at}"}}"#);
    let start = Timestamp::from_millis(1_795_000_000_000);
    state.apply(1, start, status("running", "2026-01-01T02:00:00Z").as_bytes());
    state.apply(2, start.plus_millis(5_000), status("passed", "2026-01-01T01:00:00Z").as_bytes());
    let state = shown(&state);
    assert_eq!(state["clock"], "journal");
    assert_eq!((&state["startedAt"], &state["endedAt"]), (&json!(start), &json!(start.plus_millis(5_000))));
    assert_eq!(state["elapsedMs"], 5_000);
    assert_eq!(
        state["producer"],
        json!({
            "startedAt": "2026-01-01T02:00:00.000Z",
            "endedAt": "2026-01-01T01:00:00.000Z",
            "lastEventAt": "2026-01-01T01:00:00.000Z",
        })
    );
}

#[test]
fn odd_events_are_counted_and_change_nothing_else() {
    let odd = [
        "",
        "x",
        "[]",
        "{}",
        r#"{"type":3}"#,
        "\u{0}",
        r#"{"type":"run_status"}"#,
        r#"{"type":"run_status","status":{"a":1}}"#,
        r#"{"type":"run_status","status":"unheard of"}"#,
        r#"{"type":"test_status","testId":7,"status":"passed"}"#,
        r#"{"type":"test_status","testId":"","status":"passed"}"#,
        r#"{"type":"test_status","testId":"t","status":"odd"}"#,
        r#"{"type":"test_status","testId":"t"}"#,
        r#"{"type":"test_plan","tests":{"a":1}}"#,
        r#"{"type":"test_plan","tests":[3,{"testId":3},null]}"#,
        r#"{"type":"test_step","step":[]}"#,
        r#"{"type":"test_step","testId":"t","step":{"stepNumber":"one"}}"#,
        r#"{"type":"error","message":[1]}"#,
        r#"{"type":"log","timestamp":"yesterday"}"#,
    ];
    let state = shown(&fold(odd));
    let mut unborn = shown(&RunState::new(RunId::parse("r").unwrap()));
    unborn["events"] = json!(odd.len());
    // The first one that has a type.
    unborn["startedAt"] = json!(stored_at(7));
    unborn["lastEventAt"] = json!(stored_at(odd.len() as Seq));
    unborn["elapsedMs"] = json!(1_000 * (odd.len() as i64 - 7));
    assert_eq!(state, unborn);
}

#[test]
fn half_of_a_surrogate_pair_is_shown_as_a_replacement_character_and_spoils_nothing() {
    let state = fold([
        r#"{"\ud83d":1,"type":"test_plan","tests":[{"testId":"a\ud83d","title":"\udc00 \ud83d\ude00"},{"testId":"b","\ud83d":0}]}"#,
        r#"{"type":"test_step","testId":"a\ud83d","step":{"stepNumber":1,"\ud83d":2,"title":"s\udc00"}}"#,
        r#"{"type":"run_status","status":"running","data":{"total":2,"\udc00":"\ud83d","error":{"message":"e\ud83d"}}}"#,
    ]);
    let (state, tests) = (shown(&state), tests(&state));
    assert_eq!(
        (&state["status"], &state["total"], &state["lastError"]["message"]),
        (&json!("running"), &json!(2), &json!("e\u{fffd}"))
    );
    let test = &tests[0];
    assert_eq!((&test["testId"], &test["title"]), (&json!("a\u{fffd}"), &json!("\u{fffd} \u{1f600}")));
    assert_eq!(test["step"]["title"], "s\u{fffd}");
    assert_eq!(tests[1]["testId"], "b");
}

#[test]
fn one_odd_value_spoils_no_other() {
    let state = shown(&fold([
        r#"{"type":"test_plan","tests":[{"testId":"t","title":["group","test"],"file":9,"line":"x"}]}"#,
        concat!(
            r#"{"type":"test_status","testId":"t","status":"failed","timestamp":5,"#,
            r#""data":{"attempt":-1,"errors":"bad","durationMs":3}}"#
        ),
        r#"{"type":"error","error":{"message":"worker died"},"timestamp":"2026-01-01T00:00:00Z"}"#,
    ]));
    let test = &state["tests"][0];
    assert_eq!((&test["title"], &test["file"]), (&json!("group › test"), &Value::Null));
    assert_eq!((&test["status"], &test["durationMs"]), (&json!("failed"), &json!(3.0)));
    assert_eq!(state["lastError"], json!({"message": "worker died", "at": stored_at(3)}));
}

#[test]
fn an_event_that_was_applied_already_changes_nothing() {
    let mut state = fold([r#"{"type":"test_status","testId":"t","status":"running"}"#]);
    let before = shown(&state);
    state.apply(1, stored_at(9), br#"{"type":"test_status","testId":"t","status":"passed"}"#);
    state.apply(0, stored_at(9), br#"{"type":"test_status","testId":"t","status":"passed"}"#);
    assert_eq!(shown(&state), before);
}

#[test]
fn every_status_reads_back_and_is_final_or_not() {
    for status in RunStatus::ALL {
        assert_eq!(RunStatus::parse(status.as_str()), Some(status));
        assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
    }
    assert_eq!(RunStatus::parse("Passed"), None);
    assert_eq!(RunStatus::ALL.into_iter().filter(|status| status.is_final()).count(), 6);
}

/// Puts a value at a path of [`ProducerEvent::fields`] into an event.
fn put(event: &mut Value, path: &str, value: Value) {
    let mut at = event;
    for key in path.split('.') {
        at = match key.strip_suffix("[]") {
            Some(list) => {
                let list = &mut at[list];
                if !list[0].is_object() {
                    *list = json!([{}]);
                }
                &mut list[0]
            }
            None => &mut at[key],
        };
    }
    *at = value;
}

#[test]
fn the_fold_reads_each_member_that_the_table_of_producers_events_names() {
    let folded = |event: &Value| {
        let state = fold([event.to_string().as_str()]);
        let (mut shown, tests) = (shown(&state), tests(&state));
        shown["lastEventAt"].take();
        (shown, tests)
    };
    // The run's control is folded from these, and its state is not.
    let is_control = |event: &&ProducerEvent| {
        matches!(event, ProducerEvent::Worker | ProducerEvent::CommandStatus | ProducerEvent::AiStuck)
    };
    for event in ProducerEvent::ALL.iter().filter(|event| !is_control(event)) {
        let sample = |field: &Field| match field.kind {
            FieldKind::Word { values } => json!(values.last()),
            FieldKind::Integer | FieldKind::Number => json!(7),
            FieldKind::Boolean => json!(true),
            FieldKind::Object => json!({"x": 1}),
            FieldKind::Array => json!(["x"]),
            _ => json!(field.name),
        };
        // What `runcast watch` and the page show, and the state has not: a member, or the list that it is in.
        let is_shown = |name: &str| {
            let of = |field: &&Field| field.name == name && field.doc.contains("no part of the run's state");
            *event == ProducerEvent::Log || event.fields().iter().any(|field| of(&field))
        };
        let is_shown_only = |field: &&Field| {
            is_shown(field.name) || field.name.split_once("[]").is_some_and(|(list, _)| is_shown(list))
        };
        let fields: Vec<_> = event.fields().iter().filter(|field| !is_shown_only(field)).collect();
        let with = |names: &[&Field]| {
            let mut line = json!({"type": event.as_str(), "timestamp": "t"});
            names.iter().for_each(|field| put(&mut line, field.name, sample(field)));
            folded(&line)
        };
        // A step of the run has no attempt.
        let of_test = |field: &Field| *event == ProducerEvent::TestStep && field.name == "testId";
        let needed: Vec<_> = fields.iter().copied().filter(|field| !field.optional || of_test(field)).collect();
        for field in &needed {
            let others: Vec<_> = needed.iter().copied().filter(|other| other.name != field.name).collect();
            // A list whose members are described is there because of them.
            let is_list = needed.iter().any(|other| other.name.starts_with(&format!("{}[]", field.name)));
            assert!(is_list || with(&others) != with(&needed), "{event:?}: nothing changes without {}", field.name);
        }
        for field in fields.iter().filter(|field| field.optional && !of_test(field)) {
            let more = [&needed[..], &[*field]].concat();
            assert!(with(&more) != with(&needed), "{event:?}: nothing changes with {}", field.name);
        }
    }
}
