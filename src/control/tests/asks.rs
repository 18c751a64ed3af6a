//! Questions: each ends exactly once.

use super::*;

fn stuck(id: &str) -> Value {
    json!({
        "type": "ai_stuck", "askId": id, "needs": "choice", "message": "which?", "expiresInSecs": 60,
        "candidates": [{"id": "c1", "label": "a"}, {"id": "c2", "label": "b"}],
        "onTimeout": {"action": "continue", "value": {"id": "c1"}},
    })
}

#[test]
fn the_first_answer_wins_and_the_other_is_told_who_gave_it() {
    let mut run = TestRun::with_workers(&["w"]);
    run.post("w", stuck("a"));
    let shown = run.view()["asks"][0].clone();
    assert_eq!(shown["event"]["candidates"][1]["label"], "b");
    assert_eq!(shown["expiresAt"], json!(run.now.plus_millis(60_000)));
    let answer = |candidate: &str| json!({"type": "answer", "askId": "a", "candidateId": candidate});
    assert_eq!(code(run.command(&person("ann"), answer("c3"))), "invalid_command");
    let given = run.command(&person("ann"), answer("c2")).unwrap();
    assert_eq!(given.state, CommandState::Done);
    assert_eq!(run.last()["resolution"], "resolved");
    let refused = run.command(&person("bob"), answer("c1")).unwrap_err();
    assert_eq!((refused.code(), &refused.details()[1].1["name"]), ("already_answered", &json!("ann")));
    assert_eq!(code(run.command(&person("bob"), json!({"type": "answer", "askId": "x", "value": 1}))), "ask_unknown");
    assert_eq!(run.told("w", None), ["ask_answered"]);
    run.report("w", &given.command_id, "done");
    assert!(run.told("w", None).is_empty(), "acknowledged");
    run.post("w", stuck("a"));
    assert_eq!(run.view()["asks"], json!([]), "a repeat opens nothing");
}

#[test]
fn at_its_time_it_ends_as_its_producer_announced() {
    let mut run = TestRun::with_workers(&["w"]);
    run.post("w", stuck("a"));
    run.pass(59_999);
    assert!(run.end_due().is_empty());
    run.pass(1);
    assert_eq!(run.end_due(), ["ask_expired:timeout"]);
    assert_eq!((&run.last()["action"], &run.last()["value"]), (&json!("continue"), &json!({"id": "c1"})));
    assert!(run.end_due().is_empty());
    assert_eq!(
        code(run.command(&person("ann"), json!({"type": "answer", "askId": "a", "candidateId": "c1"}))),
        "already_answered"
    );
    assert_eq!(run.told("w", None), ["ask_expired"]);
}

#[test]
fn an_answer_that_comes_too_late_ends_the_question_and_is_refused() {
    let mut run = TestRun::with_workers(&["w"]);
    run.post("w", stuck("a"));
    run.pass(60_000);
    let answer = run.request(&person("ann"), json!({"type": "answer", "askId": "a", "candidateId": "c1"}));
    assert_eq!(code(run.ask(&answer)), "already_answered");
    assert_eq!(run.last()["type"], "ask_expired");
}

#[test]
fn it_can_be_extended_from_now_but_never_beyond_a_day() {
    let mut run = TestRun::with_workers(&["w"]);
    run.post("w", stuck("a"));
    let begun = run.now;
    run.pass(50_000);
    let extend = |secs: u64| json!({"type": "extend", "askId": "a", "secs": secs});
    run.command(&person("ann"), extend(5)).unwrap();
    assert_eq!(run.last()["expiresAt"], json!(begun.plus_millis(60_000)), "more time is never less");
    run.command(&person("ann"), extend(300)).unwrap();
    assert_eq!(run.due, Some(run.now.plus_millis(70_000)).min(run.due), "the worker's silence may come first");
    run.pass(10_000);
    assert!(run.end_due().is_empty());
    run.command(&person("ann"), extend(86_400)).unwrap();
    assert_eq!(run.last()["expiresAt"], json!(begun.plus_millis(86_400_000)));
    assert_eq!(code(run.command(&person("ann"), extend(86_401))), "invalid_command");
}

