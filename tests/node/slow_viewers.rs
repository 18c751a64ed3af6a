//! Viewers that do not read, or do not answer: they delay nobody, cost bounded memory and lose nothing.

use std::time::{Duration, Instant};

use crate::support::{EventStream, Op, SOON, Socket, TestNode, Viewer, eventually, numbered, without_seq};
use futures_util::future::join_all;

const KIB: usize = 1024;
const MIB: usize = KIB * KIB;
/// `session.outbox_bytes`, and the one segment that an outbox may hold beyond it.
const OUTBOX: usize = 256 * KIB + 80 * KIB;

const CLOSED_AS_STALLED: &str = "runcast_sessions_closed_total{reason=\"stalled\"}";

const CLOSED_FOR_POLICY: &str = "runcast_sessions_closed_total{reason=\"policy\"}";

#[tokio::test]
async fn a_viewer_that_stops_reading_delays_nobody_and_gets_everything_when_it_reads_again() {
    let node = TestNode::start(&[]);
    let mut stalled = Viewer::join_narrow(&node, "r").await;
    let mut healthy = Viewer::join(&node, "r").await;
    let (mut total, mut slowest) = (0, Duration::ZERO);
    let before = node.resident_bytes();
    for _ in 0..120 {
        let posted = Instant::now();
        let lines = numbered(total + 1, 50, 2_000);
        total += 50;
        tokio::join!(node.store("r", &lines), healthy.until_events(total as usize));
        slowest = slowest.max(posted.elapsed());
    }
    assert!(slowest < Duration::from_secs(2), "{slowest:?} for a batch to be stored and seen");
    let held = node.metric("runcast_outbox_bytes").await as usize;
    assert!((1..=OUTBOX).contains(&held), "{held} unsent of 12 MB");
    let growth = node.resident_bytes().saturating_sub(before);
    assert!(growth < 48 * MIB, "{growth} bytes more");

    stalled.until_events(total as usize).await;
    assert_eq!(stalled.texts(), numbered(1, total, 2_000));
    // It is live again, not only caught up.
    node.store("r", &numbered(total + 1, 1, 0)).await;
    stalled.until_events(total as usize + 1).await;
    assert_eq!(stalled.told("gap").len() + stalled.told("reset").len(), 0);
    assert_eq!(node.metric("runcast_outbox_bytes").await, 0.0);
}

#[tokio::test]
async fn two_hundred_stalled_viewers_cost_bounded_memory_are_reset_and_lose_nothing() {
    let node = TestNode::start(&[("RUNCAST__SESSION__STALL_SECS", "2")]);
    let mut healthy = Viewer::join(&node, "r").await;
    let mut stalled = join_all((0..200).map(|_| Viewer::join_narrow(&node, "r"))).await;
    let before = node.resident_bytes();
    let (mut total, mut most, mut held) = (0, 0, 0);
    for _ in 0..40 {
        let lines = numbered(total + 1, 50, 2_000);
        total += 50;
        tokio::join!(node.store("r", &lines), healthy.until_events(total as usize));
        held = held.max(node.metric("runcast_outbox_bytes").await as usize);
        most = most.max(node.resident_bytes());
    }
    assert!(held <= 200 * OUTBOX, "{held} unsent");
    // What they wait for is shared, so it is far less than what they wait for.
    let growth = most.saturating_sub(before);
    assert!(growth < 64 * MIB, "{growth} bytes more");

    eventually!(node.metric(CLOSED_AS_STALLED).await, |count| *count == 200.0, SOON);
    eventually!(node.metric("runcast_outbox_bytes").await, |bytes| *bytes == 0.0, SOON);
    assert_eq!(node.get_json("/api/runs/r").await["viewers"], 1);
    let mut returned = stalled.split_off(196);
    drop(stalled);
    for viewer in &mut returned {
        viewer.until("the reset", |viewer| viewer.closed.is_some()).await;
        assert_eq!(viewer.closed, Some(1006), "no close frame could reach it");
        assert!(viewer.events.len() < total as usize);
    }
    let lines = numbered(1, total, 2_000);
    join_all(returned.iter_mut().map(async |viewer| {
        viewer.may_reconnect(&node).await;
        viewer.until_events(total as usize).await;
        assert_eq!(viewer.texts(), lines);
    }))
    .await;
    assert_eq!(healthy.texts(), lines);
}

