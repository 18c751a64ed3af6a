//! Producers of the real server: safe retries by number, and many at once.

use crate::support::{Reply, SOON, TestNode, Viewer, eventually, numbered, soon};

/// Headers of a numbered post.
fn from<'a>(producer: &'a str, n: &'a str) -> [(&'a str, &'a str); 2] {
    [("runcast-producer", producer), ("runcast-producer-seq", n)]
}

#[tokio::test]
async fn a_producer_may_repeat_itself_however_late() {
    let mut node = TestNode::start(&[]);
    let lines = numbered(1, 9, 0);
    let figures = |reply: Reply| {
        assert_eq!(reply.status, 202, "{reply:?}");
        let json = reply.json();
        ["firstSeq", "lastSeq", "stored", "duplicates", "producerSeq"].map(|field| json[field].as_u64())
    };
    let first = node.post_ndjson("r", &lines[..3], &from("p-1", "1")).await;
    assert_eq!(figures(first), [Some(1), Some(3), Some(3), Some(0), Some(3)]);
    let again = node.post_ndjson("r", &lines[..3], &from("p-1", "1")).await;
    assert_eq!(figures(again), [None, None, Some(0), Some(3), Some(3)]);
    let tail = node.post_ndjson("r", &lines[1..6], &from("p-1", "2")).await;
    assert_eq!(figures(tail), [Some(4), Some(6), Some(3), Some(2), Some(6)]);
    let other = node.post_ndjson("r", &lines[6..7], &from("p-2", "1")).await;
    assert_eq!(figures(other), [Some(7), Some(7), Some(1), Some(0), Some(1)]);
    node.kill9();
    node.restart();
    let late = node.post_ndjson("r", &lines[..6], &from("p-1", "1")).await;
    assert_eq!(figures(late), [None, None, Some(0), Some(6), Some(6)], "after a restart as well");
    assert_eq!(node.stored("r").await, lines[..7]);
}

#[tokio::test]
async fn a_gap_in_a_producers_numbers_is_refused_or_announced() {
    let node = TestNode::start(&[]);
    let lines = numbered(1, 9, 0);
    let reply = node.post_ndjson("r", &lines[1..2], &from("p", "2")).await;
    assert!(reply.problem(409, "producer_gap").contains('1'));
    assert_eq!(reply.json()["expected"], 1);
    node.post_ndjson("r", &lines[..2], &from("p", "1")).await;
    let reply = node.post_ndjson("r", &lines[4..6], &from("p", "5")).await;
    assert_eq!((reply.status, &reply.json()["expected"]), (409, &3.into()));
    assert_eq!(node.stored("r").await, lines[..2]);

    let accept = [&from("p", "5")[..], &[("runcast-producer-gap", "accept")]].concat();
    let reply = node.post_ndjson("r", &lines[4..6], &accept).await.json();
    assert_eq!((&reply["firstSeq"], &reply["lastSeq"], &reply["stored"]), (&3.into(), &5.into(), &2.into()));
    assert_eq!(reply["producerSeq"], 6);
    let stored = node.stored("r").await;
    assert_eq!(stored[3..], lines[4..6]);
    let lost: serde_json::Value = serde_json::from_str(&stored[2]).unwrap();
    assert_eq!((lost["type"].as_str(), lost["producer"].as_str()), (Some("events_lost"), Some("p")));
    assert_eq!((&lost["from"], &lost["to"]), (&3.into(), &4.into()));
    let again = node.post_ndjson("r", &lines[4..6], &accept).await.json();
    assert_eq!((&again["stored"], &again["duplicates"]), (&0.into(), &2.into()), "announced once");
}

#[tokio::test]
async fn producer_headers_go_together_and_are_checked() {
    let node = TestNode::start(&[]);
    let (producer, n) = ("runcast-producer", "runcast-producer-seq");
    for headers in [
        &[(producer, "p")][..],
        &[(n, "1")],
        &[("runcast-producer-gap", "accept")],
        &[(producer, "p"), (n, "0")],
        &[(producer, "p"), (n, "-1")],
        &[(producer, "p"), (n, "x")],
        &[(producer, "p"), (n, "18446744073709551616")],
        &[(producer, "~p"), (n, "1")],
        &[(producer, ""), (n, "1")],
        &[(producer, "p"), (n, "1"), ("runcast-producer-gap", "yes")],
    ] {
        let reply = node.post_ndjson("r", &numbered(1, 1, 0), headers).await;
        assert!(reply.problem(400, "invalid_producer").contains("Runcast-Producer"), "{headers:?}");
    }
    let last = u64::MAX.to_string();
    let reply = node.post_ndjson("r", &numbered(1, 2, 0), &from("p", &last)).await;
    reply.problem(409, "producer_gap");
    assert_eq!(node.stored("r").await.len(), 0);
}

#[tokio::test]
async fn posts_of_many_at_once_are_each_whole_and_in_one_order() {
    let node = TestNode::start(&[]);
    let mut viewer = Viewer::join(&node, "r").await;
    let batches: Vec<Vec<String>> = (0..40).map(|batch| numbered(batch * 100, 1 + batch % 7, 50)).collect();
    let replies =
        soon("all posts", futures_util::future::join_all(batches.iter().map(|batch| node.store("r", batch)))).await;
    let total: usize = batches.iter().map(Vec::len).sum();
    viewer.until_events(total).await;
    for (batch, reply) in batches.iter().zip(replies) {
        let first = reply["firstSeq"].as_u64().unwrap() as usize;
        assert_eq!(viewer.texts()[first - 1..][..batch.len()], *batch);
    }
}

#[tokio::test]
async fn a_full_run_is_ended_by_its_producer_whatever_the_others_have_posted() {
    let node = TestNode::start(&[
        ("RUNCAST__JOURNAL__MAX_RUN_BYTES", "1048576"),
        ("RUNCAST__INGEST__MAX_BATCH_BYTES", "524288"),
        ("RUNCAST__JOURNAL__SWEEP_SECS", "1"),
        ("RUNCAST__JOURNAL__SEAL_HOURS", "0"),
    ]);
    let status = |status: &str, pad: usize| {
        format!(r#"{{"type":"run_status","timestamp":"t","status":"{status}","pad":"{}"}}"#, "x".repeat(pad))
    };
    let post = async |line: String| node.post_ndjson("r", &[line], &[]).await;
    for pad in [200_000, 20_000, 1_000, 10] {
        while post(status("running", pad)).await.status == 202 {}
    }
    let tiny = || r#"{"type":"log","timestamp":"t"}"#.to_owned();
    while post(tiny()).await.status == 202 {}
    for word in ["running", "paused", "queued", "stalled"] {
        post(status(word, 60)).await.problem(413, "run_full");
    }
    let many = vec![status("running", 10); 100];
    node.post_ndjson("r", &many, &[]).await.problem(413, "run_full");
    post(tiny()).await.problem(413, "run_full");
    assert_eq!(post(status("passed", 7_000)).await.status, 202);
    eventually!(node.get("/api/runs/r").await.json()["status"].clone(), |status| status == "passed", SOON);
    let last = async || node.stored("r").await.pop().unwrap_or_default();
    eventually!(last().await, |line| line.contains("\"sealed\""), SOON);
}
