//! The worker's side: what it learns, what it claims, what it reports.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{claim, given, join, logged, polled, post, post_with, types};
use crate::support::{SOON, TestNode, eventually, numbered, soon};

const KEY: &str = "000102030405060708090a0b0c0d0e0f";

#[tokio::test]
async fn a_worker_learns_of_commands_with_each_answer_and_what_it_has_acknowledged_does_not_come_again() {
    let node = TestNode::start(&[]);
    join(&node, "r", &["w1"]).await;
    given(&node, "r", "Ann", &json!({"type": "hold", "when": "failure"})).await;
    let step = given(&node, "r", "Ann", &json!({"type": "step"})).await;
    given(&node, "r", "Ann", &json!({"type": "pause"})).await;
    let log = json!({"type": "log", "text": "on"});
    let answer = post(&node, "r", "w1", 3, std::slice::from_ref(&log)).await;
    assert_eq!(types(&answer), ["pause_requested", "hold_requested", "step_requested"], "the most urgent first");
    let left: Vec<_> = answer["commands"].as_array().unwrap().iter().map(|entry| entry["leftMs"].as_u64()).collect();
    assert!(left[1].is_none() && left[2].is_some_and(|ms| (1..=60_000).contains(&ms)), "{answer}");
    assert_eq!(answer["commands"][2]["cursor"], step["cursor"]);
    let after = answer["commandsCursor"].as_str().unwrap().to_owned();
    let acknowledged = [("runcast-commands-after", after.as_str())];
    let answer = post_with(&node, "r", "w1", 4, std::slice::from_ref(&log), &acknowledged).await;
    assert_eq!((types(&answer), answer["moreCommands"].is_null()), (vec![], true));
    assert!(types(&polled(&node, "r", "w1", &format!("after={after}")).await).is_empty());
    given(&node, "r", "Ann", &json!({"type": "resume"})).await;
    let answer = post_with(&node, "r", "w1", 5, &[log], &acknowledged).await;
    assert_eq!(types(&answer), ["resume_requested"]);
    let reply = node.get("/api/runs/r/commands?after=x").await;
    reply.problem(400, "invalid_after");
    let bad = [("runcast-commands-after", "x")];
    node.post_ndjson("r", &numbered(1, 1, 0), &bad).await.problem(400, "invalid_after");
}

#[tokio::test]
async fn an_answer_without_an_acknowledgement_is_small_and_says_that_there_is_more() {
    let node = TestNode::start(&[]);
    join(&node, "r", &["w1"]).await;
    for _ in 0..12 {
        let action = json!({"action": "fill", "selector": "#a", "value": "x".repeat(2_000)});
        given(&node, "r", "Ann", &json!({"type": "manual_action", "action": action})).await;
    }
    let log = json!({"type": "log"});
    let answer = post(&node, "r", "w1", 3, std::slice::from_ref(&log)).await;
    let few = types(&answer).len();
    assert!((1..4).contains(&few) && answer["moreCommands"] == true, "{few}");
    let all = post_with(&node, "r", "w1", 4, &[log], &[("runcast-commands-after", "0")]).await;
    assert_eq!(types(&all).len(), 12);
    let polled = polled(&node, "r", "w1", "").await;
    assert_eq!(types(&polled).len(), 12);
}

#[tokio::test]
async fn a_run_that_was_never_steered_has_no_commands() {
    let node = TestNode::start(&[]);
    let answer = node.store("r", &numbered(1, 1, 0)).await;
    assert_eq!(answer["commands"], json!([]));
    for absent in ["moreCommands", "commandsCursor", "ignored"] {
        assert!(answer[absent].is_null(), "{answer}");
    }
}

#[tokio::test]
async fn a_long_poll_ends_with_a_command_with_its_time_or_with_the_drain() {
    let mut node = TestNode::start(&[]);
    join(&node, "r", &["w1"]).await;
    let after = polled(&node, "r", "w1", "").await["cursor"].as_str().unwrap().to_owned();
    let waiting = format!("after={after}&wait=25");
    let (polled_in, ()) = tokio::join!(polled(&node, "r", "w1", &waiting), async {
        // Other events do not end it.
        node.store("r", &numbered(1, 3, 0)).await;
        given(&node, "r", "Ann", &json!({"type": "pause"})).await;
    });
    assert_eq!(types(&polled_in), ["pause_requested"]);
    let after = polled_in["cursor"].as_str().unwrap().to_owned();
    let begun = Instant::now();
    assert!(types(&polled(&node, "r", "w1", &format!("after={after}&wait=1")).await).is_empty());
    assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
    node.get("/api/runs/r/commands?wait=26").await.problem(400, "invalid_wait");

    let waiting = format!("after={after}&wait=25");
    let begun = Instant::now();
    let mut answer = Box::pin(polled(&node, "r", "w1", &waiting));
    assert!(tokio::time::timeout(Duration::from_millis(300), &mut answer).await.is_err(), "it waits");
    node.ask_to_stop();
    assert!(types(&soon("the end of the poll", &mut answer).await).is_empty());
    drop(answer);
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    node.ended().await.assert_clean(false);
}

