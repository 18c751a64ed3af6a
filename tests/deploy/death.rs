//! A node is killed: nobody who asks sees an error, viewers come back to another node, and the node is used again when
//! it is alive again.

use serde_json::Value;

use crate::balancer::{Balancer, Kind};
use crate::nodes;
use crate::support::{SOON, Site, Viewer, eventually, numbered};
use crate::traffic::{Ask, Traffic};

/// Viewers of one run, until there is one on each of two nodes.
pub(crate) async fn viewers_everywhere(site: &Site) -> Vec<Viewer> {
    let mut viewers: Vec<Viewer> = Vec::new();
    let on = |viewers: &[Viewer], node: &str| viewers.iter().any(|viewer| viewer.connected["nodeId"] == *node);
    while !(on(&viewers, "node-1") && on(&viewers, "node-2")) {
        assert!(viewers.len() < 10, "viewers are not spread");
        viewers.push(Viewer::join(site, "r").await);
    }
    viewers
}

/// Which node answers now.
pub(crate) async fn answering(site: &Site) -> Value {
    site.get_json("/api/ws/stats").await["serverId"].clone()
}

async fn a_node_dies(kind: Kind) {
    let mut cluster = nodes::pair(&[]).await;
    let nodes = &mut cluster.nodes;
    let balancer = Balancer::before(kind, &nodes::addresses(nodes)).await;
    let mut viewers = viewers_everywhere(&balancer).await;
    let traffic = Traffic::start(&balancer, &[Ask::Page, Ask::Poll, Ask::NumberedPost]);
    traffic.goes_on().await;
    let lines = numbered(1, 6, 0);
    balancer.store("r", &lines[..3]).await;
    for viewer in &mut viewers {
        viewer.until_events(3).await;
    }
    nodes[0].kill9();
    traffic.goes_on().await;

    for viewer in &mut viewers {
        if viewer.connected["nodeId"] == "node-1" {
            viewer.until("the end", |viewer| viewer.closed.is_some()).await;
            viewer.may_reconnect(&balancer).await;
        }
        assert_eq!(viewer.connected["nodeId"], "node-2");
    }
    balancer.store("r", &lines[3..]).await;
    for viewer in &mut viewers {
        viewer.until_events(6).await;
        assert_eq!(viewer.texts(), lines);
    }

    nodes[0].restart_in_place();
    eventually!(answering(&balancer).await, |node| node == "node-1", SOON);
    traffic.end().await;
}

#[tokio::test]
async fn the_death_of_a_node_is_noticed_by_its_viewers_only() {
    tokio::join!(a_node_dies(Kind::Nginx), a_node_dies(Kind::HaProxy));
}
