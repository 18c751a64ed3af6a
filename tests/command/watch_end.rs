//! How `runcast watch` begins and ends, against a real server.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::support::{TestNode, numbered, real_run, soon};
use super::{finish, output, runcast, text};

/// A run that has failed, and an artifact that came after its end.
async fn ended_run(node: &TestNode) {
    node.store("r", &real_run()).await;
    let put = node.try_send("PUT", "/api/runs/r/artifacts/late%20report.html", &[], "x".repeat(2_000)).await;
    assert_eq!(put.unwrap().status, 201);
    let events = node.get_json("/api/runs/r/events?after=-1").await;
    assert_eq!(events["events"][0]["type"], "artifact", "{events}");
}

#[tokio::test]
async fn a_run_that_has_ended_ends_it_wherever_it_begins_and_is_summed_up() {
    let node = TestNode::start(&[]);
    ended_run(&node).await;
    let url = node.url("");
    for (after, lines) in [("-1", 1), ("latest", 0), ("0", 439), ("439", 0)] {
        let watched = output(runcast(&["watch", "r", "--after", after, "--url", &url])).await;
        assert!(watched.status.success(), "{after}: {}", text(&watched.stderr));
        let shown = text(&watched.stdout);
        let events = shown.lines().filter(|line| !line.starts_with(' ') && !line.starts_with("r: ")).count();
        assert_eq!(events, lines, "{shown}");
        let last = shown.lines().last().unwrap();
        assert!(last.starts_with("r: failed, ") && last.contains(" passed, ") && last.contains(", in "), "{last}");
        assert_eq!(text(&watched.stderr), "");
    }
    let one = output(runcast(&["watch", "r", "--after", "-1", "--url", &url])).await;
    let shown = text(&one.stdout);
    assert!(shown.lines().next().unwrap().contains("artifact  late report.html (report, 2.00 kB"), "{shown}");
    let json = output(runcast(&["watch", "r", "--after", "-1", "--json", "--url", &url])).await;
    assert_eq!(text(&json.stdout).lines().count(), 1, "JSON has no line but events");
    // The plan, which has the titles, was long before these.
    let titled = output(runcast(&["watch", "r", "--after", "-20", "--url", &url])).await;
    let shown = text(&titled.stdout);
    assert!(shown.contains("settings: "), "{shown}");
}

#[tokio::test]
async fn with_exit_status_a_run_that_did_not_pass_is_an_exit_code() {
    let node = TestNode::start(&[]);
    ended_run(&node).await;
    node.store("good", &[json!({"type": "run_status", "status": "passed"}).to_string()]).await;
    let url = node.url("");
    for (run, more, code) in
        [("r", "0", 1), ("r", "latest", 1), ("r", "-1", 1), ("good", "0", 0), ("good", "latest", 0)]
    {
        let watched = output(runcast(&["watch", run, "--exit-status", "--after", more, "--url", &url])).await;
        assert_eq!(watched.status.code(), Some(code), "{run} {more}: {}", text(&watched.stderr));
    }
    let both = output(runcast(&["watch", "r", "--exit-status", "--follow", "--url", &url])).await;
    assert_eq!(both.status.code(), Some(2));
}

#[tokio::test]
async fn a_run_without_an_event_is_waited_for_and_a_cursor_behind_the_end_is_no_loss() {
    let node = TestNode::start(&[]);
    let url = node.url("");
    let mut child = runcast(&["watch", "new", "--url", &url]).spawn().unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap()).lines();
    let first = soon("it is told", told.next_line()).await.unwrap().unwrap();
    assert_eq!(first, "runcast: waiting for run new, which has no event yet");
    node.store("new", &[json!({"type": "run_status", "status": "passed"}).to_string()]).await;
    assert!(finish(child).await.status.success());

    let beyond = output(runcast(&["watch", "new", "--after", "99", "--url", &url])).await;
    let told = text(&beyond.stderr);
    assert!(beyond.status.success(), "{told}");
    let wanted = "the run has 1 event, and nothing behind 99 yet: what comes behind 1 is shown";
    assert!(told.contains(wanted) && !told.contains("lost"), "{told}");
}

