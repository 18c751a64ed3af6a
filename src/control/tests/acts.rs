//! Acts: claimed by exactly one, done or ended by time.

use super::*;

fn step(run: &mut TestRun) -> Arc<str> {
    run.command(&person("ann"), json!({"type": "step"})).unwrap().command_id
}

#[test]
fn an_act_is_claimed_by_one_and_a_repeat_of_the_claim_gets_the_same() {
    let mut run = TestRun::new();
    let id = step(&mut run);
    let claim = run.claim("w1", "k1", &id).unwrap();
    assert_eq!(run.claim("w1", "k1", &id).unwrap().claim, claim.claim);
    assert!(claim.command.get().contains(r#""type":"step_requested""#) && !claim.has_secret);
    for (producer, key) in [("w1", "k2"), ("w2", "k1"), ("w2", "k2")] {
        assert_eq!(code(run.claim(producer, key, &id)), "command_claimed");
    }
    run.report("w1", &id, "done");
    assert_eq!(run.state_of(&id), CommandState::Done);
    assert_eq!(run.claim("w1", "k1", &id).unwrap().claim, claim.claim, "its answer was lost");
    assert_eq!(code(run.claim("w1", "k1", "0")), "command_unknown");
}

#[test]
fn what_another_producer_or_an_older_claim_reports_changes_nothing_and_is_told() {
    let mut run = TestRun::new();
    let id = step(&mut run);
    let early = run.post("w1", json!({"type": "command_status", "commandId": &*id, "status": "done", "claim": "7:1"}));
    run.report("w1", &id, "accepted");
    let other = run.report("w2", &id, "done");
    let older = run.post("w1", json!({"type": "command_status", "commandId": &*id, "status": "done", "claim": "7:1"}));
    let unknown = run.report("w1", "x", "done");
    assert_eq!(run.state_of(&id), CommandState::Accepted);
    let ignored = |producer: &str, seqs| {
        let request = ControlRequest::Reports(ReportsRequest { producer: Some(producer.into()), seqs });
        match run.state.decide(&request, &run.facts()) {
            Decision::Answer(Answer::Ignored(ids)) => ids,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(ignored("w1", (early.seq, early.seq)), std::slice::from_ref(&id));
    assert_eq!(ignored("w2", (other.seq, other.seq)), std::slice::from_ref(&id));
    assert_eq!(ignored("w1", (older.seq, unknown.seq)), [id.clone(), "x".into()]);
    assert!(ignored("w1", (other.seq, other.seq)).is_empty(), "the post of another");
    let claim = run.state.commands.get(&id).unwrap().claim.clone().unwrap().cursor;
    let report = json!({
        "type": "command_status", "commandId": id.to_uppercase(), "status": "failed", "claim": claim.to_string(),
        "detail": "no such element", "result": {"a": [1]},
    });
    let seq = run.post("w1", report).seq;
    assert_eq!(run.state_of(&id), CommandState::Failed);
    let shown = run.view()["commands"][0].clone();
    assert_eq!((&shown["detail"], &shown["result"]["a"][0]), (&json!("no such element"), &json!(1)));
    run.report("w1", &id, "failed");
    let request = ControlRequest::Reports(ReportsRequest { producer: Some("w1".into()), seqs: (seq, seq + 1) });
    let Decision::Answer(Answer::Ignored(ids)) = run.state.decide(&request, &run.facts()) else { panic!() };
    assert!(ids.is_empty(), "a repeat says what is known");
}

#[test]
fn without_workers_the_first_report_claims_and_ends() {
    for status in ["done", "failed", "rejected"] {
        let mut run = TestRun::new();
        let id = step(&mut run);
        run.report("w", &id, status);
        assert_eq!(run.state_of(&id).as_str(), status);
    }
}

#[test]
fn an_act_that_nobody_claims_in_time_is_expired_by_whoever_comes_too_late() {
    let mut run = TestRun::with_workers(&["w"]);
    let id = run.command(&person("ann"), json!({"type": "step", "expiresInSecs": 1})).unwrap().command_id;
    assert_eq!(run.due, Some(run.now.plus_millis(1_000)));
    run.pass(1_000);
    run.holds_time = true;
    let mut held = run.clone();
    held.claim("w", "k", &id).unwrap();
    assert!(run.end_due().is_empty());
    run.holds_time = false;
    assert_eq!(code(run.claim("w", "k", &id)), "command_expired");
    assert_eq!(run.last()["type"], "command_expired");
    assert_eq!(code(run.claim("w", "k", &id)), "command_expired");
    run.report("w", &id, "accepted");
    assert_eq!(run.state_of(&id), CommandState::Expired, "the first in the log wins");
}

#[test]
fn an_accepted_act_is_interrupted_when_its_time_is_over() {
    for by_claim in [true, false] {
        let mut run = TestRun::with_workers(&["w"]);
        let id = step(&mut run);
        match by_claim {
            true => drop(run.claim("w", "k", &id).unwrap()),
            false => drop(run.report("w", &id, "accepted")),
        }
        run.see(Sign::Producer("w".into()), Seen::Unknown);
        run.pass(119_999);
        assert!(run.end_due().is_empty());
        run.pass(1);
        assert_eq!(run.end_due(), ["command_status:interrupted"]);
        assert_eq!(run.state_of(&id), CommandState::Interrupted);
        run.report("w", &id, "done");
        assert_eq!(run.state_of(&id), CommandState::Interrupted);
    }
}

#[test]
fn among_several_producers_an_act_needs_a_target_that_is_there() {
    let mut run = TestRun::with_workers(&["w1", "w2"]);
    let refused = run.command(&person("ann"), json!({"type": "step"})).unwrap_err();
    assert_eq!((refused.code(), &refused.details()[0].1), ("target_needed", &json!(["w1", "w2"])));
    let to = |producer: &str| json!({"type": "step", "target": {"producer": producer}});
    assert_eq!(code(run.command(&person("ann"), to("w3"))), "target_unknown");
    let id = run.command(&person("ann"), to("w2")).unwrap().command_id;
    assert_eq!(code(run.claim("w1", "k", &id)), "target_unknown");
    run.report("w1", &id, "accepted");
    assert_eq!(run.state_of(&id), CommandState::Queued);
    run.claim("w2", "k", &id).unwrap();
    let slot = json!({"type": "step", "target": {"slot": {"producer": "w1", "slot": 3}}});
    run.command(&person("ann"), slot.clone()).unwrap();
    run.post("w1", json!({"type": "worker", "state": "joined", "slots": 2}));
    assert_eq!(code(run.command(&person("ann"), slot)), "target_unknown");
    run.post("w2", json!({"type": "worker", "state": "left"}));
    run.command(&person("ann"), json!({"type": "step"})).unwrap();
}

#[test]
fn an_act_that_nobody_obeys_is_refused_and_does_not_expire_unheard() {
    let mut run = TestRun::with_workers(&["w1"]);
    run.post("w1", json!({"type": "worker", "state": "joined", "can": ["pause", "step"]}));
    run.post("w2", json!({"type": "worker", "state": "joined", "can": ["manual_action"]}));
    let refused = run.command(&person("ann"), json!({"type": "replay_step", "stepNumber": 1})).unwrap_err();
    assert_eq!((refused.code(), &refused.details()[0].1), ("nobody_obeys", &json!(["w1", "w2"])));
    let click =
        |target: &str| json!({"type": "manual_action", "action": {"action": "back"}, "target": {"producer": target}});
    assert_eq!(code(run.command(&person("ann"), click("w1"))), "nobody_obeys");
    run.command(&person("ann"), click("w2")).unwrap();
    run.command(&person("ann"), json!({"type": "step"})).unwrap();
}

#[test]
fn a_test_stands_for_the_producer_that_runs_it() {
    let mut run = TestRun::with_workers(&["w1", "w2"]);
    let give = |run: &mut TestRun, producer: Option<&str>| {
        let command = json!({"type": "step", "target": {"testId": "t"}, "commandId": run.id()}).to_string().into();
        let observed = Observed { unmet: Vec::new(), producer: producer.map(Arc::from) };
        run.ask(&ControlRequest::Command(CommandRequest { command, by: person("ann"), observed }))
    };
    assert_eq!(code(give(&mut run, None)), "target_unknown");
    assert_eq!(code(give(&mut run, Some("w3"))), "target_unknown");
    give(&mut run, Some("w2")).unwrap();
    assert_eq!(run.last()["target"], json!({"testId": "t", "producer": "w2"}));
    assert!(run.told("w1", None).is_empty() && run.told("w2", None) == ["step_requested"]);
    run.post("w2", json!({"type": "worker", "state": "left"}));
    give(&mut run, None).unwrap();
    assert_eq!(run.last()["target"]["producer"], "w1", "the only one");
}

#[test]
fn what_a_producer_was_doing_is_interrupted_when_it_leaves_ends_or_is_replaced() {
    let shard = json!({"type": "worker", "state": "joined", "shard": {"current": 1, "total": 2}});
    for (producer, event) in [
        ("w1", json!({"type": "worker", "state": "left"})),
        ("w1", json!({"type": "run_status", "status": "passed"})),
        ("w3", shard.clone()),
    ] {
        let mut run = TestRun::with_workers(&["w2"]);
        run.post("w1", shard.clone());
        let give = |run: &mut TestRun| {
            let command = json!({"type": "step", "target": {"producer": "w1"}});
            run.command(&person("ann"), command).unwrap().command_id
        };
        let (claimed, queued) = (give(&mut run), give(&mut run));
        run.claim("w1", "k", &claimed).unwrap();
        run.post("w1", json!({"type": "ai_stuck", "askId": "a", "needs": "text"}));
        run.post(producer, event);
        assert_eq!(run.state_of(&claimed), CommandState::Interrupted);
        assert_eq!(run.state_of(&queued), CommandState::Interrupted, "nobody else may do it");
        assert!(run.view()["asks"].as_array().unwrap().is_empty());
        run.report("w1", &claimed, "done");
        assert_eq!(run.state_of(&claimed), CommandState::Interrupted);
    }
}

#[test]
fn a_repeat_is_answered_as_the_first_time_and_another_command_of_that_id_is_refused() {
    let mut run = TestRun::with_workers(&["w"]);
    let id = run.id();
    let first = run.command(&person("ann"), json!({"type": "step", "commandId": id, "expiresInSecs": 5})).unwrap();
    let length = run.log.len();
    let same = json!({"expiresInSecs": 5.0, "type": "step", "commandId": id.to_uppercase(), "lease": "7:1"});
    assert_eq!(code(run.command(&person("ann"), same)), "invalid_command", "5.0 is no whole number to us");
    let same = json!({"expiresInSecs": 5, "type": "step", "commandId": id, "lease": "7:1"});
    assert_eq!(run.command(&person("ann"), same.clone()).unwrap(), first);
    let other = json!({"type": "step", "commandId": id, "expiresInSecs": 6});
    assert_eq!(code(run.command(&person("ann"), other.clone())), "command_conflict");
    run.report("w", &id, "done");
    for _ in 0..60 {
        let id = step(&mut run);
        run.report("w", &id, "done");
    }
    assert!(run.state.commands.get(&id).is_none(), "it is not kept whole");
    assert_eq!(run.command(&person("ann"), same).unwrap().state, CommandState::Done);
    assert_eq!(code(run.command(&person("ann"), other)), "command_conflict");
    assert_eq!(code(run.claim("w", "k", &id)), "command_claimed");
    assert!(run.log.len() > length);
}

#[test]
fn a_secret_is_told_of_and_never_in_the_event() {
    let mut run = TestRun::with_workers(&["w"]);
    let action = json!({"action": "fill", "selector": "#p", "secretMac": "mac"});
    let id = run.command(&person("ann"), json!({"type": "manual_action", "action": action})).unwrap().command_id;
    assert_eq!(run.last()["action"], json!({"action": "fill", "selector": "#p", "secret": true}));
    assert!(run.claim("w", "k", &id).unwrap().has_secret);
    assert!(run.claim("w", "k", &id).unwrap().has_secret, "until its final status");
    run.ask(&ControlRequest::SecretLost(id.clone())).unwrap();
    assert_eq!(run.state_of(&id), CommandState::Failed);
    run.ask(&ControlRequest::SecretLost(id.clone())).unwrap();
    assert!(!run.claim("w", "k", &id).unwrap().has_secret);
}

#[test]
fn what_nobody_has_begun_can_be_taken_back() {
    let mut run = TestRun::with_workers(&["w"]);
    let withdraw = |run: &mut TestRun, id: &str| {
        run.command(&person("ann"), json!({"type": "withdraw", "withdraws": id})).map(|answer| answer.state)
    };
    let (first, second) = (step(&mut run), step(&mut run));
    run.claim("w", "k", &second).unwrap();
    assert_eq!(withdraw(&mut run, &first).unwrap(), CommandState::Done);
    assert_eq!(code(withdraw(&mut run, &first)), "command_claimed");
    assert_eq!(code(withdraw(&mut run, &second)), "command_claimed");
    assert_eq!(code(withdraw(&mut run, "0")), "command_unknown");
    assert_eq!(code(run.claim("w", "k", &first)), "command_expired");
    assert_eq!(run.told("w", None), ["command_withdrawn"]);
    let pause = run.command(&person("ann"), json!({"type": "pause"})).unwrap().command_id;
    withdraw(&mut run, &pause).unwrap();
    assert_eq!(run.view()["paused"], Value::Null);
}

#[test]
fn a_run_that_is_not_there_or_has_ended_takes_no_commands() {
    let mut run = TestRun::new();
    let request = run.request(&person("ann"), json!({"type": "pause"}));
    let refused = |change: &dyn Fn(&mut Facts<'_>)| {
        let mut facts = run.facts();
        change(&mut facts);
        match run.state.decide(&request, &facts) {
            Decision::Refuse(error) => error.code(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(refused(&|facts| facts.tip = 0), "run_not_found");
    assert_eq!(refused(&|facts| facts.is_gone = true), "run_gone");
    assert_eq!(refused(&|facts| facts.is_sealed = true), "run_ended");
    assert_eq!(refused(&|facts| facts.status = Some(RunStatus::Passed)), "run_ended");
}

#[test]
fn viewers_commands_are_bounded_and_nothing_else() {
    let mut run = TestRun::with_workers(&["w"]);
    run.limits.max_events = 3;
    let ids: Vec<_> = (0..3).map(|_| step(&mut run)).collect();
    assert_eq!(code(run.command(&person("ann"), json!({"type": "hold", "when": "never"}))), "too_many_commands");
    let again = json!({"type": "step", "commandId": &*ids[0]});
    run.command(&person("ann"), again).unwrap();
    run.claim("w", "k", &ids[0]).unwrap();
    run.pass(60_000);
    run.see(Sign::Producer("w".into()), Seen::Unknown);
    assert_eq!(run.end_due(), ["command_expired", "command_expired"]);
    let mut run = TestRun::new();
    run.limits.max_bytes = 650;
    step(&mut run);
    step(&mut run);
    assert_eq!(code(run.command(&person("ann"), json!({"type": "step"}))), "too_many_commands");
    let large = json!({"type": "update_instructions", "mode": "replace", "instructions": "x".repeat(16 * 1024)});
    assert_eq!(code(run.command(&person("ann"), large)), "command_too_large");
}

#[test]
fn a_run_whose_commands_are_used_up_can_be_stopped_once_and_answered() {
    let mut run = TestRun::with_workers(&["w1", "w2"]);
    run.limits.max_events = 1;
    run.command(&person("bob"), json!({"type": "hold", "when": "failure"})).unwrap();
    run.post("w1", json!({"type": "ai_stuck", "askId": "a", "needs": "text"}));
    let mut gives = |command: Value| match run.command(&person("ann"), command) {
        Ok(_) => "taken",
        Err(error) => error.code(),
    };
    let answer = json!({"type": "answer", "askId": "a", "value": 1});
    for (command, once) in [
        (json!({"type": "pause"}), "too_many_commands"),
        (json!({"type": "resume"}), "too_many_commands"),
        (json!({"type": "pause"}), "too_many_commands"),
        (answer, "already_answered"),
        (json!({"type": "cancel"}), "too_many_commands"),
    ] {
        assert_eq!(gives(command.clone()), "taken", "{command}");
        assert_eq!(gives(command.clone()), once, "{command}");
    }
    for command in [
        json!({"type": "resume"}),
        json!({"type": "cancel", "testId": "t"}),
        json!({"type": "cancel", "target": {"producer": "w1"}}),
        json!({"type": "take_control"}),
    ] {
        assert_eq!(gives(command.clone()), "too_many_commands", "{command}");
    }
}

#[test]
fn what_a_command_expects_must_hold() {
    let mut run = TestRun::with_workers(&["w"]);
    run.post("w", json!({"type": "ai_stuck", "askId": "a", "needs": "text"}));
    let expects = |expect: Value| json!({"type": "step", "expect": expect});
    run.command(&person("ann"), expects(json!({"askId": "a", "target": {"producer": "w"}}))).unwrap();
    assert_eq!(run.last()["expect"]["askId"], "a");
    let refused = run.command(&person("ann"), expects(json!({"askId": "b", "target": {"producer": "x"}}))).unwrap_err();
    assert_eq!(
        (refused.code(), &refused.details()[0].1),
        ("expectation_failed", &json!({"askId": null, "target": null}))
    );
    run.command(&person("ann"), json!({"type": "answer", "askId": "a", "value": 1})).unwrap();
    let refused = run.command(&person("ann"), expects(json!({"askId": "a"}))).unwrap_err();
    assert_eq!(refused.details()[0].1, json!({"askId": "answered"}));
    let command = json!({"type": "step", "commandId": run.id(), "expect": {"status": "running"}}).to_string().into();
    let observed = Observed { unmet: vec![("status", json!("paused"))], producer: None };
    let refused =
        run.ask(&ControlRequest::Command(CommandRequest { command, by: person("ann"), observed })).unwrap_err();
    assert_eq!(refused.details()[0].1, json!({"status": "paused"}));
}

#[test]
fn a_full_run_is_paused_and_let_go_on_in_turn_but_not_for_ever() {
    let mut run = TestRun::with_workers(&["w"]);
    run.limits.max_events = 1;
    for _ in 0..501 {
        run.command(&person("ann"), json!({"type": "pause"})).unwrap();
        if run.command(&person("ann"), json!({"type": "resume"})).is_err() {
            return;
        }
    }
    panic!("pauses and resumes without end");
}

/// Without an index of what each event may change this takes a minute, and every worker's poll seconds.
#[test]
fn thousands_of_commands_that_are_open_slow_nothing() {
    let mut run = TestRun::with_workers(&["w"]);
    let began = std::time::Instant::now();
    let (at, until) = (run.now, run.now.plus_millis(3_600_000));
    for number in 0..10_000 {
        let id = run.id();
        let what = match number % 2 {
            0 => json!({"type": "step_requested", "expiresAt": until}),
            _ => json!({"type": "instructions_updated", "instructions": "be quick", "mode": "append"}),
        };
        let mut event = json!({"at": at, "commandId": id, "by": {"subject": "ann", "kind": "human"}, "digest": "0"});
        event.as_object_mut().unwrap().extend(what.as_object().unwrap().clone());
        run.fold(&event.to_string());
    }
    run.command(&person("ann"), json!({"type": "pause"})).unwrap();
    let poll = PollRequest { producer: Some("w".into()), after: None, max_bytes: 1_000 };
    let Ok(Answer::Commands(told)) = run.ask(&ControlRequest::Poll(poll)) else { panic!() };
    assert!(told.more && told.commands[0].event.get().contains("pause_requested"));
    assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
}
