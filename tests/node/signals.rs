//! Signals: which of them end a node, and how.
//! Promised in docs/reliability.md, "Abuse".

use std::time::Duration;

use crate::support::{SOON, TestNode, Viewer, eventually, numbered};
use rustix::process::{Pid, Signal, kill_process};

/// A stop that takes longer than anything here waits for.
const SLOW_TO_STOP: [(&str, &str); 2] =
    [("RUNCAST__SERVER__DRAIN_SECS", "3600"), ("RUNCAST__SERVER__DRAIN_NOTICE_SECS", "3600")];

#[tokio::test]
async fn a_terminal_that_closes_ends_no_node_and_skips_no_drain() {
    let mut node = TestNode::start(&[("RUNCAST__SERVER__DRAIN_NOTICE_SECS", "1")]);
    node.store("r", &numbered(1, 2, 0)).await;
    let mut viewer = Viewer::join(&node, "r").await;
    viewer.until_events(2).await;
    for _ in 0..3 {
        node.signal(Signal::HUP);
    }
    eventually!(node.log(), |log| log.contains("SIGHUP means nothing"), SOON);
    node.store("r", &numbered(3, 1, 0)).await;
    viewer.until_events(3).await;
    assert_eq!((viewer.closed, node.get("/ready").await.status), (None, 200));

    node.ask_to_stop();
    eventually!(node.get("/ready").await.status, |status| *status == 503, SOON);
    node.signal(Signal::HUP);
    viewer.until("the end", |viewer| viewer.closed.is_some()).await;
    assert_eq!(viewer.closed, Some(1012), "the drain goes on");
    node.ended().await.assert_clean(false);
}

#[tokio::test]
async fn an_interrupt_drains_and_two_within_a_second_end_it_at_once() {
    let mut node = TestNode::start(&SLOW_TO_STOP);
    node.store("r", &numbered(1, 5, 0)).await;
    node.signal(Signal::INT);
    eventually!(node.get("/ready").await.status, |status| *status == 503, SOON);
    assert_eq!(node.store("r", &numbered(6, 1, 0)).await["lastSeq"], 6, "it drains");
    let pid = Pid::from_raw(node.pid()).unwrap();
    let impatient = tokio::spawn(async move {
        loop {
            // It may have ended.
            let _ = kill_process(pid, Signal::INT);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let exit = node.ended().await;
    impatient.abort();
    assert_eq!(exit.code, Some(130), "{}", exit.log);
    assert!(exit.log.contains("without a drain"), "{}", exit.log);
    node.restart_with(&[]);
    assert_eq!(node.stored("r").await.len(), 6, "nothing that was acknowledged is lost");
}

#[tokio::test]
async fn a_second_sigterm_is_no_impatience() {
    let mut node = TestNode::start(&[("RUNCAST__SERVER__DRAIN_NOTICE_SECS", "1")]);
    let mut viewer = Viewer::join(&node, "r").await;
    for _ in 0..3 {
        node.ask_to_stop();
    }
    eventually!(node.get("/ready").await.status, |status| *status == 503, SOON);
    node.ask_to_stop();
    node.store("r", &numbered(1, 1, 0)).await;
    viewer.until("the end", |viewer| viewer.closed.is_some()).await;
    assert_eq!((viewer.closed, viewer.events.len()), (Some(1012), 1));
    node.ended().await.assert_clean(false);
}
