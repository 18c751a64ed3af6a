//! Redis is away: frames are dropped, and nothing else suffers.

use std::time::Duration;

use super::{cluster, has, hints, show};
use crate::support::{SOON, Viewer, eventually};

#[tokio::test]
async fn frames_are_shown_on_their_own_node_while_redis_is_away_and_on_all_when_it_is_back() {
    let mut cluster = cluster(2, &[]).await;
    let mut here = Viewer::join(&cluster.nodes[0], "r").await;
    let mut there = Viewer::join(&cluster.nodes[1], "r").await;
    hints(&cluster.nodes[0], |hints| hints["screens"][0] == "auto").await;
    show(&cluster.nodes[0], "p1/0", 1, 1_000).await;
    here.until("the first one", |viewer| has(viewer, "p1/0", 1)).await;
    there.until("the first one", |viewer| has(viewer, "p1/0", 1)).await;

    cluster.redis.stop().await;
    show(&cluster.nodes[0], "p1/0", 2, 1_000).await;
    here.until("one that was posted meanwhile", |viewer| has(viewer, "p1/0", 2)).await;
    cluster.redis.restart().await;

    // Until the nodes know of each other again.
    let mut byte = 2;
    while !there.screens.iter().any(|(_, image)| image[0] > 2) {
        byte += 1;
        show(&cluster.nodes[0], "p1/0", byte, 1_000).await;
        let _ = tokio::time::timeout(Duration::from_millis(200), there.read()).await;
        assert!(byte < 200, "nothing comes any more");
    }
    assert!(there.closed.is_none() && here.closed.is_none());
    for node in &cluster.nodes {
        eventually!(node.get("/ready").await.status, |status| *status == 200, SOON);
    }
    for node in &mut cluster.nodes {
        node.may_report();
    }
}
