//! A Redis that comes back with less than it had: whoever saw what is gone is told, nobody else is, and it is said in
//! the log that a human must look.

use crate::support::{Cluster, EventStream, RedisServer, SOON, Site, Viewer, eventually, numbered};
use serde_json::Value;

/// Settings with which outages are found soon.
const BRIEF: &[(&str, &str)] = &[
    ("RUNCAST__REDIS__COMMAND_TIMEOUT_MS", "1000"),
    ("RUNCAST__BRIDGE__PROBE_SECS", "2"),
    ("RUNCAST__BRIDGE__TIP_CHECK_SECS", "1"),
];

/// Two nodes around a Redis that keeps nothing but what a test saves.
async fn forgetful() -> Cluster {
    let mut cluster = Cluster::start_with(2, &[], BRIEF).await;
    cluster.nodes.iter_mut().for_each(crate::support::TestNode::may_report);
    cluster
}

/// Stores event `n` as the log's `n`th, once Redis takes it.
async fn insist(node: &Site, n: u64) {
    eventually!(node.post_ndjson("r", &numbered(n, 1, 0), &[]).await, |reply| reply.status == 202, SOON);
}

async fn store(node: &Site, from: u64, count: u64) {
    node.store("r", &numbered(from, count, 0)).await;
}

/// A viewer that has seen so many events and then lost its connection.
async fn left_after(node: &Site, events: u64) -> Viewer {
    let mut viewer = Viewer::join(node, "r").await;
    viewer.until_events(events as usize).await;
    viewer.vanish();
    assert_eq!(viewer.events.len() as u64, events);
    viewer
}

/// Waits for its one reset.
async fn reset(viewer: &mut Viewer, from: u64) {
    viewer.until("a reset", |viewer| !viewer.told("reset").is_empty()).await;
    assert_eq!(viewer.told("reset")[0]["from"], from, "{:?}", viewer.said);
}

/// That it holds what the log holds, and how often it was reset.
async fn holds(viewer: &mut Viewer, log: &[String], resets: usize) {
    viewer.until("the log's end", |viewer| viewer.texts() == log).await;
    assert_eq!((viewer.told("reset").len(), viewer.told("gap").len()), (resets, 0), "{:?}", viewer.said);
}

/// Each node that had told of what is lost says so once.
async fn reported_once(cluster: &Cluster) {
    for node in &cluster.nodes {
        assert_eq!(node.errors().len(), 1, "{:?}", node.errors());
        assert_eq!(node.metric("runcast_journal_losses_total").await, 1.0);
    }
}

async fn state(node: &Site) -> Value {
    node.get_json("/api/runs/r").await
}

#[tokio::test]
async fn an_older_file_resets_exactly_those_who_saw_what_it_lacks() {
    let mut cluster = forgetful().await;
    store(&cluster.nodes[0], 1, 3).await;
    let mut behind = left_after(&cluster.nodes[0], 3).await;
    let mut at_start = Viewer::absent("/ws/runs/r?after=0");
    let older = cluster.redis.snapshot();
    let mut live = Vec::new();
    for node in &cluster.nodes {
        live.push(Viewer::join(node, "r").await);
    }
    store(&cluster.nodes[0], 4, 2).await;
    let mut ahead = left_after(&cluster.nodes[1], 5).await;
    for viewer in &mut live {
        viewer.until_events(5).await;
    }
    assert_eq!(state(&cluster.nodes[1]).await["counts"]["events"], state(&cluster.nodes[0]).await["counts"]["events"]);
    cluster.redis.restart_with(&older).await;

    // Nobody has to store anything for that.
    for viewer in &mut live {
        reset(viewer, 4).await;
    }
    for node in &cluster.nodes {
        let cursor = eventually!(node.get("/api/runs/r").await, |reply| reply.status == 200, SOON).json();
        assert!(cursor["cursor"].as_str().unwrap().ends_with(":3"), "{cursor}");
    }
    for viewer in [&mut ahead, &mut behind, &mut at_start] {
        viewer.may_reconnect(&cluster.nodes[1]).await;
    }
    for n in [4, 5, 6] {
        insist(&cluster.nodes[n as usize % 2], 10 * n).await;
    }
    let log = cluster.nodes[1].stored_once_heard("r", 6).await;
    assert_eq!(log, [numbered(1, 3, 0), numbered(40, 1, 0), numbered(50, 1, 0), numbered(60, 1, 0)].concat());
    for viewer in live.iter_mut().chain([&mut ahead]) {
        holds(viewer, &log, 1).await;
    }
    for viewer in [&mut behind, &mut at_start] {
        holds(viewer, &log, 0).await;
    }
    reported_once(&cluster).await;
}

