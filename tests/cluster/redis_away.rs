//! Redis away from a cluster, in each way that there is: viewers stay and are told nothing false, producers hear that
//! it is so within 3 s, and when it is back everything goes on by itself.

use std::time::{Duration, Instant};

use crate::support::{Cluster, EventStream, Reply, SOON, Site, Viewer, eventually, numbered};
use futures_util::future::join_all;

/// How long a producer waits at most, with the default settings.
const PATIENCE: Duration = Duration::from_secs(3);
/// What Redis has not answered in time.
const MISSED: &str = "runcast_redis_missed_deadlines_total{purpose=\"journal\"}";

/// Settings with which a whole outage fits into a test.
const BRIEF: &[(&str, &str)] = &[
    ("RUNCAST__REDIS__COMMAND_TIMEOUT_MS", "500"),
    ("RUNCAST__INGEST__APPEND_TIMEOUT_MS", "900"),
    ("RUNCAST__BRIDGE__PROBE_SECS", "1"),
    ("RUNCAST__BRIDGE__TIP_CHECK_SECS", "1"),
];

const DURABLE: &[(&str, &str)] = &[("appendonly", "yes"), ("appendfsync", "always")];

/// Posts an event under a producer's number.
async fn post(node: &Site, n: u64) -> Reply {
    let headers = [("Runcast-Producer", "p"), ("Runcast-Producer-Seq", &n.to_string())];
    node.post_ndjson("r", &numbered(n, 1, 0), &headers).await
}

/// Posts it again and again until it is stored.
async fn insist(node: &Site, n: u64) {
    eventually!(post(node, n).await, |reply| reply.status == 202, SOON);
}

/// That a post is refused in time, and says when to come back; its code.
async fn refused(node: &Site, n: u64) -> String {
    let asked = Instant::now();
    let reply = post(node, n).await;
    assert!(asked.elapsed() <= PATIENCE, "after {:?}: {reply:?}", asked.elapsed());
    assert_eq!(reply.status, 503, "{reply:?}");
    assert!(reply.header("retry-after").parse::<u64>().is_ok_and(|secs| secs > 0), "{reply:?}");
    reply.json()["code"].as_str().unwrap().to_owned()
}

/// `GET /ready`: its status, its word, and what it says of the doorbell.
async fn ready(node: &Site) -> (u16, String, String) {
    let reply = node.get("/ready").await;
    let json = reply.json();
    let word = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    (reply.status, word(&json["status"]), word(&json["dependencies"]["doorbell"]["status"]))
}

async fn until_ready(node: &Site) {
    eventually!(ready(node).await, |ready| ready.1 == "ok", SOON);
}

async fn watch(cluster: &Cluster) -> Vec<Viewer> {
    join_all(cluster.nodes.iter().map(|node| Viewer::join(node, "r"))).await
}

/// The log as this node tells it, once it has found its way back to Redis; another one may have been faster.
async fn log(node: &Site) -> Vec<String> {
    eventually!(node.get("/api/runs/r/events?after=-1").await, |reply| reply.status == 200, SOON);
    node.stored("r").await
}

/// That every viewer has stayed, has seen all of the log in order, and was told of no loss.
async fn saw_all(cluster: &Cluster, viewers: &mut [Viewer]) {
    let log = log(&cluster.nodes[0]).await;
    for viewer in viewers {
        viewer.until_events(log.len()).await;
        assert_eq!(viewer.texts(), log);
        assert!(viewer.told("reset").is_empty() && viewer.told("gap").is_empty(), "{:?}", viewer.said);
        assert_eq!(viewer.told("connected").len(), 1, "it was never disconnected");
    }
}

/// Whatever was acknowledged is in the log, and nothing is there twice.
async fn holds_each_once(node: &Site, count: u64) {
    assert_eq!(log(node).await, numbered(1, count, 0));
}

