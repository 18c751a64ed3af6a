//! Silence: what nobody speaks on stays open as long as the heartbeat is faster than the balancer's patience, and no
//! longer.
//!
//! The shipped 60 s are shortened to 6 s here, and the heartbeat from 20 s to 1 s; the relation is what is tested.

use crate::balancer::{Balancer, Kind};
use crate::nodes;
use crate::support::{EventStream, Op, Socket, TestNode, numbered, soon};

/// Of the balancer, shortened.
const PATIENCE_SECS: u32 = 6;

impl Kind {
    fn impatience(self) -> Vec<(String, String)> {
        let directives: &[&str] = match self {
            Self::Nginx => &["proxy_read_timeout ", "proxy_send_timeout ", "send_timeout       "],
            Self::HaProxy => &["timeout client ", "timeout server ", "timeout tunnel "],
        };
        let change = |directive| (format!("{directive}60s"), format!("{directive}{PATIENCE_SECS}s"));
        directives.iter().map(change).collect()
    }
}

async fn impatient(kind: Kind, node: &TestNode) -> Balancer {
    let changes = kind.impatience();
    let changes: Vec<_> = changes.iter().map(|(from, to)| (from.as_str(), to.as_str())).collect();
    Balancer::changed_before(kind, &[node.address()], &changes).await
}

async fn a_heartbeat_keeps_silent_viewers(kind: Kind) {
    let node = nodes::alone(&[("RUNCAST__HEARTBEAT__PING_SECS", "1")]);
    let balancer = impatient(kind, &node).await;
    let mut socket = Socket::open(&balancer, "/ws/runs/r").await;
    socket.said("connected").await;
    let mut stream = EventStream::open(&balancer, "/api/runs/r/events/stream", "").await;
    assert!(stream.connected().await);
    let poll = tokio::spawn({
        let site = balancer.clone();
        async move { site.get("/api/runs/r/events?wait=3").await }
    });
    // Half again the patience. The pings are the clock, and they are not answered: the server's alone must do.
    for _ in 0..PATIENCE_SECS * 3 / 2 {
        let frame = socket.frame().await;
        assert!(frame.is(Op::Ping), "{frame:?}");
    }
    balancer.store("r", &numbered(1, 1, 0)).await;
    socket.said("log").await;
    assert!(stream.take(2).await[1].id.is_some(), "epoch, event");
    assert!(stream.comments > 1);
    assert_eq!(poll.await.unwrap().status, 200, "a long poll that is shorter than the patience");
}

#[tokio::test]
async fn a_heartbeat_faster_than_the_balancers_patience_keeps_silent_viewers() {
    tokio::join!(a_heartbeat_keeps_silent_viewers(Kind::Nginx), a_heartbeat_keeps_silent_viewers(Kind::HaProxy));
}

/// Shows that the test above can fail, and what a time-out below the heartbeat does.
async fn silent_viewers_are_cut(kind: Kind) {
    let node = nodes::alone(&[("RUNCAST__HEARTBEAT__PING_SECS", "40")]);
    let balancer = impatient(kind, &node).await;
    let mut socket = Socket::open(&balancer, "/ws/runs/r").await;
    socket.said("connected").await;
    let mut stream = EventStream::open(&balancer, "/api/runs/r/events/stream", "").await;
    assert!(stream.connected().await);
    let poll = balancer.try_send("GET", "/api/runs/r/events?wait=15", &[], "");
    let (frame, record, poll) = tokio::join!(socket.next(), stream.next(), soon("the poll's end", poll));
    assert_eq!(frame, None, "cut, after no ping");
    assert_eq!(record, None, "cut");
    // The first is the greeting. One more may come before the cut: comments are 15 s apart, counted from the node's
    // start.
    assert!(stream.comments <= 2, "{}", stream.comments);
    assert_eq!(poll.unwrap().status, 504);
}

#[tokio::test]
async fn a_heartbeat_slower_than_the_balancers_patience_does_not() {
    tokio::join!(silent_viewers_are_cut(Kind::Nginx), silent_viewers_are_cut(Kind::HaProxy));
}
