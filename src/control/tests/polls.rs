//! What producers are told, and in which order.

use super::*;

#[test]
fn the_most_urgent_comes_first() {
    let mut run = TestRun::with_workers(&["w"]);
    let ann = person("ann");
    run.post("w", json!({"type": "ai_stuck", "askId": "a", "needs": "text"}));
    let step = run.command(&ann, json!({"type": "step"})).unwrap().command_id;
    run.command(&ann, json!({"type": "hold", "when": "failure"})).unwrap();
    run.command(&ann, json!({"type": "answer", "askId": "a", "value": "x"})).unwrap();
    run.command(&ann, json!({"type": "withdraw", "withdraws": &*step})).unwrap();
    run.command(&ann, json!({"type": "step"})).unwrap();
    run.command(&ann, json!({"type": "pause", "maxSecs": 60, "target": {"producer": "w"}})).unwrap();
    run.command(&ann, json!({"type": "cancel", "testId": "t"})).unwrap();
    let want = [
        "cancel_requested",
        "pause_requested",
        "command_withdrawn",
        "ask_answered",
        "hold_requested",
        "step_requested",
    ];
    assert_eq!(run.told("w", None), want);
    run.pass(10_000);
    let told = run.poll("w", None);
    let left: Vec<_> = told.commands.iter().map(|entry| entry.left_ms).collect();
    assert_eq!(left, [None, Some(50_000), None, None, None, Some(50_000)]);
    assert_eq!((told.cursor, told.more, told.reset), (run.state.cursor(), false, false));
    run.pass(50_000);
    assert!(!run.told("w", None).contains(&"step_requested".to_owned()), "it is too late");
}

#[test]
fn what_was_acknowledged_is_not_told_again_and_what_did_not_fit_is() {
    let mut run = TestRun::with_workers(&["w"]);
    let ids: Vec<_> = (0..5).map(|_| run.command(&person("ann"), json!({"type": "step"})).unwrap()).collect();
    assert_eq!(run.poll("w", Some(ids[2].cursor)).commands.len(), 2);
    let mut after = None;
    let mut seen = Vec::new();
    for _ in 0..10 {
        let told = run.poll_bytes("w", after, 1);
        assert_eq!(told.commands.len(), usize::from(seen.len() < 5), "always one");
        seen.extend(told.commands.iter().map(|entry| entry.cursor));
        after = told.cursor;
        if !told.more {
            break;
        }
    }
    assert_eq!(seen, ids.iter().map(|given| given.cursor).collect::<Vec<_>>());
    assert!(run.poll("w", after).commands.is_empty());
}

#[test]
fn a_place_that_may_be_lost_is_told_everything_that_is_open() {
    let mut run = TestRun::with_workers(&["w"]);
    run.command(&person("ann"), json!({"type": "step"})).unwrap();
    let at = |epoch, seq| Some(Cursor { epoch, seq });
    let end = run.log.len() as u64;
    for after in [at(Some(Epoch(6)), 3), at(Some(Epoch(9)), 1), at(Some(Epoch(7)), end + 1)] {
        let told = run.poll("w", after);
        assert!(told.reset && told.commands.len() == 1, "{after:?}");
    }
    for after in [at(Some(Epoch(7)), end), at(None, end)] {
        let told = run.poll("w", after);
        assert!(!told.reset && told.commands.is_empty(), "{after:?}");
    }
    assert!(!run.poll("w", at(None, 0)).reset);
}

#[test]
fn a_worker_that_missed_more_answers_than_are_kept_is_told_so() {
    let mut run = TestRun::with_workers(&["w"]);
    for index in 0..201 {
        let id = format!("a{index}");
        run.post("w", json!({"type": "ai_stuck", "askId": id, "needs": "text"}));
        run.command(&person("ann"), json!({"type": "answer", "askId": id, "value": 1})).unwrap();
    }
    assert!(run.poll("w", Some(Cursor { epoch: Some(Epoch(7)), seq: 3 })).reset);
    assert!(!run.poll("w", Some(Cursor { epoch: Some(Epoch(7)), seq: 5 })).reset);
}

#[test]
fn whoever_has_not_joined_among_workers_is_told_nothing() {
    let mut run = TestRun::new();
    run.command(&person("ann"), json!({"type": "pause"})).unwrap();
    assert_eq!(run.told("x", None), ["pause_requested"], "without workers anybody may obey");
    run.post("w", json!({"type": "worker", "state": "joined"}));
    assert!(run.told("x", None).is_empty());
    assert_eq!(run.told("w", None), ["pause_requested"]);
}
