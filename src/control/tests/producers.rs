//! Producers: who is there, who is silent, and the run's end.

use super::*;

#[test]
fn one_that_is_not_heard_is_silent_then_lost_and_what_it_did_ends() {
    let mut run = TestRun::with_workers(&["w"]);
    let sign = Sign::Producer("w".into());
    let heard = run.now;
    run.pass(120_000);
    let Decision::NeedSigns(signs) = run.state.decide(&ControlRequest::Due, &run.facts()) else { panic!() };
    assert_eq!(signs, std::slice::from_ref(&sign));
    run.see(sign.clone(), Seen::Unknown);
    assert!(run.end_due().is_empty(), "it can't be known");
    run.see(sign.clone(), Seen::At(heard.plus_millis(1)));
    assert!(run.end_due().is_empty());
    run.pass(1);
    assert_eq!(run.end_due(), ["producer_status:silent"]);
    assert_eq!(run.view()["producers"][0]["state"], "silent");
    run.see(sign.clone(), Seen::At(run.now.plus_millis(1)));
    run.pass(60_000);
    assert_eq!(run.end_due(), ["producer_status:back"]);
    let id = run.command(&person("ann"), json!({"type": "step"})).unwrap().command_id;
    run.claim("w", "k", &id).unwrap();
    run.post("w", json!({"type": "ai_stuck", "askId": "a", "needs": "text", "expiresInSecs": 86_400}));
    run.limits.lost_ms = 100_000;
    run.limits.silent_ms = 50_000;
    run.pass(100_000);
    assert_eq!(run.end_due(), ["command_status:interrupted", "ask_expired:interrupted", "producer_status:lost"]);
    assert_eq!(run.state_of(&id), CommandState::Interrupted);
    assert_eq!((&run.view()["producers"][0]["state"], run.due), (&json!("lost"), None));
    run.post("w", json!({"type": "command_status", "commandId": "x", "status": "done"}));
    assert_eq!(run.view()["producers"][0]["state"], "lost", "unless it joins anew");
    assert_eq!(run.status, Some(RunStatus::Running), "it ends nothing");
}

#[test]
fn whoever_is_paused_or_holds_a_test_open_is_not_silent() {
    for command in [json!({"type": "pause"}), json!({"type": "hold", "when": "failure"})] {
        let mut run = TestRun::with_workers(&["w"]);
        run.command(&person("ann"), command).unwrap();
        run.pass(899_999);
        assert!(run.end_due().is_empty());
        for command in [json!({"type": "resume"}), json!({"type": "hold", "when": "never"})] {
            run.command(&person("ann"), command).unwrap();
        }
        run.see(Sign::Producer("w".into()), Seen::At(run.now.plus_millis(-899_999)));
        run.pass(119_999);
        assert!(run.end_due().is_empty(), "silence counts anew");
    }
}

#[test]
fn a_hold_has_no_end_and_whoever_dies_under_it_is_given_up_all_the_same() {
    let mut run = TestRun::with_workers(&["w"]);
    run.command(&person("ann"), json!({"type": "hold", "when": "failure"})).unwrap();
    run.see(Sign::Producer("w".into()), Seen::At(run.now));
    let silent_after = 3_600_000 + 120_000;
    assert_eq!(run.due, Some(run.now.plus_millis(silent_after)));
    run.pass(silent_after - 1);
    assert!(run.end_due().is_empty(), "it may hold a test open for as long as a run may be paused");
    run.pass(1);
    assert_eq!(run.end_due(), ["producer_status:silent"]);
    run.pass(900_000 - 120_000);
    assert_eq!(run.end_due(), ["producer_status:lost"]);
    assert_eq!(run.due, None);
}

#[test]
fn a_shard_that_is_taken_over_waits_for_its_new_producer_alone() {
    for lost in [false, true] {
        let mut run = TestRun::new();
        let joined = json!({"type": "worker", "state": "joined", "shard": {"current": 1, "total": 1}});
        run.post("w", joined.clone());
        run.post("w", json!({"type": "run_status", "status": "failing"}));
        if lost {
            run.pass(900_000);
            run.see(Sign::Producer("w".into()), Seen::At(run.now.plus_millis(-900_000)));
            assert_eq!(run.end_due(), ["producer_status:lost"]);
        }
        run.post("x", joined);
        assert_eq!(run.view()["producers"][0]["state"], "left", "lost before: {lost}");
        assert_eq!(run.status, Some(RunStatus::Running));
        run.post("x", json!({"type": "run_status", "status": "passed"}));
        assert_eq!(run.status, Some(RunStatus::Passed));
    }
}

