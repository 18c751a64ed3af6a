//! A run that was recorded of four producers, and a run of two that say the same: their states, and pages of their tests.

use crate::support::{TestNode, check_state, recorded_posts};
use runcast::protocol::{RunId, StatePart, TestsQuery, Timestamp};
use runcast::run_state::{RunState, StateView};
use serde_json::json;

#[tokio::test]
async fn a_recorded_run_folds_to_its_golden_states_on_one_node() {
    let node = TestNode::start(&[]);
    let mut seq = 0;
    for post in recorded_posts() {
        let headers = post.headers();
        let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
        assert_eq!(node.post_ndjson("r", &post.events, &headers).await.status, 202);
        seq += post.events.len();
        if post.is_watched {
            node.check_state("r", seq).await;
        }
    }
}

#[test]
fn a_recorded_run_folds_to_its_golden_states_without_a_server() {
    let mut state = RunState::new(RunId::parse("r").unwrap());
    let mut seq = 0;
    for post in recorded_posts() {
        for event in post.stored("2026-11-27T00:00:00.000Z") {
            seq += 1;
            state.apply(seq, Timestamp::from_millis(seq as i64), event.as_bytes());
        }
        if post.is_watched {
            let all = StatePart::Tests(TestsQuery { limit: 1_000, ..TestsQuery::default() });
            let page = serde_json::to_value(StateView { state: &state, part: &all }).unwrap();
            let tests = page["tests"].as_array().unwrap().clone();
            check_state(seq as usize, serde_json::to_value(&state).unwrap(), tests);
        }
    }
    assert_eq!(state.tip(), 1_394);
}

#[tokio::test]
async fn pages_of_tests_are_asked_for_by_place_status_and_variant() {
    let node = TestNode::start(&[]);
    node.get("/api/runs/r/tests").await.problem(404, "run_not_found");
    let event = |n: usize| {
        let status = if n.is_multiple_of(10) { "failed" } else { "passed" };
        let variant = ["linux", "mac"][n % 2];
        json!({"type": "test_status", "testId": format!("t{n}"), "status": status, "variant": variant}).to_string()
    };
    let events: Vec<_> = (0..600).map(event).collect();
    node.store("r", &events).await;
    let page = node.get_json("/api/tests/r/tests?after=595").await;
    let ids: Vec<_> = page["tests"].as_array().unwrap().iter().map(|test| test["testId"].as_str().unwrap()).collect();
    assert_eq!(ids, ["t595", "t596", "t597", "t598", "t599"]);
    assert_eq!(
        (&page["runId"], &page["seq"], &page["next"], &page["more"]),
        (&json!("r"), &json!(600), &json!(600), &json!(false))
    );
    let page = node.get_json("/api/runs/r/tests?status=failed,skipped&variant=linux&limit=50").await;
    assert_eq!(
        (page["tests"].as_array().unwrap().len(), &page["more"], &page["next"]),
        (50, &json!(true), &json!(500))
    );
    let page = node.get_json("/api/runs/r/tests?status=failed&variant=mac").await;
    assert_eq!(page["tests"], json!([]));
    let state = node.get_json("/api/runs/r").await;
    assert_eq!((state["tests"].as_array().unwrap().len(), &state["testsKept"]), (60, &json!(600)));
    for (query, code, named) in [
        ("limit=1001", "invalid_limit", "limit must be 1 to 1000"),
        ("after=x", "invalid_after", "after must be a whole number"),
        ("status=odd", "invalid_status", "\"odd\""),
    ] {
        let detail = node.get(&format!("/api/runs/r/tests?{query}")).await.problem(400, code);
        assert!(detail.contains(named), "{detail}");
    }
}
