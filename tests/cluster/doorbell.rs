//! Notices between nodes that do not arrive: a subscription that is wedged, killed, or denied. What they would have told
//! is seen all the same.

use std::time::{Duration, Instant};

use crate::support::{Cluster, SOON, Site, TestNode, Viewer, eventually, numbered};
use serde_json::Value;

const DURABLE: &[(&str, &str)] = &[("appendonly", "yes"), ("appendfsync", "always")];

/// Settings of nodes that find out soon; the tip check is slow where it must not be what helped.
fn brief<'a>(probe_secs: &'a str, tip_check_secs: &'a str) -> [(&'a str, &'a str); 3] {
    [
        ("RUNCAST__REDIS__COMMAND_TIMEOUT_MS", "500"),
        ("RUNCAST__BRIDGE__PROBE_SECS", probe_secs),
        ("RUNCAST__BRIDGE__TIP_CHECK_SECS", tip_check_secs),
    ]
}

async fn ready(node: &Site) -> (u16, Value) {
    let reply = node.get("/ready").await;
    (reply.status, reply.json()["status"].clone())
}

async fn until_all_hear(nodes: &[TestNode]) {
    for node in nodes {
        eventually!(ready(node).await, |ready| *ready == (200, "ok".into()), SOON);
    }
}

fn saw(viewer: &Viewer, count: u64) {
    assert_eq!(viewer.texts(), numbered(1, count, 0));
    assert!(viewer.told("reset").is_empty() && viewer.told("gap").is_empty());
    assert_eq!(viewer.told("connected").len(), 1);
}

#[tokio::test]
async fn a_wedged_subscription_is_found_told_and_rebuilt_and_its_viewers_miss_nothing() {
    let cluster = Cluster::start_with(2, DURABLE, &brief("2", "1")).await;
    until_all_hear(&cluster.nodes).await;
    let mut viewer = Viewer::join(&cluster.nodes[1], "r").await;
    cluster.nodes[0].store("r", &numbered(1, 1, 0)).await;
    viewer.until_events(1).await;

    cluster.proxy.stall_those_that_say("doorbell");
    let wedged = Instant::now();
    eventually!(ready(&cluster.nodes[1]).await, |ready| *ready == (503, "not_subscribed".into()), SOON);
    assert!(wedged.elapsed() < Duration::from_secs(3), "found after {:?}", wedged.elapsed());
    assert_eq!(cluster.nodes[1].metric("runcast_doorbell_subscribed").await, 0.0);
    // For as long as it lasts: by the tip check.
    for n in 2..=4 {
        let stored = Instant::now();
        cluster.nodes[0].store("r", &numbered(n, 1, 0)).await;
        viewer.until_events(n as usize).await;
        assert!(stored.elapsed() < Duration::from_secs(3), "event {n} after {:?}", stored.elapsed());
        // And whoever asks is told what is so.
        assert_eq!(cluster.nodes[1].stored("r").await.len() as u64, n);
    }
    cluster.proxy.pass();
    until_all_hear(&cluster.nodes).await;
    cluster.nodes[0].store("r", &numbered(5, 1, 0)).await;
    viewer.until_events(5).await;
    saw(&viewer, 5);
    assert_eq!(cluster.nodes[1].metric("runcast_doorbell_subscribed").await, 1.0);
    assert!(cluster.nodes[1].metric("runcast_doorbell_rebuilds_total{purpose=\"doorbell\"}").await >= 1.0);
}

#[tokio::test]
async fn a_wedged_subscription_is_rebuilt_while_others_pass() {
    let cluster = Cluster::start_with(2, DURABLE, &brief("1", "300")).await;
    until_all_hear(&cluster.nodes).await;
    let mut viewer = Viewer::join(&cluster.nodes[1], "r").await;
    cluster.nodes[0].store("r", &numbered(1, 1, 0)).await;
    viewer.until_events(1).await;
    // Those that there are stay silent, and new ones speak.
    cluster.proxy.stall_old_ones_that_say("doorbell");
    cluster.nodes[0].store("r", &numbered(2, 1, 0)).await;
    viewer.until_events(2).await;
    let log = cluster.nodes[1].log();
    assert!(log.contains("the subscription hears nothing: its probe did not come back"), "{log}");
    until_all_hear(&cluster.nodes).await;
    saw(&viewer, 2);
}

