//! Control of a run: who has it, and how it passes on.

use serde_json::json;

use super::{command, given, join, logged, said, watch};
use crate::support::{SOON, TestNode, eventually};

const QUICK: &[(&str, &str)] = &[("RUNCAST__CONTROL__LEASE_SECS", "1"), ("RUNCAST__CONTROL__LEASE_SOCKET_SECS", "2")];

#[tokio::test]
async fn who_has_control_is_named_to_whoever_is_refused_and_anybody_may_stop_the_run() {
    let node = TestNode::start(&[]);
    join(&node, "r", &["w1"]).await;
    let lease = given(&node, "r", "Ann", &json!({"type": "take_control"})).await["cursor"].clone();
    let refused = command(&node, "r", "Ben", &json!({"type": "resume"})).await;
    refused.problem(409, "lease_held");
    assert_eq!(refused.json()["holder"]["name"], "Ann");
    let mut socket = watch(&node, "r", "Ben").await;
    let told = said(&mut socket, &json!({"type": "resume"})).await;
    assert_eq!((&told["code"], &told["details"]["holder"]["name"]), (&json!("lease_held"), &json!("Ann")));
    given(&node, "r", "Ben", &json!({"type": "pause"})).await;
    given(&node, "r", "Ann", &json!({"type": "resume", "lease": lease})).await;
    assert_eq!(given(&node, "r", "Ann", &json!({"type": "renew_control"})).await["cursor"], lease);
    command(&node, "r", "Ben", &json!({"type": "renew_control"})).await.problem(409, "lease_lost");

    command(&node, "r", "Ben", &json!({"type": "take_control"})).await.problem(409, "lease_held");
    given(&node, "r", "Ben", &json!({"type": "take_control", "steal": true})).await;
    command(&node, "r", "Ann", &json!({"type": "resume", "lease": lease})).await.problem(409, "lease_lost");
    given(&node, "r", "Ben", &json!({"type": "release_control"})).await;
    given(&node, "r", "Ann", &json!({"type": "resume"})).await;
    let log = logged(&node, "r", "control_released").await;
    assert_eq!(log.iter().map(|event| &event["reason"]).collect::<Vec<_>>(), ["stolen", "released"]);
    let view = node.get_json("/api/runs/r").await;
    assert!(view["control"]["holder"].is_null(), "{view}");
}

#[tokio::test]
async fn a_holder_that_gives_no_sign_of_life_loses_control_to_the_next_who_wants_it() {
    let node = TestNode::start(QUICK);
    join(&node, "r", &["w1"]).await;
    given(&node, "r", "Ann", &json!({"type": "take_control"})).await;
    let taken = eventually!(
        command(&node, "r", "Ben", &json!({"type": "take_control"})).await,
        |reply| reply.status == 202,
        SOON
    );
    assert_eq!(taken.status, 202);
    assert_eq!(logged(&node, "r", "control_released").await[0]["reason"], "expired");
}

#[tokio::test]
async fn an_open_socket_is_a_sign_of_its_owners_life() {
    let settings = [("RUNCAST__CONTROL__LEASE_SECS", "1"), ("RUNCAST__CONTROL__COMMANDS_PER_SEC", "10000")];
    let node = TestNode::start(&settings);
    join(&node, "r", &["w1"]).await;
    let mut ann = watch(&node, "r", "Ann").await;
    let taken = said(&mut ann, &json!({"type": "take_control"})).await;
    assert!(taken["cursor"].is_string(), "{taken}");
    let refused = async || command(&node, "r", "Ben", &json!({"type": "take_control"})).await.status;
    let until = std::time::Instant::now() + std::time::Duration::from_secs(3);
    eventually!(
        refused().await,
        |status| {
            assert_eq!(*status, 409, "she is there");
            std::time::Instant::now() > until
        },
        SOON
    );
    drop(ann);
    eventually!(refused().await, |status| *status == 202, SOON);
}
