//! States: obeyed by everybody that they are for, until another takes their place.

use super::*;

fn give(run: &mut TestRun, command: Value) -> Arc<str> {
    run.command(&person("ann"), command).unwrap().command_id
}

#[test]
fn a_state_is_done_when_every_living_target_has_done_it() {
    let mut run = TestRun::with_workers(&["w1", "w2", "w3"]);
    let id = give(&mut run, json!({"type": "pause"}));
    run.report("w1", &id, "done");
    run.report("w1", &id, "failed");
    assert_eq!(run.state_of(&id), CommandState::Accepted, "its last word counts");
    run.report("w2", &id, "accepted");
    run.report("w2", &id, "done");
    run.report("other", &id, "done");
    assert_eq!(run.state_of(&id), CommandState::Accepted);
    assert_eq!(run.view()["commands"][0]["producers"], json!({"w1": "done", "w2": "done"}));
    run.post("w3", json!({"type": "worker", "state": "left"}));
    assert_eq!(run.state_of(&id), CommandState::Done);
}

#[test]
fn the_worst_report_is_the_states_and_of_one_tests_cancel_the_best() {
    for (reports, state, of_test) in [
        (["done", "failed"], CommandState::Failed, CommandState::Done),
        (["done", "rejected"], CommandState::Rejected, CommandState::Done),
        (["rejected", "rejected"], CommandState::Rejected, CommandState::Rejected),
        (["rejected", "failed"], CommandState::Failed, CommandState::Failed),
    ] {
        let mut run = TestRun::with_workers(&["w1", "w2"]);
        let pause = give(&mut run, json!({"type": "pause"}));
        let cancel = give(&mut run, json!({"type": "cancel", "testId": "t"}));
        for (worker, report) in ["w1", "w2"].iter().zip(reports) {
            run.report(worker, &pause, report);
            run.report(worker, &cancel, report);
        }
        assert_eq!((run.state_of(&pause), run.state_of(&cancel)), (state, of_test), "{reports:?}");
    }
}

#[test]
fn whoever_does_not_obey_a_kind_is_not_waited_for_nor_told() {
    let mut run = TestRun::with_workers(&["w1"]);
    run.post("w2", json!({"type": "worker", "state": "joined", "can": ["step"]}));
    let id = give(&mut run, json!({"type": "pause"}));
    assert!(run.told("w2", None).is_empty());
    run.report("w1", &id, "done");
    assert_eq!(run.state_of(&id), CommandState::Done);
}

#[test]
fn the_next_of_its_kind_takes_its_place() {
    let mut run = TestRun::with_workers(&["w"]);
    let first = give(&mut run, json!({"type": "pause"}));
    let second = give(&mut run, json!({"type": "pause", "now": true}));
    let hold = give(&mut run, json!({"type": "hold", "when": "failure"}));
    assert_eq!(run.state_of(&first), CommandState::Superseded);
    assert_eq!(run.told("w", None), ["pause_requested", "hold_requested"]);
    let resume = give(&mut run, json!({"type": "resume"}));
    assert_eq!(run.state_of(&second), CommandState::Superseded);
    assert_eq!(run.state_of(&hold), CommandState::Queued);
    assert_eq!(run.told("w", None), ["resume_requested", "hold_requested"]);
    run.report("w", &second, "done");
    assert_eq!(run.state_of(&second), CommandState::Superseded);
    run.report("w", &resume, "done");
    assert_eq!(run.told("w", None), ["hold_requested"]);
}

#[test]
fn a_state_goes_to_a_producer_that_joins_later() {
    let mut run = TestRun::with_workers(&["w1"]);
    let pause = give(&mut run, json!({"type": "pause"}));
    run.report("w1", &pause, "done");
    assert_eq!(run.state_of(&pause), CommandState::Done);
    run.post("w2", json!({"type": "worker", "state": "joined"}));
    assert_eq!(run.told("w2", None), ["pause_requested"]);
    assert!(run.told("w1", None).is_empty());
    run.report("w2", &pause, "done");
    assert!(run.told("w2", None).is_empty(), "it has said so");
    give(&mut run, json!({"type": "resume"}));
    run.post("w3", json!({"type": "worker", "state": "joined"}));
    assert!(run.told("w3", None).is_empty(), "it never paused");
}

