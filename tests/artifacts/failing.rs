//! A store that is full, away, or says nothing.

use std::io::{ErrorKind, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use super::fixture::{
    MIB, Upload, ask, download, fetch, files, id, list, node_at, original, path, picture, put, settled, spooled,
    stored, text,
};
use super::support::{FaultProxy, S3Server, SOON, TestNode};

/// Fills a disk to its last byte.
fn fill(file: &Path) {
    let mut file = std::fs::File::create(file).unwrap();
    for piece in [64 * 1024, 4096, 1] {
        while match file.write_all(&vec![7; piece]) {
            Ok(()) => true,
            Err(error) if error.kind() == ErrorKind::StorageFull => false,
            Err(error) => panic!("{error}"),
        } {}
    }
}

#[tokio::test]
async fn a_full_disk_refuses_uploads_keeps_what_is_there_and_takes_more_without_a_restart() {
    let settings = [
        ("RUNCAST__JOURNAL__MIN_FREE_BYTES", "0"),
        ("RUNCAST__OBJECTS__URL", "dir:small/objects"),
        ("RUNCAST__ARTIFACTS__SPOOL_DIR", "data/small/spool"),
    ];
    let node = TestNode::start_with_a_small_disk(12 * MIB as u64, &settings);
    let disk = node.small_disk();
    let before = files(&disk).len();
    let there = stored(&node, "r", "there.log", text(300_000)).await;
    assert_eq!(files(&disk).len(), before + 1);
    // Full from the start, and full on the way.
    for full in [true, false] {
        if full {
            fill(&disk.join("filler"));
        }
        for (name, content) in [("a.png", picture(13 * MIB)), ("a.log", text(13 * MIB)), ("b.png", picture(13 * MIB))] {
            let run = format!("full-{full}");
            let refused = put(&node, &run, name, &[], content).await;
            refused.problem(503, "storage_full");
            assert!(refused.header("retry-after").parse::<u64>().is_ok_and(|secs| secs >= 1), "{refused:?}");
        }
        assert_eq!(settled(&node, &format!("full-{full}")).await, ["failed"; 3]);
        let seen: Vec<_> = files(&disk).into_iter().filter(|file| file != "filler").collect();
        assert_eq!(seen.len(), before + 1, "{seen:?}");
        assert!(original(&node, "r", id(&there)).await == text(300_000), "what is there is handed out");
        let _ = std::fs::remove_file(disk.join("filler"));
    }
    for (name, content) in [("a.png", picture(3 * MIB)), ("a.log", text(3 * MIB))] {
        let artifact = stored(&node, "after", name, content.clone()).await;
        assert!(original(&node, "after", id(&artifact)).await == content);
    }
}

/// A node whose store is behind a proxy, and patient for two seconds at most.
async fn impatient() -> (S3Server, FaultProxy, TestNode) {
    let server = S3Server::start();
    let proxy = FaultProxy::start(server.address()).await;
    let mut settings = server.settings();
    settings[1].1 = format!("http://{}", proxy.address());
    let node = node_at(&settings, &[("objects.request_secs", "1"), ("objects.retry_secs", "1")]);
    (server, proxy, node)
}

#[tokio::test]
async fn a_store_that_fails_or_says_nothing_is_told_in_bounded_time_and_leaves_failed_rows() {
    let (server, proxy, node) = impatient().await;
    stored(&node, "before", "a.png", picture(10)).await;
    for (run, is_silent) in [("refused", false), ("silent", true)] {
        match is_silent {
            true => proxy.stall(),
            false => {
                proxy.refuse();
                proxy.cut();
            }
        }
        for (name, content) in [("a.png", picture(1_000)), ("b.png", picture(11 * MIB)), ("a.log", text(100_000))] {
            let began = Instant::now();
            let refused = put(&node, run, name, &[], content).await;
            refused.problem(503, "storage_unavailable");
            assert!(refused.header("retry-after").parse::<u64>().is_ok_and(|secs| secs >= 1), "{refused:?}");
            assert!(began.elapsed() < SOON / 2, "{run} {name}: {:?}", began.elapsed());
        }
        assert_eq!(settled(&node, run).await, ["failed"; 3]);
        assert_eq!(spooled(&node), Vec::<String>::new());
        proxy.pass();
        proxy.cut();
        let artifact = stored(&node, "after", "a.log", text(100_000)).await;
        assert!(original(&node, "after", id(&artifact)).await == text(100_000));
    }
    assert!(files(&server.file("")).iter().all(|file| !file.contains("refused")));
}

#[tokio::test]
async fn a_store_that_goes_in_the_middle_of_an_upload_fails_it() {
    let (server, proxy, node) = impatient().await;
    let mut upload = Upload::begin(&node, "r", "a.png", Some(40 * MIB)).await;
    upload.send(&picture(12 * MIB)).await;
    super::support::eventually!(server.unfinished().len(), |parts| *parts >= 2, SOON);
    proxy.stall();
    // The node takes no more than it can keep.
    let rest = picture(28 * MIB);
    let sent = tokio::time::timeout(SOON, tokio::io::AsyncWriteExt::write_all(&mut upload.0, &rest)).await;
    let _ = sent.expect("it is answered before all is sent");
    let (status, problem) = upload.answer().await;
    assert_eq!((status, problem["code"].as_str()), (503, Some("storage_unavailable")), "{problem}");
    assert_eq!(settled(&node, "r").await, ["failed"]);
    proxy.pass();
    proxy.cut();
    super::fixture::clean(&node).await;
    assert_eq!([server.unfinished(), files(&server.file(""))].concat(), Vec::<String>::new());
}

#[tokio::test]
async fn a_completion_while_the_store_is_away_can_be_repeated() {
    let (_server, proxy, node) = impatient().await;
    let made = ask(&node, "POST", &path("r", ""), Some(json!({"name": "a.png", "size": 5_000}))).await.json();
    let headers = made["upload"]["headers"].as_object().unwrap().clone();
    let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
    let url = made["upload"]["url"].as_str().unwrap();
    assert_eq!(fetch("PUT", url, &headers, picture(5_000)).await.status, 200);
    let complete = path("r", &format!("/{}/complete", id(&made["artifact"])));
    proxy.stall();
    let began = Instant::now();
    ask(&node, "POST", &complete, None).await.problem(503, "storage_unavailable");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert_eq!(list(&node, "r").await[0]["state"], "pending");
    proxy.pass();
    proxy.cut();
    assert_eq!(ask(&node, "POST", &complete, None).await.json()["state"], "ready");
    assert!(original(&node, "r", id(&made["artifact"])).await == picture(5_000));
    assert_eq!(download(&node, "r", id(&made["artifact"]), "", "").await.status, 200);
}
