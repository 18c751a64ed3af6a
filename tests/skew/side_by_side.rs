//! A node of this version and one of the version before around the same Redis and PostgreSQL.

use serde_json::Value;

use super::previous::Previous;
use super::support::{EventStream, SOON, Site, Viewer, eventually, numbered, real_run, without_seq};
use super::{PRESENT, both_ways, done, mixed};

#[tokio::test]
async fn a_run_posted_to_one_version_is_seen_on_the_other_by_viewers_that_go_to_and_fro() {
    let objects = tempfile::tempdir().unwrap();
    let cluster = mixed(objects.path()).await;
    let lines = real_run();
    for (here, there, run) in both_ways(&cluster) {
        let (mut stays, mut goes) = (Viewer::join(there, run).await, Viewer::join(here, run).await);
        let mut stream = EventStream::open(there, &format!("/api/runs/{run}/events/stream"), "").await;
        for (index, chunk) in lines.chunks(60).enumerate() {
            here.store(run, chunk).await;
            let count = (index * 60 + chunk.len()).min(lines.len());
            stays.until_events(count).await;
            goes.until_events(count).await;
            goes.vanish();
            goes.may_reconnect(if index % 2 == 0 { there } else { here }).await;
        }
        for viewer in [&stays, &goes] {
            assert_eq!(viewer.texts(), lines);
            assert!(viewer.told("reset").is_empty() && viewer.told("gap").is_empty(), "{:?}", viewer.said);
        }
        // The first record says in which epoch the events are.
        let records = stream.take(1 + lines.len()).await;
        let streamed: Vec<_> = records[1..].iter().map(|record| without_seq(&record.data).1).collect();
        assert_eq!(streamed, lines);
        assert_eq!(there.stored(run).await, lines);

        assert_eq!(state(here, run).await, state(there, run).await, "both fold the log to the same state");
    }
}

/// What every version says of a run.
async fn state(node: &Site, run: &str) -> [Value; 4] {
    let state = node.get_json(&format!("/api/runs/{run}")).await;
    ["cursor", "status", "counts", "lastError"].map(|member| state[member].clone())
}

#[tokio::test]
async fn a_producer_that_repeats_its_posts_at_the_other_version_doubles_nothing() {
    let objects = tempfile::tempdir().unwrap();
    let cluster = mixed(objects.path()).await;
    let lines = numbered(1, 60, 100);
    for (here, there, run) in both_ways(&cluster) {
        for (index, chunk) in lines.chunks(10).enumerate() {
            let first = (index * 10 + 1).to_string();
            let headers = [("runcast-producer", "p"), ("runcast-producer-seq", first.as_str())];
            let (node, other) = if index % 2 == 0 { (here, there) } else { (there, here) };
            let stored = node.post_ndjson(run, chunk, &headers).await;
            let repeated = other.post_ndjson(run, chunk, &headers).await;
            assert_eq!((stored.status, repeated.status), (202, 202), "{stored:?} {repeated:?}");
            assert_eq!(stored.json()["cursor"], repeated.json()["cursor"]);
        }
        assert_eq!(here.stored(run).await, lines);
        assert_eq!(there.stored(run).await, lines);
    }
}

#[tokio::test]
async fn both_versions_list_the_runs_of_either() {
    let objects = tempfile::tempdir().unwrap();
    let cluster = mixed(objects.path()).await;
    let lines = real_run();
    for (here, there, run) in both_ways(&cluster) {
        here.store(run, &lines).await;
        let status = state(here, run).await[1].clone();
        for node in [here, there] {
            let row = async || {
                let list = node.get_json("/api/runs").await;
                let rows = list["runs"].as_array().unwrap();
                rows.iter().find(|row| row["runId"] == run).map_or(Value::Null, |row| row["status"].clone())
            };
            eventually!(row().await, |row| *row == status, SOON);
        }
    }
}

#[tokio::test]
async fn screens_of_one_version_are_seen_on_the_other() {
    let objects = tempfile::tempdir().unwrap();
    let cluster = mixed(objects.path()).await;
    for (here, there, run) in both_ways(&cluster) {
        here.store(run, &numbered(1, 1, 0)).await;
        let mut viewer = Viewer::join(there, run).await;
        eventually!(there.metric("runcast_followed_runs").await, |runs| *runs >= 1.0, SOON);
        let image = [b"\x89PNG", run.as_bytes()].concat();
        let reply = here.post(&format!("/api/runs/{run}/frame"), &[("content-type", "image/png")], image.clone()).await;
        assert_eq!(reply.status, 202, "{reply:?}");
        viewer.until("the screen", |viewer| viewer.screens.iter().any(|(_, seen)| *seen == image)).await;
    }
}

#[tokio::test]
async fn each_version_counts_the_viewers_of_the_other() {
    let objects = tempfile::tempdir().unwrap();
    let cluster = mixed(objects.path()).await;
    for (here, there, run) in both_ways(&cluster) {
        here.store(run, &numbered(1, 1, 0)).await;
        let _viewers = [Viewer::join(here, run).await, Viewer::join(there, run).await];
        for node in [here, there] {
            let count = async || node.get_json(&format!("/api/runs/{run}/viewers")).await["viewers"].clone();
            eventually!(count().await, |count| *count == 2, SOON);
        }
    }
}

#[tokio::test]
async fn the_command_line_of_each_version_posts_to_and_watches_the_server_of_the_other() {
    let objects = tempfile::tempdir().unwrap();
    let cluster = mixed(objects.path()).await;
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/run.ndjson");
    let [old, new] = &cluster.nodes[..] else { panic!("two nodes") };
    for (program, node, run) in [(Previous::get().program(), new, "old-posts"), (PRESENT.as_ref(), old, "new-posts")] {
        let url = node.url("");
        done(program, &["publish", run, file, "--url", &url], &[]).await;
        let watched = done(program, &["watch", run, "--json", "--url", &url], &[]).await;
        let seen: Vec<_> = watched.lines().map(|line| without_seq(line).1).collect();
        assert_eq!(seen, real_run());
    }
}