#[test]
fn one_producer_alone_is_paused_and_resumed() {
    let mut run = TestRun::with_workers(&["w1", "w2"]);
    give(&mut run, json!({"type": "pause", "target": {"producer": "w1"}}));
    assert!(run.told("w2", None).is_empty() && run.told("w1", None) == ["pause_requested"]);
    give(&mut run, json!({"type": "pause"}));
    give(&mut run, json!({"type": "resume", "target": {"producer": "w1"}}));
    assert_eq!(run.told("w1", None), ["resume_requested"]);
    assert_eq!(run.told("w2", None), ["pause_requested"]);
    assert_ne!(run.view()["paused"], Value::Null);
    give(&mut run, json!({"type": "resume"}));
    assert_eq!(run.view()["paused"], Value::Null);
    assert_eq!(run.told("w1", None), ["resume_requested"]);
}

#[test]
fn instructions_that_are_added_follow_those_before_them() {
    let mut run = TestRun::with_workers(&["w"]);
    let say = |run: &mut TestRun, text: &str, mode: &str| {
        give(run, json!({"type": "update_instructions", "instructions": text, "mode": mode}))
    };
    let first = say(&mut run, "a", "replace");
    say(&mut run, "b", "append");
    assert_eq!(run.told("w", None).len(), 2);
    assert_eq!(run.state_of(&first), CommandState::Queued);
    say(&mut run, "c", "replace");
    assert_eq!(run.state_of(&first), CommandState::Superseded);
    assert_eq!(run.told("w", None).len(), 1);
}

#[test]
fn a_pause_is_a_loan_whose_end_a_further_pause_does_not_move() {
    let mut run = TestRun::with_workers(&["w"]);
    let begun = run.now;
    give(&mut run, json!({"type": "pause", "maxSecs": 100}));
    run.pass(40_000);
    give(&mut run, json!({"type": "pause", "maxSecs": 500}));
    assert_eq!(run.last()["maxSecs"], 60);
    assert_eq!(run.due, Some(begun.plus_millis(100_000)));
    run.pass(59_999);
    assert!(run.end_due().is_empty());
    run.pass(1);
    assert_eq!(run.end_due(), ["resume_requested"]);
    let event = run.last();
    assert_eq!(event["by"]["kind"], "server");
    assert_eq!(uuid::Uuid::parse_str(event["commandId"].as_str().unwrap()).unwrap().get_version_num(), 7);
    assert_eq!(run.view()["paused"], Value::Null);
    assert_eq!(run.state.pause.total_ms, 100_000);
    assert_eq!(run.told("w", None), ["resume_requested"]);
}

#[test]
fn all_pauses_of_a_run_together_have_an_end() {
    let mut run = TestRun::with_workers(&["w"]);
    run.limits.max_pause_total_ms = 1_500_000;
    give(&mut run, json!({"type": "pause", "maxSecs": 1_000_000}));
    assert_eq!(run.last()["maxSecs"], 900);
    run.pass(900_000);
    assert_eq!(run.end_due(), ["resume_requested"]);
    give(&mut run, json!({"type": "pause"}));
    assert_eq!(run.last()["maxSecs"], 600);
    run.pass(600_000);
    assert_eq!(run.end_due(), ["resume_requested"]);
    assert_eq!(code(run.command(&person("ann"), json!({"type": "pause"}))), "pause_spent");
}