#[tokio::test]
async fn an_event_stream_that_is_not_read_is_bounded_like_a_socket_and_resumes() {
    let node = TestNode::start(&[("RUNCAST__SESSION__STALL_SECS", "2")]);
    let path = "/api/runs/r/events/stream";
    let mut streams = join_all((0..20).map(|_| EventStream::open(&node, path, ""))).await;
    let lines = numbered(1, 6_000, 2_000);
    let before = node.resident_bytes();
    for batch in lines.chunks(50) {
        node.store("r", batch).await;
    }
    let held = node.metric("runcast_outbox_bytes").await as usize;
    assert!(held <= 20 * OUTBOX, "{held} unsent of 20 times 12 MB");
    let growth = node.resident_bytes().saturating_sub(before);
    assert!(growth < 64 * MIB, "{growth} bytes more");
    eventually!(node.metric(CLOSED_AS_STALLED).await, |count| *count == 20.0, SOON);
    eventually!(node.metric("runcast_outbox_bytes").await, |bytes| *bytes == 0.0, SOON);
    // Its own, which asks, and whatever it keeps for the next question.
    eventually!(node.metric("runcast_connections").await, |count| *count <= 2.0, SOON);

    let mut stream = streams.pop().unwrap();
    drop(streams);
    let (mut read, mut last) = (Vec::new(), String::new());
    while read.len() < lines.len() {
        match stream.next().await {
            Some(record) if record.event.is_some() => {}
            Some(record) => {
                read.push(without_seq(&record.data).1);
                last = record.id.unwrap();
            }
            None => stream = EventStream::open(&node, path, &format!("Last-Event-ID: {last}\r\n")).await,
        }
    }
    assert_eq!(read, lines);
}

#[tokio::test]
async fn a_viewer_that_reads_too_slowly_for_the_stream_is_not_taken_for_a_stalled_one() {
    let node = TestNode::start(&[("RUNCAST__SESSION__STALL_SECS", "2")]);
    let mut slow = Viewer::join_narrow(&node, "r").await;
    node.store("r", &numbered(1, 2_000, 2_000)).await;
    // Far less than what waits, but more than the kernel's buffers in each second, for five seconds.
    let mut pace = tokio::time::interval(Duration::from_millis(100));
    for _ in 0..50 {
        let count = slow.events.len() + 10;
        slow.until_events(count).await;
        pace.tick().await;
    }
    slow.until_events(2_000).await;
    assert_eq!(slow.texts(), numbered(1, 2_000, 2_000));
}

const QUICK_PULSE: [(&str, &str); 2] =
    [("RUNCAST__HEARTBEAT__PING_SECS", "1"), ("RUNCAST__HEARTBEAT__PONG_DEADLINE_SECS", "2")];

