//! Uploads that are broken off: by the server's end, by the client's, by the file that changes.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};

use super::http_double::{Answer, HttpDouble};
use super::support::{FaultProxy, SOON, TestNode, eventually};
use super::upload::{content, noise, path, ready, summary, upload};
use super::{finish, output, runcast, text};

/// What makes a network slow enough to be broken off in the middle: 64 KiB each.
pub(crate) const PIECE: Duration = Duration::from_millis(100);

/// How many artifacts of `r` are in this state.
pub(crate) async fn count(node: &TestNode, state: &str) -> usize {
    let list = node.get("/api/runs/r/artifacts").await.json();
    // Before the first one there is no such run.
    let artifacts = list["artifacts"].as_array().map_or(&[][..], Vec::as_slice);
    artifacts.iter().filter(|artifact| artifact["state"] == state).count()
}

#[tokio::test]
async fn a_server_that_is_killed_and_restarted_in_the_middle_gets_every_file_whole_and_once() {
    let (mut node, directory) = (TestNode::start_to_stay(&[]), tempfile::tempdir().unwrap());
    let proxy = FaultProxy::start(node.address()).await;
    proxy.delay(PIECE);
    let files: Vec<_> = (0..6).map(|number| (format!("{number}.bin"), noise(3_000_000 + number))).collect();
    for (name, bytes) in &files {
        fs::write(directory.path().join(name), bytes).unwrap();
    }
    let url = format!("http://{}", proxy.address());
    let child = runcast(&["upload", "r", path(directory.path()), "--parallel", "3", "--url", &url]).spawn().unwrap();
    eventually!(count(&node, "pending").await, |pending| *pending > 0, SOON);
    node.kill9();
    node.restart_in_place();
    proxy.delay(Duration::ZERO);
    let sent = finish(child).await;
    assert!(sent.status.success(), "{}", text(&sent.stderr));
    assert!(text(&sent.stderr).contains(": waiting for "), "it was broken off: {}", text(&sent.stderr));
    assert!(summary(&sent).starts_with("runcast: 6 uploaded, 0 already there, 0 failed, "), "{}", summary(&sent));
    let ready = ready(&node, "r").await;
    for (name, bytes) in &files {
        assert_eq!(content(&node, &ready[name]).await, *bytes, "{name}");
    }
}

#[tokio::test]
async fn the_same_command_finishes_what_its_killed_predecessor_began() {
    let (node, directory) = (TestNode::start(&[]), tempfile::tempdir().unwrap());
    let proxy = FaultProxy::start(node.address()).await;
    proxy.delay(PIECE);
    fs::write(directory.path().join("a.txt"), "small").unwrap();
    fs::write(directory.path().join("b.bin"), noise(5_000_000)).unwrap();
    let url = format!("http://{}", proxy.address());
    let command = || runcast(&["upload", "r", path(directory.path()), "--parallel", "1", "--url", &url]);
    let mut child = command().spawn().unwrap();
    eventually!((count(&node, "ready").await, count(&node, "pending").await), |seen| *seen == (1, 1), SOON);
    child.kill().await.unwrap();
    proxy.delay(Duration::ZERO);
    let sent = output(command()).await;
    assert!(sent.status.success(), "{}", text(&sent.stderr));
    assert!(summary(&sent).starts_with("runcast: 1 uploaded, 1 already there, 0 failed, "), "{}", summary(&sent));
    let ready = ready(&node, "r").await;
    assert_eq!(content(&node, &ready["b.bin"]).await, noise(5_000_000));
}

#[tokio::test]
async fn an_answer_that_is_lost_makes_no_second_artifact() {
    let (node, file) = (TestNode::start(&[]), tempfile::NamedTempFile::new().unwrap());
    fs::write(file.path(), "the last words").unwrap();
    let proxy = FaultProxy::start(node.address()).await;
    proxy.cut_behind("the last words");
    let sent = upload(&format!("http://{}", proxy.address()), "r", &[path(file.path()), "--name", "n"]).await;
    assert!(sent.status.success(), "{}", text(&sent.stderr));
    assert!(proxy.has_cut());
    assert!(summary(&sent).starts_with("runcast: 1 uploaded, 0 already there, 0 failed, "), "{}", summary(&sent));
    assert_eq!(ready(&node, "r").await.len(), 1);
}

