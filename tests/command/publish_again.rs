//! `runcast publish` of a file that the run has already, or a part of it.

use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::AsyncWriteExt as _;

use super::http_double::{Answer, HttpDouble};
use super::support::{SOON, TestNode, eventually, numbered};
use super::{finish, output, runcast, text};

/// A file in a directory of its own.
fn file(name: &str, text: &str) -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (dir, path)
}

#[tokio::test]
async fn a_file_is_stored_once_however_often_it_is_published_unless_that_is_wanted() {
    let node = TestNode::start(&[]);
    let mut lines = numbered(1, 25, 0);
    lines.insert(7, "no event".to_owned());
    let (_dir, path) = file("run.ndjson", &lines.join("\n"));
    let url = node.url("");
    let publish = async |more: &[&str]| {
        let published = output(runcast(&[&["publish", "r", &path, "--url", &url], more].concat())).await;
        assert_eq!(published.status.code(), Some(65));
        text(&published.stderr).lines().last().unwrap().to_owned()
    };
    let first = publish(&["--batch", "10"]).await;
    assert!(first.starts_with("runcast: r: 25 events published, 1 line refused, 0 duplicates, cursor "), "{first}");
    let known = "0 events published, 1 line refused, 25 duplicates that an earlier command has stored (--again ";
    for batch in ["10", "100", "3"] {
        let again = publish(&["--batch", batch]).await;
        assert!(again.contains(known), "{again}");
    }
    assert_eq!(node.stored("r").await, numbered(1, 25, 0));
    let again = publish(&["--again"]).await;
    assert!(again.contains("25 events published, 1 line refused, 0 duplicates"), "{again}");
    assert_eq!(node.stored("r").await.len(), 50);

    // A file that has more is another one, and so is one for another run.
    std::fs::write(&path, numbered(1, 26, 0).join("\n")).unwrap();
    let more = output(runcast(&["publish", "r", &path, "--url", &url])).await;
    assert!(text(&more.stderr).contains("26 events published"), "{}", text(&more.stderr));
    let other = output(runcast(&["publish", "q", &path, "--url", &url])).await;
    assert!(text(&other.stderr).contains("26 events published"), "{}", text(&other.stderr));
}

#[tokio::test]
async fn ctrl_c_says_what_is_stored_and_the_same_command_goes_on() {
    // The server takes two batches, and answers nothing more.
    let taken = |count: u64, high: u64| {
        let body = format!(r#"{{"stored":{count},"duplicates":0,"producerSeq":{high},"cursor":"7:{high}"}}"#);
        Answer::Say("202 Accepted", "content-type: application/json\r\n", body)
    };
    let busy = Answer::Say("503 Service Unavailable", "retry-after: 30\r\n", r#"{"code":"saturated"}"#.into());
    let mut server = HttpDouble::start(vec![taken(10, 10), taken(10, 20), busy]);
    let (_dir, path) = file("run.ndjson", &(numbered(1, 25, 0).join("\n") + "\n"));
    for (more, requests, stored, rest) in [
        (&[][..], 3, 20, "the same command goes on from there".to_owned()),
        (&["--again"], 1, 0, format!("to go on: tail -n +1 {path} | runcast publish r -")),
    ] {
        let arguments = [&["publish", "r", &path, "--batch", "10", "--url", &server.url], more].concat();
        let child = runcast(&arguments).spawn().unwrap();
        for _ in 0..requests {
            server.next().await;
        }
        kill_process(Pid::from_raw(child.id().unwrap().cast_signed()).unwrap(), Signal::INT).unwrap();
        let output = finish(child).await;
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(130), "{told}");
        let wanted = format!("runcast: stopped: {stored} events of {path} stored, up to line {stored}; {rest}");
        assert_eq!(told.lines().last(), Some(&*wanted), "{told}");
    }
}

#[tokio::test]
async fn what_was_stored_before_an_interruption_is_not_stored_again() {
    let node = TestNode::start(&[]);
    let all = numbered(1, 30, 0);
    let (_dir, path) = file("run.ndjson", &all.join("\n"));
    // As if the command had been stopped after 12 events.
    let mut double = HttpDouble::start(vec![Answer::Say("400 Bad Request", "", r#"{"code":"x"}"#.into())]);
    output(runcast(&["publish", "r", &path, "--url", &double.url])).await;
    let producer = double.next().await.header("runcast-producer").to_owned();
    let headers = [("runcast-producer", producer.as_str()), ("runcast-producer-seq", "1")];
    assert_eq!(node.post_ndjson("r", &all[..12], &headers).await.status, 202);
    let rest = output(runcast(&["publish", "r", &path, "--batch", "10", "--url", &node.url("")])).await;
    let told = text(&rest.stderr);
    assert!(rest.status.success() && told.contains("18 events published, 0 lines refused, 12 duplicates"), "{told}");
    assert_eq!(node.stored("r").await, all);
}

#[tokio::test]
async fn an_array_or_an_object_over_several_lines_is_recognised_and_said_how_to_publish() {
    let node = TestNode::start(&[]);
    for (input, what) in [
        ("[\n  {\"type\":\n  \"log\"}\n]\n", "a JSON array, not like one event a line: jq -c '.[]'"),
        ("{\n  \"type\": \"log\"\n}\n", "JSON over several lines, not like one event a line: jq -c ."),
    ] {
        let (_dir, path) = file("events.json", input);
        let refused = output(runcast(&["publish", "r", &path, "--url", &node.url("")])).await;
        let told = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(65));
        let wanted = format!("the input looks like {what} {path} | runcast publish r");
        assert_eq!(told.matches(&wanted).count(), 1, "{told}");
    }
}

#[tokio::test]
async fn one_is_told_as_one_and_a_line_is_named_once() {
    let node = TestNode::start(&[]);
    let mut child = runcast(&["publish", "r", "--url", &node.url("")]).stdin(Stdio::piped()).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(b"{\"type\":\"log\"}\n").await.unwrap();
    eventually!(node.stored("r").await, |events| events.len() == 1, SOON);
    drop(pipe);
    let told = text(&finish(child).await.stderr);
    assert!(told.starts_with("runcast: r: 1 event published, 0 lines refused, 0 duplicates, cursor"), "{told}");

    let (_dir, path) = file("spill.ndjson", "{\"type\":\"log\"}\n{\"runcast\":\"spill\",\"runId\":\"r\"}\n");
    let told = text(&output(runcast(&["publish", "r", &path, "--url", &node.url("")])).await.stderr);
    let line = told.lines().last().unwrap();
    assert_eq!(line, "runcast: line 2: the header of a spill file can't be read: missing field `producer`", "{told}");
}
