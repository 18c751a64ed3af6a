use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::Value;

use super::support::{Dice, TestNode};
use super::{output, runcast, text};

/// `runcast upload RUN`, with these arguments.
pub(crate) async fn upload(url: &str, run: &str, arguments: &[&str]) -> Output {
    output(runcast(&[&["upload", run, "--url", url], arguments].concat())).await
}

/// The last line on stderr.
pub(crate) fn summary(output: &Output) -> String {
    text(&output.stderr).lines().last().unwrap_or_default().to_owned()
}

pub(crate) fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Bytes that nothing makes smaller.
pub(crate) fn noise(count: usize) -> Vec<u8> {
    let mut dice = Dice::new(count as u64);
    (0..count).map(|_| dice.below(256) as u8).collect()
}

/// What the run has, by name: those that are ready.
pub(crate) async fn ready(node: &TestNode, run: &str) -> BTreeMap<String, Value> {
    let list = node.get_json(&format!("/api/runs/{run}/artifacts?limit=1000")).await;
    let mut found = BTreeMap::new();
    for artifact in list["artifacts"].as_array().unwrap().iter().filter(|artifact| artifact["state"] == "ready") {
        let doubled = found.insert(artifact["name"].as_str().unwrap().to_owned(), artifact.clone());
        assert!(doubled.is_none(), "there are two of {artifact}");
    }
    found
}

/// The bytes of an artifact, as they were before they were stored.
pub(crate) async fn content(node: &TestNode, artifact: &Value) -> Vec<u8> {
    let (run, id) = (artifact["runId"].as_str().unwrap(), artifact["artifactId"].as_str().unwrap());
    let path = format!("/api/runs/{run}/artifacts/{id}/download?encoding=identity");
    let url = node.get_json(&path).await["downloadUrl"].as_str().unwrap().to_owned();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    client.get(url).send().await.unwrap().error_for_status().unwrap().bytes().await.unwrap().into()
}

#[tokio::test]
async fn twenty_files_of_a_directory_go_up_in_parallel_and_none_is_sent_again() {
    let (node, directory) = (TestNode::start(&[]), tempfile::tempdir().unwrap());
    let mut files = BTreeMap::new();
    for number in 0..16 {
        files.insert(format!("test-{number}/trace.zip"), noise(number * 50_000 + 1));
    }
    files.insert("empty.txt".to_owned(), Vec::new());
    files.insert("long.log".to_owned(), b"the same line again and again\n".repeat(100_000));
    files.insert("a/b c/50%?#é.txt".to_owned(), b"strange".to_vec());
    files.insert("big.bin".to_owned(), noise(5_000_000));
    for (name, bytes) in &files {
        let file = directory.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
    }

    let sent = upload(&node.url(""), "r", &[path(directory.path()), "--parallel", "8", "--json"]).await;
    assert!(sent.status.success(), "{}", text(&sent.stderr));
    assert!(summary(&sent).starts_with("runcast: 20 uploaded, 0 already there, 0 failed, "), "{}", summary(&sent));
    let told: Vec<Value> = text(&sent.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ready = ready(&node, "r").await;
    assert_eq!(told.len(), 20);
    assert!(told.iter().all(|artifact| ready[artifact["name"].as_str().unwrap()] == *artifact));
    for (name, bytes) in &files {
        assert_eq!(content(&node, &ready[name]).await, *bytes, "{name}");
    }
    assert!(ready["long.log"]["storedSize"].as_u64().unwrap() < 100_000);

    let again = upload(&node.url(""), "r", &[path(directory.path())]).await;
    assert!(again.status.success(), "{}", text(&again.stderr));
    assert!(summary(&again).starts_with("runcast: 0 uploaded, 20 already there, 0 failed, "), "{}", summary(&again));
    assert_eq!(self::ready(&node, "r").await, ready);
}

#[tokio::test]
async fn what_the_options_say_is_said_to_the_server() {
    let (node, directory) = (TestNode::start(&[]), tempfile::tempdir().unwrap());
    let file = directory.path().join("x.bin");
    fs::write(&file, "hello").unwrap();
    let options = ["--name", "../a name", "--kind", "report", "--content-type", "text/x-report", "--test", "t-1"];
    let sent = upload(&node.url(""), "r", &[&[path(&file), "--quiet"], &options[..]].concat()).await;
    assert!(sent.status.success(), "{}", text(&sent.stderr));
    assert!(sent.stderr.is_empty() && sent.stdout.is_empty(), "quiet");
    let ready = ready(&node, "r").await;
    let artifact = &ready["../a name"];
    let said = ["kind", "contentType", "test"].map(|field| artifact[field].as_str().unwrap());
    assert_eq!(said, ["report", "text/x-report", "t-1"]);
    let refused = upload(&node.url(""), "r", &[path(&file), path(&file), "--name", "n"]).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("--name is for a single file"));
}

