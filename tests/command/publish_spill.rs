//! `runcast publish` with the spill file of a JavaScript client.

use std::fmt::Write as _;

use serde_json::Value;

use super::support::TestNode;
use super::{output, runcast, text};

/// A file with these lines, in a directory of its own.
fn file(lines: &str) -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("spill.ndjson");
    std::fs::write(&path, lines).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (dir, path)
}

fn header(run: &str, seq: u64) -> String {
    format!(r#"{{"runcast":"spill","runId":"{run}","producer":"p1","seq":{seq}}}"#)
}

fn logs(numbers: std::ops::RangeInclusive<u64>) -> String {
    numbers.fold(String::new(), |mut lines, number| {
        writeln!(lines, r#"{{"type":"log","number":{number}}}"#).unwrap();
        lines
    })
}

#[tokio::test]
async fn a_spill_file_is_posted_under_its_numbers_and_as_often_as_one_likes() {
    let node = TestNode::start(&[]);
    let events = format!("{}\n{}{}\n{}", header("r", 1), logs(1..=25), header("r", 31), logs(31..=40));
    let (_dir, path) = file(&events);
    for expected in ["35 events published, 0 lines refused, 0 duplicates", "35 duplicates", "35 duplicates"] {
        let output = output(runcast(&["publish", "r", &path, "--batch", "10", "--url", &node.url("")])).await;
        assert!(output.status.success() && text(&output.stderr).contains(expected), "{}", text(&output.stderr));
    }
    let stored: Vec<Value> = node.stored("r").await.iter().map(|event| serde_json::from_str(event).unwrap()).collect();
    let numbers: Vec<u64> = stored.iter().filter_map(|event| event["number"].as_u64()).collect();
    assert_eq!(numbers, (1..=25).chain(31..=40).collect::<Vec<_>>());
    let lost: Vec<_> = stored.iter().filter(|event| event["type"] == "events_lost").collect();
    assert_eq!(lost.len(), 1);
    assert_eq!((&lost[0]["producer"], &lost[0]["from"], &lost[0]["to"]), (&"p1".into(), &26.into(), &30.into()));
}

#[tokio::test]
async fn a_spill_file_of_another_run_is_refused_by_its_line() {
    let node = TestNode::start(&[]);
    let (_dir, path) = file(&format!("{}\n{}{}\n{}", header("r", 1), logs(1..=2), header("q", 3), logs(3..=4)));
    let output = output(runcast(&["publish", "r", &path, "--url", &node.url("")])).await;
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stderr);
    assert!(told.contains(r#"line 4: the events that follow are of the run "q", not of r"#), "{told}");
    assert_eq!(node.stored("r").await.len(), 2, "what stands before it is stored");
}
