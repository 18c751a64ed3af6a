//! Running nodes whose Redis a newer build has taken over, or that share it with newer nodes.

use runcast::storage::format::REDIS_JOURNAL;
use serde_json::Value;

use crate::support::{Cluster, SOON, Site, TestNode, Viewer, eventually, numbered};

const DURABLE: &[(&str, &str)] = &[("appendonly", "yes"), ("appendfsync", "always")];
/// Nothing but a notice makes a room look at the journal within the test.
const NO_TIP_CHECK: (&str, &str) = ("RUNCAST__BRIDGE__TIP_CHECK_SECS", "300");

/// The version of the journal in Redis of the next build that changes it.
fn next_version() -> String {
    (REDIS_JOURNAL + 1).to_string()
}

async fn ready(node: &Site) -> Value {
    node.get("/ready").await.json()
}

async fn until_ready(node: &TestNode) {
    eventually!(ready(node).await, |ready| ready["status"] == "ok", SOON);
}

/// Lines of its log at this level that hold this text.
fn logged(node: &TestNode, level: &str, text: &str) -> usize {
    node.log().lines().filter(|line| line.contains(level) && line.contains(text)).count()
}

/// Connections to Redis that nodes have opened so far.
fn connections(cluster: &Cluster) -> u64 {
    let statistics = cluster.redis.cli(&["INFO", "commandstats"]);
    let line = statistics.lines().find_map(|line| line.strip_prefix("cmdstat_client|setname:calls=")).unwrap();
    line.split(',').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_node_whose_redis_a_newer_build_takes_over_is_degraded_says_so_once_and_comes_back() {
    let cluster = Cluster::start_with(1, DURABLE, &[]).await;
    let node = &cluster.nodes[0];
    until_ready(node).await;
    node.store("r", &numbered(1, 1, 0)).await;
    let births = cluster.redis.cli(&["HGET", "runcast:store", "births"]);
    cluster.redis.cli(&["HSET", "runcast:store", "format", &next_version(), "births", "99999999999999"]);

    let refused = eventually!(node.post_ndjson("r", &numbered(2, 1, 0), &[]).await, |reply| reply.status != 202, SOON);
    assert_eq!(refused.status, 503, "{refused:?}");
    let sentence = format!(
        "the journal in Redis under runcast:store has format version {}, and the newest that this build of runcast \
         knows is {REDIS_JOURNAL}: run the build that wrote it, or a newer one",
        next_version()
    );
    let told = |ready: &Value| {
        ready["dependencies"]["journal"]["detail"].as_str().is_some_and(|reason| reason.contains(&sentence))
    };
    let ready_now = eventually!(ready(node).await, told, SOON);
    assert_eq!(ready_now["status"], "degraded");
    assert_eq!(node.get("/ready?strict=1").await.status, 503);
    // It goes on trying, and says no more.
    let so_far = connections(&cluster);
    eventually!(connections(&cluster), |now| *now >= so_far + 3, SOON);
    assert_eq!(logged(node, "WARN", &sentence), 1, "{}", node.log());

    let own = REDIS_JOURNAL.to_string();
    cluster.redis.cli(&["HSET", "runcast:store", "format", &own, "births", &births]);
    until_ready(node).await;
    node.store("r", &numbered(2, 1, 0)).await;
}

#[tokio::test]
async fn a_node_that_finds_its_redis_taken_over_when_it_comes_back_says_so_once() {
    let cluster = Cluster::start_with(1, DURABLE, &[]).await;
    let node = &cluster.nodes[0];
    until_ready(node).await;
    cluster.redis.cli(&["HSET", "runcast:store", "format", &next_version()]);
    cluster.redis.cli(&["CLIENT", "KILL", "TYPE", "normal"]);
    let sentence = format!("the journal in Redis under runcast:store has format version {}", next_version());
    eventually!(logged(node, "WARN", &sentence), |times| *times > 0, SOON);
    let so_far = connections(&cluster);
    eventually!(connections(&cluster), |now| *now >= so_far + 3, SOON);
    assert_eq!(logged(node, "WARN", &sentence), 1, "{}", node.log());

    cluster.redis.cli(&["HSET", "runcast:store", "format", &REDIS_JOURNAL.to_string()]);
    until_ready(node).await;
}

#[tokio::test]
async fn a_notice_of_a_newer_build_makes_the_room_read_the_journal_and_is_logged_once() {
    let mut cluster = Cluster::start_with(1, DURABLE, &[NO_TIP_CHECK]).await;
    cluster.redis.cli(&["ACL", "SETUSER", "mute", "on", ">secret", "~*", "+@all", "allchannels"]);
    let url = format!("redis://mute:secret@{}", cluster.proxy.address());
    cluster.add_node_with(&[("REDIS_URL", &url)]);
    let [here, there] = &cluster.nodes[..] else { panic!("two nodes") };
    until_ready(here).await;
    until_ready(there).await;
    let mut viewer = Viewer::join(here, "r").await;
    there.store("r", &numbered(1, 1, 0)).await;
    viewer.until_events(1).await;
    // What it stores rings nowhere, and a newer node's notice is heard instead.
    cluster.redis.cli(&["ACL", "SETUSER", "mute", "resetchannels", "&runcast:node:*"]);
    for n in 2..=4 {
        there.store("r", &numbered(n, 1, 0)).await;
        cluster.redis.cli(&["PUBLISH", "runcast:{r}:notice", "2/newer in words of its own"]);
        viewer.until_events(n as usize).await;
    }
    assert_eq!(viewer.texts(), numbered(1, 4, 0));
    let sentence =
        "the doorbell of node newer has format version 2, and the newest that this build of runcast knows is 1";
    assert_eq!(logged(here, "WARN", sentence), 1, "{}", here.log());
}

#[tokio::test]
async fn presence_of_a_newer_build_makes_the_others_unknown_and_is_logged_once() {
    let cluster = Cluster::start_with(1, DURABLE, &[]).await;
    let node = &cluster.nodes[0];
    until_ready(node).await;
    let nodes = async || node.metric("runcast_nodes").await;
    eventually!(nodes().await, |nodes| *nodes == 1.0, SOON);
    cluster.redis.cli(&["SADD", "runcast:nodes", "newer"]);
    cluster.redis.cli(&["SET", "runcast:node:newer", r#"{"format":2,"words":"of its own"}"#]);
    eventually!(nodes().await, |nodes| *nodes == 0.0, SOON);
    let failures = async || node.metric("runcast_presence_failures_total{work=\"look\"}").await;
    eventually!(failures().await, |failures| *failures >= 3.0, SOON);
    let sentence =
        "the presence of node newer has format version 2, and the newest that this build of runcast knows is 1";
    assert_eq!(logged(node, "WARN", sentence), 1, "{}", node.log());
    cluster.redis.cli(&["DEL", "runcast:node:newer"]);
    eventually!(nodes().await, |nodes| *nodes == 1.0, SOON);
}
