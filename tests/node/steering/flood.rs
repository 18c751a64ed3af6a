//! Who sends too many commands is told so, and slows nobody down.

use std::time::Duration;

use serde_json::json;

use super::{command, join, logged, watch};
use crate::support::{Op, SOON, TestNode, Viewer, eventually, numbered};

#[tokio::test]
async fn a_thousand_commands_a_second_from_one_socket_slow_nobodys_events() {
    const COMMANDS: usize = 3_000;
    const EVENTS: u64 = 1_000;
    let node = TestNode::start(&[]);
    join(&node, "r", &["w1"]).await;
    let mut other = Viewer::join(&node, "r").await;
    let mut flood = watch(&node, "r", "Ann").await;
    let flooding = async {
        let (mut pace, mut taken, mut refused) = (tokio::time::interval(Duration::from_millis(10)), 0, 0);
        for sent in 0.. {
            if sent < COMMANDS / 10 {
                pace.tick().await;
                for _ in 0..10 {
                    flood.say(Op::Text, br#"{"type":"pause","maxSecs":60}"#).await;
                }
            }
            // It reads its answers: one that does not is closed.
            let patience = if sent < COMMANDS / 10 { Duration::from_millis(1) } else { SOON };
            while taken + refused < COMMANDS
                && let Ok(answer) = tokio::time::timeout(patience, flood.said("command")).await
            {
                match answer["code"].as_str() {
                    None => taken += 1,
                    Some("too_many_commands") => refused += 1,
                    Some(_) => panic!("{answer}"),
                }
            }
            if sent >= COMMANDS / 10 {
                break;
            }
        }
        (taken, refused)
    };
    let posting = async {
        for n in 0..EVENTS / 10 {
            let begun = std::time::Instant::now();
            node.store("r", &numbered(n * 10 + 1, 10, 0)).await;
            assert!(begun.elapsed() < Duration::from_secs(5), "a post took {:?}", begun.elapsed());
        }
    };
    let ((taken, refused), ()) = tokio::join!(flooding, posting);
    assert_eq!(taken + refused, COMMANDS, "each one is answered");
    assert!(taken < COMMANDS / 5 && taken > 0, "taken {taken}, refused {refused}");
    let stored = logged(&node, "r", "pause_requested").await.len();
    assert_eq!(stored, taken, "what is refused leaves nothing");
    other.until_events(2 + EVENTS as usize + taken).await;
}

#[tokio::test]
async fn a_sender_that_gives_too_many_is_told_when_to_come_back_and_others_are_not_held_up() {
    let settings = [("RUNCAST__CONTROL__COMMANDS_PER_SEC", "1"), ("RUNCAST__CONTROL__COMMAND_BURST", "3")];
    let node = TestNode::start(&settings);
    join(&node, "r", &["w1"]).await;
    let pause = json!({"type": "pause"});
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(command(&node, "r", "Ann", &pause).await);
    }
    let refused = statuses.iter().find(|reply| reply.status == 429).unwrap_or_else(|| panic!("{statuses:?}"));
    refused.problem(429, "too_many_commands");
    assert_eq!(refused.header("retry-after"), "1");
    let counted = r#"runcast_commands_total{via="http",outcome="too_many_commands"}"#;
    assert!(node.metric(counted).await >= 1.0, "an operator sees it");
    assert_eq!(command(&node, "r", "Ben", &pause).await.status, 202, "another one");
    eventually!(command(&node, "r", "Ann", &pause).await.status, |status| *status == 202, SOON);
}

#[tokio::test]
async fn a_run_takes_as_many_commands_as_it_may_and_workers_still_report() {
    let node = TestNode::start(&[("RUNCAST__CONTROL__MAX_EVENTS", "2")]);
    join(&node, "r", &["w1"]).await;
    let step = super::given(&node, "r", "Ann", &json!({"type": "step"})).await;
    super::given(&node, "r", "Ann", &json!({"type": "pause"})).await;
    command(&node, "r", "Ben", &json!({"type": "hold", "when": "never"})).await.problem(429, "too_many_commands");
    let wanted = step["commandId"].as_str().unwrap();
    let key = "000102030405060708090a0b0c0d0e0f";
    assert_eq!(super::claim(&node, "r", wanted, "w1", key).await.status, 200, "claims are not counted");
}