#[tokio::test]
async fn with_default_settings_a_black_hole_refuses_every_post_within_three_seconds() {
    let cluster = Cluster::start(2).await;
    let mut viewers = watch(&cluster).await;
    insist(&cluster.nodes[0], 1).await;
    saw_all(&cluster, &mut viewers).await;
    cluster.proxy.stall();
    // At once, when Redis has been silent for too long, and when the connection has been given up; to a run that has a
    // room, and to those that have none.
    let stage = async |node: &Site, stage: u64| match stage {
        0 => {}
        1 => drop(eventually!(node.metric(MISSED).await, |missed| *missed >= 1.0, SOON)),
        _ => drop(eventually!(node.metric("runcast_redis_up{purpose=\"journal\"}").await, |up| *up == 0.0, SOON)),
    };
    let posts = (0..12).map(async |index: u64| {
        let node = &cluster.nodes[index as usize % 2];
        stage(node, index / 4).await;
        let asked = Instant::now();
        let run = if index.is_multiple_of(3) { format!("new{index}") } else { "r".to_owned() };
        let reply = node.post_ndjson(&run, &numbered(100 + index, 1, 0), &[]).await;
        assert!(asked.elapsed() <= PATIENCE, "post {index} to {run}: {:?}, {reply:?}", asked.elapsed());
        assert_eq!((reply.status, reply.header("retry-after").is_empty()), (503, false), "{reply:?}");
    });
    let reads = (0..4).map(async |index: u64| {
        stage(&cluster.nodes[1], index).await;
        let asked = Instant::now();
        // A node that has no doubt answers from memory.
        let reply = cluster.nodes[1].get("/api/runs/r/events?after=0").await;
        assert!([200, 503].contains(&reply.status) && asked.elapsed() <= PATIENCE + PATIENCE, "{reply:?}");
    });
    tokio::join!(join_all(posts), join_all(reads));
    cluster.proxy.pass();
    insist(&cluster.nodes[1], 2).await;
    saw_all(&cluster, &mut viewers).await;
}

#[tokio::test]
async fn a_black_hole_is_survived_without_a_restart_or_a_loss() {
    let cluster = Cluster::start_with(2, DURABLE, BRIEF).await;
    let mut viewers = watch(&cluster).await;
    insist(&cluster.nodes[0], 1).await;
    cluster.proxy.stall();
    for node in &cluster.nodes {
        refused(node, 2).await;
        eventually!(ready(node).await, |ready| *ready == (200, "degraded".into(), "down".into()), SOON);
    }
    for _ in 0..5 {
        assert_eq!(refused(&cluster.nodes[1], 2).await, "journal_unavailable", "nothing was sent");
    }
    assert!(cluster.nodes[0].metric(MISSED).await >= 1.0);
    cluster.proxy.pass();
    for n in 2..=10 {
        insist(&cluster.nodes[n as usize % 2], n).await;
    }
    holds_each_once(&cluster.nodes[1], 10).await;
    saw_all(&cluster, &mut viewers).await;
    join_all(cluster.nodes.iter().map(|node| until_ready(node))).await;
}

#[tokio::test]
async fn refused_connections_are_survived_without_a_restart_or_a_loss() {
    let cluster = Cluster::start_with(2, DURABLE, BRIEF).await;
    let mut viewers = watch(&cluster).await;
    let mut stream = EventStream::open(&cluster.nodes[1], "/api/runs/r/events/stream", "").await;
    insist(&cluster.nodes[0], 1).await;
    for outage in 0..3 {
        cluster.proxy.refuse();
        cluster.proxy.cut();
        let n = 2 + outage;
        eventually!(refused(&cluster.nodes[0], n).await, |code| code == "journal_unavailable", SOON);
        assert_eq!(cluster.nodes[0].metric("runcast_redis_up{purpose=\"journal\"}").await, 0.0);
        let late = Viewer::absent("/ws/runs/r").try_return(&cluster.nodes[1]).await;
        assert!(late.is_ok(), "a viewer that comes now waits: {late:?}");
        let mut fresh = EventStream::open(&cluster.nodes[1], "/api/runs/fresh/events/stream", "").await;
        assert_eq!(fresh.next().await, None, "an EventSource that were refused would give up for good");
        assert!(fresh.retry.is_some(), "it is to come back");
        cluster.proxy.pass();
        insist(&cluster.nodes[1], n).await;
    }
    holds_each_once(&cluster.nodes[0], 4).await;
    saw_all(&cluster, &mut viewers).await;
    assert_eq!(stream.take(4).await.len(), 4);
    let figure = async |name: &str| cluster.nodes[0].metric(&format!("{name}{{purpose=\"journal\"}}")).await;
    assert_eq!(figure("runcast_redis_up").await, 1.0);
    assert!(
        figure("runcast_redis_connects_total").await >= 2.0,
        "at the start, and after the last outage at the latest"
    );
    eventually!(figure("runcast_redis_commands_in_flight").await, |commands| *commands == 0.0, SOON);
}

