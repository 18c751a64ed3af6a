//! A whole story: the log that it leaves, and what is shown of it.

use super::*;

/// The log, and what is shown of it.
const STORY: &str = include_str!("story.json");

/// Two people and two workers: control, a pause, a click by hand, an override, a question, and on.
fn story() -> TestRun {
    let mut run = TestRun::new();
    let (ann, bob) = (person("ann"), person("bob"));
    for (worker, current) in [("w1", 1), ("w2", 2)] {
        let shard = json!({"current": current, "total": 2});
        run.post(
            worker,
            json!({"type": "worker", "state": "joined", "slots": 1, "variant": "chromium", "shard": shard}),
        );
        run.pass(10);
    }
    run.command(&ann, json!({"type": "take_control"})).unwrap();
    let pause = run.command(&ann, json!({"type": "pause", "maxSecs": 300})).unwrap().command_id;
    for worker in ["w1", "w2"] {
        run.pass(100);
        run.report(worker, &pause, "done");
    }
    let click = json!({
        "type": "manual_action", "action": {"action": "click", "point": {"x": 10, "y": 20.5}, "description": "accept"},
        "target": {"slot": {"producer": "w1", "slot": 0}},
    });
    let click = run.command(&ann, click).unwrap().command_id;
    let claim = run.claim("w1", "key", &click).unwrap().claim;
    assert_eq!(code(run.claim("w2", "key", &click)), "command_claimed");
    run.pass(1_000);
    run.post(
        "w1",
        json!({
            "type": "command_status", "commandId": &*click, "status": "done", "claim": claim.to_string(),
                "result": {"url": "/next"},
        }),
    );
    let over = json!({"type": "step_override", "action": {"type": "pass"}, "target": {"producer": "w2"}});
    run.command(&ann, over).unwrap();
    assert_eq!(code(run.command(&bob, json!({"type": "resume"}))), "lease_held");
    run.command(&ann, json!({"type": "resume"})).unwrap();
    run.post(
        "w2",
        json!({
            "type": "ai_stuck", "askId": "which", "needs": "choice", "message": "Which button?", "expiresInSecs": 120,
            "candidates": [{"id": "c1", "label": "Buy", "selector": "#buy"},
                {"id": "c2", "label": "Sell", "selector": "#sell"}],
            "onTimeout": {"action": "skip"},
        }),
    );
    run.pass(60_001);
    run.see(Sign::Subject("ann".into()), Seen::At(Timestamp::from_millis(START)));
    run.command(&bob, json!({"type": "take_control"})).unwrap();
    run.command(&bob, json!({"type": "answer", "askId": "which", "candidateId": "c2"})).unwrap();
    run.post("w1", json!({"type": "ai_stuck", "askId": "login", "needs": "credential", "message": "Password?"}));
    assert_eq!(run.end_due(), ["command_expired"]);
    run
}

#[test]
fn a_story_is_folded_and_shown_as_it_always_was() {
    let run = story();
    let log: Vec<Value> = run.log.iter().map(|(_, event)| serde_json::from_str(event).unwrap()).collect();
    let found = serde_json::to_string_pretty(&json!({"log": log, "view": run.view()})).unwrap();
    assert!(found == STORY.trim_end(), "src/control/tests/story.json should be\n{found}");
}

#[test]
fn the_stored_log_of_a_story_is_folded_as_it_always_was() {
    let story: Value = serde_json::from_str(STORY).unwrap();
    let mut run = TestRun::new();
    (run.state, run.log) = (ControlState::default(), Vec::new());
    for event in story["log"].as_array().unwrap() {
        run.fold(&event.to_string());
    }
    assert_eq!(run.view(), story["view"]);
}
