//! The stream of changes of the list.

use super::{QUICK, quick, shop, status, store, test};
use crate::support::{EventStream, SOON, TestNode, eventually, soon};
use serde_json::{Value, json};

async fn open(node: &TestNode) -> EventStream {
    EventStream::open(node, "/api/runs/stream", "").await
}

/// Reads on until a record fits; it.
async fn until(stream: &mut EventStream, fits: impl Fn(&Value) -> bool) -> Value {
    soon("a record", async {
        loop {
            let record = stream.next().await.expect("the stream goes on");
            let record: Value = serde_json::from_str(&record.data).unwrap();
            if fits(&record) {
                return record;
            }
        }
    })
    .await
}

fn says(record: &Value, run: &str, word: &str) -> bool {
    record["runs"].as_array().unwrap().iter().any(|row| row["runId"] == run && row["word"] == word)
}

#[tokio::test]
async fn listeners_are_told_of_rows_that_change_and_whoever_comes_of_those_that_did() {
    let node = quick();
    let mut early = open(&node).await;
    assert_eq!((early.header("content-type"), early.header("x-accel-buffering")), ("text/event-stream", "no"));
    until(&mut early, |record| record["runs"] == serde_json::json!([])).await;
    store(&node, "r", &[status("running", shop(1, "main")), test("a", "passed", 0)]).await;
    let record = until(&mut early, |record| record["runs"][0]["counts"]["passed"] == 1).await;
    assert_eq!((&record["runs"][0]["meta"]["number"], &record["gone"]), (&1.into(), &serde_json::json!([])));
    let mut late = open(&node).await;
    until(&mut late, |record| says(record, "r", "running")).await;
    store(&node, "r", &[test("b", "failed", 0)]).await;
    for stream in [&mut early, &mut late] {
        until(stream, |record| says(record, "r", "failing")).await;
    }
}

#[tokio::test]
async fn too_many_listeners_are_told_to_come_back_and_a_silent_stream_has_comments() {
    let settings = [("RUNCAST__CATALOG__STREAM_LISTENERS", "1"), ("RUNCAST__CATALOG__STREAM_COMMENT_SECS", "1")];
    let node = TestNode::start(&[&QUICK[..], &settings].concat());
    let mut first = open(&node).await;
    let mut second = open(&node).await;
    assert_eq!((second.next().await, second.retry), (None, Some(5_000)));
    until(&mut first, |_| true).await;
    assert!(first.connected().await, "a comment is no record");
    drop(first);
    // Whoever has gone is found out by the next comment.
    let again = async || {
        let mut stream = open(&node).await;
        stream.next().await.is_some()
    };
    eventually!(again().await, |heard| *heard, SOON);
}

#[tokio::test]
async fn a_drain_ends_the_stream_and_sends_listeners_elsewhere() {
    let mut node = quick();
    let mut stream = open(&node).await;
    until(&mut stream, |_| true).await;
    node.ask_to_stop();
    while soon("the end", stream.next()).await.is_some() {}
    assert_eq!(stream.retry, Some(1_000));
    node.ended().await.assert_clean(false);
}

/// A run whose row has many bytes.
fn wide(place: usize) -> Value {
    let (text, labels) = ("wide ".repeat(200), vec!["wide ".repeat(50); 20]);
    json!({"number": place, "title": text, "branch": text, "ciUrl": text, "author": text, "labels": labels})
}

#[tokio::test]
async fn a_listener_who_reads_too_slowly_is_told_to_come_back_and_misses_nothing() {
    const RUNS: usize = 24;
    const ROUNDS: usize = 24;
    let node = quick();
    let (mut slow, mut quick) = (EventStream::open_narrow(&node, "/api/runs/stream").await, open(&node).await);
    // What the listener is to be told is more than the sockets between take, and comes in more looks than are kept.
    for round in 0..ROUNDS {
        let stored = (0..RUNS).map(|place| {
            let event = if round == 0 { status("running", wide(place)) } else { test("t", "running", round as u64) };
            let (node, run) = (&node, format!("r{place}"));
            async move { store(node, &run, &[event]).await }
        });
        futures_util::future::join_all(stored).await;
        let last = format!("r{}", RUNS - 1);
        let told = |record: &Value| {
            let mut rows = record["runs"].as_array().unwrap().iter();
            rows.any(|row| row["runId"] == *last && row["events"] == round + 1 && row["meta"]["number"] == RUNS - 1)
        };
        until(&mut quick, told).await;
    }
    let mut records = 0;
    while soon("the end", slow.next()).await.is_some() {
        records += 1;
    }
    assert_eq!(slow.retry, Some(1_000));
    assert!((1..ROUNDS).contains(&records), "{records} records before the end");
    let mut again = open(&node).await;
    until(&mut again, |record| {
        record["runs"].as_array().unwrap().iter().filter(|row| row["events"] == ROUNDS).count() == RUNS
    })
    .await;
}