#[test]
fn one_that_waits_ends_with_the_run_and_one_that_was_asked_long_ago_opens_nothing() {
    let mut run = TestRun::with_workers(&["w"]);
    let mut event = stuck("a");
    event["onTimeout"] = json!({"action": "wait"});
    run.post("w", event);
    event = stuck("old");
    event["timestamp"] = json!(run.now.plus_millis(-700_000));
    run.post("w", event);
    assert_eq!(run.view()["asks"].as_array().unwrap().len(), 1);
    run.see(Sign::Producer("w".into()), Seen::Unknown);
    run.pass(10_000_000);
    assert!(run.end_due().is_empty());
    run.command(&person("ann"), json!({"type": "answer", "askId": "a", "resolution": "cancelled"})).unwrap();
    assert_eq!(run.last()["resolution"], "cancelled");
}

#[test]
fn a_credential_is_fetched_by_the_producer_that_asked_and_asked_for_anew_if_it_is_lost() {
    let mut run = TestRun::with_workers(&["w", "v"]);
    run.post("w", json!({"type": "ai_stuck", "askId": "p", "needs": "credential"}));
    let plain = run.command(&person("ann"), json!({"type": "answer", "askId": "p", "value": "pw"})).unwrap_err();
    assert_eq!(plain, ControlError::SecretNeeded);
    let answer = json!({"type": "answer", "askId": "p", "secretMac": "mac"});
    let given = run.command(&person("ann"), answer.clone()).unwrap();
    assert_eq!((given.state, &run.last()["secret"]), (CommandState::Queued, &json!(true)));
    assert!(!run.last().to_string().contains("mac"));
    assert_eq!(run.told("w", None), ["ask_answered"]);
    assert_eq!(code(run.claim("v", "k", &given.command_id)), "target_unknown");
    assert!(run.claim("w", "k", &given.command_id).unwrap().has_secret);
    run.ask(&ControlRequest::SecretLost(given.command_id.clone())).unwrap();
    assert_eq!((&run.last()["type"], &run.last()["reason"]), (&json!("ask_reopened"), &json!("secret_lost")));
    assert_eq!(run.state_of(&given.command_id), CommandState::Interrupted);
    assert_eq!(run.view()["asks"][0]["askId"], "p");
    let again = run.command(&person("ann"), answer).unwrap();
    run.claim("w", "k", &again.command_id).unwrap();
    run.report("w", &again.command_id, "done");
    assert_eq!(run.state_of(&again.command_id), CommandState::Done);
    run.ask(&ControlRequest::SecretLost(again.command_id)).unwrap();
    assert_eq!(run.view()["asks"], json!([]));
}

#[test]
fn a_question_that_opens_nothing_is_named_and_one_that_is_said_again_is_not() {
    let mut run = TestRun::with_workers(&["w", "x"]);
    let ask = |id: &str| json!({"type": "ai_stuck", "askId": id, "needs": "text"});
    let mut ignored = |producer: &str, event: Value| {
        let at = run.post(producer, event);
        let request = ReportsRequest { producer: Some(producer.into()), seqs: (at.seq, at.seq) };
        let Ok(Answer::Ignored(ignored)) = run.ask(&ControlRequest::Reports(request)) else { panic!() };
        ignored.iter().map(|id| id.to_string()).collect::<Vec<_>>()
    };
    assert!(ignored("w", ask("a")).is_empty());
    assert!(ignored("w", ask("a")).is_empty(), "it is open");
    assert_eq!(ignored("x", ask("a")), ["a"], "it is another's");
    let mut old = ask("old");
    old["timestamp"] = json!("2020-01-01T00:00:00.000Z");
    assert_eq!(ignored("w", old), ["old"]);
    ignored("w", json!({"type": "worker", "state": "left"}));
    assert_eq!(ignored("w", ask("b")), ["b"], "it has left");
    assert_eq!(ignored("x", ask("a")), ["a"], "it has ended");
}
