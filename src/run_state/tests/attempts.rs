//! Attempts at a test, and their steps.

use super::*;

fn status(attempt: u32, status: &str, rest: &str) -> String {
    format!(r#"{{"type":"test_status","testId":"t","status":"{status}","data":{{"attempt":{attempt}{rest}}}}}"#)
}

fn step(attempt: u32, id: &str, phase: &str, rest: &str) -> String {
    format!(
        r#"{{"type":"test_step","testId":"t","step":{{"stepNumber":1,"id":"{id}","attempt":{attempt},"phase":"{phase}"{rest}}}}}"#
    )
}

fn test_after(events: &[String]) -> Value {
    tests(&fold(events.iter().map(String::as_str)))[0].clone()
}

#[test]
fn open_steps_are_shown_innermost_and_are_bounded() {
    let step = |phase: &str, n: u32| {
        format!(r#"{{"type":"test_step","testId":"t","step":{{"stepNumber":{n},"phase":"{phase}","title":"s{n}"}}}}"#)
    };
    let shown_step = |events: &[String]| test_after(events)["step"].clone();
    let mut events = vec![step("begin", 1), step("begin", 2), step("end", 2)];
    assert_eq!(shown_step(&events), json!({"id": "1", "stepNumber": 1, "title": "s1"}));
    events.push(step("end", 1));
    assert_eq!(shown_step(&events), Value::Null);
    events.extend((0..10_000).map(|n| step("begin", n)));
    assert_eq!(shown_step(&events), json!({"id": "9999", "stepNumber": 9999, "title": "s9999"}));
    events.push(r#"{"type":"test_status","testId":"t","status":"passed"}"#.to_owned());
    assert_eq!(shown_step(&events), Value::Null, "the test has ended");
    let unnamed = r#"{"type":"test_step","step":{"stepNumber":4,"phase":"begin","title":"open the page"}}"#;
    let of_run = shown(&fold([unnamed]))["step"].clone();
    assert_eq!(of_run, json!({"id": "4", "stepNumber": 4, "title": "open the page"}));
}

#[test]
fn the_innermost_step_is_shown_with_all_that_is_said_of_it() {
    let rest = concat!(
        r#","parent":"a","title":["pay","by card"],"subtitle":"locator('#pay')","category":"pw:api","#,
        r#""location":"pay.ts:3:9","actor":"ada","params":{"value":1}"#
    );
    let test = test_after(&[step(0, "a", "begin", ""), step(0, "b", "begin", rest)]);
    assert_eq!(
        test["step"],
        json!({"id": "b", "stepNumber": 1, "title": "pay › by card", "subtitle": "locator('#pay')",
            "category": "pw:api", "location": "pay.ts:3:9", "parent": "a", "actor": "ada"})
    );
    assert_eq!((&test["status"], &test["attempt"]), (&json!("running"), &json!(0)), "a test that does steps runs");
}

#[test]
fn steps_before_the_status_and_after_the_end_stay_with_their_attempt() {
    let failing = r#","title":"Expect","location":"a.ts:1:1","error":{"message":"boom"}"#;
    let mut events = vec![
        step(0, "early", "begin", ""),
        status(0, "running", ""),
        step(0, "x", "begin", ""),
        step(0, "x", "end", failing),
        step(0, "y", "end", r#","error":"second""#),
        status(0, "failed", r#","errors":[{"message":"boom","location":"a.ts:1:1","snippet":"> 1"}],"holdMs":7"#),
        step(0, "cleanup", "begin", r#","title":"Worker Cleanup""#),
    ];
    let test = test_after(&events);
    assert_eq!((&test["status"], &test["step"]["title"]), (&json!("failed"), &json!("Worker Cleanup")));
    assert_eq!((&test["error"], &test["location"], &test["holdMs"]), (&json!("boom"), &json!("a.ts:1:1"), &json!(7.0)));
    assert_eq!(test["steps"], json!({"begun": 3, "ended": 2, "failed": 2}));
    assert_eq!(test["failedStep"], json!({"id": "x", "title": "Expect", "location": "a.ts:1:1", "error": "boom"}));
    // The next attempt begins with a step, and the last one is still cleaned up.
    events.extend([step(1, "early", "begin", ""), step(0, "cleanup", "end", ""), status(1, "running", "")]);
    let test = test_after(&events);
    assert_eq!(
        (&test["status"], &test["attempt"], &test["step"]["id"]),
        (&json!("running"), &json!(1), &json!("early"))
    );
    assert_eq!((&test["steps"]["begun"], &test["error"], &test["failedStep"]), (&json!(1), &Value::Null, &Value::Null));
    let first = &test["attempts"][0];
    assert_eq!((&first["status"], &first["step"], &first["error"]), (&json!("failed"), &Value::Null, &json!("boom")));
    assert_eq!(first["steps"], json!({"begun": 3, "ended": 3, "failed": 2}));
}

#[test]
fn a_step_that_is_open_behind_the_end_goes_with_the_run() {
    let run = r#"{"type":"run_status","status":"failed"}"#.to_owned();
    let mut events = vec![status(0, "passed", ""), step(0, "cleanup", "begin", ""), run.clone()];
    assert_eq!(test_after(&events)["step"], Value::Null);
    events = vec![status(0, "running", ""), step(0, "hangs", "begin", ""), run];
    assert_eq!(test_after(&events)["step"]["id"], "hangs", "where a test was that never ended");
}

#[test]
fn a_late_status_of_an_older_attempt_changes_that_attempt() {
    let mut events = vec![status(0, "running", ""), status(1, "running", r#","workerIndex":3"#)];
    events.push(status(0, "failed", r#","durationMs":5"#));
    let test = test_after(&events);
    assert_eq!((&test["status"], &test["attempt"], &test["workerIndex"]), (&json!("running"), &json!(1), &json!(3)));
    assert_eq!((&test["attempts"][0]["status"], &test["attempts"][0]["durationMs"]), (&json!("failed"), &json!(5.0)));
    events.push(status(1, "passed", ""));
    assert_eq!(test_after(&events)["outcome"], "flaky");
    // One that was not heard of before.
    let test = test_after(&[status(2, "passed", ""), status(1, "failed", ""), status(0, "failed", "")]);
    let numbers: Vec<_> = test["attempts"].as_array().unwrap().iter().map(|attempt| &attempt["attempt"]).collect();
    assert_eq!((numbers, &test["outcome"]), (vec![&json!(0), &json!(1)], &json!("flaky")));
}

#[test]
fn an_attempt_that_begins_anew_forgets_what_belonged_to_it() {
    let mut events = vec![
        status(0, "failed", r#","error":"one","annotations":[{"type":"issue","description":"7"},{"x":1}]"#),
        status(1, "failed", r#","error":"two","slot":2"#),
    ];
    let test = test_after(&events);
    assert_eq!(test["attempts"][0]["annotations"], json!([{"type": "issue", "description": "7"}]));
    events.push(status(0, "running", ""));
    let test = test_after(&events);
    assert_eq!((&test["attempt"], &test["attempts"], &test["slot"]), (&json!(0), &Value::Null, &Value::Null));
    events.push(status(0, "passed", ""));
    assert_eq!(test_after(&events)["outcome"], "expected", "the test is done anew");
}

#[test]
fn earlier_attempts_are_bounded_and_those_beyond_are_counted() {
    let events: Vec<_> =
        (0..50).map(|attempt| status(attempt, "failed", "")).chain([status(50, "passed", "")]).collect();
    let test = test_after(&events);
    let kept = test["attempts"].as_array().unwrap();
    assert_eq!((kept.len(), &kept[0]["attempt"], &kept[9]["attempt"]), (10, &json!(40), &json!(49)));
    assert_eq!((&test["attemptsOmitted"], &test["outcome"]), (&json!(40), &json!("flaky")));
    let late: Vec<_> = events.into_iter().chain([status(3, "failed", ""), status(3, "failed", "")]).collect();
    assert_eq!(test_after(&late)["attemptsOmitted"], 40, "it is one of those");
    let anew = test_after(&[&late[..], &[status(45, "running", "")]].concat());
    assert_eq!((anew["attempts"].as_array().unwrap().len(), &anew["attemptsOmitted"]), (5, &json!(40)));
}

#[test]
fn the_outcome_is_the_producers_word_or_follows_from_what_is_expected() {
    let outcome = |events: &[String]| {
        let state = fold(events.iter().map(String::as_str));
        let outcomes = shown(&state)["outcomes"].clone();
        let outcome = tests(&state)[0]["outcome"].clone();
        assert_eq!(outcome.as_str().map(|outcome| outcomes[outcome].clone()), outcome.as_str().map(|_| json!(1)));
        outcome
    };
    let expected = r#","expected":"failed""#;
    assert_eq!(outcome(&[status(0, "failed", expected)]), "expected");
    assert_eq!(outcome(&[status(0, "passed", expected)]), "unexpected");
    assert_eq!(outcome(&[status(0, "passed", r#","outcome":"flaky""#)]), "flaky");
    assert_eq!(outcome(&[status(0, "skipped", "")]), "skipped");
    assert_eq!(outcome(&[status(0, "timedOut", "")]), "unexpected");
    assert_eq!(outcome(&[status(0, "failed", ""), status(1, "running", "")]), Value::Null);
}