#[tokio::test]
async fn a_file_that_changed_before_it_is_sent_again_is_read_again() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "before").unwrap();
    let list = Answer::Say("200 OK", "", r#"{"artifacts":[],"cursor":null,"direct":false,"maxBytes":100}"#.into());
    let busy = Answer::Say("503 Service Unavailable", "retry-after: 0\r\n", r#"{"code":"saturated"}"#.into());
    let artifact = r#"{"artifactId":"i","name":"n","kind":"log","state":"ready","size":9,"storedSize":9}"#;
    let done = Answer::Say("201 Created", "", artifact.into());
    let changed = file.path().to_owned();
    let mut server = HttpDouble::start_with(vec![list, busy, done], move |request| {
        if request.body == b"before" {
            fs::write(&changed, "and after").unwrap();
        }
    });
    let sent = upload(&server.url, "r", &[path(file.path()), "--name", "n"]).await;
    assert!(sent.status.success(), "{}", text(&sent.stderr));
    let requests = server.taken();
    let seen: Vec<_> = requests.iter().map(|request| (request.line.as_str(), text(&request.body))).collect();
    let (get, put) = ("GET /api/runs/r/artifacts?limit=1000 HTTP/1.1", "PUT /api/runs/r/artifacts/n HTTP/1.1");
    assert_eq!(seen, [(get, String::new()), (put, "before".into()), (put, "and after".into())]);
    let digests = [1, 2].map(|number| requests[number].header("content-digest"));
    assert!(digests.iter().all(|digest| digest.starts_with("sha-256=:")) && digests[0] != digests[1], "{digests:?}");
    let keys = [1, 2].map(|number| requests[number].header("idempotency-key"));
    assert_ne!(keys[0], keys[1], "other bytes are another upload");
}

#[tokio::test]
async fn however_often_a_file_is_sent_it_is_one_upload_by_its_key_and_its_digest() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "hello").unwrap();
    let list = Answer::Say("200 OK", "", r#"{"artifacts":[],"cursor":null,"direct":false,"maxBytes":100}"#.into());
    let busy = Answer::Say("503 Service Unavailable", "retry-after: 0\r\n", r#"{"code":"saturated"}"#.into());
    let artifact = r#"{"artifactId":"i","name":"n","kind":"log","state":"ready","size":5,"storedSize":5}"#;
    // What is there is answered with 200.
    let done = Answer::Say("200 OK", "", artifact.into());
    let mut server = HttpDouble::start(vec![list.clone(), busy, list, done]);
    let sent = upload(&server.url, "r", &[path(file.path()), "--name", "n", "--json"]).await;
    assert!(sent.status.success(), "{}", text(&sent.stderr));
    assert_eq!(text(&sent.stdout).trim_end(), artifact);
    let mut puts: Vec<_> = server.taken().into_iter().filter(|request| request.line.starts_with("PUT ")).collect();
    let named = |put: &super::http_double::Request| {
        ["idempotency-key", "content-digest"].map(|name| put.header(name).to_owned())
    };
    let first = named(&puts.remove(0));
    assert!(first.iter().all(|value| !value.is_empty()) && puts.len() == 1, "{first:?}");
    assert!(puts.iter().all(|put| named(put) == first), "{puts:?}");
}

#[tokio::test]
async fn what_is_still_being_stored_when_the_answer_is_lost_is_waited_for() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "hello").unwrap();
    let artifact = |state: &str| {
        let sha256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
        json!({"artifactId": "i", "name": "n", "kind": "log", "state": state, "size": 5, "sha256": sha256})
    };
    let list = |artifacts: &[Value]| {
        let list = json!({"artifacts": artifacts, "cursor": null, "direct": false, "maxBytes": 100});
        Answer::Say("200 OK", "", list.to_string())
    };
    let (pending, ready) = (artifact("pending"), artifact("ready"));
    let stored = [pending.clone(), ready.clone()];
    let mut server = HttpDouble::start(vec![
        list(&[]),
        Answer::HangUp,
        list(std::slice::from_ref(&pending)),
        list(std::slice::from_ref(&pending)),
        list(&stored),
    ]);
    let sent = upload(&server.url, "r", &[path(file.path()), "--name", "n", "--json"]).await;
    assert!(sent.status.success(), "{}", text(&sent.stderr));
    assert_eq!(text(&sent.stdout).trim_end(), ready.to_string());
    let puts = server.taken().into_iter().filter(|request| request.line.starts_with("PUT ")).count();
    assert_eq!(puts, 1);
}
