//! Screens: counted once for all who are shown them; who is stuck in an old one gives way.

use futures_util::future::join_all;

use super::{Bound, KIB, MIB};
use crate::support::{Op, SOON, Socket, TestNode, eventually, soon};

async fn show(node: &TestNode, byte: u8, bytes: usize) -> bool {
    let frame = vec![byte; bytes];
    node.post("/api/runs/r/frame", &[("Content-Type", "image/jpeg")], frame).await.json()["shown"] == true
}

#[tokio::test]
async fn viewers_who_are_each_stuck_in_another_screen_hold_no_more_than_the_outboxes_may() {
    let budget = 16 * MIB;
    let node = TestNode::start(&[("RUNCAST__SESSION__OUTBOX_TOTAL_BYTES", &budget.to_string())]);
    node.store("r", &[r#"{"type":"log"}"#.to_owned()]).await;
    let bound = Bound::new(&node, budget);
    let mut stuck = Vec::new();
    for number in 0..60 {
        let mut viewer = Socket::open_narrow(&node, "/ws/runs/r", 4 * 1024).await;
        soon("its greeting", viewer.said("connected")).await;
        stuck.push(viewer);
        show(&node, number, MIB).await;
        assert!(node.metric("runcast_outbox_bytes").await as usize <= budget);
        bound.holds();
    }
    // The slow ones gave way: a viewer that reads is shown what comes.
    let mut viewer = Socket::open(&node, "/ws/runs/r").await;
    soon("its greeting", viewer.said("connected")).await;
    let seen = async {
        loop {
            show(&node, 99, 64 * KIB).await;
            if let Ok(frame) = tokio::time::timeout(std::time::Duration::from_millis(200), viewer.message()).await
                && frame.payload.ends_with(&[99; 100])
            {
                break;
            }
        }
    };
    soon("a screen", seen).await;
    drop(stuck);
    eventually!(node.metric("runcast_outbox_bytes").await, |bytes| *bytes == 0.0, SOON);
}

#[tokio::test]
async fn a_screen_for_many_counts_once() {
    let budget = 8 * MIB;
    let node = TestNode::start(&[("RUNCAST__SESSION__OUTBOX_TOTAL_BYTES", &budget.to_string())]);
    node.store("r", &[r#"{"type":"log"}"#.to_owned()]).await;
    let mut viewers = join_all((0..50).map(async |_| {
        let mut viewer = Socket::open_narrow(&node, "/ws/runs/r", 4 * 1024).await;
        viewer.said("connected").await;
        viewer
    }))
    .await;
    assert!(show(&node, 7, 2 * MIB - KIB).await);
    // 50 times 2 MiB would be far above the budget.
    let shown = viewers.iter_mut().map(async |viewer| while !viewer.message().await.payload.ends_with(&[7; 100]) {});
    soon("the screen for all", join_all(shown)).await;
}

#[tokio::test]
async fn messages_that_viewers_do_not_finish_count_too() {
    let budget = MIB;
    let node = TestNode::start(&[("RUNCAST__SESSION__OUTBOX_TOTAL_BYTES", &budget.to_string())]);
    let mut viewers = Vec::new();
    for _ in 0..40 {
        let mut viewer = Socket::open(&node, "/ws/runs/r").await;
        soon("its greeting", viewer.said("connected")).await;
        // The message never ends.
        viewer.begin(Op::Text, &vec![b'x'; 60_000]).await;
        viewers.push(viewer);
    }
    let closed = "runcast_sessions_closed_total{reason=\"saturated\"}";
    eventually!(node.metric(closed).await, |count| *count >= 10.0, SOON);
    assert!(node.metric("runcast_outbox_bytes").await as usize <= budget + 128 * KIB);
    drop(viewers);
    eventually!(node.metric("runcast_outbox_bytes").await, |bytes| *bytes == 0.0, SOON);
}