#[tokio::test]
async fn a_file_that_cannot_be_read_fails_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let (node, directory) = (TestNode::start(&[]), tempfile::tempdir().unwrap());
    let [good, missing, pipe, locked] = ["good.txt", "missing.txt", "pipe", "locked"].map(|n| directory.path().join(n));
    fs::write(&good, "good").unwrap();
    fs::write(&locked, "locked").unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    // Nothing is locked for root.
    let is_root = fs::File::open(&locked).is_ok();
    let sent = upload(&node.url(""), "r", &[path(&missing), path(&pipe), path(&locked), path(&good)]).await;
    assert_eq!(sent.status.code(), Some(1));
    let told = text(&sent.stderr);
    assert!(told.contains("missing.txt: No such file"), "{told}");
    assert!(told.contains("pipe: it can't be read: it is not a regular file"), "{told}");
    assert_eq!(told.contains("locked: it can't be read: Permission denied"), !is_root, "{told}");
    let counts =
        if is_root { "2 uploaded, 0 already there, 2 failed" } else { "1 uploaded, 0 already there, 3 failed" };
    assert!(summary(&sent).starts_with(&format!("runcast: {counts}")), "{told}");
    assert!(ready(&node, "r").await.contains_key("good.txt"));
}

#[tokio::test]
async fn a_refusal_is_told_in_the_servers_words_and_the_other_files_go_on() {
    let (node, directory) =
        (TestNode::start(&[("RUNCAST__ARTIFACTS__MAX_BYTES", "1000000")]), tempfile::tempdir().unwrap());
    let [small, large] = ["small.bin", "large.bin"].map(|name| directory.path().join(name));
    fs::write(&small, noise(1_000_000)).unwrap();
    fs::write(&large, noise(1_000_001)).unwrap();
    let sent = upload(&node.url(""), "r", &[path(&large), path(&small)]).await;
    assert_eq!(sent.status.code(), Some(1));
    assert!(text(&sent.stderr).contains("large.bin: it has 1.00 MB, and the server takes at most 1.00 MB"));
    assert!(summary(&sent).starts_with("runcast: 1 uploaded, 0 already there, 1 failed, "), "{}", summary(&sent));

    // The server answers before it has read anything of the file.
    let sent = upload(&node.url(""), "r", &[path(&small), "--name", "x", "--content-type", "nonsense"]).await;
    assert_eq!(sent.status.code(), Some(1));
    let told = text(&sent.stderr);
    assert!(
        told.contains("x: the server refused with 400 Bad Request: invalid_content_type: contentType must"),
        "{told}"
    );

    let sent = upload(&node.url(""), "no/run", &[path(&small)]).await;
    assert_eq!(sent.status.code(), Some(2), "{}", text(&sent.stderr));
    let none = TestNode::start(&[("RUNCAST__OBJECTS__URL", "none:")]);
    let sent = upload(&none.url(""), "r", &[path(&small)]).await;
    assert_eq!(sent.status.code(), Some(1));
    assert!(text(&sent.stderr).contains("artifacts_off: this server keeps no artifacts"), "{}", text(&sent.stderr));
}

#[tokio::test]
async fn a_server_that_stays_away_is_given_up_and_another_one_is_asked() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let closed = format!("http://{closed}");
    let sent = upload(&closed, "r", &[path(file.path()), "--timeout", "1"]).await;
    assert_eq!(sent.status.code(), Some(1));
    assert!(text(&sent.stderr).contains("gave up after 1 s without progress; last: "), "{}", text(&sent.stderr));
    let node = TestNode::start(&[]);
    let sent = upload(&format!("{closed},{}", node.url("")), "r", &[path(file.path())]).await;
    assert!(sent.status.success(), "{}", text(&sent.stderr));
    assert_eq!(ready(&node, "r").await.len(), 1);
}
