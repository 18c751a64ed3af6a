//! Responses that nobody reads: pages, event streams, lists.

use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::time::timeout;

use super::{Bound, MIB, PREEMPTED, ask, status};
use crate::support::{EventStream, SOON, TestNode, eventually, numbered, soon};

const SLOW: &str = "runcast_slow_transfers_total{kind=\"response\",reason=\"rate\"}";

#[tokio::test]
async fn unread_pages_hold_no_more_than_the_responses_may_and_their_readers_are_let_go() {
    let budget = 8 * MIB;
    let node = TestNode::start(&[
        ("RUNCAST__SERVER__RESPONSE_BYTES", &budget.to_string()),
        ("RUNCAST__SERVER__RESPONSE_PAUSE_SECS", "3"),
    ]);
    node.store("r", &numbered(1, 2_000, 1_000)).await;
    let bound = Bound::new(&node, budget);
    let (mut readers, mut refused) = (Vec::new(), 0);
    for _ in 0..60 {
        let reader = ask(&node, "/api/runs/r/events").await;
        refused += usize::from(soon("an answer", status(&reader)).await == 503);
        readers.push(reader);
        bound.holds();
    }
    assert!(refused < 60, "some find room");
    eventually!(node.metric("runcast_response_bytes").await, |bytes| *bytes == 0.0, SOON);
    let ended = node.metric(SLOW).await + node.metric(PREEMPTED).await;
    assert_eq!(ended as usize, 60 - refused);
    assert_eq!(node.get("/api/runs/r/events").await.status, 200);
}

#[tokio::test]
async fn a_reader_who_takes_a_few_bytes_now_and_then_is_let_go() {
    let node = TestNode::start(&[
        ("RUNCAST__SERVER__MIN_BYTES_PER_SEC", "100000"),
        ("RUNCAST__SERVER__RESPONSE_PAUSE_SECS", "1"),
    ]);
    node.store("r", &numbered(1, 2_000, 1_000)).await;
    let mut reader = ask(&node, "/api/runs/r/events").await;
    let trickle = async {
        let mut bytes = [0; 2_000];
        while reader.read(&mut bytes).await.is_ok_and(|read| read > 0) {
            // It reads on, slower than it may.
            let _ = timeout(Duration::from_millis(100), std::future::pending::<()>()).await;
        }
    };
    tokio::join!(soon("the end of the connection", trickle), async {
        eventually!(node.metric(SLOW).await, |count| *count == 1.0, SOON);
    });
    eventually!(node.metric("runcast_response_bytes").await, |bytes| *bytes == 0.0, SOON);
}

#[tokio::test]
async fn the_slowest_reader_gives_way_to_one_who_reads() {
    let node = TestNode::start(&[("RUNCAST__SERVER__RESPONSE_BYTES", &(4 * MIB).to_string())]);
    node.store("r", &numbered(1, 2_000, 1_000)).await;
    let events = async || node.get_json("/api/runs/r/events").await["events"].as_array().map_or(0, Vec::len);
    let whole = events().await;
    let mut slow = Vec::new();
    for _ in 0..8 {
        let reader = ask(&node, "/api/runs/r/events").await;
        soon("an answer", status(&reader)).await;
        slow.push(reader);
    }
    // At first there is no room, or room for a part; once the slow ones are behind, they go.
    eventually!(events().await, |count| *count == whole, SOON);
    assert!(node.metric(PREEMPTED).await >= 1.0);
}

#[tokio::test]
async fn event_streams_that_nobody_reads_are_counted_and_gone_with_their_sessions() {
    let (responses, outboxes) = (8 * MIB, 16 * MIB);
    let node = TestNode::start(&[
        ("RUNCAST__SERVER__RESPONSE_BYTES", &responses.to_string()),
        ("RUNCAST__SESSION__OUTBOX_TOTAL_BYTES", &outboxes.to_string()),
        ("RUNCAST__SESSION__STALL_SECS", "3"),
    ]);
    let bound = Bound::new(&node, responses + outboxes);
    let mut streams = Vec::new();
    for _ in 0..150 {
        streams.push(ask(&node, "/api/runs/r/events/stream").await);
    }
    eventually!(node.metric("runcast_viewers").await, |viewers| *viewers == 150.0, SOON);
    for batch in numbered(1, 4_000, 2_000).chunks(100) {
        node.store("r", batch).await;
    }
    bound.holds();
    eventually!(node.metric("runcast_viewers").await, |viewers| *viewers == 0.0, SOON);
    // Its own, which asks, and whatever it keeps for the next question.
    eventually!(node.metric("runcast_connections").await, |count| *count <= 2.0, SOON);
    assert_eq!(node.metric("runcast_response_bytes").await, 0.0);
}

#[tokio::test]
async fn an_event_stream_that_is_read_goes_on_while_others_use_up_the_responses() {
    let budget = 2 * MIB;
    let node = TestNode::start(&[("RUNCAST__SERVER__RESPONSE_BYTES", &budget.to_string())]);
    node.store("r", &numbered(1, 2_000, 1_000)).await;
    let mut stream = EventStream::open(&node, "/api/runs/r/events/stream?after=-1", "").await;
    assert!(stream.connected().await);
    stream.take(1).await;
    let mut unread = Vec::new();
    for _ in 0..20 {
        unread.push(ask(&node, "/api/runs/r/events").await);
    }
    for number in 2_001..2_100 {
        node.store("r", &numbered(number, 1, 5_000)).await;
        soon("the event", stream.take(1)).await;
    }
    assert_eq!(node.get("/metrics").await.status, 200, "operators see it in any case");
}

#[tokio::test]
async fn a_slow_reader_who_keeps_the_rate_gets_everything() {
    let node = TestNode::start(&[
        ("RUNCAST__SERVER__RESPONSE_PAUSE_SECS", "4"),
        ("RUNCAST__SERVER__MIN_BYTES_PER_SEC", "4000"),
        ("RUNCAST__SESSION__STALL_SECS", "1"),
    ]);
    node.store("r", &numbered(1, 300, 1_000)).await;
    let mut reader = ask(&node, "/api/runs/r/events").await;
    let (mut read, mut piece) = (0, [0; 4_000]);
    while read < 300 * 1_000 {
        // 40 KB a second, through a window that is never open wide.
        let _ = timeout(Duration::from_millis(100), std::future::pending::<()>()).await;
        read += soon("more", reader.read_exact(&mut piece)).await.unwrap();
    }
    assert_eq!(node.metric(SLOW).await, 0.0);
}

#[tokio::test]
async fn an_event_stream_whose_reader_has_gone_is_no_viewer_any_more() {
    let node = TestNode::start(&[]);
    let stream = ask(&node, "/api/runs/r/events/stream").await;
    eventually!(node.metric("runcast_viewers").await, |viewers| *viewers == 1.0, SOON);
    drop(stream);
    // Long before the next comment would find nobody.
    eventually!(node.metric("runcast_viewers").await, |viewers| *viewers == 0.0, Duration::from_secs(8));
}
