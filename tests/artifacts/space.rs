//! A disk that is shared with the journal: uploads end before posts do, whatever way they take, and however many begin.
//! Promised in docs/reliability.md, "Abuse".

use std::fs::File;
use std::path::Path;

use futures_util::FutureExt as _;
use serde_json::{Value, json};

use super::fixture::{
    MIB, Upload, ask, fetch, files, id, list, original, path, picture, put, settled, states, stored, text,
};
use super::support::{Reply, SOON, TestNode, eventually, post_trace};
use super::zip;

const DISK: u64 = 16 * MIB as u64;
/// What posts leave free of it; uploads leave twice as much.
const MIN_FREE: u64 = 3 * MIB as u64;

/// A node whose journal, spool and objects are on one small disk.
fn node() -> TestNode {
    let min_free = MIN_FREE.to_string();
    let settings = [
        ("RUNCAST__JOURNAL__MIN_FREE_BYTES", min_free.as_str()),
        ("RUNCAST__JOURNAL__URL", "sqlite:small/journal.db"),
        ("RUNCAST__OBJECTS__URL", "dir:small/objects"),
        ("RUNCAST__ARTIFACTS__SPOOL_DIR", "data/small/spool"),
    ];
    TestNode::start_with_a_small_disk(DISK, &settings)
}

fn free(disk: &Path) -> u64 {
    let disk = rustix::fs::statvfs(disk).unwrap();
    disk.f_bavail * disk.f_frsize
}

/// Leaves so many bytes of the disk free.
fn leave_free(disk: &Path, bytes: u64) {
    let filler = disk.join("filler");
    let _ = std::fs::remove_file(&filler);
    let taken = free(disk) - bytes;
    std::io::copy(&mut std::io::Read::take(std::io::repeat(7), taken), &mut File::create(filler).unwrap()).unwrap();
}

async fn posts_go_on(node: &TestNode) {
    let reply = node.post_ndjson("posts", &[json!({"type": "log", "text": "x".repeat(1000)}).to_string()], &[]).await;
    assert_eq!(reply.status, 202, "{reply:?}");
}

fn is_full(reply: &Reply) {
    let detail = reply.problem(503, "storage_full");
    assert!(detail.contains("have to be"), "{detail}");
    assert!(reply.header("retry-after").parse::<u64>().is_ok_and(|secs| secs >= 1), "{reply:?}");
}

#[tokio::test]
async fn while_space_is_short_nothing_is_stored_whatever_way_it_takes_and_posts_go_on() {
    let node = node();
    let disk = node.small_disk();
    let announced = json!({"name": "direct.bin", "size": 100_000});
    let direct = ask(&node, "POST", &path("before", ""), Some(announced.clone())).await.json();
    leave_free(&disk, 2 * MIN_FREE - 1);
    let before = files(&disk);
    is_full(&post_trace(&node, "r", &[("a.trace", 0, "{}\n")]).await);
    for (name, content) in [("a.log", text(100_000)), ("a.zip", zip::trace()), ("a.png", picture(100_000))] {
        is_full(&put(&node, "r", name, &[], content.clone()).await);
        let mut chunked = Upload::begin(&node, "r", name, None).await;
        // Refused as soon as it begins: the rest may find nobody.
        let _ = chunked.chunk(&content).await;
        let _ = chunked.chunk(b"").await;
        let (status, problem) = chunked.answer().await;
        assert_eq!((status, problem["code"].as_str()), (503, Some("storage_full")), "{name}: {problem}");
    }
    is_full(&ask(&node, "POST", &path("r", ""), Some(announced)).await);
    let url = direct["upload"]["url"].as_str().unwrap();
    let refused = fetch("PUT", url, &[], picture(100_000)).await;
    assert_eq!((refused.status, refused.header("retry-after").is_empty()), (503, false));
    assert_eq!(list(&node, "r").await, Vec::<Value>::new(), "nothing was begun");
    let grown = |file: &String| !file.starts_with("journal.db");
    assert_eq!(files(&disk).into_iter().filter(grown).collect::<Vec<_>>(), {
        before.into_iter().filter(grown).collect::<Vec<_>>()
    });
    let ready = node.get_json("/ready").await;
    assert_eq!(ready["status"], "degraded", "{ready}");
    posts_go_on(&node).await;

    leave_free(&disk, 2 * MIN_FREE + MIB as u64);
    for (name, content) in [("a.log", text(100_000)), ("a.png", picture(100_000))] {
        let artifact = stored(&node, "after", name, content.clone()).await;
        assert!(original(&node, "after", id(&artifact)).await == content);
    }
    assert_eq!(fetch("PUT", url, &[], picture(100_000)).await.status, 200);
}