#[test]
fn a_cancel_that_only_those_obey_who_are_gone_is_carried_out_by_the_server() {
    let mut run = TestRun::with_workers(&["gone", "stays"]);
    let id = run.command(&person("ann"), json!({"type": "cancel"})).unwrap().command_id;
    run.report("gone", &id, "accepted");
    run.pass(60_000);
    assert!(run.end_due().is_empty(), "it is left to the one that obeys");
    run.post("gone", json!({"type": "worker", "state": "left"}));
    assert_eq!(run.end_due(), ["run_status:cancelled"]);
    assert_eq!(run.status, Some(RunStatus::Cancelled));
}

#[test]
fn shards_that_never_join_are_given_up_after_the_last_that_did_has_ended() {
    let mut run = TestRun::new();
    run.post("w", json!({"type": "worker", "state": "joined", "shard": {"current": 1, "total": 2}}));
    run.post("w", json!({"type": "run_status", "status": "passed"}));
    assert_eq!(run.status, Some(RunStatus::Running));
    run.pass(899_999);
    assert!(run.end_due().is_empty());
    assert_eq!(run.due, Some(run.now.plus_millis(1)));
    run.pass(1);
    let Decision::Store(changes) = run.state.decide(&ControlRequest::Due, &run.facts()) else { panic!() };
    assert!(changes.gives_up_shards && changes.due.is_none() && changes.status.is_none());
    assert_eq!(run.end_due(), ["shards_given_up"]);
    assert_eq!(run.status, Some(RunStatus::Passed));
}

#[test]
fn a_run_is_finished_on_somebodys_word() {
    let finish = |run: &mut TestRun, status| match run.ask(&ControlRequest::Finish(status)) {
        Ok(Answer::Finished(status)) => Ok(status),
        Err(error) => Err(error),
        other => panic!("{other:?}"),
    };
    let mut run = TestRun::with_workers(&["w1", "w2"]);
    run.post("w1", json!({"type": "run_status", "status": "failed"}));
    assert_eq!(code(finish(&mut run, Some(RunStatus::Running))), "invalid_command");
    assert_eq!(finish(&mut run, None).unwrap(), RunStatus::Failed);
    assert_eq!(finish(&mut run, Some(RunStatus::Passed)).unwrap(), RunStatus::Failed, "it is finished");
    assert!(
        run.view()["producers"].as_array().unwrap().iter().all(|worker| worker["state"] != "joined"),
        "{}",
        run.view()
    );
    let mut run = TestRun::with_workers(&["w"]);
    assert_eq!(finish(&mut run, None).unwrap(), RunStatus::Interrupted);
    assert_eq!(run.view()["producers"][0]["status"], "interrupted");
    let mut run = TestRun::new();
    assert_eq!(finish(&mut run, Some(RunStatus::Passed)).unwrap(), RunStatus::Passed);
    run.log.clear();
    assert_eq!(code(finish(&mut run, None)), "run_not_found");
}

#[test]
fn questions_of_one_that_has_left_end_and_those_of_nobody_in_particular_do_not() {
    let mut run = TestRun::new();
    run.post("", json!({"type": "ai_stuck", "askId": "a", "needs": "text"}));
    run.post("w", json!({"type": "worker", "state": "joined"}));
    run.post("w", json!({"type": "ai_stuck", "askId": "b", "needs": "text"}));
    run.post("v", json!({"type": "worker", "state": "joined"}));
    run.post("w", json!({"type": "worker", "state": "left"}));
    let view = run.view();
    assert_eq!((view["asks"].as_array().unwrap().len(), &view["asks"][0]["askId"]), (1, &json!("a")));
}

#[test]
fn a_second_producer_of_a_variant_counts_under_another_name_and_is_told_so() {
    let mut run = TestRun::new();
    let joined = json!({"type": "worker", "state": "joined", "variant": "linux"});
    for producer in ["a", "b"] {
        run.post(producer, joined.clone());
    }
    run.post("c", json!({"type": "worker", "state": "joined"}));
    let names = |run: &TestRun| {
        let view = run.view();
        view["producers"].as_array().unwrap().iter().map(|producer| producer["variant"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(&run), [json!("linux"), json!("linux#2"), Value::Null]);
    let told = |run: &TestRun| ["a", "b", "c", "x"].map(|id| run.poll(id, None).variant.map(|name| name.to_string()));
    assert_eq!(told(&run), [None, Some("linux#2".to_owned()), None, None]);
    run.pass(900_000);
    for producer in ["a", "b", "c"] {
        run.see(
            Sign::Producer(producer.into()),
            Seen::At(run.now.plus_millis(if producer == "a" { -900_000 } else { 0 })),
        );
    }
    assert_eq!(run.end_due(), ["producer_status:lost"]);
    run.post("d", joined);
    assert_eq!(names(&run)[3], "linux", "the first that had this name is lost");
}
