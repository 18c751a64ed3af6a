//! What the metrics say of artifacts, of their cleanup, and of the disk.

use super::cleanup::{BY_HAND, DAY};
use super::fixture::{Catalog, MIB, clean, id, node, objects, picture, put, stored, text};
use super::support::{SOON, TestNode, eventually, numbered};

/// A metric, once it is printed.
async fn figure(node: &TestNode, name: &str) -> f64 {
    let is_there = |text: &String| text.lines().any(|line| line.split_once(' ').is_some_and(|(it, _)| it == name));
    eventually!(node.get("/metrics").await.text, is_there, SOON);
    node.metric(name).await
}

#[tokio::test]
async fn the_metrics_say_what_there_is_what_is_due_and_how_the_last_cleanup_ended() {
    let mut node = node(&BY_HAND);
    for untouched in ["runcast_artifacts_kept", "runcast_cleanup_last_timestamp_seconds", "runcast_cleanup_last_failed"]
    {
        assert_eq!(figure(&node, untouched).await, 0.0, "{untouched}");
    }
    let mut bytes = 0;
    let mut artifacts = Vec::new();
    for name in ["a.png", "b.png", "c.log"] {
        let content = if name == "c.log" { text(40_000) } else { picture(3_000) };
        artifacts.push(stored(&node, "r", name, content).await);
        bytes += artifacts.last().unwrap()["storedSize"].as_u64().unwrap();
    }
    let swept = clean(&node).await;
    assert_eq!(figure(&node, "runcast_artifacts_kept").await, 3.0);
    assert_eq!(figure(&node, "runcast_artifacts_kept_bytes").await, bytes as f64);
    assert_eq!(figure(&node, "runcast_artifacts_due").await, 0.0);
    assert_eq!(figure(&node, "runcast_cleanup_last_failed").await, 0.0);
    let began = figure(&node, "runcast_cleanup_last_timestamp_seconds").await;
    let told = runcast::protocol::Timestamp::parse(swept["startedAt"].as_str().unwrap()).unwrap();
    assert!((began - told.as_millis() as f64 / 1_000.0).abs() < 0.001, "{began} is not {told}");

    // Their time is over, and nobody cleans up.
    let mut catalog = Catalog::of(&node).await;
    catalog.age(31 * DAY).await;
    drop(catalog);
    node.terminate().await.assert_clean(false);
    node.restart();
    assert_eq!(figure(&node, "runcast_artifacts_due").await, 3.0);
    // One of them can't be removed: it is no file.
    node.may_report();
    let stuck = objects(&node).join(format!("runs/r/{}/a.png", id(&artifacts[0])));
    std::fs::remove_file(&stuck).unwrap();
    std::fs::create_dir(&stuck).unwrap();
    std::fs::write(stuck.join("inside"), "x").unwrap();
    assert_eq!(clean(&node).await["failed"], 1);
    assert_eq!(figure(&node, "runcast_cleanup_last_failed").await, 1.0);
    assert_eq!(figure(&node, "runcast_artifacts_kept").await, 1.0);
}

#[tokio::test]
async fn the_metrics_say_what_is_free_where_the_node_writes_and_what_it_has_written() {
    const DISK: u64 = 16 * MIB as u64;
    let settings = [
        ("RUNCAST__JOURNAL__MIN_FREE_BYTES", "1000000"),
        ("RUNCAST__JOURNAL__URL", "sqlite:small/journal.db"),
        ("RUNCAST__OBJECTS__URL", "dir:small/objects"),
        ("RUNCAST__ARTIFACTS__SPOOL_DIR", "data/small/spool"),
    ];
    let node = TestNode::start_with_a_small_disk(DISK, &settings);
    for (place, min_free) in [("data", 1e6), ("objects", 2e6), ("spool", 2e6)] {
        assert_eq!(node.metric(&format!("runcast_disk_min_free_bytes{{place=\"{place}\"}}")).await, min_free);
    }
    let free = async |place| node.metric(&format!("runcast_disk_free_bytes{{place=\"{place}\"}}")).await;
    let used = async |what| node.metric(&format!("runcast_disk_used_bytes{{what=\"{what}\"}}")).await;
    let (before, journal) = (free("objects").await, used("journal").await);
    assert!(before < DISK as f64 && free("data").await > 0.0, "{before}");
    assert!(journal > 0.0 && used("catalog").await > 0.0 && used("spool").await < 1e6);
    stored(&node, "r", "a.png", picture(4 * MIB)).await;
    node.store("r", &numbered(1, 500, 1_000)).await;
    let (after, grown) = (free("objects").await, used("journal").await - journal);
    assert!(before - after > 4e6, "{before} before, {after} after");
    assert!((400e3..2e6).contains(&grown), "the journal has grown by {grown}");

    // More than fits.
    assert_eq!(put(&node, "r", "b.png", &[], picture(20 * MIB)).await.status, 503);
    assert_eq!(node.metric("runcast_artifact_failures_total{code=\"storage_full\"}").await, 1.0);
}