#[tokio::test]
async fn a_run_of_several_workers_has_not_ended_with_the_first_of_them() {
    let node = TestNode::start(&[]);
    let join = |shard: u32| {
        json!({"type": "worker", "state": "joined", "can": [], "shard": {"current": shard, "total": 2}}).to_string()
    };
    let end = |status: &str| json!({"type": "run_status", "status": status}).to_string();
    let post = async |producer: &str, seq: &str, lines: &[String]| {
        let headers = [("runcast-producer", producer), ("runcast-producer-seq", seq)];
        assert_eq!(node.post_ndjson("r", lines, &headers).await.status, 202);
    };
    post("p1", "1", &[join(1)]).await;
    post("p2", "1", &[join(2)]).await;
    let mut child = runcast(&["watch", "r", "--exit-status", "--url", &node.url("")]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    post("p1", "2", &[end("passed")]).await;
    let mut seen = Vec::new();
    while seen.len() < 3 {
        seen.extend(soon("the first end", lines.next_line()).await.unwrap());
    }
    assert!(seen[2].ends_with("run       passed"), "{seen:?}");
    post("p2", "2", &numbered(1, 1, 0)).await;
    post("p2", "3", &[end("failed")]).await;
    let mut rest = Vec::new();
    while let Some(line) = soon("the end", lines.next_line()).await.unwrap() {
        rest.push(line);
    }
    assert_eq!(rest.len(), 3, "{rest:?}");
    assert!(rest[1].ends_with("run       failed") && rest[2].starts_with("r: failed"), "{rest:?}");
    assert_eq!(finish(child).await.status.code(), Some(1));
}

#[tokio::test]
async fn ctrl_c_says_from_where_to_go_on() {
    let node = TestNode::start(&[]);
    node.store("r", &numbered(1, 3, 0)).await;
    let mut child = runcast(&["watch", "r", "--url", &node.url("")]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for _ in 0..3 {
        soon("an event", lines.next_line()).await.unwrap().unwrap();
    }
    kill_process(Pid::from_raw(child.id().unwrap().cast_signed()).unwrap(), Signal::INT).unwrap();
    let output = tokio::time::timeout(Duration::from_secs(20), child.wait_with_output()).await.unwrap().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let cursor = node.get_json("/api/runs/r").await["cursor"].as_str().unwrap().to_owned();
    assert_eq!(
        text(&output.stderr),
        format!("runcast: stopped; to go on from here: runcast watch r --after {cursor}\n")
    );
}

#[tokio::test]
async fn errors_are_told_with_all_their_lines_and_without_their_colours_in_a_pipe() {
    let node = TestNode::start(&[]);
    let error = "Error: \u{1b}[31mexpect\u{1b}[39m failed\n\nExpected: \u{1b}[32m1\u{1b}[39m\n\u{1b}[2K\u{1b}]0;x\u{7}Received: 2";
    let events = [
        json!({"type": "error", "error": {"message": "no \u{1b}[1mconfig\u{1b}[22m", "location": "a.ts:1:2"}}),
        json!({"type": "test_status", "testId": "t", "status": "failed", "data": {"errors": [{"message": error}]}}),
        json!({"type": "log", "stream": "stdout", "text": "one\n\u{1b}[33mtwo\n"}),
        json!({"type": "run_status", "status": "failed"}),
    ];
    node.store("r", &events.map(|event| event.to_string())).await;
    let watched = output(runcast(&["watch", "r", "--url", &node.url("")])).await;
    let shown = text(&watched.stdout);
    let lines: Vec<_> = shown.lines().map(|line| line.get(13..).unwrap_or(line)).collect();
    let want = [
        "error     no config",
        "          at a.ts:1:2",
        "failed    t: Error: expect failed",
        "          Expected: 1",
        "          Received: 2",
        "stdout    one",
        "          two",
        "run       failed",
    ];
    assert_eq!(lines[..8], want, "{shown}");
    assert!(!shown.contains('\x1b'), "{shown:?}");
}