#[tokio::test]
async fn a_redis_that_is_killed_and_comes_back_under_load_loses_no_acknowledged_event() {
    let mut cluster = Cluster::start_with(2, DURABLE, BRIEF).await;
    let mut viewers = watch(&cluster).await;
    let producers = (0..2).map(|node| {
        let site: Site = (*cluster.nodes[node]).clone();
        tokio::spawn(async move {
            for n in 1..=150 {
                let headers = [("Runcast-Producer", format!("p{node}")), ("Runcast-Producer-Seq", n.to_string())];
                let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
                let event = numbered(1_000 * (node as u64 + 1) + n, 1, 0);
                eventually!(site.post_ndjson("r", &event, &headers).await, |reply| reply.status == 202, SOON);
            }
        })
    });
    let producers: Vec<_> = producers.collect();
    for _ in 0..3 {
        let tip = viewers[0].events.len();
        viewers[0].until_events(tip + 10).await;
        cluster.redis.kill();
        cluster.redis.restart().await;
    }
    join_all(producers).await.into_iter().for_each(|ended| ended.unwrap());
    let log = cluster.nodes[1].stored_once_heard("r", 300).await;
    for node in 0..2 {
        let own: Vec<_> = log.iter().filter(|text| text.contains(&format!("\"i\":{}", node + 1))).cloned().collect();
        assert_eq!(own, numbered(1_000 * (node + 1) + 1, 150, 0));
    }
    saw_all(&cluster, &mut viewers).await;
    for node in &cluster.nodes {
        assert_eq!(node.errors(), [""; 0], "nothing was lost");
    }
}

#[tokio::test]
async fn a_full_redis_refuses_posts_keeps_viewers_and_recovers_without_a_restart() {
    let cluster = Cluster::start_with(2, &[("maxmemory-policy", "noeviction")], BRIEF).await;
    let mut viewers = watch(&cluster).await;
    insist(&cluster.nodes[0], 1).await;
    saw_all(&cluster, &mut viewers).await;
    cluster.redis.cli(&["CONFIG", "SET", "maxmemory", "1kb"]);
    for node in &cluster.nodes {
        assert_eq!(refused(node, 2).await, "journal_unavailable");
        // It hears, and it could not do better than another node.
        assert_eq!(ready(node).await, (200, "degraded".into(), "ok".into()));
        assert_eq!(node.stored("r").await.len(), 1, "reading goes on");
    }
    let mut late = Viewer::join(&cluster.nodes[1], "r").await;
    cluster.redis.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    insist(&cluster.nodes[1], 2).await;
    saw_all(&cluster, &mut viewers).await;
    late.until_events(2).await;
}

#[tokio::test]
async fn foreign_data_under_a_runs_key_harms_that_run_alone() {
    let cluster = Cluster::start_with(2, DURABLE, BRIEF).await;
    let mut viewers = watch(&cluster).await;
    insist(&cluster.nodes[0], 1).await;
    cluster.redis.cli(&["SET", "runcast:{x}:head", "foreign"]);
    let mut beside = Viewer::absent("/ws/runs/x");
    beside.try_return(&cluster.nodes[1]).await.unwrap();
    let reply = cluster.nodes[1].post_ndjson("x", &numbered(1, 1, 0), &[]).await;
    assert_eq!((reply.status, reply.json()["code"].as_str()), (503, Some("journal_unavailable")), "{reply:?}");
    // The others' notices and checks go on.
    for n in 2..=5 {
        insist(&cluster.nodes[n as usize % 2], n).await;
    }
    saw_all(&cluster, &mut viewers).await;
    cluster.redis.cli(&["DEL", "runcast:{x}:head"]);
    eventually!(cluster.nodes[0].post_ndjson("x", &numbered(1, 1, 0), &[]).await, |reply| reply.status == 202, SOON);
    beside.until_events(1).await;
}

#[tokio::test]
async fn a_stop_ends_in_time_while_redis_says_nothing() {
    let mut cluster = Cluster::start(1).await;
    // Waits a minute for each answer: nothing but the bound of the stop itself ends that.
    cluster.add_node_with(&[("RUNCAST__REDIS__COMMAND_TIMEOUT_MS", "60000")]);
    for (n, node) in (1..).zip(&cluster.nodes) {
        insist(node, n).await;
    }
    cluster.proxy.stall();
    let asked = Instant::now();
    let [usual, patient] = &mut cluster.nodes[..] else { panic!("two nodes") };
    let (usual, patient) = tokio::join!(usual.terminate(), patient.terminate());
    // 10 s are `server.drain_secs` here, and 5 s the stores'.
    assert!(asked.elapsed() < Duration::from_secs(17), "{:?}", asked.elapsed());
    usual.assert_clean(false);
    assert!(usual.log.contains("the other nodes count this one"), "{}", usual.log);
    assert_eq!(patient.code, Some(75), "{}", patient.log);
    let left = |line: &str| line.contains("not closed in time") && line.contains("presence");
    assert!(patient.log.lines().any(left), "{}", patient.log);
}