#[tokio::test]
async fn an_empty_redis_resets_those_who_saw_something_at_once() {
    let mut cluster = forgetful().await;
    store(&cluster.nodes[0], 1, 3).await;
    let (mut writer, mut other) =
        (Viewer::join(&cluster.nodes[0], "r").await, Viewer::join(&cluster.nodes[1], "r").await);
    let mut unborn = Viewer::join(&cluster.nodes[1], "new").await;
    let mut stream = EventStream::open(&cluster.nodes[1], "/api/runs/r/events/stream", "").await;
    stream.take(3).await;
    for viewer in [&mut writer, &mut other] {
        viewer.until_events(3).await;
    }
    cluster.redis.restart_empty().await;
    // Nothing is stored, and they hear it all the same.
    for viewer in [&mut writer, &mut other] {
        reset(viewer, 1).await;
        assert!(viewer.events.is_empty());
    }
    assert_eq!(stream.take(1).await[0].event.as_deref(), Some("reset"));
    assert_eq!(
        eventually!(cluster.nodes[1].get("/api/runs/r/events?after=0").await, |r| r.status == 200, SOON).json()["tip"],
        0
    );
    insist(&cluster.nodes[0], 7).await;
    insist(&cluster.nodes[1], 8).await;
    let log = cluster.nodes[1].stored_once_heard("r", 2).await;
    assert_eq!(log, numbered(7, 2, 0));
    for viewer in [&mut writer, &mut other] {
        holds(viewer, &log, 1).await;
    }
    eventually!(cluster.nodes[0].post_ndjson("new", &numbered(1, 1, 0), &[]).await, |reply| reply.status == 202, SOON);
    holds(&mut unborn, &numbered(1, 1, 0), 0).await;
    reported_once(&cluster).await;
}

#[tokio::test]
async fn a_redis_emptied_while_it_runs_is_noticed_too() {
    let cluster = forgetful().await;
    store(&cluster.nodes[0], 1, 3).await;
    let (mut writer, mut other) =
        (Viewer::join(&cluster.nodes[0], "r").await, Viewer::join(&cluster.nodes[1], "r").await);
    for viewer in [&mut writer, &mut other] {
        viewer.until_events(3).await;
    }
    cluster.redis.cli(&["FLUSHALL"]);
    for viewer in [&mut writer, &mut other] {
        reset(viewer, 1).await;
    }
    insist(&cluster.nodes[1], 5).await;
    for viewer in [&mut writer, &mut other] {
        holds(viewer, &numbered(5, 1, 0), 1).await;
    }
    reported_once(&cluster).await;
}

#[tokio::test]
async fn a_promoted_replica_resets_exactly_those_who_saw_what_it_lacks() {
    let cluster = forgetful().await;
    let replica = RedisServer::start().await;
    store(&cluster.nodes[0], 1, 3).await;
    replica.follow(&cluster.redis).await;
    let mut behind = left_after(&cluster.nodes[1], 3).await;
    replica.cli(&["REPLICAOF", "NO", "ONE"]);
    store(&cluster.nodes[0], 4, 2).await;
    let mut live = Viewer::join(&cluster.nodes[1], "r").await;
    live.until_events(5).await;
    cluster.proxy.retarget(replica.address());
    cluster.proxy.cut();
    reset(&mut live, 4).await;
    behind.may_reconnect(&cluster.nodes[1]).await;
    insist(&cluster.nodes[0], 9).await;
    let log = [numbered(1, 3, 0), numbered(9, 1, 0)].concat();
    holds(&mut live, &log, 1).await;
    holds(&mut behind, &log, 0).await;
    reported_once(&cluster).await;
}

#[tokio::test]
async fn a_clean_restart_with_its_file_resets_nobody_and_reports_nothing() {
    let mut cluster = Cluster::start_with(2, &[("appendonly", "yes"), ("appendfsync", "always")], BRIEF).await;
    store(&cluster.nodes[0], 1, 5).await;
    let mut behind = Viewer::join_after(&cluster.nodes[1], "r", "2").await;
    let mut viewers = vec![Viewer::join(&cluster.nodes[0], "r").await, Viewer::join(&cluster.nodes[1], "r").await];
    for viewer in &mut viewers {
        viewer.until_events(5).await;
    }
    for n in 6..=8 {
        cluster.redis.restart().await;
        insist(&cluster.nodes[n as usize % 2], n).await;
    }
    for viewer in &mut viewers {
        holds(viewer, &numbered(1, 8, 0), 0).await;
        assert_eq!(viewer.told("connected").len(), 1);
    }
    holds(&mut behind, &numbered(3, 6, 0), 0).await;
    for node in &cluster.nodes {
        assert_eq!(node.errors(), [""; 0]);
    }
}

#[tokio::test]
async fn a_state_does_not_count_what_was_lost() {
    let mut cluster = forgetful().await;
    let status = |status: &str| {
        vec![format!(r#"{{"type":"run_status","timestamp":"2026-11-23T17:15:47.966Z","status":"{status}"}}"#)]
    };
    cluster.nodes[0].store("r", &status("running")).await;
    let older = cluster.redis.snapshot();
    cluster.nodes[0].store("r", &status("failing")).await;
    for node in &cluster.nodes {
        assert_eq!(state(node).await["status"], "failing");
    }
    cluster.redis.restart_with(&older).await;
    for node in &cluster.nodes {
        let folded = eventually!(node.get("/api/runs/r").await, |reply| reply.status == 200, SOON).json();
        assert_eq!(folded["status"], "running", "{folded}");
    }
}
