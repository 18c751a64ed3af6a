use serde_json::json;

use super::*;

fn run() -> RunId {
    RunId::parse("r").unwrap()
}

fn flaw(event: &Value) -> Option<String> {
    check(&run(), event.to_string().as_bytes()).err().map(|flaw| flaw.to_string())
}

#[test]
fn the_recorded_runs_and_events_of_a_producers_own_pass() {
    let runs = [include_str!("../../../tests/data/run.ndjson"), include_str!("../../../demo/run.ndjson")];
    for line in runs.iter().flat_map(|run| run.lines()) {
        assert_eq!(check(&run(), line.as_bytes()), Ok(()), "{line}");
    }
    for own in [
        json!({"type": "page_state", "url": 7, "step": 1, "stepnumber": 2}),
        json!({"type": "test_step", "step": {"stepNumber": 1, "params": {"titel": 1}, "retries": 3, "error": {"mesage": 1, "message": ""}}}),
        json!({"type": "test_status", "testId": "t", "status": "passed", "data": null, "pictures": []}),
        json!({"type": "log", "text": "cut \u{fffd}", "at": 3, "testId": null}),
    ] {
        assert_eq!(flaw(&own), None, "{own}");
    }
    assert_eq!(check(&run(), br#"{"type":"log","text":"half \ud83d"}"#), Ok(()));
}

#[test]
fn the_member_that_is_wrong_is_named_with_what_it_must_be() {
    let step = |step: Value| json!({"type": "test_step", "testId": "t", "step": step});
    let status = |data: Value| json!({"type": "test_status", "testId": "t", "status": "failed", "data": data});
    for (event, want) in [
        (json!({"type": "test_step", "testId": "t"}), "`step` is missing"),
        (step(json!({"title": "x"})), "`step.stepNumber` is missing"),
        (step(json!({"stepNumber": "1"})), "`step.stepNumber` must be a whole number, 0 or more"),
        (step(json!({"stepNumber": 1, "attempt": 0.5})), "`step.attempt` must be a whole number, 0 or more"),
        (step(json!({"stepNumber": 1, "phase": "start"})), "`step.phase` must be one of begin, end"),
        (step(json!({"stepNumber": 1, "error": {"stack": "x"}})), "`step.error.message` is missing"),
        (step(json!({"stepNumber": 1, "title": ["a", 1]})), "`step.title` must be a string, or a list of strings"),
        (status(json!({"workerIndex": -2})), "`data.workerIndex` must be a whole number, -1 or more"),
        (status(json!({"errors": ["a", {"message": 1}]})), "`data.errors[1].message` must be a string"),
        (status(json!({"errors": ["a", 1]})), "`data.errors[1]` must be a string, or an object with a `message`"),
        (status(json!({"annotations": [{"type": "issue"}, {}]})), "`data.annotations[1].type` is missing"),
        (step(json!({"stepNumber": 1, "attachments": [{"size": 1}]})), "`step.attachments[0].name` is missing"),
        (status(json!({"attachments": [{"name": "a", "size": -1}]})), "`data.attachments[0].size` must be a whole"),
        (
            json!({"type": "test_status", "testId": "t", "status": "ok"}),
            "`status` must be one of pending, queued, running",
        ),
        (json!({"type": "test_status", "testId": null, "status": "passed"}), "`testId` must be a string"),
        (json!({"type": "test_plan", "tests": [{"testId": "a"}, 3]}), "`tests[1]` must be an object"),
        (json!({"type": "test_plan", "tests": [{"testId": "a", "tags": [1]}]}), "`tests[0].tags[0]` must be a string"),
        (json!({"type": "log", "variant": "x".repeat(129)}), "`variant` must be a string of at most 128 characters"),
        (json!({"type": "x", "timestamp": "yesterday"}), "`timestamp` must be a time such as"),
        // What the server refuses is said in its words.
        (json!({"type": "sealed"}), "reserved_type: only the server writes events of the type `sealed`"),
        (json!({"type": "run_status", "status": "done"}), "invalid_status: `status` must be queued"),
        (
            json!({"type": "worker", "state": "joined", "slots": 0}),
            "invalid_field: `slots` must be a whole number from 1",
        ),
        (json!({"type": "log", "runId": "another"}), "run_mismatch: "),
    ] {
        let found = flaw(&event).unwrap_or_default();
        assert!(found.starts_with(want), "{event}: {found}");
    }
}

#[test]
fn a_misspelt_or_misplaced_member_is_found_with_the_one_that_may_be_meant() {
    let step = |step: Value| json!({"type": "test_step", "step": step});
    for (event, member, meant) in [
        (step(json!({"stepnumber": 1})), "step.stepnumber", "step.stepNumber"),
        (step(json!({"stepNumber": 1, "duration_ms": 1})), "step.duration_ms", "step.durationMs"),
        (step(json!({"stepNumber": 1, "titel": "x"})), "step.titel", "step.title"),
        (step(json!({"stepNumber": 1, "parnet": "x"})), "step.parnet", "step.parent"),
        (json!({"type": "test_status", "testid": "t", "status": "passed"}), "testid", "testId"),
        (json!({"type": "test_status", "testId": "t", "status": "passed", "attempt": 1}), "attempt", "data.attempt"),
        (json!({"type": "test_status", "testId": "t", "status": "passed", "date": {}}), "date", "data"),
        (
            json!({"type": "test_plan", "tests": [{"testId": "a"}, {"testID": "b"}]}),
            "tests[1].testID",
            "tests[1].testId",
        ),
        (
            json!({"type": "run_status", "status": "running", "data": {"meta": {"brunch": "main"}}}),
            "data.meta.brunch",
            "data.meta.branch",
        ),
    ] {
        let found = flaw(&event).unwrap_or_default();
        let want =
            format!("`{member}` means nothing in a `{}`: did you mean `{meant}`?", event["type"].as_str().unwrap());
        assert_eq!(found, want, "{event}");
    }
    // With the right one beside it, the other one is the producer's own.
    assert_eq!(flaw(&step(json!({"stepNumber": 1, "stepnumber": 1}))), None);
}