#[tokio::test]
async fn whoever_asks_is_told_what_was_acknowledged_elsewhere_although_no_notice_is_heard() {
    // Nothing finds out within the test that the subscriptions are silent.
    let cluster = Cluster::start_with(2, DURABLE, &brief("300", "300")).await;
    until_all_hear(&cluster.nodes).await;
    let [here, there] = &cluster.nodes[..] else { panic!("two nodes") };
    let mut viewer = Viewer::join(here, "r").await;
    there.store("r", &numbered(1, 1, 0)).await;
    viewer.until_events(1).await;
    cluster.proxy.stall_those_that_say("doorbell");
    for n in 2..=20 {
        let stored = there.store("r", &numbered(n, 1, 0)).await;
        match n % 3 {
            0 => assert_eq!(here.get_json("/api/runs/r").await["cursor"], stored["cursor"]),
            1 => assert_eq!(here.stored("r").await, numbered(1, n, 0)),
            _ => assert_eq!(here.get_json("/api/runs/r/events?after=-1").await["cursor"], stored["cursor"]),
        }
        // What one asks for is seen by all.
        viewer.until_events(n as usize).await;
    }
    saw(&viewer, 20);
}

#[tokio::test]
async fn subscriptions_killed_under_load_lose_nothing() {
    let cluster = Cluster::start_with(3, DURABLE, &brief("1", "300")).await;
    until_all_hear(&cluster.nodes).await;
    let mut viewers = Vec::new();
    for node in &cluster.nodes {
        viewers.push(Viewer::join(node, "r").await);
    }
    let killer = async {
        for _ in 0..5 {
            let seen = viewers[2].events.len();
            viewers[2].until_events(seen + 20).await;
            cluster.redis.cli(&["CLIENT", "KILL", "TYPE", "pubsub"]);
        }
    };
    let posts = async {
        for n in 1..=400 {
            cluster.nodes[0].store("r", &numbered(n, 1, 0)).await;
        }
    };
    tokio::join!(killer, posts);
    for viewer in &mut viewers {
        viewer.until_events(400).await;
        saw(viewer, 400);
    }
}

#[tokio::test]
async fn the_last_notice_lost_is_made_up_for_by_the_tip_check() {
    let mut cluster = Cluster::start_with(1, DURABLE, &brief("1", "1")).await;
    cluster.redis.cli(&["ACL", "SETUSER", "mute", "on", ">secret", "~*", "+@all", "allchannels"]);
    let url = format!("redis://mute:secret@{}", cluster.proxy.address());
    cluster.add_node_with(&[("REDIS_URL", &url)]);
    until_all_hear(&cluster.nodes).await;
    let mut viewer = Viewer::join(&cluster.nodes[0], "r").await;
    cluster.nodes[1].store("r", &numbered(1, 1, 0)).await;
    viewer.until_events(1).await;
    // What it stores rings nowhere; its own probes do.
    cluster.redis.cli(&["ACL", "SETUSER", "mute", "resetchannels", "&runcast:node:*"]);
    let rung = cluster.nodes[0].metric("runcast_doorbells_total").await;
    let stored = Instant::now();
    cluster.nodes[1].store("r", &numbered(2, 1, 0)).await;
    viewer.until_events(2).await;
    assert!(stored.elapsed() < Duration::from_secs(4), "after {:?}", stored.elapsed());
    assert_eq!(cluster.nodes[0].metric("runcast_doorbells_total").await, rung, "no notice came");
    assert_eq!(cluster.nodes[0].metric("runcast_holes_repaired_total{source=\"check\"}").await, 1.0);
    saw(&viewer, 2);
}

#[tokio::test]
async fn a_node_that_may_not_prove_its_subscription_says_so() {
    let mut cluster = Cluster::start_with(1, DURABLE, &brief("1", "1")).await;
    cluster.redis.cli(&["ACL", "SETUSER", "mute", "on", ">secret", "~*", "+@all", "allchannels"]);
    let url = format!("redis://mute:secret@{}", cluster.proxy.address());
    cluster.add_node_with(&[("REDIS_URL", &url)]);
    until_all_hear(&cluster.nodes).await;
    cluster.redis.cli(&["ACL", "SETUSER", "mute", "-publish"]);
    eventually!(ready(&cluster.nodes[1]).await, |ready| *ready == (503, "not_subscribed".into()), SOON);
    let mut viewer = Viewer::join(&cluster.nodes[1], "r").await;
    cluster.nodes[0].store("r", &numbered(1, 1, 0)).await;
    viewer.until_events(1).await;
    cluster.redis.cli(&["ACL", "SETUSER", "mute", "+publish"]);
    until_all_hear(&cluster.nodes).await;
}
