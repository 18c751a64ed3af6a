//! How many frames go to other nodes.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::{cluster, hints, show};
use crate::support::{Site, Viewer};

/// Posts frames of these streams for a time, and has the viewer read meanwhile; returns how many frames of each stream
/// it was shown.
async fn post_for(
    node: &Site,
    viewer: &mut Viewer,
    streams: &[&str],
    bytes: usize,
    time: Duration,
) -> HashMap<String, usize> {
    let end = Instant::now() + time;
    let mut pace = tokio::time::interval(Duration::from_millis(20));
    let post = async {
        while Instant::now() < end {
            for stream in streams {
                show(node, stream, 0, bytes).await;
            }
            pace.tick().await;
        }
    };
    let read = async {
        loop {
            viewer.read().await;
        }
    };
    tokio::select! {
        () = post => {}
        () = read => {}
    }
    let mut counts = HashMap::new();
    for (head, _) in viewer.screens.drain(..) {
        *counts.entry(head["stream"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
    }
    counts
}

#[tokio::test]
async fn a_wall_shows_all_streams_once_a_second_and_the_one_that_is_looked_at_five_times() {
    let cluster = cluster(2, &[]).await;
    let mut wall = Viewer::join_at(&cluster.nodes[1], "/ws/runs/r?screen=wall").await;
    let mut one = Viewer::join_at(&cluster.nodes[1], "/ws/runs/r?screen=p1/0").await;
    hints(&cluster.nodes[0], |hints| hints["wall"] == true && hints["screens"][0] == "p1/0").await;
    let streams = ["p1/0", "p1/1", "p1/2"];
    let secs = 4;
    let node = (*cluster.nodes[0]).clone();
    let time = Duration::from_secs(secs);
    let (wall, one) = tokio::join!(post_for(&node, &mut wall, &streams, 1_000, time), async {
        let end = Instant::now() + time;
        while Instant::now() < end {
            let _ = tokio::time::timeout_at(end.into(), one.read()).await;
        }
        one.screens.len()
    });
    for stream in streams {
        let count = wall[stream];
        assert!((2..=secs as usize + 2).contains(&count), "{count} frames of {stream}: {wall:?}");
    }
    assert!((2 * secs as usize..=5 * secs as usize + 2).contains(&one), "{one} frames");
}

#[tokio::test]
async fn what_does_not_fit_into_the_bytes_per_second_is_dropped_and_counted() {
    let cluster = cluster(2, &[("RUNCAST__BRIDGE__SCREEN_BYTES_PER_SEC", "65536")]).await;
    let mut viewer = Viewer::join_at(&cluster.nodes[1], "/ws/runs/r?screen=auto").await;
    hints(&cluster.nodes[0], |hints| hints["screens"][0] == "auto").await;
    let node = (*cluster.nodes[0]).clone();
    let counts = post_for(&node, &mut viewer, &["p1/0"], 50_000, Duration::from_secs(4)).await;
    // 64 KiB at once, and 64 KiB in each of four seconds: seven frames of 50,000 bytes at most, and one beyond.
    assert!((2..=8).contains(&counts["p1/0"]), "{counts:?}");
    assert!(node.metric("runcast_screens_shared_total{outcome=\"dropped\"}").await > 0.0);
    let sent = node.metric("runcast_screens_shared_total{outcome=\"sent\"}").await
        + node.metric("runcast_screens_shared_total{outcome=\"kept\"}").await;
    assert!(sent <= 8.0, "{sent}");
}
