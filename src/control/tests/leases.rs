//! Who has control.

use super::*;

#[test]
fn without_a_lease_whoever_may_control_may_send_anything() {
    let mut run = TestRun::with_workers(&["w"]);
    for command in [json!({"type": "pause"}), json!({"type": "step"}), json!({"type": "resume"})] {
        assert_eq!(run.command(&person("ann"), command).unwrap().state, CommandState::Queued);
    }
}

#[test]
fn the_lease_is_one_persons_and_the_other_is_told_who_has_it() {
    let mut run = TestRun::with_workers(&["w"]);
    let taken = run.command(&person("ann"), json!({"type": "take_control"})).unwrap();
    assert_eq!((taken.state, taken.cursor.seq), (CommandState::Done, 3));
    for command in [json!({"type": "resume"}), json!({"type": "step"}), json!({"type": "take_control"})] {
        let refused = run.command(&person("bob"), command).unwrap_err();
        assert_eq!(refused.code(), "lease_held");
        assert_eq!(refused.details()[0].1["name"], "ann");
    }
    let again = run.command(&person("ann"), json!({"type": "take_control"})).unwrap();
    assert_eq!(again.cursor, taken.cursor, "it has it already");
    let lease = taken.cursor.to_string();
    run.command(&person("ann"), json!({"type": "step", "lease": lease})).unwrap();
    assert_eq!(run.last()["lease"], *lease);
}

#[test]
fn stopping_needs_no_lease_and_one_may_take_back_ones_own() {
    let mut run = TestRun::with_workers(&["w"]);
    let own = run.command(&person("bob"), json!({"type": "step"})).unwrap();
    run.command(&person("ann"), json!({"type": "take_control"})).unwrap();
    run.command(&person("bob"), json!({"type": "withdraw", "withdraws": &*own.command_id})).unwrap();
    assert_eq!(run.state_of(&own.command_id), CommandState::Withdrawn);
    run.command(&person("bob"), json!({"type": "pause", "lease": "7:1"})).unwrap();
    run.command(&person("bob"), json!({"type": "cancel", "testId": "t"})).unwrap();
    let others = run.command(&person("ann"), json!({"type": "step"})).unwrap();
    let theirs = json!({"type": "withdraw", "withdraws": &*others.command_id});
    assert_eq!(code(run.command(&person("bob"), theirs)), "lease_held");
}

#[test]
fn a_lease_that_is_named_must_be_the_senders_and_live() {
    let mut run = TestRun::with_workers(&["w"]);
    assert_eq!(code(run.command(&person("ann"), json!({"type": "step", "lease": "7:9"}))), "lease_lost");
    let lease = run.command(&person("ann"), json!({"type": "take_control"})).unwrap().cursor.to_string();
    assert_eq!(code(run.command(&person("bob"), json!({"type": "step", "lease": lease}))), "lease_lost");
    run.command(&person("ann"), json!({"type": "release_control"})).unwrap();
    assert_eq!(code(run.command(&person("ann"), json!({"type": "step", "lease": lease}))), "lease_lost");
    assert_eq!(code(run.command(&person("ann"), json!({"type": "release_control"}))), "lease_lost");
}

