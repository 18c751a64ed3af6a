//! A node goes, as it is told by SIGTERM: no request gets an error, and viewers stay until they are sent away.

use crate::balancer::{Balancer, Kind};
use crate::death::{answering, viewers_everywhere};
use crate::nodes;
use crate::support::{SOON, TestNode, Viewer, eventually, numbered};
use crate::traffic::{Ask, Traffic};

/// Half again what `deploy/` has: the test looks about within it, on a busy machine. That 10 s are enough follows from
/// HAProxy's intervals, see `proxies`.
const NOTICE: [(&str, &str); 2] = [("RUNCAST__SERVER__DRAIN_NOTICE_SECS", "15"), ("RUNCAST__SERVER__DRAIN_SECS", "35")];

/// HAProxy asks `/ready`: the node that goes gets nothing any more, long before it refuses anything.
async fn leaves_the_rotation(balancer: &Balancer, leaving: &TestNode) {
    let noticed = "Server runcast/runcast-1 is DOWN, reason: Layer7 wrong status, code: 503";
    eventually!(balancer.log(), |log| log.contains(noticed), SOON);
    let received_of_five = async || {
        let before = leaving.metric("runcast_events_received_total").await;
        for _ in 0..5 {
            balancer.store("posted", &numbered(1, 1, 0)).await;
        }
        leaving.metric("runcast_events_received_total").await - before
    };
    // At first there may be something on its way.
    eventually!(received_of_five().await, |received| *received == 0.0, SOON);
    assert_eq!(Viewer::join(leaving, "r").await.connected["nodeId"], "node-1", "it still accepts");
}

async fn a_node_drains(kind: Kind) {
    let mut cluster = nodes::pair(&NOTICE).await;
    let nodes = &mut cluster.nodes;
    let balancer = Balancer::before(kind, &nodes::addresses(nodes)).await;
    let mut viewers = viewers_everywhere(&balancer).await;
    let mut kinds = vec![Ask::Page, Ask::Poll, Ask::NumberedPost, Ask::WebSocket, Ask::Stream];
    // nginx does not ask `/ready`: a post can meet the closing of the listener, and only a numbered one may be
    // repeated.
    kinds.extend((kind == Kind::HaProxy).then_some(Ask::PlainPost));
    let traffic = Traffic::start(&balancer, &kinds);
    traffic.goes_on().await;

    nodes[0].ask_to_stop();
    eventually!(nodes[0].get("/ready").await.status, |status| *status == 503, SOON);
    if kind == Kind::HaProxy {
        leaves_the_rotation(&balancer, &nodes[0]).await;
    }
    let lines = numbered(1, 3, 0);
    nodes[0].store("r", &lines).await;
    viewers.retain(|viewer| viewer.connected["nodeId"] == "node-1");
    for viewer in &mut viewers {
        viewer.until_events(3).await;
        assert!(viewer.told("draining").is_empty(), "the notice is not about viewers");
    }
    traffic.goes_on().await;

    for viewer in &mut viewers {
        viewer.until("draining", |viewer| !viewer.told("draining").is_empty()).await;
        assert_eq!(viewer.closed, None, "sent away by the node, not cut by the balancer");
    }
    nodes[0].ended().await.assert_clean(false);
    traffic.goes_on().await;
    traffic.end().await;
    assert_eq!(answering(&balancer).await, "node-2");
    // Its own notice would take as long again.
    nodes[1].kill9();
}

#[tokio::test]
async fn a_node_drains_without_an_error_for_anybody() {
    tokio::join!(a_node_drains(Kind::Nginx), a_node_drains(Kind::HaProxy));
}

/// Nor is anybody told by HAProxy that there is no server, when all that there are say that they are not ready.
#[tokio::test]
async fn haproxy_asks_a_node_that_is_not_ready_when_no_other_one_is() {
    let mut node = nodes::alone(&NOTICE);
    let balancer = Balancer::before(Kind::HaProxy, &[node.address()]).await;
    node.ask_to_stop();
    eventually!(balancer.log(), |log| log.contains("backend runcast has no server available!"), SOON);
    let lines = numbered(1, 3, 0);
    balancer.store("r", &lines).await;
    let mut viewer = Viewer::join(&balancer, "r").await;
    viewer.until_events(3).await;
    assert_eq!(viewer.texts(), lines);
    node.kill9();
}

/// A node that drains answers polls with an empty page.
async fn long_polls_meet_a_drain(kind: Kind) {
    let mut cluster = nodes::pair(&[]).await;
    let nodes = &mut cluster.nodes;
    let balancer = Balancer::before(kind, &nodes::addresses(nodes)).await;
    let polls: Vec<_> = (0..4)
        .map(|_| {
            let site = balancer.clone();
            tokio::spawn(async move { site.get_json("/api/runs/polled/events?wait=30").await })
        })
        .collect();
    let rooms = async |node: &TestNode| node.get_json("/api/ws/stats").await["activeRuns"].clone();
    for node in nodes.iter() {
        eventually!(rooms(node).await, |rooms| *rooms == 1, SOON);
    }
    nodes[0].terminate().await.assert_clean(false);
    balancer.store("polled", &numbered(1, 1, 0)).await;
    for poll in polls {
        assert_eq!(poll.await.unwrap()["runId"], "polled");
    }
}

#[tokio::test]
async fn a_long_poll_that_a_drain_ends_gets_no_error() {
    tokio::join!(long_polls_meet_a_drain(Kind::Nginx), long_polls_meet_a_drain(Kind::HaProxy));
}
