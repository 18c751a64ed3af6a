//! Secrets: nowhere in the log, nowhere on the disk, and handed to one worker.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::{claim, command, given, id, join, logged, polled, post, said, watch};
use crate::support::{TestNode, Viewer};

const SECRET: &str = "hunter2-correct-horse";
const KEY: &str = "000102030405060708090a0b0c0d0e0f";

/// The files of a directory that have this text in them.
fn having(directory: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(having(&path, text));
        } else if memchr::memmem::find(&fs::read(&path).unwrap(), text.as_bytes()).is_some() {
            found.push(path.display().to_string());
        }
    }
    found
}

#[tokio::test]
async fn a_secret_is_nowhere_but_with_the_worker_that_claimed_it() {
    let node = TestNode::start(&[("RUST_LOG", "debug")]);
    join(&node, "r", &["w1", "w2"]).await;
    let mut viewer = Viewer::join(&node, "r").await;
    let ask = json!({"type": "ai_stuck", "askId": "q1", "needs": "credential", "message": "The password?"});
    post(&node, "r", "w1", 3, &[ask]).await;
    let answer = json!({"type": "answer", "askId": "q1", "value": SECRET, "commandId": id()});
    let first = given(&node, "r", "Ann", &answer).await;
    assert_eq!(given(&node, "r", "Ann", &answer).await, first, "the same secret again");
    let mut other = answer.clone();
    other["value"] = "hunter3".into();
    command(&node, "r", "Ann", &other).await.problem(409, "command_conflict");

    let action = json!({"action": "fill", "selector": "#password", "secret": SECRET});
    let fill = json!({"type": "manual_action", "action": action, "target": {"producer": "w1"}, "commandId": id()});
    let mut socket = watch(&node, "r", "Ann").await;
    let filled = said(&mut socket, &fill).await;
    assert_eq!(filled["state"], "queued", "{filled}");

    for wanted in [&answer, &fill] {
        let wanted = wanted["commandId"].as_str().unwrap();
        claim(&node, "r", wanted, "w2", KEY).await.problem(409, "target_unknown");
        for _ in 0..2 {
            let claimed = claim(&node, "r", wanted, "w1", KEY).await;
            assert_eq!((claimed.status, &claimed.json()["secret"]), (200, &json!(SECRET)), "{claimed:?}");
            assert_eq!(claimed.header("cache-control"), "no-store");
        }
    }
    let told = [
        node.get("/api/runs/r").await.text,
        node.get("/api/runs/r/events").await.text,
        polled(&node, "r", "w1", "").await.to_string(),
    ];
    assert!(told.iter().all(|text| !text.contains(SECRET)), "{told:?}");
    let tip = logged(&node, "r", "command_status").await.len() + 8;
    viewer.until("the log", |viewer| viewer.events.len() + 2 >= tip).await;
    assert!(viewer.texts().iter().all(|text| !text.contains(SECRET)));
    assert!(!node.log().contains(SECRET), "the server's own log");
    assert_eq!(having(&node.data(), SECRET), [""; 0]);
    assert_ne!(having(&node.data(), "q1"), [""; 0], "the files are looked through");

    let claimed = claim(&node, "r", fill["commandId"].as_str().unwrap(), "w1", KEY).await.json();
    let done =
        json!({"type": "command_status", "commandId": fill["commandId"], "status": "done", "claim": claimed["claim"]});
    post(&node, "r", "w1", 4, &[done]).await;
    let late = claim(&node, "r", fill["commandId"].as_str().unwrap(), "w1", KEY).await;
    assert!(late.status != 200 || late.json()["secret"].is_null(), "not after the final report: {late:?}");
}

#[tokio::test]
async fn a_lost_secret_has_its_question_opened_again() {
    let mut node = TestNode::start(&[]);
    join(&node, "r", &["w1"]).await;
    let ask = json!({"type": "ai_stuck", "askId": "q1", "needs": "credential"});
    post(&node, "r", "w1", 3, &[ask]).await;
    let answer = json!({"type": "answer", "askId": "q1", "value": SECRET, "commandId": id()});
    given(&node, "r", "Ann", &answer).await;
    node.kill9();
    node.restart();
    claim(&node, "r", answer["commandId"].as_str().unwrap(), "w1", KEY).await.problem(410, "secret_lost");
    let reopened = logged(&node, "r", "ask_reopened").await;
    assert_eq!((reopened.len(), &reopened[0]["askId"]), (1, &json!("q1")), "{reopened:?}");
    let again = json!({"type": "answer", "askId": "q1", "value": SECRET, "commandId": id()});
    given(&node, "r", "Ann", &again).await;
    let claimed = claim(&node, "r", again["commandId"].as_str().unwrap(), "w1", KEY).await.json();
    assert_eq!(claimed["secret"], SECRET, "{claimed}");
}

#[tokio::test]
async fn the_secret_of_a_command_that_is_refused_is_not_kept() {
    let node = TestNode::start(&[]);
    join(&node, "r", &["w1"]).await;
    given(&node, "r", "Ann", &json!({"type": "take_control"})).await;
    let fill = |secret: &str, id: &str| {
        let action = json!({"action": "fill", "selector": "#password", "secret": secret});
        json!({"type": "manual_action", "action": action, "commandId": id})
    };
    let id = id();
    command(&node, "r", "Ben", &fill("one", &id)).await.problem(409, "lease_held");
    given(&node, "r", "Ann", &json!({"type": "release_control"})).await;
    given(&node, "r", "Ben", &fill("two", &id)).await;
    assert_eq!(claim(&node, "r", &id, "w1", KEY).await.json()["secret"], "two");
}
