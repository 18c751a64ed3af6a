//! A wall clock that is set under a running node, and under one that is down: nothing is deleted or ended by it.
//! Promised in docs/reliability.md, "Abuse".

use std::fs;

use crate::support::{SOON, TestNode, WallClock, eventually};
use rustix::process::Signal;
use serde_json::{Value, json};

/// A node that runs by this clock, and sweeps every second.
fn start(clock: &WallClock) -> TestNode {
    let environment = clock.environment();
    let mut settings: Vec<_> = environment.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    settings.extend_from_slice(&[
        ("RUNCAST__JOURNAL__SWEEP_SECS", "1"),
        ("RUNCAST__JOURNAL__SEAL_HOURS", "0"),
        ("RUNCAST__LOG__FILTER", "info,runcast::actors::lifecycle=debug"),
    ]);
    let mut node = TestNode::start(&settings);
    node.may_report();
    node
}

async fn post(node: &TestNode, run: &str, event: &Value) -> u16 {
    let path = format!("/api/runs/{run}/events");
    let json = [("content-type", "application/json")];
    node.try_send("POST", &path, &json, event.to_string()).await.unwrap().status
}

fn status(status: &str) -> Value {
    json!({"type": "run_status", "status": status})
}

/// A run that has passed and is sealed: nothing but its time keeps it.
async fn store_sealed(node: &TestNode, run: &str) {
    assert_eq!(post(node, run, &status("passed")).await, 202);
    let path = format!("/api/runs/{run}/events");
    eventually!(node.get_json(&path).await["tip"].clone(), |tip| tip == 2, SOON);
}

async fn warnings(node: &TestNode) -> String {
    node.get_json("/ready").await["warnings"].to_string()
}

async fn jumped(node: &TestNode) {
    eventually!(warnings(node).await, |told| told.contains("the clock has jumped"), SOON);
    let told = warnings(node).await;
    assert!(told.contains("SIGUSR1"), "what to do: {told}");
    eventually!(node.errors().len(), |errors| *errors == 1, SOON);
    // Sweeps have come since, and done nothing.
    let sweeps = node.log().matches("no sweep").count();
    eventually!(node.log().matches("no sweep").count(), |seen| *seen >= sweeps + 3, SOON);
}

#[tokio::test]
async fn a_clock_that_jumps_ends_nothing_until_it_is_back_or_accepted() {
    for jump in ["+8d", "-8d"] {
        let clock = WallClock::new();
        let node = start(&clock);
        assert_eq!(post(&node, "live", &status("running")).await, 202);
        store_sealed(&node, "ended").await;
        clock.set(jump);
        jumped(&node).await;
        assert_eq!(node.get_json("/api/runs/live").await["status"], "running");
        assert_eq!(node.get("/api/runs/ended").await.status, 200);
        // Appends have their time: a deadline is no time of day.
        for _ in 0..3 {
            assert_eq!(post(&node, "live", &json!({"type": "log"})).await, 202);
        }
        // Dated in the past it would be lost with the first sweep after.
        assert_eq!(post(&node, "meanwhile", &status("running")).await, 202);

        clock.set("+0");
        eventually!(node.log(), |log| log.contains("the clock is where it should be"), SOON);
        assert_eq!(warnings(&node).await, "[]");
        store_sealed(&node, "after").await; // a sweep has come
        for run in ["live", "meanwhile"] {
            assert_eq!(node.get_json(&format!("/api/runs/{run}")).await["status"], "running", "{run} {jump}");
        }
        assert_eq!(node.get("/api/runs/ended").await.status, 200);
    }
}

#[tokio::test]
async fn an_operator_may_say_that_the_clock_is_right() {
    let clock = WallClock::new();
    let node = start(&clock);
    assert_eq!(post(&node, "live", &status("running")).await, 202);
    store_sealed(&node, "ended").await;
    clock.set("+8d");
    jumped(&node).await;
    assert_eq!(node.get("/api/runs/ended").await.status, 200);
    node.signal(Signal::USR1);
    eventually!(node.get("/api/runs/ended").await.status, |status| *status == 410, SOON);
    eventually!(node.get_json("/api/runs/live").await["status"].clone(), |status| status == "lost", SOON);
    assert_eq!(warnings(&node).await, "[]");
    assert!(node.log().contains("the clock is taken for right"), "{}", node.log());
}

#[tokio::test]
async fn a_clock_that_is_set_while_the_node_is_down_is_noticed() {
    let clock = WallClock::new();
    let mut node = start(&clock);
    store_sealed(&node, "ended").await;
    eventually!(fs::exists(node.data().join("clock")).unwrap(), |noted| *noted, SOON);
    node.kill9();
    clock.set("+8d");
    node.restart();
    jumped(&node).await;
    assert_eq!(node.get("/api/runs/ended").await.status, 200);
    // Also by the next one: nothing has been learned meanwhile.
    node.kill9();
    node.restart();
    jumped(&node).await;
    assert_eq!(node.get("/api/runs/ended").await.status, 200);
    node.kill9();
    clock.set("+0");
    node.restart();
    assert_eq!(warnings(&node).await, "[]");
    assert_eq!(post(&node, "after", &json!({"type": "log"})).await, 202);
}

#[tokio::test]
async fn artifacts_are_neither_removed_nor_refused_by_a_clock_that_has_jumped() {
    let clock = WallClock::new();
    let node = start(&clock);
    let put = node.try_send("PUT", "/api/runs/r/artifacts/a.bin", &[("content-type", "application/x-b")], "x").await;
    let artifact = put.unwrap().json();
    let path = format!("/api/runs/r/artifacts/{}", artifact["artifactId"].as_str().unwrap());
    clock.set("+40d");
    jumped(&node).await;
    assert_eq!(node.get(&path).await.status, 200, "it is 30 days that it is kept");
    let json = [("content-type", "application/json")];
    let refused = node.try_send("POST", "/api/cleanup/run", &json, "").await.unwrap();
    refused.problem(503, "clock_jumped");
    let would = node.try_send("POST", "/api/cleanup/run?dryRun=1", &json, "").await.unwrap();
    assert_eq!(would.json()["expired"]["count"], 1, "what an operator looks at before saying so: {would:?}");
    node.signal(Signal::USR1);
    eventually!(warnings(&node).await, |told| told == "[]", SOON);
    let swept = node.try_send("POST", "/api/cleanup/run", &json, "").await.unwrap();
    assert_eq!(swept.json()["expired"]["count"], 1, "{swept:?}");
}
