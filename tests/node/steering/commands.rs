//! Commands: each becomes an event, once, and each refusal has its code, whichever way it came.

use serde_json::{Value, json};

use super::{begin, command, given, id, join, log, logged, post, said, watch, with_id};
use crate::support::TestNode;

/// One of each command that needs no question, with its event's type.
fn each() -> Vec<(Value, &'static str)> {
    vec![
        (json!({"type": "pause", "maxSecs": 60}), "pause_requested"),
        (json!({"type": "resume"}), "resume_requested"),
        (json!({"type": "hold", "when": "failure"}), "hold_requested"),
        (json!({"type": "update_instructions", "instructions": "look", "mode": "append"}), "instructions_updated"),
        (json!({"type": "step"}), "step_requested"),
        (json!({"type": "run_to", "location": "a.spec.ts:7"}), "run_to_requested"),
        (json!({"type": "manual_action", "action": {"action": "click", "selector": "#a"}}), "action_queued"),
        (json!({"type": "step_override", "action": {"type": "skip"}}), "step_override_queued"),
        (json!({"type": "replay_step", "stepNumber": 3}), "replay_step_requested"),
        (json!({"type": "take_control"}), "control_taken"),
        (json!({"type": "release_control"}), "control_released"),
        (json!({"type": "cancel", "reason": "enough"}), "cancel_requested"),
    ]
}

#[tokio::test]
async fn each_command_becomes_an_event_in_its_senders_name_by_http_and_by_websocket() {
    let node = TestNode::start(&[]);
    for (run, by_socket) in [("http", false), ("ws", true)] {
        join(&node, run, &["w1"]).await;
        let mut socket = watch(&node, run, "Ann").await;
        for (wanted, event) in each() {
            let wanted = with_id(wanted);
            let answer = match by_socket {
                true => said(&mut socket, &wanted).await,
                false => given(&node, run, "Ann", &wanted).await,
            };
            assert_eq!(answer["commandId"], wanted["commandId"], "{wanted}: {answer}");
            assert!(answer["state"].is_string() && answer["code"].is_null(), "{wanted}: {answer}");
            let stored = logged(&node, run, event).await;
            let [stored] = &stored[..] else { panic!("{wanted}: {stored:?}") };
            assert_eq!(stored["commandId"], wanted["commandId"], "{stored}");
            if event != "control_released" {
                let (via, by) = (if by_socket { "ws" } else { "http" }, &stored["by"]);
                assert_eq!((&by["subject"], &by["kind"], &by["via"]), (&json!("Ann"), &json!("human"), &json!(via)));
                assert_eq!(by["verified"], false, "{stored}");
            }
            let cursor = answer["cursor"].as_str().unwrap();
            let seq: usize = cursor.rsplit(':').next().unwrap().parse().unwrap();
            assert_eq!(log(&node, run).await[seq - 1]["commandId"], wanted["commandId"], "{answer}");
        }
    }
}

#[tokio::test]
async fn a_repeated_command_is_answered_as_the_first_time_and_another_with_its_id_is_a_conflict() {
    let mut node = TestNode::start(&[]);
    join(&node, "r", &["w1"]).await;
    let pause = json!({"type": "pause", "maxSecs": 60, "commandId": id()});
    let first = given(&node, "r", "Ann", &pause).await;
    let again = json!({"commandId": pause["commandId"], "maxSecs": 60, "type": "pause"});
    assert_eq!(given(&node, "r", "Ann", &again).await, first, "members in another order");
    let mut socket = watch(&node, "r", "Ann").await;
    let by_socket = said(&mut socket, &pause).await;
    assert_eq!((&by_socket["cursor"], &by_socket["state"]), (&first["cursor"], &first["state"]));
    let other = json!({"type": "pause", "maxSecs": 61, "commandId": pause["commandId"]});
    command(&node, "r", "Ann", &other).await.problem(409, "command_conflict");
    assert_eq!(said(&mut socket, &other).await["code"], "command_conflict");
    drop(socket);
    node.kill9();
    node.restart();
    assert_eq!(given(&node, "r", "Ann", &pause).await, first, "after a restart as well");
    assert_eq!(logged(&node, "r", "pause_requested").await.len(), 1);
    let made = [given(&node, "r", "Ann", &json!({"type": "hold", "when": "never"})).await["commandId"].clone()];
    assert!(made.iter().all(|id| id.as_str().is_some_and(|id| id.len() == 36)), "{made:?}");
}