#[tokio::test]
async fn one_of_two_workers_gets_an_act_and_gets_it_again() {
    let node = TestNode::start(&[]);
    join(&node, "r", &["w1", "w2"]).await;
    for round in 0..4 {
        let step = json!({"type": "step", "target": {"producer": "w1"}});
        let wanted = given(&node, "r", "Ann", &step).await["commandId"].as_str().unwrap().to_owned();
        let keys = [KEY, "AAECAwQFBgcICQoLDA0OEA"];
        let replies = join_all(keys.map(|key| claim(&node, "r", &wanted, "w1", key))).await;
        let got: Vec<_> = replies.iter().filter(|reply| reply.status == 200).collect();
        assert_eq!(got.len(), 1, "round {round}: {replies:?}");
        let refused = replies.iter().position(|reply| reply.status != 200).unwrap();
        replies[refused].problem(409, "command_claimed");
        let again = claim(&node, "r", &wanted, "w1", keys[1 - refused]).await;
        assert_eq!((again.status, again.json()), (200, got[0].json()), "its own key");
        assert_eq!(got[0].json()["command"]["commandId"], *wanted);
        claim(&node, "r", &wanted, "w2", KEY).await.problem(409, "command_claimed");
    }
    let accepted = logged(&node, "r", "command_status").await;
    assert_eq!(accepted.len(), 4, "{accepted:?}");
    assert!(!format!("{accepted:?}").contains(KEY), "a digest of the key at most");
    claim(&node, "r", "01890000-0000-7000-8000-000000000000", "w1", KEY).await.problem(404, "command_unknown");
    for key in ["", "x", "0001"] {
        claim(&node, "r", "c", "w1", key).await.problem(400, "invalid_claim_key");
    }
    let no_name = node.post("/api/runs/r/commands/c/claim", &[("runcast-claim-key", KEY)], "").await;
    no_name.problem(400, "invalid_producer");
}

#[tokio::test]
async fn a_report_under_the_claim_ends_an_act_and_one_that_changes_nothing_is_named() {
    let node = TestNode::start(&[]);
    join(&node, "r", &["w1", "w2"]).await;
    let step = json!({"type": "step", "target": {"producer": "w1"}});
    let wanted = given(&node, "r", "Ann", &step).await["commandId"].clone();
    let claimed = claim(&node, "r", wanted.as_str().unwrap(), "w1", KEY).await.json();
    let report = |status: &str, claim: &Value| json!({"type": "command_status", "commandId": wanted, "status": status, "claim": claim});
    let foreign = post(&node, "r", "w2", 3, &[report("failed", &claimed["claim"])]).await;
    assert_eq!(foreign["ignored"], json!([wanted]), "another's act: {foreign}");
    let done = post(&node, "r", "w1", 3, &[report("done", &claimed["claim"])]).await;
    assert!(done["ignored"].is_null(), "{done}");
    let late = post(&node, "r", "w1", 4, &[report("failed", &claimed["claim"])]).await;
    assert_eq!(late["ignored"], json!([wanted]), "it is done: {late}");
    let view = node.get_json("/api/runs/r").await;
    let shown = view["commands"].as_array().unwrap().iter().find(|shown| shown["commandId"] == wanted).unwrap();
    assert_eq!(shown["state"], "done", "{view}");
}

#[tokio::test]
async fn an_act_that_nobody_claims_expires() {
    let node = TestNode::start(&[]);
    join(&node, "r", &["w1"]).await;
    let step = given(&node, "r", "Ann", &json!({"type": "step", "expiresInSecs": 1})).await;
    eventually!(logged(&node, "r", "command_expired").await.len(), |count| *count == 1, SOON);
    let late = claim(&node, "r", step["commandId"].as_str().unwrap(), "w1", KEY).await;
    late.problem(410, "command_expired");
}

