//! More than is allowed: in bytes, at a time, in a run, in a run that is gone, in memory.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::process::Command;

use super::fixture::{
    Catalog, MIB, Store, Upload, ask, files, id, list, node, objects, path, picture, put, settled, states, stored, text,
};
use super::support::{SOON, TestNode, eventually, soon};

const SMALL: [(&str, &str); 1] = [("artifacts.max_bytes", "100000")];

/// What curl says of an upload of a file: the status.
async fn curl(node: &TestNode, run: &str, name: &str, content: &[u8], more: &[&str]) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), content).unwrap();
    let url = node.url(&path(run, &format!("/{name}")));
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--noproxy", "*", "--output", "-", "--write-out", "%{http_code}"]);
    command.args(more).arg("--upload-file").arg(file.path()).arg(url).stdin(Stdio::null()).kill_on_drop(true);
    let output = soon("curl", command.output()).await.unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[tokio::test]
async fn more_than_an_artifact_may_have_is_refused_and_leaves_nothing() {
    for store in [Store::Directory, Store::s3()] {
        let node = store.node(&SMALL);
        assert!(stored(&node, "fits", "a.png", picture(100_000)).await["size"] == 100_000);
        let before = store.files(&node);
        // Announced: nothing of it is read.
        for name in ["a.png", "a.log"] {
            let said = curl(&node, "announced", name, &text(3 * MIB), &[]).await;
            assert!(said.contains("artifact_too_large") && said.ends_with("413"), "{said}");
        }
        assert_eq!(list(&node, "announced").await, Vec::<Value>::new());
        let body = json!({"name": "a.png", "size": 100_001});
        ask(&node, "POST", &path("announced", ""), Some(body)).await.problem(413, "artifact_too_large");
        // Not announced: it is read up to there.
        for (name, content) in [("a.png", picture(3 * MIB)), ("a.log", text(3 * MIB))] {
            let said = curl(&node, "chunked", name, &content, &["--header", "Transfer-Encoding: chunked"]).await;
            assert!(said.contains("artifact_too_large") && said.ends_with("413"), "{said}");
        }
        assert_eq!(settled(&node, "chunked").await, ["failed"; 2]);
        assert_eq!(store.files(&node), before);
    }
}

#[tokio::test]
async fn what_curl_sends_is_stored_under_its_name() {
    let node = node(&[]);
    let said = curl(&node, "r", "", &text(300_000), &["--header", "Runcast-Kind: report"]).await;
    // Without a name in the URL curl takes the file's.
    assert!(said.ends_with("201") && said.contains("\"kind\":\"report\""), "{said}");
    let [artifact] = &list(&node, "r").await[..] else { panic!("one artifact") };
    assert_eq!(artifact["size"], 300_000);
    assert!(!artifact["name"].as_str().unwrap().is_empty());
}

#[tokio::test]
async fn as_many_uploads_as_the_node_takes_at_a_time_are_taken_and_no_more() {
    let node = node(&[("artifacts.max_uploads", "2")]);
    let mut first = Upload::begin(&node, "r", "a.png", Some(2_000)).await;
    let mut second = Upload::begin(&node, "r", "b.log", Some(2_000)).await;
    first.send(&picture(2_000)[..1]).await;
    second.send(b"x").await;
    eventually!(states(&node, "r").await, |states| states.len() == 2, SOON);
    for _ in 0..3 {
        let third = put(&node, "r", "c.png", &[], picture(10)).await;
        third.problem(503, "saturated");
        assert!(third.header("retry-after").parse::<u64>().is_ok_and(|secs| secs >= 1), "{third:?}");
    }
    assert_eq!(list(&node, "r").await.len(), 2, "nothing of it was announced");
    first.send(&picture(2_000)[1..]).await;
    assert_eq!(first.answer().await.0, 201);
    stored(&node, "r", "c.png", picture(10)).await;
    // A permit is free again also when its holder goes without a word.
    drop(second);
    eventually!(states(&node, "r").await, |states| states.contains(&"failed".to_owned()), SOON);
    let (mut one, mut two) =
        (Upload::begin(&node, "s", "a.png", Some(2_000)).await, Upload::begin(&node, "s", "b.png", Some(2_000)).await);
    for upload in [&mut one, &mut two] {
        upload.send(&picture(2_000)).await;
    }
    assert_eq!((one.answer().await.0, two.answer().await.0), (201, 201));
}

