//! A clock that is set ends nothing of a run that is steered, and no viewer keeps a run alive.

use rustix::process::Signal;
use serde_json::json;

use super::steered::{QUICK, Worker, command, event, events, for_a_while, try_command};
use crate::support::{SOON, TestNode, WallClock, eventually};

/// A node that runs by this clock.
fn start(clock: &WallClock, settings: &[(&str, &str)]) -> TestNode {
    let environment = clock.environment();
    let mut all: Vec<_> = environment.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    all.extend_from_slice(settings);
    let mut node = TestNode::start(&all);
    node.may_report();
    node
}

async fn warnings(node: &TestNode) -> String {
    node.get_json("/ready").await["warnings"].to_string()
}

#[tokio::test]
async fn nothing_ends_by_a_clock_that_has_jumped_and_everything_once_it_is_accepted() {
    let clock = WallClock::new();
    let node = start(&clock, &QUICK);
    let worker = Worker::join(&node, "r", "w").await;
    command(&node, "r", "ann", &json!({"type": "take_control"})).await;
    command(&node, "r", "ann", &json!({"type": "pause", "maxSecs": 30})).await;
    clock.set("+8d");
    eventually!(warnings(&node).await, |told| told.contains("the clock has jumped"), SOON);
    let ends = ["control_released", "resume_requested", "producer_status"];
    for_a_while(2_500, async || {
        for kind in ends {
            assert_eq!(events(&node, "r", kind).await, Vec::<serde_json::Value>::new());
        }
        try_command(&node, "r", "ben", &json!({"type": "resume"})).await.problem(409, "lease_held");
    })
    .await;
    // Stopping is allowed at any time.
    command(&node, "r", "ben", &json!({"type": "pause"})).await;
    node.signal(Signal::USR1);
    eventually!(warnings(&node).await, |told| told == "[]", SOON);
    worker.alive(&node, "r").await;
    event(&node, "r", "resume_requested", |event| event["by"]["kind"] == "server").await;
    let free = async || try_command(&node, "r", "ben", &json!({"type": "resume"})).await.status;
    eventually!(free().await, |status| *status == 202, SOON);
    event(&node, "r", "control_released", |event| event["reason"] == "expired").await;
}

#[tokio::test]
async fn a_viewer_keeps_no_run_from_being_lost_and_the_servers_word_is_the_runs() {
    let clock = WallClock::new();
    let settings = [
        ("RUNCAST__JOURNAL__SWEEP_SECS", "1"),
        ("RUNCAST__JOURNAL__LOST_HOURS", "1"),
        // So that setting the clock is as if the time had passed.
        ("RUNCAST__JOURNAL__MAX_CLOCK_STEP_SECS", "86400"),
        ("RUNCAST__CONTROL__DUE_INTERVAL_MS", "50"),
    ];
    let node = start(&clock, &settings);
    let mut worker = Worker::join(&node, "r", "w").await;
    worker.post(&node, "r", &json!({"type": "run_status", "status": "running"})).await;
    // Half an hour later, and again: each time less than the hour.
    for offset in ["+31m", "+62m"] {
        command(&node, "r", "ann", &json!({"type": "pause"})).await;
        clock.set(offset);
        command(&node, "r", "ann", &json!({"type": "resume"})).await;
    }
    let lost = event(&node, "r", "run_status", |event| event["status"] == "lost").await;
    assert!(lost.get("producer").is_none(), "{lost}");
    assert_eq!(node.get_json("/api/runs/r").await["status"], "lost");
}
