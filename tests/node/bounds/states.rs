//! The folded state of a run: one JSON for all who read it, and no more versions of it than the budget has room for.

use super::{Bound, MIB, PREEMPTED, ask, status};
use crate::support::{SOON, TestNode, eventually, soon};

/// Stores `count` tests of about 4 KB each.
async fn store_tests(node: &TestNode, run: &str, count: usize) {
    let text = "x".repeat(450);
    let error = "e".repeat(2_000);
    let lines: Vec<String> = (0..count)
        .map(|index| {
            format!(
                r#"{{"type":"test_status","testId":"{index}-{text}","status":"failed","data":{{"title":"{text}","error":"{error}"}}}}"#
            )
        })
        .collect();
    for batch in lines.chunks(500) {
        node.store(run, batch).await;
    }
}

#[tokio::test]
async fn slow_readers_of_a_growing_runs_state_share_its_versions_within_the_budget() {
    let budget = 32 * MIB;
    let node = TestNode::start(&[
        ("RUNCAST__SERVER__RESPONSE_BYTES", &budget.to_string()),
        ("RUNCAST__ROOM__RING_TOTAL_BYTES", &(16 * MIB).to_string()),
    ]);
    store_tests(&node, "r", 1_600).await;
    let state = node.get("/api/runs/r").await.text.len();
    assert!(state > MIB, "{state}");
    let bound = Bound::new(&node, budget + 16 * MIB);
    let (mut readers, mut refused) = (Vec::new(), 0);
    for index in 0..40 {
        node.store("r", &[format!(r#"{{"type":"log","text":"{index}"}}"#)]).await;
        let reader = ask(&node, "/api/runs/r").await;
        refused += usize::from(soon("an answer", status(&reader)).await == 503);
        readers.push(reader);
        bound.holds();
    }
    let ended = node.metric(PREEMPTED).await as usize;
    assert!(refused <= 36 && refused + ended > 0, "of 40 {refused} were told that there is no room, {ended} gave way");
    drop(readers);
    eventually!(node.metric("runcast_response_bytes").await, |bytes| *bytes == 0.0, SOON);
    assert_eq!(node.get("/api/runs/r").await.text.len() / MIB, state / MIB);
}

#[tokio::test]
async fn many_readers_of_one_version_share_one_text() {
    let node = TestNode::start(&[("RUNCAST__SERVER__RESPONSE_BYTES", &(32 * MIB).to_string())]);
    store_tests(&node, "r", 1_600).await;
    let state = node.get("/api/runs/r").await.text.len();
    let bound = Bound::new(&node, 4 * state);
    let mut readers = Vec::new();
    for _ in 0..100 {
        let reader = ask(&node, "/api/runs/r").await;
        assert_eq!(soon("an answer", status(&reader)).await, 200);
        readers.push(reader);
    }
    bound.holds();
    // Each answer has a text of its own behind the one that all share.
    assert!((node.metric("runcast_response_bytes").await as usize) < 4 * state);
}

#[tokio::test]
async fn the_states_that_rooms_keep_give_way_like_their_segments() {
    let ring = 8 * MIB;
    let node = TestNode::start(&[
        ("RUNCAST__ROOM__RING_TOTAL_BYTES", &ring.to_string()),
        ("RUNCAST__CATALOG__SUMMARY_BYTES", &MIB.to_string()),
    ]);
    // Two states and their JSON are there while they are asked for, besides what rooms keep and what the list has folded:
    // its budget, and the run that it is at.
    let bound = Bound::new(&node, ring + (2 * (8 + 6) + 1 + 8) * MIB);
    for index in 0..20 {
        store_tests(&node, &format!("r{index}"), 1_600).await;
        node.get_json(&format!("/api/runs/r{index}")).await;
    }
    bound.holds();
    let held = async || {
        let rooms = node.get_json("/api/actors").await["rooms"].take();
        rooms.as_array().unwrap().iter().map(|room| room["heldBytes"].as_u64().unwrap() as usize).sum::<usize>()
    };
    eventually!(held().await, |held| *held <= ring, SOON);
    assert_eq!(node.get_json("/api/runs/r0").await["testsKept"], 1_600, "it is folded anew");
}

#[tokio::test]
async fn the_indexes_of_logs_give_way_to_those_that_are_asked_for() {
    let (ring, indexes) = (8 * MIB, 12 * MIB);
    let node = TestNode::start(&[
        ("RUNCAST__ROOM__RING_TOTAL_BYTES", &ring.to_string()),
        ("RUNCAST__QUERIES__INDEX_BYTES", &indexes.to_string()),
        ("RUNCAST__CATALOG__SUMMARY_BYTES", &MIB.to_string()),
    ]);
    // Two questions at a time have an index each that is larger for a moment, and a state. The list has its budget, and the
    // run that it is at.
    let bound = Bound::new(&node, ring + indexes + (2 * (8 + 8) + 1 + 8) * MIB);
    for round in 0..2 {
        for index in 0..6 {
            let run = format!("r{index}");
            if round == 0 {
                store_tests(&node, &run, 1_600).await;
            }
            for at in [1_600, 900] {
                assert_eq!(node.get_json(&format!("/api/runs/{run}/tests?limit=1&at={at}")).await["seq"], at);
            }
            let held = node.metric("runcast_query_index_bytes").await as usize;
            assert!(held <= indexes, "{held}");
        }
    }
    bound.holds();
    assert!(node.metric("runcast_query_index_bytes").await > 4.0 * MIB as f64, "as much as has room is kept");
}