#[tokio::test]
async fn the_state_of_a_run_shows_its_control() {
    let node = TestNode::start(&[]);
    join(&node, "r", &["w1"]).await;
    given(&node, "r", "Ann", &json!({"type": "take_control"})).await;
    given(&node, "r", "Ann", &json!({"type": "pause", "maxSecs": 60})).await;
    let ask = json!({"type": "ai_stuck", "askId": "q1", "needs": "text", "message": "Which?"});
    post(&node, "r", "w1", 3, &[ask]).await;
    let view = node.get_json("/api/runs/r").await;
    assert!(view["control"].to_string().contains("Ann"), "{view}");
    assert!(!view["paused"].is_null(), "{view}");
    assert_eq!(view["asks"][0]["askId"], "q1", "{view}");
    assert!(view["commands"].to_string().contains("pause"), "{view}");
    assert!(view["producers"].to_string().contains("w1"), "{view}");
    given(&node, "r", "Ann", &json!({"type": "answer", "askId": "q1", "value": "the blue one"})).await;
    let answers = logged(&node, "r", "ask_answered").await;
    assert_eq!(answers[0]["value"], "the blue one");
    let second = super::command(&node, "r", "Ann", &json!({"type": "answer", "askId": "q1", "value": "red"})).await;
    second.problem(409, "already_answered");
    assert_eq!(types(&polled(&node, "r", "w1", "").await), ["pause_requested", "ask_answered"]);
}

#[tokio::test]
async fn a_run_is_finished_once_whatever_its_workers_say() {
    let node = TestNode::start(&[]);
    join(&node, "r", &["w1", "w2"]).await;
    node.post("/api/runs/r/finish", &[], r#"{"status":"running"}"#).await.problem(400, "invalid_status");
    node.post("/api/runs/r/finish", &[], r#"{"x":1}"#).await.problem(400, "invalid_body");
    for _ in 0..2 {
        let reply = node.post("/api/runs/r/finish", &[], r#"{"status":"failed"}"#).await;
        assert_eq!((reply.status, reply.json()), (200, json!({"runId": "r", "status": "failed"})));
    }
    assert_eq!(node.get_json("/api/runs/r").await["status"], "failed");
    node.post("/api/runs/unborn/finish", &[], "").await.problem(404, "run_not_found");
}

#[tokio::test]
async fn a_worker_with_nothing_to_post_may_say_that_it_is_alive() {
    let settings = [("RUNCAST__RUNS__SILENT_SECS", "1"), ("RUNCAST__RUNS__LOST_SECS", "300")];
    let node = TestNode::start(&settings);
    join(&node, "r", &["w1", "w2"]).await;
    node.post("/api/runs/r/alive", &[], "").await.problem(400, "invalid_producer");
    let silent = async || {
        let reply = node.post("/api/runs/r/alive", &[("runcast-producer", "w1")], "").await;
        assert_eq!((reply.status, &*reply.text), (204, ""));
        let silent = logged(&node, "r", "producer_status").await;
        silent.iter().map(|event| event["producer"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(eventually!(silent().await, |silent| !silent.is_empty(), SOON), ["w2"]);
}

#[tokio::test]
async fn signs_of_life_in_runs_that_nobody_knows_are_not_remembered() {
    let node = TestNode::start(&[]);
    join(&node, "r", &["w1"]).await;
    for run in 0..20 {
        let path = |what: &str| format!("/api/runs/unborn{run}/{what}");
        let (worker, key) = (("runcast-producer", "w1"), ("runcast-claim-key", KEY));
        assert_eq!(node.post(&path("alive"), &[worker], "").await.status, 204);
        node.get_with(&path("commands"), &[worker]).await;
        node.post(&path("commands/x/claim"), &[worker, key], "").await.problem(404, "run_not_found");
        for command in [r#"{"type":"renew_control"}"#, r#"{"type":"pause","maxSecs":"x"}"#, r#"{"type":"pause"}"#] {
            let json = ("content-type", "application/json");
            assert!(node.post(&path("commands"), &[json], command).await.status >= 400);
        }
    }
    assert_eq!(node.post("/api/runs/r/alive", &[("runcast-producer", "w1")], "").await.status, 204);
    let signs = async || node.metric("runcast_signs").await;
    assert_eq!(eventually!(signs().await, |signs| *signs > 0.0, SOON), 1.0);
}

#[tokio::test]
async fn a_question_that_opens_nothing_is_named_in_the_answer_to_its_post() {
    let node = TestNode::start(&[]);
    join(&node, "r", &["w1"]).await;
    let ask = |id: &str| json!({"type": "ai_stuck", "askId": id, "needs": "text"});
    let answer = post(&node, "r", "w1", 2, &[ask("a"), ask("a")]).await;
    assert!(answer["ignored"].is_null(), "it is open: {answer}");
    let ended = json!({"type": "worker", "state": "left"});
    let answer = post(&node, "r", "w1", 4, &[ended, ask("b")]).await;
    assert_eq!(answer["ignored"], json!(["b"]));
}