#[test]
fn a_pause_that_ends_late_or_by_a_clock_that_has_jumped_spends_no_more_than_it_was_lent() {
    let mut run = TestRun::with_workers(&["w"]);
    give(&mut run, json!({"type": "pause", "maxSecs": 100}));
    run.pass(3_600_000);
    run.holds_time = true;
    give(&mut run, json!({"type": "resume"}));
    assert_eq!(run.state.pause.total_ms, 100_000);
    run.pass(-3_600_000);
    run.holds_time = false;
    give(&mut run, json!({"type": "pause"}));
    assert_eq!(run.last()["maxSecs"], 900);
}

#[test]
fn the_end_of_a_pause_may_cancel_the_run() {
    let mut run = TestRun::with_workers(&["w"]);
    run.limits.cancels_on_pause_expiry = true;
    give(&mut run, json!({"type": "pause", "maxSecs": 1}));
    run.pass(1_000);
    assert_eq!(run.end_due(), ["cancel_requested:the pause is over"]);
    assert_eq!(run.due, Some(run.now.plus_millis(60_000)));
    run.see(Sign::Producer("w".into()), Seen::Unknown);
    run.pass(60_000);
    assert_eq!(run.end_due(), ["run_status:cancelled"]);
}

#[test]
fn a_cancel_that_nobody_obeys_is_carried_out_by_the_server() {
    let mut run = TestRun::with_workers(&["w"]);
    let id = give(&mut run, json!({"type": "cancel", "reason": "enough"}));
    run.pass(59_999);
    assert!(run.end_due().is_empty());
    run.pass(1);
    assert_eq!(run.end_due(), ["run_status:cancelled"]);
    assert_eq!((run.status, run.due), (Some(RunStatus::Cancelled), None));
    assert_eq!(run.state_of(&id), CommandState::Done);
    assert_eq!(code(run.command(&person("ann"), json!({"type": "resume"}))), "run_ended");
    run.post("w", json!({"type": "run_status", "status": "running"}));
    assert_eq!(run.status, Some(RunStatus::Cancelled), "it reopens nothing unless it joins anew");
    run.post("w", json!({"type": "worker", "state": "joined"}));
    assert_eq!(run.status, Some(RunStatus::Running));
}

#[test]
fn a_cancel_of_a_test_that_nobody_obeys_has_failed() {
    let mut run = TestRun::with_workers(&["w"]);
    let id = give(&mut run, json!({"type": "cancel", "testId": "t"}));
    run.pass(60_000);
    assert_eq!(run.end_due(), ["command_status:failed"]);
    assert_eq!(run.last()["detail"], "not obeyed");
    assert_eq!(run.state_of(&id), CommandState::Failed);
}

#[test]
fn a_cancel_that_somebody_obeys_is_left_to_it() {
    let mut run = TestRun::with_workers(&["w1", "w2"]);
    let id = give(&mut run, json!({"type": "cancel"}));
    run.report("w1", &id, "accepted");
    run.see(Sign::Producer("w1".into()), Seen::Unknown);
    run.see(Sign::Producer("w2".into()), Seen::Unknown);
    run.pass(60_000);
    assert!(run.end_due().is_empty());
    for worker in ["w1", "w2"] {
        run.post(worker, json!({"type": "run_status", "status": "cancelled"}));
    }
    assert_eq!(run.state_of(&id), CommandState::Done);
}

#[test]
fn at_the_runs_end_what_is_open_is_interrupted() {
    let mut run = TestRun::with_workers(&["w"]);
    let ids = [json!({"type": "pause"}), json!({"type": "step"})].map(|command| give(&mut run, command));
    run.post("w", json!({"type": "ai_stuck", "askId": "a", "needs": "text", "onTimeout": {"action": "wait"}}));
    run.post("w", json!({"type": "run_status", "status": "passed"}));
    for id in ids {
        assert_eq!(run.state_of(&id), CommandState::Interrupted);
    }
    let view = run.view();
    assert_eq!((&view["asks"], &view["paused"]), (&json!([]), &Value::Null));
    assert!(run.told("w", None).is_empty() && run.end_due().is_empty() && run.due.is_none());
}
