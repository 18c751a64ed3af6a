//! Who joins on another node is shown what a page looked like that stands still.

use super::{cluster, drain, has, hints, show};
use crate::support::{SOON, Viewer, eventually};

#[tokio::test]
async fn whoever_joins_on_another_node_while_all_stand_still_sees_what_they_chose() {
    let cluster = cluster(3, &[]).await;
    show(&cluster.nodes[0], "p1/0", 1, 1_000).await;
    show(&cluster.nodes[0], "p1/0", 2, 2_000).await;
    show(&cluster.nodes[2], "p2/0", 3, 200_000).await;
    let kept = |stream: &str| cluster.redis.cli(&["strlen", &format!("runcast:{{r}}:kept:{stream}")]);
    let is_longer_than = |kept: &str, bytes: usize| kept.trim().parse().is_ok_and(|length: usize| length > bytes);
    // The second one of a stream is kept a second after the first.
    eventually!(kept("p1/0"), |kept| is_longer_than(kept, 2_000), SOON);
    eventually!(kept("p2/0"), |kept| is_longer_than(kept, 200_000), SOON);
    let there = &cluster.nodes[1];
    let mut viewer = Viewer::join_at(there, "/ws/runs/r?screen=wall").await;
    viewer.until("both", |viewer| has(viewer, "p1/0", 2) && has(viewer, "p2/0", 3)).await;
    assert!(!has(&viewer, "p1/0", 1));

    // One that looks at one stream is given another one when it chooses that.
    let mut other = Viewer::join_at(&cluster.nodes[0], "/ws/runs/r?screen=p1/0").await;
    other.until("its stream", |viewer| has(viewer, "p1/0", 2)).await;
    drain(&mut other).await;
    assert!(!has(&other, "p2/0", 3));
    other.say(r#"{"type":"screen","of":"p2/0"}"#).await;
    other.until("the other stream", |viewer| has(viewer, "p2/0", 3)).await;
}

#[tokio::test]
async fn a_kept_frame_goes_when_its_time_is_over() {
    let cluster = cluster(2, &[("RUNCAST__ROOM__SCREEN_KEEP_SECS", "1")]).await;
    show(&cluster.nodes[0], "p1/0", 1, 1_000).await;
    let kept = "runcast_screens_shared_total{outcome=\"kept\"}";
    eventually!(cluster.nodes[0].metric(kept).await, |kept| *kept >= 1.0, SOON);
    let keys = || cluster.redis.cli(&["keys", "*kept*"]);
    eventually!(keys(), |keys| keys.trim().is_empty(), SOON);
    let mut viewer = Viewer::join(&cluster.nodes[1], "r").await;
    drain(&mut viewer).await;
    assert!(viewer.screens.is_empty());
}

#[tokio::test]
async fn no_frame_goes_where_nobody_looks() {
    let cluster = cluster(2, &[]).await;
    let mut viewer = Viewer::join_at(&cluster.nodes[1], "/ws/runs/r?screen=off").await;
    hints(&cluster.nodes[0], |hints| hints["watched"] == true).await;
    for byte in 0..5 {
        show(&cluster.nodes[0], "p1/0", byte, 1_000).await;
    }
    let count = async |outcome| {
        cluster.nodes[0].metric(&format!("runcast_screens_shared_total{{outcome=\"{outcome}\"}}")).await
    };
    eventually!(count("kept").await, |kept| *kept >= 2.0, SOON);
    assert_eq!(count("sent").await, 0.0);
    drain(&mut viewer).await;
    assert!(viewer.screens.is_empty());
    viewer.say(r#"{"type":"screen","of":"auto"}"#).await;
    viewer.until("the last one", |viewer| has(viewer, "p1/0", 4)).await;
}