#[tokio::test]
async fn a_run_has_as_many_artifacts_as_it_may_and_deleted_ones_do_not_count() {
    let node = node(&[("artifacts.max_per_run", "2")]);
    let first = stored(&node, "r", "a.png", picture(10)).await;
    stored(&node, "r", "a.png", picture(10)).await;
    let refused = put(&node, "r", "c.png", &[], picture(10)).await;
    assert!(refused.problem(429, "too_many_artifacts").contains("artifacts.max_per_run"));
    let body = json!({"name": "c.png", "size": 10});
    ask(&node, "POST", &path("r", ""), Some(body)).await.problem(429, "too_many_artifacts");
    stored(&node, "s", "a.png", picture(10)).await;
    assert_eq!(ask(&node, "DELETE", &path("r", &format!("/{}", id(&first))), None).await.status, 204);
    stored(&node, "r", "c.png", picture(10)).await;
    // All at once: the bound holds.
    let all = (0..8).map(|_| put(&node, "t", "x.png", &[], picture(10)));
    let mut statuses: Vec<u16> = futures_util::future::join_all(all).await.iter().map(|reply| reply.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 201, 429, 429, 429, 429, 429, 429]);
}

#[tokio::test]
async fn a_run_that_has_expired_takes_nothing() {
    let mut node = node(&[("journal.retain_hours", "1"), ("journal.seal_hours", "0"), ("journal.sweep_secs", "1")]);
    node.store("r", &[r#"{"type":"run_status","status":"passed"}"#.to_owned()]).await;
    let there = stored(&node, "r", "a.png", picture(10)).await;
    let last = async || node.stored("r").await.pop().unwrap();
    eventually!(last().await, |event| event.contains("\"sealed\""), SOON);
    node.terminate().await;
    let mut journal = Catalog::at(&node.data().join("journal.db")).await;
    let columns = journal.texts("SELECT name FROM pragma_table_info('runs')").await;
    let times: Vec<String> =
        columns.iter().filter(|name| name.ends_with("_at")).map(|name| format!("{name} = {name} - 7300000")).collect();
    journal.run(&format!("UPDATE runs SET {}", times.join(", "))).await;
    drop(journal);
    node.restart();
    let before = files(&objects(&node));
    eventually!(node.log(), |log| log.contains("runs expired"), SOON);
    put(&node, "r", "b.png", &[], picture(10)).await.problem(410, "run_gone");
    let body = json!({"name": "c.png", "size": 10});
    ask(&node, "POST", &path("r", ""), Some(body)).await.problem(410, "run_gone");
    // What there is is kept for its own time.
    assert_eq!(files(&objects(&node)), before);
    assert_eq!(node.get(&path("r", &format!("/{}", id(&there)))).await.status, 200);
}

/// Uploads `abreast` artifacts of `size` bytes at a time; by how many bytes the server's resident memory grew at most.
async fn growth(node: &TestNode, abreast: usize, size: usize) -> usize {
    let piece = picture(MIB);
    stored(node, "warm", "a.png", picture(12 * MIB)).await;
    let before = node.resident_bytes();
    let most = std::sync::atomic::AtomicUsize::new(before);
    let upload = async |name: String| {
        let mut upload = Upload::begin(node, "r", &name, Some(size)).await;
        for _ in 0..size / MIB {
            upload.send(&piece).await;
            most.fetch_max(node.resident_bytes(), std::sync::atomic::Ordering::Relaxed);
        }
        upload.answer().await.0
    };
    let all = (0..abreast).map(|n| upload(format!("{n}.png")));
    let statuses = futures_util::future::join_all(all).await;
    assert!(statuses.iter().all(|status| *status == 201), "{statuses:?}");
    let grown = most.into_inner() - before;
    eprintln!("{abreast} uploads of {} MiB: {:.1} MiB more", size / MIB, grown as f64 / MIB as f64);
    grown
}

#[tokio::test]
async fn large_uploads_at_a_time_cost_no_memory() {
    let grown = growth(&node(&[]), 10, 50 * MIB).await;
    assert!(grown < 32 * MIB, "{grown} bytes");
}

#[tokio::test]
async fn large_uploads_into_a_bucket_cost_two_parts_each() {
    let store = Store::s3();
    let node = store.node(&[]);
    let grown = growth(&node, 4, 48 * MIB).await;
    assert!(grown < 4 * 12 * MIB, "{grown} bytes");
}
