//! The nodes behind a balancer. All that is set for them stands here: what makes them a cluster belongs here, too.

use std::net::SocketAddr;

use crate::support::TestNode;

/// Starts `node-1`, `node-2` ... on ports that they keep, with these settings for each. Every node keeps its own store.
pub(crate) fn start(count: usize, settings: &[(&str, &str)]) -> Vec<TestNode> {
    let start = |number| {
        let id = format!("node-{number}");
        let common = [
            ("RUNCAST__SERVER__NODE_ID", id.as_str()),
            ("RUNCAST__SERVER__PUBLIC_URL", "https://runcast.example.org"),
            ("RUNCAST__SERVER__TRUSTED_PROXIES", "127.0.0.1"),
        ];
        TestNode::start_to_stay(&[&common, settings].concat())
    };
    (1..=count).map(start).collect()
}

/// Where they listen.
pub(crate) fn addresses(nodes: &[TestNode]) -> Vec<SocketAddr> {
    nodes.iter().map(|node| node.address()).collect()
}
