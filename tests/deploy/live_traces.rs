//! The viewer of a live trace behind the balancers: its socket passes, whichever nodes take the parts in.

use crate::balancer::{Balancer, Kind};
use crate::nodes;
use crate::support::{S3Server, Socket, TraceViewer, post_trace};

async fn a_trace_is_followed(kind: Kind) {
    let server = S3Server::start();
    let store = server.settings();
    let store: Vec<_> = store.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let quick = [
        ("RUNCAST__ARTIFACTS__LIVE_TRACE_POSTS_PER_SEC", "1000"),
        ("RUNCAST__ARTIFACTS__LIVE_TRACE_POLL_MS", "50"),
        ("RUNCAST__ARTIFACTS__LIVE_TRACE_UPDATE_MS", "50"),
    ];
    let cluster = nodes::pair(&[&store[..], &quick].concat()).await;
    let balancer = Balancer::before(kind, &nodes::addresses(&cluster.nodes)).await;
    let mut viewer = TraceViewer::start(&balancer, "r").await;
    let mut text = String::new();
    for n in 0..6 {
        let line = format!("{{{n}}}\n");
        let stored = post_trace(&balancer, "r", &[("1-trace.trace", text.len() as u64, &line)]).await;
        assert_eq!(stored.status, 202, "{stored:?}");
        text += &line;
        viewer.loads_until(&balancer, "1-trace.trace", &text).await;
    }
    // Elsewhere an upgrade is refused by the node, as without a balancer.
    let elsewhere = Socket::open(&balancer, "/live-traces/r/t/v/ws").await;
    assert!(elsewhere.head.starts_with("HTTP/1.1 400 "), "{}", elsewhere.head);
}

#[tokio::test]
async fn a_live_trace_is_followed_through_both_balancers() {
    tokio::join!(a_trace_is_followed(Kind::Nginx), a_trace_is_followed(Kind::HaProxy));
}