#[tokio::test]
async fn what_is_no_command_is_refused_with_the_member_and_leaves_no_event() {
    let node = TestNode::start(&[]);
    join(&node, "r", &["w1"]).await;
    let before = log(&node, "r").await.len();
    let mut socket = watch(&node, "r", "Ann").await;
    let old = "01890000-0000-7000-8000-000000000000";
    for (wanted, field) in [
        (json!({"type": "pause", "maxSecs": "x"}), "maxSecs"),
        (json!({"type": "pause", "unknown": 1}), "unknown"),
        (json!({"type": "pause", "commandId": "x"}), "commandId"),
        (json!({"type": "pause", "commandId": old}), "commandId"),
        (json!({"type": "pause", "commandId": 7}), "commandId"),
        (json!({"type": "hold"}), "when"),
        (json!({"type": "hold", "when": "always"}), "when"),
        (json!({"type": "update_instructions", "mode": "append"}), "instructions"),
        (json!({"type": "manual_action"}), "action"),
        (json!({"type": "step", "expiresInSecs": 0}), "expiresInSecs"),
        (json!({"type": "step", "secretMac": "00"}), "secretMac"),
        (json!({"type": "run_to"}), "location"),
        (json!({"type": "extend", "askId": "q"}), "secs"),
    ] {
        let reply = command(&node, "r", "Ann", &wanted).await;
        let detail = reply.problem(400, "invalid_command");
        let named = reply.json()["field"].as_str().unwrap_or_default().to_owned();
        assert!(named.starts_with(field) && detail.contains(field), "{wanted}: {detail}");
        let told = said(&mut socket, &wanted).await;
        assert_eq!((&told["code"], &told["error"]), (&json!("invalid_command"), &json!(detail)), "{wanted}");
        assert_eq!(told["details"]["field"], named, "{wanted}: {told}");
    }
    for (body, field) in [("[]", None), ("", None), ("{\"type\":", None), ("{}", Some("type"))] {
        let reply = node.post("/api/runs/r/commands", &[("content-type", "application/json")], body).await;
        reply.problem(400, "invalid_command");
        assert_eq!(reply.json()["field"].as_str(), field, "{body:?}");
    }
    let unknown = command(&node, "r", "Ann", &json!({"type": "explode"})).await;
    unknown.problem(400, "invalid_command");
    assert_eq!(log(&node, "r").await.len(), before, "nothing was stored");
    node.post("/api/runs/r/commands", &[("content-type", "text/plain")], "{}")
        .await
        .problem(415, "unsupported_content_type");
}

#[tokio::test]
async fn a_command_is_16_kib_at_most() {
    let node = TestNode::start(&[]);
    join(&node, "r", &["w1"]).await;
    let long =
        |bytes: usize| json!({"type": "update_instructions", "mode": "append", "instructions": "x".repeat(bytes)});
    given(&node, "r", "Ann", &long(15 * 1024)).await;
    command(&node, "r", "Ann", &long(16 * 1024)).await.problem(413, "command_too_large");
    let mut socket = watch(&node, "r", "Ann").await;
    let told = said(&mut socket, &long(16 * 1024)).await;
    assert_eq!((&told["code"], told["error"].is_string()), (&json!("command_too_large"), true), "{told}");
}