#[tokio::test]
async fn ten_uploads_at_a_time_do_not_pass_together() {
    const EACH: usize = 2 * MIB;
    for (name, content) in [("a.log", text(EACH)), ("a.png", picture(EACH))] {
        let node = node();
        let disk = node.small_disk();
        leave_free(&disk, 2 * MIN_FREE + 7 * MIB as u64);
        let mut begun = Vec::new();
        for _ in 0..10 {
            let mut upload = Upload::begin(&node, "r", name, Some(EACH)).await;
            upload.send(&content[..EACH / 4]).await;
            begun.push(upload);
        }
        let answered = |begun: &[Upload]| {
            let is_answered = |upload: &&Upload| upload.0.peek(&mut [0]).now_or_never().is_some();
            begun.iter().filter(is_answered).count()
        };
        let counts = eventually!(
            (states(&node, "r").await.len(), answered(&begun)),
            |(going, refused)| going + refused == 10,
            SOON
        );
        assert_eq!(counts, (3, 7), "{name}: as many as fit");
        let mut outcomes = Vec::new();
        for mut upload in begun {
            if upload.0.peek(&mut [0]).now_or_never().is_none() {
                upload.send(&content[EACH / 4..]).await;
            }
            outcomes.push(upload.answer().await.0);
            posts_go_on(&node).await;
            assert!(free(&disk) >= 2 * MIN_FREE, "{name}: {}", free(&disk));
        }
        outcomes.sort();
        assert_eq!(outcomes, [[201; 3].as_slice(), &[503; 7]].concat(), "{name}");
        assert_eq!(settled(&node, "r").await, ["ready"; 3]);
    }
}

#[tokio::test]
async fn what_does_not_say_its_size_ends_where_space_does_and_posts_go_on() {
    let node = node();
    let disk = node.small_disk();
    for (name, content) in [("a.log", text(9 * MIB)), ("a.png", picture(9 * MIB))] {
        leave_free(&disk, 2 * MIN_FREE + 5 * MIB as u64);
        let mut upload = Upload::begin(&node, "r", name, None).await;
        for piece in content.chunks(64 * 1024) {
            // One that does not listen before it has sent everything: it must not be left hanging.
            upload.chunk(piece).await.unwrap();
            assert!(free(&disk) >= 2 * MIN_FREE, "{name}: {}", free(&disk));
        }
        let (status, problem) = upload.answer().await;
        assert_eq!((status, problem["code"].as_str()), (503, Some("storage_full")), "{name}: {problem}");
        posts_go_on(&node).await;
        eventually!(free(&disk), |free| *free > 2 * MIN_FREE + 4 * MIB as u64, SOON);
    }
    assert_eq!(settled(&node, "r").await, ["failed"; 2]);
}

#[tokio::test]
async fn what_finds_no_space_to_become_smaller_is_stored_as_it_came() {
    let node = node();
    let disk = node.small_disk();
    leave_free(&disk, 2 * MIN_FREE + 3 * MIB as u64);
    let content = text(2_900_000);
    let artifact = stored(&node, "r", "a.log", content.clone()).await;
    assert_eq!((artifact["method"].as_str(), artifact["encoding"].as_str()), (Some("kept"), Some("identity")));
    assert!(original(&node, "r", id(&artifact)).await == content);
    let counted = node.metric("runcast_compressions_total{outcome=\"no_space\"}").await;
    assert_eq!(counted, 1.0);
    assert!(free(&disk) >= 2 * MIN_FREE, "{}", free(&disk));
}
