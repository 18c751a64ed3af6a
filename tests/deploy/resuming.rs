//! Readers of a run through the death of their node and the drain of the next: through the balancer they come back to
//! another node with their cursor, and have every event once, in order.
//!
//! Who is on which node is no matter of luck: there is but one when they come, and but one when they come back.

use crate::balancer::{Balancer, Kind};
use crate::death::answering;
use crate::nodes;
use crate::pen::{self, Pen};
use crate::readers::{By, Reader};
use crate::support::{SOON, Site, Viewer, eventually};

/// Events come all the time.
const BUSY: &str = "busy";
/// Events come three at a time, and polls wait in between.
const CALM: &str = "calm";

impl Kind {
    /// How long a node that is alive again is left alone, shortened.
    fn forgives_soon(self) -> (&'static str, &'static str) {
        match self {
            Self::Nginx => ("fail_timeout=5s", "fail_timeout=1s"),
            Self::HaProxy => ("downinter 2s", "downinter 500ms"),
        }
    }
}

/// Waits until requests and viewers are led to this node.
async fn is_used(balancer: &Balancer, node: &str) {
    eventually!(answering(balancer).await, |answering| answering == node, SOON);
    let newcomer = async || Viewer::join_after(balancer, BUSY, "latest").await.connected["nodeId"].clone();
    eventually!(newcomer().await, |reached| reached == node, SOON);
}

/// Three more events of the calm run, which `pollers` get.
async fn three_more(site: &Site, posted: &mut Vec<String>, pollers: &[Reader]) {
    for _ in 0..3 {
        posted.push(pen::write(site, CALM, posted.len() as u64 + 1).await);
    }
    for poller in pollers {
        poller.has_all(posted).await;
    }
}

async fn readers_come_back(kind: Kind) {
    let mut cluster = nodes::pair(&[]).await;
    let nodes = &mut cluster.nodes;
    nodes[1].kill9();
    let balancer = Balancer::changed_before(kind, &nodes::addresses(nodes), &[kind.forgives_soon()]).await;
    let pen = Pen::start(&balancer, BUSY);
    let readers = [By::WebSocket, By::WebSocket, By::Stream, By::Stream].map(|by| Reader::start(by, &balancer, BUSY));
    let pollers = [By::LongPoll; 2].map(|by| Reader::start(by, &balancer, CALM));
    let mut calm = Vec::new();
    three_more(&balancer, &mut calm, &pollers).await;
    for reader in &readers {
        reader.has(3).await;
    }
    nodes[1].restart_in_place();
    is_used(&balancer, "node-2").await;

    nodes[0].kill9();
    for reader in &readers {
        reader.is_back(1).await;
    }
    three_more(&balancer, &mut calm, &pollers).await;
    nodes[0].restart_in_place();
    is_used(&balancer, "node-1").await;

    nodes[1].terminate().await.assert_clean(false);
    for reader in &readers {
        reader.is_back(2).await;
    }
    three_more(&balancer, &mut calm, &pollers).await;
    let posted = pen.end().await;
    for reader in &readers {
        reader.has_all(&posted).await;
    }
    // Its own drain would take as long again.
    nodes[0].kill9();
}

#[tokio::test]
async fn readers_behind_nginx_resume_on_another_node_when_theirs_dies_or_drains() {
    readers_come_back(Kind::Nginx).await;
}

#[tokio::test]
async fn readers_behind_haproxy_resume_on_another_node_when_theirs_dies_or_drains() {
    readers_come_back(Kind::HaProxy).await;
}
