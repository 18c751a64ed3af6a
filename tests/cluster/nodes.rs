//! Several nodes, one run: whoever watches it anywhere sees all of it, in order, once.

use crate::support::{Cluster, EventStream, SOON, Viewer, eventually, numbered, real_run, without_seq};
use futures_util::future::join_all;

#[tokio::test]
async fn what_is_posted_to_one_node_is_seen_on_all() {
    let cluster = Cluster::start(3).await;
    let mut viewers = join_all(cluster.nodes.iter().map(|node| Viewer::join(node, "r"))).await;
    let lines = numbered(1, 30, 0);
    for (index, chunk) in lines.chunks(10).enumerate() {
        cluster.nodes[index].store("r", chunk).await;
    }
    for viewer in &mut viewers {
        viewer.until_events(30).await;
        assert_eq!(viewer.texts(), lines);
        assert!(viewer.told("reset").is_empty() && viewer.told("gap").is_empty());
    }
    for node in &cluster.nodes {
        assert_eq!(node.stored("r").await, lines);
    }
}

#[tokio::test]
async fn a_run_posted_to_all_nodes_at_once_is_one_log_everywhere() {
    let cluster = Cluster::start(3).await;
    let mut viewers = join_all(cluster.nodes.iter().map(|node| Viewer::join(node, "r"))).await;
    let posts = (0..3).flat_map(|node| (0..4).map(move |producer| (node, producer)));
    join_all(posts.map(async |(node, producer)| {
        let name = format!("p{node}-{producer}");
        for n in 1..=25 {
            let headers = [("Runcast-Producer", name.as_str()), ("Runcast-Producer-Seq", &n.to_string())];
            let reply = cluster.nodes[node].post_ndjson("r", &numbered(n, 1, 100 + producer), &headers).await;
            assert_eq!(reply.status, 202, "{}", reply.text);
        }
    }))
    .await;
    let log = cluster.nodes[0].stored_once_heard("r", 300).await;
    assert_eq!(log.len(), 300);
    for viewer in &mut viewers {
        viewer.until_events(300).await;
        assert_eq!(viewer.texts(), log);
    }
}

#[tokio::test]
async fn whoever_reads_on_another_node_sees_what_was_acknowledged_before() {
    let cluster = Cluster::start(2).await;
    for n in 1..=50 {
        let stored = cluster.nodes[0].store("r", &numbered(n, 1, 0)).await;
        let page = cluster.nodes[1].get_json("/api/runs/r/events?after=-1").await;
        assert_eq!(page["cursor"], stored["cursor"], "event {n}");
        let state = cluster.nodes[1].get_json("/api/runs/r").await;
        assert_eq!(state["cursor"], stored["cursor"], "event {n}");
    }
}

#[tokio::test]
async fn a_long_poll_and_an_event_stream_hear_of_other_nodes() {
    let cluster = Cluster::start(2).await;
    cluster.nodes[0].store("r", &numbered(1, 1, 0)).await;
    let mut stream = EventStream::open(&cluster.nodes[1], "/api/runs/r/events/stream", "").await;
    let poll = cluster.nodes[1].get_json("/api/runs/r/events?after=1&wait=20");
    let post = async {
        // The poll waits when it has subscribed.
        eventually!(cluster.nodes[1].metric("runcast_followed_runs").await, |runs| *runs >= 1.0, SOON);
        cluster.nodes[0].store("r", &numbered(2, 1, 0)).await
    };
    let (page, _) = tokio::join!(poll, post);
    assert_eq!(page["events"].as_array().unwrap().len(), 1);
    let seen: Vec<_> = stream.take(2).await.iter().map(|record| without_seq(&record.data).0).collect();
    assert_eq!(seen, [1, 2]);
}

#[tokio::test]
async fn the_real_run_is_seen_whole_by_a_viewer_that_hops_from_node_to_node() {
    let cluster = Cluster::start(3).await;
    let lines = real_run();
    let mut viewer = Viewer::join(&cluster.nodes[0], "r").await;
    for (index, chunk) in lines.chunks(60).enumerate() {
        cluster.nodes[index % 3].store("r", chunk).await;
        viewer.until_events((index * 60 + chunk.len()).min(lines.len())).await;
        viewer.vanish();
        viewer.may_reconnect(&cluster.nodes[(index + 1) % 3]).await;
    }
    let seen: Vec<_> = viewer.texts().iter().map(|text| (*text).to_owned()).collect();
    assert_eq!(seen, lines);
}

#[tokio::test]
async fn the_screen_is_seen_on_other_nodes_and_the_newest_wins() {
    let cluster = Cluster::start(2).await;
    let mut viewers = join_all(cluster.nodes.iter().map(|node| Viewer::join(node, "r"))).await;
    // Until a screen comes through, and then the last of a burst.
    eventually!(cluster.nodes[1].metric("runcast_followed_runs").await, |runs| *runs >= 1.0, SOON);
    for last in 0..60u8 {
        let frame = vec![last; 100_000];
        let reply = cluster.nodes[0].post("/api/runs/r/frame", &[("Content-Type", "image/png")], frame).await;
        assert_eq!(reply.status, 202, "{}", reply.text);
    }
    for viewer in &mut viewers {
        viewer
            .until("the newest screen", |viewer| viewer.screens.last().is_some_and(|(_, image)| image[0] == 59))
            .await;
    }
    assert!(viewers[1].screens.len() < 60, "at most five per second go to other nodes");
}