#[tokio::test]
async fn a_run_that_is_not_there_or_has_ended_takes_no_command() {
    let node = TestNode::start(&[]);
    let mut unborn = watch(&node, "unborn", "Ann").await;
    command(&node, "unborn", "Ann", &json!({"type": "pause"})).await.problem(404, "run_not_found");
    assert_eq!(said(&mut unborn, &json!({"type": "pause"})).await["code"], "run_not_found");
    assert_eq!(node.get("/api/runs/unborn").await.status, 404, "a command creates nothing");
    begin(&node, "r").await;
    node.store("r", &[json!({"type": "run_status", "status": "passed"}).to_string()]).await;
    let mut socket = watch(&node, "r", "Ann").await;
    command(&node, "r", "Ann", &json!({"type": "pause"})).await.problem(409, "run_ended");
    assert_eq!(said(&mut socket, &json!({"type": "pause"})).await["code"], "run_ended");
}

#[tokio::test]
async fn an_act_needs_a_target_where_there_are_several_workers() {
    let node = TestNode::start(&[]);
    join(&node, "r", &["w1", "w2"]).await;
    let test = json!({"type": "test_status", "testId": "t", "status": "running", "data": {"workerIndex": 3}});
    post(&node, "r", "w2", 3, &[test]).await;
    let needed = command(&node, "r", "Ann", &json!({"type": "step"})).await;
    needed.problem(409, "target_needed");
    let producers = needed.json()["producers"].clone();
    assert_eq!(producers.as_array().map(Vec::len), Some(2), "{producers}");
    let step = |target: Value| json!({"type": "step", "target": target});
    for unknown in [
        json!({"producer": "w3"}),
        json!({"testId": "other"}),
        json!({"slot": {"producer": "w2", "slot": 4}}),
        json!({"slot": {"producer": "w3", "slot": 0}}),
    ] {
        command(&node, "r", "Ann", &step(unknown)).await.problem(409, "target_unknown");
    }
    for known in [json!({"producer": "w2"}), json!({"testId": "t"}), json!({"slot": {"producer": "w2", "slot": 3}})] {
        let answer = given(&node, "r", "Ann", &step(known.clone())).await;
        let of_w2 = super::polled(&node, "r", "w2", "").await;
        let ids: Vec<_> =
            of_w2["commands"].as_array().unwrap().iter().map(|c| c["event"]["commandId"].clone()).collect();
        assert!(ids.contains(&answer["commandId"]), "{known}: {of_w2}");
        assert_eq!(super::types(&super::polled(&node, "r", "w1", "").await), [""; 0], "{known}");
    }
}

#[tokio::test]
async fn a_command_that_expects_the_run_to_be_otherwise_is_refused_with_how_it_is() {
    let node = TestNode::start(&[]);
    join(&node, "r", &["w1"]).await;
    let events = [
        json!({"type": "test_status", "testId": "t", "status": "running"}),
        json!({"type": "test_step", "testId": "t", "step": {"stepNumber": 7, "stepId": "s7"}}),
    ];
    post(&node, "r", "w1", 3, &events).await;
    let mut socket = watch(&node, "r", "Ann").await;
    for (expect, state) in [
        (json!({"status": "passed"}), json!({"status": "running"})),
        (json!({"testId": "t", "stepNumber": 8}), json!({"stepNumber": 7})),
        (json!({"testId": "t", "stepId": "s8"}), json!({"stepId": "s7"})),
        (json!({"testId": "x"}), json!({"testId": null})),
    ] {
        let step = json!({"type": "step", "expect": expect});
        let refused = command(&node, "r", "Ann", &step).await;
        refused.problem(409, "expectation_failed");
        assert_eq!(refused.json()["state"], state, "{step}");
        let told = said(&mut socket, &step).await;
        assert_eq!((&told["code"], &told["details"]["state"]), (&json!("expectation_failed"), &state), "{told}");
    }
    assert!(logged(&node, "r", "step_requested").await.is_empty());
    let expect = json!({"testId": "t", "stepNumber": 7, "stepId": "s7", "status": "running"});
    given(&node, "r", "Ann", &json!({"type": "step", "expect": expect})).await;
    assert_eq!(logged(&node, "r", "step_requested").await[0]["expect"], expect, "the worker looks again");
}