#[tokio::test]
async fn a_peer_that_answers_no_ping_is_closed_after_the_deadline_and_others_are_not() {
    let node = TestNode::start(&QUICK_PULSE);
    let mut silent = Socket::open(&node, "/ws/runs/r").await;
    let mut talking = Socket::open(&node, "/ws/runs/r").await;
    let mut good = Viewer::join(&node, "r").await;
    assert_eq!(silent.said("connected").await["heartbeatSecs"], 1);
    let started = Instant::now();
    let talk = async {
        // It answers no ping, but says something: that shows that it is alive as well.
        for _ in 0..5 {
            assert!(talking.frame().await.is(Op::Text), "connected, or the answer to the last word");
            while !talking.frame().await.is(Op::Ping) {}
            talking.say(Op::Text, br#"{"type":"ping"}"#).await;
        }
    };
    let wait = async {
        let mut pings = 0;
        loop {
            let frame = silent.frame().await;
            pings += usize::from(frame.is(Op::Ping));
            if frame.is(Op::Close) {
                assert!(pings >= 2, "{pings} pings");
                assert_eq!(frame.close_code(), Some(4408));
                return started.elapsed();
            }
        }
    };
    let follow = async {
        while started.elapsed() < Duration::from_secs(5) {
            let _ = tokio::time::timeout(Duration::from_millis(100), good.read()).await;
        }
    };
    let (after, (), ()) = tokio::join!(wait, talk, follow);
    assert!(after >= Duration::from_secs(2) && after < Duration::from_secs(8), "{after:?}");
    assert_eq!(good.closed, None);
    node.store("r", &numbered(1, 1, 0)).await;
    good.until_events(1).await;
}

#[tokio::test]
async fn a_peer_that_is_gone_without_a_word_is_found_out_by_its_silence() {
    let node = TestNode::start(&QUICK_PULSE);
    let _gone = Socket::open_narrow(&node, "/ws/runs/r", 4_096).await;
    let no_pong = "runcast_sessions_closed_total{reason=\"no_pong\"}";
    eventually!(node.metric(no_pong).await, |count| *count == 1.0, SOON);
    eventually!(node.get_json("/api/ws/stats").await["localConnections"].clone(), |viewers| viewers == 0, SOON);
}

/// Posts a screen of `bytes`, which begins with `mark`.
async fn show(node: &TestNode, mark: u8, bytes: usize) {
    let mut image = vec![0; bytes];
    image[0] = mark;
    let headers = [
        ("content-type", "image/jpeg"),
        ("runcast-test", "checkout"),
        ("runcast-width", "640"),
        ("runcast-height", "480"),
    ];
    let reply = node.post("/api/runs/r/frame", &headers, image).await;
    assert_eq!((reply.status, reply.json()["runId"].as_str()), (202, Some("r")));
}

#[tokio::test]
async fn a_screen_reaches_who_watches_and_is_not_stored() {
    let node = TestNode::start(&[]);
    let mut viewer = Viewer::join(&node, "r").await;
    for mark in 1..=3 {
        show(&node, mark, 1_000).await;
        viewer.until("a screen", |viewer| viewer.screens.len() == mark as usize).await;
    }
    let (head, image) = viewer.screens.last().unwrap();
    assert_eq!((image.len(), image[0]), (1_000, 3));
    assert_eq!(
        (&head["type"], &head["contentType"], &head["testId"]),
        (&"frame".into(), &"image/jpeg".into(), &"checkout".into())
    );
    assert_eq!((&head["width"], &head["height"]), (&640.into(), &480.into()));
    assert!(head["timestamp"].is_string() && head.get("seq").is_none());
    assert_eq!(node.stored("r").await.len(), 0);
    assert_eq!(node.get_json("/api/runs").await["runs"].as_array().map(Vec::len), Some(0));

    let post = async |kind, bytes| node.post("/api/runs/r/frame", &[("content-type", kind)], vec![0; bytes]).await;
    post("image/gif", 10).await.problem(415, "unsupported_content_type");
    post("image/png", 0).await.problem(400, "empty_body");
    let large = post("image/png", 2 * MIB + 1).await;
    assert!(large.status == 413 && large.text.contains("2097152"), "{large:?}");
    assert_eq!(post("image/webp", 2 * MIB).await.status, 202);
    let wide = [("content-type", "image/png"), ("runcast-width", "wide")];
    assert!(node.post("/api/runs/r/frame", &wide, "x").await.problem(400, "invalid_header").contains("Runcast-Width"));
}

#[tokio::test]
async fn of_screens_the_newest_wins_and_they_never_hold_up_events_for_long() {
    let node = TestNode::start(&[]);
    let mut slow = Viewer::join_narrow(&node, "r").await;
    let before = node.resident_bytes();
    for mark in 1..=100 {
        show(&node, mark, 1_500 * KIB).await;
        node.store("r", &numbered(u64::from(mark), 1, 0)).await;
    }
    let growth = node.resident_bytes().saturating_sub(before);
    assert!(growth < 64 * MIB, "{growth} bytes more for 150 MB of screens");
    // One is on its way, one waits.
    assert!(node.metric("runcast_outbox_bytes").await < (2 * 1_501 * KIB + OUTBOX) as f64);
    slow.until("the newest screen", |viewer| viewer.screens.last().is_some_and(|(_, image)| image[0] == 100)).await;
    slow.until_events(100).await;
    let marks: Vec<_> = slow.screens.iter().map(|(_, image)| image[0]).collect();
    assert!(marks.len() <= 4 && marks.is_sorted(), "{marks:?}");
    assert_eq!(slow.texts(), numbered(1, 100, 0));
}

#[tokio::test]
async fn a_viewer_may_speak_while_a_large_screen_is_on_its_way() {
    let node = TestNode::start(&[]);
    let mut slow = Viewer::join_narrow(&node, "r").await;
    show(&node, 1, 2 * MIB).await;
    let unsent = eventually!(node.metric("runcast_outbox_bytes").await, |bytes| *bytes > MIB as f64, SOON);
    slow.say(r#"{"type":"ping"}"#).await;
    let heard = async || (node.metric("runcast_outbox_bytes").await, node.metric(CLOSED_FOR_POLICY).await);
    eventually!(heard().await, |(bytes, closed)| *bytes > unsent || *closed > 0.0, SOON);
    node.store("r", &numbered(1, 1, 0)).await;
    slow.until_events(1).await; // fails when it is closed instead
    assert_eq!((slow.screens.len(), slow.told("pong").len()), (1, 1));
}

#[tokio::test]
async fn a_peer_that_asks_and_asks_but_does_not_read_is_shown_out() {
    let node = TestNode::start(&[]);
    let mut rude = Socket::open_narrow(&node, "/ws/runs/r", 4_096).await;
    let before = node.resident_bytes();
    let questions = crate::support::frame(0x81, Some([9, 9, 9, 9]), br#"{"type":"ping"}"#).repeat(2_000);
    let flood = async {
        for _ in 0..200 {
            if rude.try_send(&questions).await.is_err() {
                return;
            }
        }
    };
    let watch = async { eventually!(node.metric(CLOSED_FOR_POLICY).await, |count| *count == 1.0, SOON) };
    tokio::join!(flood, watch);
    let growth = node.resident_bytes().saturating_sub(before);
    assert!(growth < 24 * MIB, "{growth} bytes more");
    assert_eq!(node.metric("runcast_outbox_bytes").await, 0.0);
}