#[test]
fn a_holder_that_is_unseen_for_too_long_loses_its_lease_in_the_post_that_relies_on_it() {
    let mut run = TestRun::with_workers(&["w"]);
    run.command(&person("ann"), json!({"type": "take_control"})).unwrap();
    let sign = Sign::Subject("ann".into());
    run.pass(60_000);
    assert_eq!(code(run.command(&person("bob"), json!({"type": "step"}))), "lease_held", "not for too long yet");
    run.pass(1);
    let request = run.request(&person("bob"), json!({"type": "step"}));
    let Decision::NeedSigns(signs) = run.state.decide(&request, &run.facts()) else { panic!() };
    assert_eq!(signs, std::slice::from_ref(&sign));
    for seen in [Seen::Unknown, Seen::At(run.now.plus_millis(-60_000))] {
        run.see(sign.clone(), seen);
        assert_eq!(code(run.ask(&request)), "lease_held", "{seen:?}");
    }
    run.see(sign, Seen::At(run.now.plus_millis(-60_001)));
    run.holds_time = true;
    assert_eq!(code(run.ask(&request)), "lease_held", "the clock has jumped");
    run.holds_time = false;
    let before = run.log.len();
    run.ask(&request).unwrap();
    let stored: Vec<_> = run.log[before..].iter().map(|(_, event)| event.as_str()).collect();
    assert!(stored[0].contains(r#""type":"control_released""#) && stored[0].contains(r#""reason":"expired""#));
    assert!(stored[1].contains(r#""type":"step_requested""#), "{stored:?}");
}

#[test]
fn an_equal_may_steal_and_a_person_needs_no_leave_of_an_agent() {
    let mut run = TestRun::with_workers(&["w"]);
    run.command(&agent("bot"), json!({"type": "take_control"})).unwrap();
    assert_eq!(code(run.command(&agent("other"), json!({"type": "take_control"}))), "lease_held");
    run.command(&agent("other"), json!({"type": "take_control", "steal": true})).unwrap();
    run.command(&person("ann"), json!({"type": "take_control"})).unwrap();
    let (_, released) = &run.log[run.log.len() - 2];
    assert!(released.contains(r#""reason":"stolen""#), "{released}");
    assert_eq!(code(run.command(&agent("bot"), json!({"type": "take_control", "steal": true}))), "human_in_control");
    run.command(&person("bob"), json!({"type": "take_control", "steal": true})).unwrap();
    assert_eq!(run.last()["steal"], true);
    assert_eq!(run.view()["control"]["holder"]["name"], "bob");
}

#[test]
fn an_agent_may_only_stop_answer_and_take_back_its_own_while_a_person_is_in_control() {
    let mut run = TestRun::with_workers(&["w"]);
    let own = run.command(&agent("bot"), json!({"type": "step"})).unwrap();
    run.post("w", json!({"type": "ai_stuck", "askId": "a", "needs": "text"}));
    run.post("w", json!({"type": "ai_stuck", "askId": "c", "needs": "credential"}));
    run.command(&person("ann"), json!({"type": "pause"})).unwrap();
    for command in [
        json!({"type": "resume"}),
        json!({"type": "cancel"}),
        json!({"type": "take_control", "steal": true}),
        json!({"type": "answer", "askId": "c", "secretMac": "m"}),
    ] {
        assert_eq!(code(run.command(&agent("bot"), command.clone())), "human_in_control", "{command}");
    }
    run.command(&agent("bot"), json!({"type": "pause"})).unwrap();
    run.command(&person("ann"), json!({"type": "take_control"})).unwrap();
    run.command(&agent("bot"), json!({"type": "answer", "askId": "a", "value": "x"})).unwrap();
    run.command(&agent("bot"), json!({"type": "withdraw", "withdraws": &*own.command_id})).unwrap();
    assert_eq!(code(run.command(&agent("bot"), json!({"type": "step"}))), "human_in_control");
    run.command(&person("ann"), json!({"type": "resume"})).unwrap();
    run.command(&person("ann"), json!({"type": "release_control"})).unwrap();
    run.command(&agent("bot"), json!({"type": "step"})).unwrap();
}

#[test]
fn a_store_that_may_have_lost_something_ends_the_lease_and_the_acts_only() {
    let mut run = TestRun::with_workers(&["w"]);
    run.command(&person("ann"), json!({"type": "take_control"})).unwrap();
    let pause = run.command(&person("ann"), json!({"type": "pause"})).unwrap();
    let step = run.command(&person("ann"), json!({"type": "step"})).unwrap();
    run.post("w", json!({"type": "ai_stuck", "askId": "a", "needs": "text"}));
    run.epoch = Epoch(8);
    run.fold(&format!(r#"{{"type":"control_reset","timestamp":"{0}","at":"{0}"}}"#, run.now));
    assert_eq!(run.view()["control"]["lease"], Value::Null);
    assert_eq!(run.state_of(&pause.command_id), CommandState::Queued);
    assert_eq!(run.state_of(&step.command_id), CommandState::Interrupted);
    assert_eq!(run.view()["asks"].as_array().unwrap().len(), 1);
}
