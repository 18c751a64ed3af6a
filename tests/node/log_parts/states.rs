//! States of a run as they were, and the run over time.

use serde_json::{Value, json};

use super::post_recorded_run;
use crate::support::{TestNode, recorded_posts};

/// What is not of the log, or of the moment.
fn comparable(mut state: Value) -> Value {
    state.as_object_mut().unwrap().remove("viewers");
    state
}

#[tokio::test]
async fn a_state_as_of_an_event_is_the_one_that_was_answered_then_control_and_all() {
    let mut node = TestNode::start(&[]);
    let (mut seq, mut then) = (0, Vec::new());
    for (index, post) in recorded_posts().iter().enumerate() {
        let headers = post.headers();
        let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
        assert_eq!(node.post_ndjson("r", &post.events, &headers).await.status, 202);
        seq += post.events.len() as u64;
        if index == 60 {
            let pause =
                node.post("/api/runs/r/commands", &[("content-type", "application/json")], r#"{"type":"pause"}"#);
            assert_eq!(pause.await.status, 202);
            seq += 1;
        }
        if index % 29 == 0 || (60..63).contains(&index) {
            let tests = node.get_json("/api/runs/r/tests?limit=1000").await;
            let resumable = node.get_json("/api/runs/r?resume=1").await;
            then.push((seq, node.get_json("/api/runs/r").await, tests, resumable));
        }
    }
    for round in 0..2 {
        for (seq, state, tests, resumable) in then.iter().rev() {
            let found = node.get_json(&format!("/api/runs/r?at={seq}")).await;
            assert_eq!(found["viewers"], Value::Null);
            assert!(comparable(found) == comparable(state.clone()), "round {round}, {seq}");
            assert!(node.get_json(&format!("/api/runs/r/tests?limit=1000&at={seq}")).await == *tests, "{seq}");
            let found = node.get_json(&format!("/api/runs/r?at={seq}&resume=1")).await;
            assert!(comparable(found) == comparable(resumable.clone()), "round {round}, {seq}, to fold on from");
            let page = node.get_json(&format!("/api/runs/r/tests?limit=3&after=2&at={seq}")).await;
            assert_eq!(page["seq"], *seq);
        }
        node.terminate().await.assert_clean(false);
        node.restart();
    }
    let paused = then.iter().filter(|(_, state, ..)| !state["paused"].is_null()).count();
    assert!(paused > 0, "a pause was among them");
}

#[tokio::test]
async fn an_event_that_the_run_does_not_have_is_refused_with_the_last_one() {
    let node = TestNode::start(&[]);
    node.get("/api/runs/r?at=1").await.problem(404, "run_not_found");
    node.get("/api/runs/r/timeline").await.problem(404, "run_not_found");
    node.store("r", &[json!({"type": "log"}).to_string(), json!({"type": "log"}).to_string()]).await;
    for at in ["0", "3", "x", "-1", "1:2", "99999999999999999999"] {
        for path in ["/api/runs/r?at=", "/api/runs/r/tests?at="] {
            let detail = node.get(&format!("{path}{at}")).await.problem(400, "invalid_at");
            assert!(detail.contains("1 to 2"), "{at}: {detail}");
        }
    }
    assert_eq!(node.get_json("/api/runs/r?at=").await["events"], 2, "what is empty is missing");
    node.get("/api/runs/r/tests?at=1&limit=0").await.problem(400, "invalid_limit");
    for bins in ["9", "1001", "x"] {
        let detail = node.get(&format!("/api/runs/r/timeline?bins={bins}")).await.problem(400, "invalid_bins");
        assert!(detail.contains("10 to 1000"), "{detail}");
    }
}

#[tokio::test]
async fn a_timeline_counts_every_event_and_marks_what_failed() {
    let node = TestNode::start(&[]);
    let count = post_recorded_run(&node, "r").await;
    let timeline = node.get_json("/api/runs/r/timeline?bins=50").await;
    let bins = timeline["bins"].as_array().unwrap();
    assert_eq!((&timeline["runId"], &timeline["tip"]), (&json!("r"), &json!(count)));
    assert!((1..=50).contains(&bins.len()), "{}", bins.len());
    assert_eq!(bins.iter().map(|bin| bin["events"].as_u64().unwrap()).sum::<u64>(), count);
    let last = &bins[bins.len() - 1];
    let state = node.get_json("/api/runs/r").await;
    assert_eq!((&last["seq"], &last["at"]), (&json!(count), &state["lastEventAt"]));
    assert!(last["sentAt"].as_str() >= state["producer"]["lastEventAt"].as_str(), "{last}");
    assert!(bins.windows(2).all(|two| two[0]["at"].as_str() <= two[1]["at"].as_str()));
    let marks = timeline["marks"].as_array().unwrap();
    let of = |kind: &str| marks.iter().filter(|mark| mark["kind"] == kind).count() as u64;
    let outcomes = &state["outcomes"];
    assert_eq!(of("flaky"), outcomes["flaky"].as_u64().unwrap());
    assert!(
        of("failed") >= outcomes["unexpected"].as_u64().unwrap() + outcomes["flaky"].as_u64().unwrap(),
        "{marks:?}"
    );
    assert_eq!((of("ended"), &marks[marks.len() - 1]["kind"]), (1, &json!("ended")), "{marks:?}");
    let failed = marks.iter().find(|mark| mark["kind"] == "failed").unwrap();
    let seq = failed["seq"].as_u64().unwrap();
    let page = node.get_json(&format!("/api/runs/r/events?after={}&limit=1", seq - 1)).await;
    let event = &page["events"][0];
    assert_eq!(
        (&event["seq"], &event["type"], &event["testId"]),
        (&failed["seq"], &json!("test_status"), &failed["testId"])
    );
}

#[tokio::test]
async fn states_are_folded_from_one_another_and_come_to_the_same() {
    let node = TestNode::start(&[]);
    let status =
        |n: u64| json!({"type": "test_status", "testId": format!("t{}", n % 100), "status": "running"}).to_string();
    for from in (0..3_000).step_by(500) {
        let lines: Vec<_> = (from..from + 500).map(status).collect();
        node.store("r", &lines).await;
    }
    for at in [2_003_u64, 2_001, 3_000, 2_004, 7, 2_999, 2_003] {
        let state = node.get_json(&format!("/api/runs/r?at={at}")).await;
        assert_eq!((&state["events"], &state["counts"]["running"]), (&json!(at), &json!(at.min(100))), "{at}");
    }
}
