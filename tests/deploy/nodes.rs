//! The nodes behind a balancer, and all that is set for them.

use std::net::SocketAddr;

use crate::support::{Cluster, SOON, TestNode, eventually};

const COMMON: [(&str, &str); 2] =
    [("RUNCAST__SERVER__PUBLIC_URL", "https://runcast.example.org"), ("RUNCAST__SERVER__TRUSTED_PROXIES", "127.0.0.1")];

/// Starts `node-1`, with a store of its own, on a port that it keeps.
pub(crate) fn alone(settings: &[(&str, &str)]) -> TestNode {
    let id = [("RUNCAST__SERVER__NODE_ID", "node-1")];
    TestNode::start_to_stay(&[&COMMON[..], &id, settings].concat())
}

/// Starts `node-1` and `node-2` around one Redis and one PostgreSQL, on ports that they keep, with these settings for
/// each.
pub(crate) async fn pair(settings: &[(&str, &str)]) -> Cluster {
    let durable = [("appendonly", "yes"), ("appendfsync", "always")];
    let mut cluster = Cluster::start_with(0, &durable, &[&COMMON[..], settings].concat()).await;
    for id in ["node-1", "node-2"] {
        cluster.add_node_with(&[("RUNCAST__SERVER__NODE_ID", id)]);
    }
    for node in &cluster.nodes {
        // Until it has heard its own doorbell once it would be taken for one that is not subscribed.
        eventually!(node.get("/ready").await.status, |status| *status == 200, SOON);
    }
    cluster
}

/// Where they listen.
pub(crate) fn addresses(nodes: &[TestNode]) -> Vec<SocketAddr> {
    nodes.iter().map(|node| node.address()).collect()
}
