//! `runcast publish` and lines that are no events: they are named, and no other line is lost for them
//! (docs/protocol.md, "Posting events"; docs/reliability.md, "Abuse").

use std::process::{Output, Stdio};

use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Child;

use super::http_double::{Answer, HttpDouble};
use super::support::{SOON, TestNode, Viewer, eventually, numbered, soon};
use super::{finish, runcast, text};

/// Starts a publisher of what is written to its stdin.
fn publish(url: &str, more: &[&str]) -> Child {
    let arguments = [&["publish", "r", "--url", url], more].concat();
    runcast(&arguments).stdin(Stdio::piped()).spawn().unwrap()
}

/// Publishes `input` through a pipe to its end.
async fn published(url: &str, more: &[&str], input: &[u8]) -> Output {
    let mut child = publish(url, more);
    let mut pipe = child.stdin.take().unwrap();
    soon("all is taken", pipe.write_all(input)).await.unwrap();
    drop(pipe);
    finish(child).await
}

/// What it said of lines.
fn told(output: &Output) -> Vec<String> {
    text(&output.stderr).lines().map(|line| line.strip_prefix("runcast: ").unwrap().to_owned()).collect()
}

/// What came of each line: an event as it was posted, or the reason that must be told.
fn cases() -> Vec<(Vec<u8>, Option<&'static str>)> {
    let good = |line: &str| (line.as_bytes().to_vec(), None);
    let bad = |line: &[u8], reason| (line.to_vec(), Some(reason));
    let log = |bytes: usize| format!(r#"{{"type":"log","timestamp":"t","pad":"{}"}}"#, "x".repeat(bytes)).into_bytes();
    vec![
        good(r#"{"type":"log","timestamp":"t","n":1}"#),
        bad(&log(300 * 1024), "event_too_large: has 307239 bytes of at most 262144"),
        bad(b"plain text", "not a JSON object"),
        good(r#"{"type":"log","timestamp":"t","n":"\ud83d"}"#),
        bad(b"{\"type\":\"log\",}", "invalid_json: not JSON: expected a key at byte 14 of the line"),
        bad(b"[{\"type\":\"log\"}]", "not a JSON object"),
        bad(b"{\"type\":\"log\",\"s\":\"\xff\"}", "not UTF-8 at byte 19 of the line"),
        bad(b"{\"n\":1}", "missing_type: has no `type`"),
        bad(b"{\"type\":\"run_status\",\"status\":\"done\"}", "invalid_status: `status` must be"),
        good(r#"{"type":"log","timestamp":"t","n":2}"#),
        bad(&log(5 << 20), "batch_too_large: the body has 5242920 bytes, more than 4194304"),
        bad(&log(20 << 20), "has more than 16777216 bytes"),
        bad(b"{\"type\":\"log\",\"runId\":\"another\"}", "run_mismatch: "),
        bad(b"{\"type\":\"artif\\u0061ct\"}", "reserved_type: only the server writes events of the type `artifact`"),
        good(r#"{"type":"run_status","timestamp":"t","status":"passed"}"#),
    ]
}

/// The input of [`cases`], a blank line behind each, so that line 2n-1 is case n; and what is to be stored, what to be
/// told.
fn input() -> (Vec<u8>, Vec<String>, Vec<(usize, &'static str)>) {
    let (mut input, mut good, mut bad) = (Vec::new(), Vec::new(), Vec::new());
    for (index, (line, reason)) in cases().into_iter().enumerate() {
        input.extend_from_slice(&line);
        input.extend_from_slice(b"\n\n");
        match reason {
            None => good.push(String::from_utf8(line).unwrap()),
            Some(reason) => bad.push((2 * index + 1, reason)),
        }
    }
    (input, good, bad)
}

#[tokio::test]
async fn every_bad_line_is_named_with_its_reason_and_every_good_one_is_stored() {
    let node = TestNode::start(&[]);
    let (input, good, bad) = input();
    let output = published(&node.url(""), &[], &input).await;
    let told = told(&output);
    assert_eq!(output.status.code(), Some(65), "{told:#?}");
    assert_eq!(node.stored("r").await, good, "{told:#?}");
    let (summary, named) = told.split_last().unwrap();
    for (number, reason) in &bad {
        let start = format!("line {number} refused: {reason}");
        assert_eq!(named.iter().filter(|line| line.starts_with(&start)).count(), 1, "{start} in {named:#?}");
    }
    assert_eq!(named.len(), bad.len(), "{named:#?}");
    let start = format!("r: {} events published, {} lines refused, 0 duplicates, cursor ", good.len(), bad.len());
    assert!(summary.starts_with(&start), "{summary}");
    assert_eq!(node.get_json("/api/runs/r").await["status"], "passed");
}

#[tokio::test]
async fn a_bad_line_can_be_kept_as_a_log_event_in_its_place() {
    let node = TestNode::start(&[("RUNCAST__INGEST__MAX_EVENT_BYTES", "4096")]);
    let (input, good, bad) = input();
    let output = published(&node.url(""), &["--keep-bad"], &input).await;
    let told = told(&output);
    assert_eq!(output.status.code(), Some(65), "{told:#?}");
    let summary =
        format!("{} events published, {} lines refused ({} kept as log events)", good.len(), bad.len(), bad.len());
    assert!(told.last().unwrap().contains(&summary), "{told:#?}");

    let stored = node.stored("r").await;
    let mut good = good.into_iter();
    assert_eq!(stored.len(), cases().len());
    for (index, ((line, reason), event)) in cases().into_iter().zip(stored).enumerate() {
        if reason.is_none() {
            assert_eq!(Some(event), good.next());
            continue;
        }
        let event: Value = serde_json::from_str(&event).unwrap();
        let data = &event["data"];
        assert_eq!((&event["type"], &data["line"]), (&"log".into(), &(2 * index + 1).into()), "{event}");
        assert_eq!(data["bytes"], line.len(), "{event}");
        let text = event["text"].as_str().unwrap();
        assert!(String::from_utf8_lossy(&line).starts_with(text) && !text.is_empty(), "{event}");
        assert_eq!(data["clipped"], text.len() < line.len() && line.is_ascii(), "{event}");
        let told = format!("line {} refused: {}", data["line"], data["reason"].as_str().unwrap());
        assert!(told_contains(&output, &told), "{told}");
    }
}

fn told_contains(output: &Output, line: &str) -> bool {
    told(output).iter().any(|told| told == line)
}

#[tokio::test]
async fn a_live_pipe_is_read_to_its_end_whatever_is_written_into_it() {
    let node = TestNode::start(&[]);
    let mut viewer = Viewer::join(&node, "r").await;
    let mut child = publish(&node.url(""), &[]);
    let mut pipe = child.stdin.take().unwrap();
    let good = numbered(1, 40, 100);
    for (index, line) in good.iter().enumerate() {
        let bad = match index % 4 {
            0 => vec![b'y'; 300 * 1024],
            1 => b"{\"type\":\"log\",".to_vec(),
            2 => b"{\"type\":\"sealed\"}".to_vec(),
            _ => b"[]".to_vec(),
        };
        let lines = [&bad, &b"\n"[..], line.as_bytes(), b"\n"].concat();
        soon("the pipe takes it", pipe.write_all(&lines)).await.unwrap();
        // It flows: what was written is seen while the pipe is open.
        viewer.until_events(index + 1).await;
    }
    pipe.write_all(&good.join("\n").into_bytes()[..50]).await.unwrap();
    drop(pipe);
    let output = finish(child).await;
    assert_eq!(output.status.code(), Some(65), "{:?}", told(&output));
    assert_eq!(node.stored("r").await, good, "in order, each once");
    assert!(
        told(&output).last().unwrap().starts_with("r: 40 events published, 41 lines refused"),
        "{:?}",
        told(&output)
    );
}

#[tokio::test]
async fn many_bad_lines_among_many_good_ones_cost_no_good_one() {
    let node = TestNode::start(&[]);
    let mut lines = Vec::new();
    for (index, line) in numbered(1, 3_000, 0).into_iter().enumerate() {
        // In clusters, so that requests shrink and grow again.
        if index % 700 < 40 {
            lines.push(format!(r#"{{"line":{index}}}"#));
        }
        lines.push(line);
    }
    let output = published(&node.url(""), &[], lines.join("\n").as_bytes()).await;
    assert_eq!(output.status.code(), Some(65));
    assert_eq!(node.stored("r").await, numbered(1, 3_000, 0));
    assert_eq!(told(&output).len(), 201);
}

#[tokio::test]
async fn a_server_that_takes_less_at_a_time_gets_less_at_a_time() {
    let node = TestNode::start(&[
        ("RUNCAST__INGEST__MAX_EVENT_BYTES", "1024"),
        ("RUNCAST__INGEST__MAX_BATCH_BYTES", "8192"),
        ("RUNCAST__INGEST__MAX_BATCH_EVENTS", "30"),
    ]);
    let mut lines = numbered(1, 200, 900);
    lines.extend(numbered(201, 300, 0));
    let output = published(&node.url(""), &[], lines.join("\n").as_bytes()).await;
    assert!(output.status.success(), "{:?}", told(&output));
    assert_eq!(node.stored("r").await, lines);
}

#[tokio::test]
async fn a_line_without_end_is_skipped_without_being_held() {
    let node = TestNode::start(&[]);
    let mut child = publish(&node.url(""), &[]);
    let pid = child.id().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let good = numbered(1, 2, 0);
    let chunk = vec![b'x'; 1 << 20];
    pipe.write_all(format!("{}\n{{", good[0]).as_bytes()).await.unwrap();
    for _ in 0..200 {
        soon("the pipe takes it", pipe.write_all(&chunk)).await.unwrap();
    }
    pipe.write_all(format!("\n{}\n", good[1]).as_bytes()).await.unwrap();
    eventually!(node.stored("r").await, |events| events.len() == 2, SOON);
    let peak = peak_kib(pid);
    assert!(peak < 100 * 1024, "{peak} KiB of a line of 200 MiB");
    drop(pipe);
    let output = finish(child).await;
    assert_eq!(output.status.code(), Some(65));
    assert!(told(&output)[0].starts_with("line 2 refused: has more than 16777216 bytes"), "{:?}", told(&output));
    assert_eq!(node.stored("r").await, good);
}

#[tokio::test]
async fn many_large_lines_are_not_read_far_ahead_of_what_is_posted() {
    let node = TestNode::start(&[]);
    let mut child = publish(&node.url(""), &[]);
    let pid = child.id().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let line = numbered(1, 1, 12 << 20).remove(0) + "\n";
    for _ in 0..24 {
        soon("the pipe takes it", pipe.write_all(line.as_bytes())).await.unwrap();
    }
    let good = numbered(1, 1, 0);
    pipe.write_all(good[0].as_bytes()).await.unwrap();
    pipe.write_all(b"\n").await.unwrap();
    eventually!(node.stored("r").await, |events| events.len() == 1, SOON);
    let peak = peak_kib(pid);
    assert!(peak < 150 * 1024, "{peak} KiB for 24 lines of 12 MiB");
    drop(pipe);
    let output = finish(child).await;
    assert_eq!(told(&output).len(), 25, "each line is named");
    assert_eq!(node.stored("r").await, good);
}

/// The most memory that a process had.
fn peak_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test]
async fn a_file_from_another_system_is_read_line_by_line() {
    let node = TestNode::start(&[]);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("events.ndjson");
    let good = numbered(1, 4, 0);
    let [a, b, c, d] = [0, 1, 2, 3].map(|index| good[index].as_str());
    std::fs::write(&file, format!("\u{feff}{a}\r\n\r\n  \r\n{b}\r\n\u{feff}{c}\n{{}}\r\n{d}")).unwrap();
    let output =
        finish(runcast(&["publish", "r", file.to_str().unwrap(), "--url", &node.url("")]).spawn().unwrap()).await;
    assert_eq!(node.stored("r").await, good);
    assert_eq!(output.status.code(), Some(65));
    assert_eq!(told(&output)[0], "line 6 refused: missing_type: has no `type`");
}

#[tokio::test]
async fn a_run_that_takes_no_more_ends_it_and_says_how_much_is_stored() {
    let node = TestNode::start(&[
        ("RUNCAST__JOURNAL__MAX_RUN_BYTES", "1048576"),
        ("RUNCAST__INGEST__MAX_BATCH_BYTES", "524288"),
    ]);
    let mut child = publish(&node.url(""), &["--batch", "1"]);
    let mut pipe = child.stdin.take().unwrap();
    let line = numbered(1, 1, 100 * 1024).remove(0);
    soon("the pipe takes some and breaks", async {
        while pipe.write_all(format!("no event\n{line}\n").as_bytes()).await.is_ok() {}
    })
    .await;
    let output = finish(child).await;
    let told = told(&output);
    assert_eq!(output.status.code(), Some(1), "{told:#?}");
    let stored = node.stored("r").await.len();
    let summary = |line: &String| line.starts_with(&format!("r: {stored} events published, "));
    assert!(stored > 5 && told.iter().any(summary), "{told:#?}");
    assert!(
        told.iter().any(|line| line.contains("the server refused with 413") && line.contains("run_full")),
        "{told:#?}"
    );
}

fn answer(status: &'static str, body: String) -> Answer {
    Answer::Say(status, "content-type: application/json\r\n", body)
}

#[tokio::test]
async fn the_numbers_go_on_where_a_refused_line_would_have_been() {
    let refused = |index: usize| {
        answer("400 Bad Request", format!(r#"{{"code":"x","detail":"event {index}: odd","index":{index}}}"#))
    };
    let stored = |count: u64, high: u64| {
        answer("202 Accepted", format!(r#"{{"stored":{count},"duplicates":0,"producerSeq":{high}}}"#))
    };
    let mut server = HttpDouble::start(vec![refused(1), refused(3), stored(4, 4), stored(4, 8)]);
    let lines: Vec<String> = (1..=10).map(|n| format!(r#"{{"n":{n}}}"#)).collect();
    let output = published(&server.url, &["--batch", "6"], lines.join("\n").as_bytes()).await;
    assert_eq!(output.status.code(), Some(65));
    let posted: Vec<_> =
        server.taken().into_iter().map(|r| (r.header("runcast-producer-seq").to_owned(), text(&r.body))).collect();
    let body = |numbers: &[usize]| numbers.iter().map(|n| format!("{}\n", lines[n - 1])).collect::<String>();
    let want = [
        ("1".to_owned(), body(&[1, 2, 3, 4, 5, 6])),
        ("1".to_owned(), body(&[1, 3, 4, 5, 6])),
        ("1".to_owned(), body(&[1, 3, 4, 6])),
        ("5".to_owned(), body(&[7, 8, 9, 10])),
    ];
    assert_eq!(posted, want);
    assert_eq!(told(&output)[..2], ["line 2 refused: x: odd", "line 5 refused: x: odd"]);
}

#[tokio::test]
async fn what_one_server_stored_is_not_posted_again_because_another_one_refuses_a_line_of_it() {
    // The first takes all three, but its answer is lost; the second has other limits.
    let mut first =
        HttpDouble::start(vec![Answer::HangUp, answer("202 Accepted", r#"{"stored":1,"duplicates":0}"#.into())]);
    let refused =
        answer("413 Payload Too Large", r#"{"code":"event_too_large","detail":"event 1: odd","index":1}"#.into());
    let known = answer("202 Accepted", r#"{"stored":0,"duplicates":2,"producerSeq":3}"#.into());
    let mut second =
        HttpDouble::start(vec![refused, known, answer("202 Accepted", r#"{"stored":1,"duplicates":0}"#.into())]);
    let urls = format!("{},{}", first.url, second.url);
    let output = published(&urls, &["--batch", "3"], b"{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n{\"n\":4}\n").await;
    let told = told(&output);
    assert!(output.status.success(), "{told:#?}");
    let posted = |server: &mut HttpDouble| -> Vec<(String, String)> {
        server.taken().into_iter().map(|r| (r.header("runcast-producer-seq").to_owned(), text(&r.body))).collect()
    };
    let request = |n: &str, body: &str| (n.to_owned(), body.to_owned());
    assert_eq!(posted(&mut first), [request("1", "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n")]);
    let want = [
        request("1", "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n"),
        request("1", "{\"n\":1}\n{\"n\":3}\n"),
        request("4", "{\"n\":4}\n"),
    ];
    assert_eq!(posted(&mut second), want);
    assert!(told.last().unwrap().starts_with("r: 4 events published, 0 lines refused"), "{told:#?}");
}

#[tokio::test]
async fn strictly_a_line_that_would_be_stored_and_not_understood_is_named_and_not_posted() {
    let lines = [
        r#"{"type":"run_status","timestamp":"2026-11-26T20:00:00.000Z","status":"running","data":{"version":"1"}}"#,
        r#"{"type":"test_step","timestamp":"2026-11-26T20:00:00.000Z","step":{"stepNumber":1,"attempt":"0"}}"#,
        r#"{"type":"test_step","timestamp":"2026-11-26T20:00:00.000Z","step":{"stepnumber":1}}"#,
        r#"{"type":"page_state","timestamp":"2026-11-26T20:00:00.000Z","step":"of our own"}"#,
        r#"{"type":"log",}"#,
        r#"{"type":"run_status","timestamp":"2026-11-26T20:00:00.000Z","status":"passed"}"#,
    ];
    let reasons = [
        "line 2 refused: `step.attempt` must be a whole number, 0 or more",
        "line 3 refused: `step.stepnumber` means nothing in a `test_step`: did you mean `step.stepNumber`?",
        "line 5 refused: invalid_json: not JSON: expected a key at byte 14 of the line",
    ];
    let node = TestNode::start(&[]);
    let input = lines.join("\n");
    let output = published(&node.url(""), &["--strict"], input.as_bytes()).await;
    let said = told(&output);
    assert_eq!((output.status.code(), &said[..3]), (Some(65), &reasons.map(str::to_owned)[..]), "{said:#?}");
    assert_eq!(node.stored("r").await, [lines[0], lines[3], lines[5]]);

    let kept = TestNode::start(&[]);
    let output = published(&kept.url(""), &["--strict", "--keep-bad"], input.as_bytes()).await;
    assert_eq!(output.status.code(), Some(65));
    let stored = kept.stored("r").await;
    assert_eq!(stored.len(), lines.len());
    let second: Value = serde_json::from_str(&stored[1]).unwrap();
    assert_eq!((second["type"].as_str(), second["text"].as_str()), (Some("log"), Some(lines[1])));
    assert_eq!(second["data"]["reason"], "`step.attempt` must be a whole number, 0 or more");

    // Without it they are stored as they are, and exit code 65 is about line 5 alone.
    let lenient = TestNode::start(&[]);
    published(&lenient.url(""), &[], input.as_bytes()).await;
    assert_eq!(lenient.stored("r").await.len(), 5);
}
