//! Screens by stream: what viewers choose, what those who come are shown, what is kept and what is not.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{EventStream, Op, SOON, Socket, TestNode, Viewer, eventually, numbered, soon};

const KIB: usize = 1024;

/// Posts a frame of a stream: `bytes` that begin with `mark`; the answer.
async fn show(node: &TestNode, stream: &str, mark: u8, bytes: usize) -> Value {
    let mut image = vec![0; bytes];
    image[0] = mark;
    let headers = [("content-type", "image/jpeg"), ("runcast-stream", stream)];
    let reply = node.post("/api/runs/r/frame", &headers, image).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    reply.json()
}

/// The streams and marks of what a viewer was shown, in order.
fn shown(viewer: &Viewer) -> Vec<(String, u8)> {
    viewer.screens.iter().map(|(head, image)| (head["stream"].as_str().unwrap().to_owned(), image[0])).collect()
}

fn marks(viewer: &Viewer, stream: &str) -> Vec<u8> {
    shown(viewer).into_iter().filter(|(of, _)| of == stream).map(|(_, mark)| mark).collect()
}

async fn until_shown(viewer: &mut Viewer, stream: &str, mark: u8) {
    viewer.until("a frame", |viewer| shown(viewer).contains(&(stream.to_owned(), mark))).await;
}

/// Has everything that was sent before been read: the answer to a ping comes behind it, if no frame waits for its turn.
async fn settle(viewer: &mut Viewer) {
    let answered = viewer.told("pong").len();
    viewer.say(r#"{"type":"ping"}"#).await;
    viewer.until("the pong", |viewer| viewer.told("pong").len() > answered).await;
}

#[tokio::test]
async fn a_viewer_who_comes_to_a_still_screen_is_shown_it_behind_the_greeting_and_may_choose_another() {
    let node = TestNode::start(&[]);
    node.store("r", &numbered(1, 3, 0)).await;
    for (stream, mark) in [("p/0", 1), ("p/1", 2), ("p/0", 3)] {
        let answer = show(&node, stream, mark, 1_000).await;
        assert_eq!((&answer["runId"], &answer["shown"], &answer["kept"]), (&json!("r"), &json!(true), &json!(true)));
        assert_eq!(answer["viewers"], 0);
    }
    // The viewer fails when anything comes before its greeting.
    let mut viewer = Viewer::join(&node, "r").await;
    until_shown(&mut viewer, "p/0", 3).await;
    viewer.until_events(3).await;
    viewer.say(r#"{"type":"screen","of":"p/1"}"#).await;
    until_shown(&mut viewer, "p/1", 2).await;
    settle(&mut viewer).await;
    assert_eq!(shown(&viewer), [("p/0".into(), 3), ("p/1".into(), 2)], "each once");

    // Another one on whatever thread, which finds a broadcaster or none.
    for _ in 0..8 {
        let mut other = Viewer::join_at(&node, "/ws/runs/r?screen=wall").await;
        until_shown(&mut other, "p/0", 3).await;
        until_shown(&mut other, "p/1", 2).await;
    }
}

#[tokio::test]
async fn the_server_shows_one_of_two_workers_until_that_is_silent() {
    let node = TestNode::start(&[("RUNCAST__ROOM__SCREEN_AUTO_SECS", "2")]);
    let mut viewers = [Viewer::join(&node, "r").await, Viewer::join_at(&node, "/ws/runs/r?screen=auto").await];
    for mark in 1..=20 {
        show(&node, "p/0", mark, 100).await;
        show(&node, "p/1", mark, 100).await;
    }
    for viewer in &mut viewers {
        until_shown(viewer, "p/0", 20).await;
        settle(viewer).await;
        assert!(marks(viewer, "p/1").is_empty(), "{:?}", shown(viewer));
    }
    // The other one takes over when the first has had no frame for a while.
    let taken_over = async {
        while marks(&viewers[0], "p/1").is_empty() {
            show(&node, "p/1", 30, 100).await;
            settle(&mut viewers[0]).await;
        }
    };
    soon("the other screen", taken_over).await;
    show(&node, "p/0", 99, 100).await;
    show(&node, "p/1", 100, 100).await;
    for viewer in &mut viewers {
        until_shown(viewer, "p/1", 100).await;
        assert!(!marks(viewer, "p/0").contains(&99));
    }
}

#[tokio::test]
async fn each_choice_shows_what_it_says_and_the_wall_each_screen_once_a_second() {
    let node = TestNode::start(&[]);
    let mut chosen = BTreeMap::new();
    for of in ["wall", "off", "p/1", "nobody"] {
        chosen.insert(of, Viewer::join_at(&node, &format!("/ws/runs/r?screen={of}")).await);
    }
    let mut paced = Viewer::join_at(&node, "/ws/runs/r?screen=p/2&maxFps=2&maxWidth=640").await;
    let mut ticks = tokio::time::interval(Duration::from_millis(50));
    let began = Instant::now();
    for mark in 1..=60 {
        ticks.tick().await;
        for stream in ["p/0", "p/1", "p/2"] {
            show(&node, stream, mark, 100).await;
        }
    }
    let wall = chosen.get_mut("wall").unwrap();
    for stream in ["p/0", "p/1", "p/2"] {
        until_shown(wall, stream, 60).await;
        let marks = marks(wall, stream);
        // One a second, and the first and the last one besides.
        let most = began.elapsed().as_secs() as usize + 4;
        assert!((3..=most).contains(&marks.len()) && marks.is_sorted(), "{marks:?} in {:?}", began.elapsed());
    }
    until_shown(&mut paced, "p/2", 60).await;
    let paced = shown(&paced);
    assert!((4..=16).contains(&paced.len()) && paced.iter().all(|(stream, _)| stream == "p/2"), "{paced:?}");
    let one = chosen.get_mut("p/1").unwrap();
    until_shown(one, "p/1", 60).await;
    assert_eq!(shown(one).len(), marks(one, "p/1").len());
    for of in ["off", "nobody"] {
        let viewer = chosen.get_mut(of).unwrap();
        settle(viewer).await;
        assert!(viewer.screens.is_empty(), "{of}: {:?}", shown(viewer));
    }
    let off = chosen.get_mut("off").unwrap();
    off.say(r#"{"type":"screen","of":"wall","maxFps":30}"#).await;
    for stream in ["p/0", "p/1", "p/2"] {
        until_shown(off, stream, 60).await;
    }
    off.say(r#"{"type":"screen","of":"off"}"#).await;
    settle(off).await;
    show(&node, "p/0", 61, 100).await;
    settle(off).await;
    assert!(!shown(off).contains(&("p/0".into(), 61)));
}

#[tokio::test]
async fn a_slow_viewer_gets_the_newest_frame_of_each_screen_and_every_event() {
    let node = TestNode::start(&[]);
    let mut slow = Viewer::absent_narrow("/ws/runs/r?screen=wall");
    slow.may_reconnect(&node).await;
    let streams = ["p/0", "p/1", "p/2"];
    for mark in 1..=40 {
        for stream in streams {
            show(&node, stream, mark, 200 * KIB).await;
        }
        node.store("r", &numbered(u64::from(mark), 1, 0)).await;
    }
    for stream in streams {
        until_shown(&mut slow, stream, 40).await;
        let marks = marks(&slow, stream);
        assert!(marks.is_sorted() && marks.len() <= 20, "{marks:?}");
    }
    slow.until_events(40).await;
    assert_eq!(slow.texts(), numbered(1, 40, 0));
    drop(slow);
    eventually!(node.metric("runcast_outbox_bytes").await, |bytes| *bytes == 0.0, SOON);
}

#[tokio::test]
async fn sixty_four_screens_are_kept_and_the_one_without_a_frame_for_longest_gives_way() {
    let node = TestNode::start(&[]);
    for index in 0..65 {
        assert_eq!(show(&node, &format!("p/{index}"), index, 100).await["kept"], true);
    }
    let mut wall = Viewer::join_at(&node, "/ws/runs/r?screen=wall").await;
    wall.until("all of them", |viewer| viewer.screens.len() == 64).await;
    settle(&mut wall).await;
    let want: Vec<_> = (1..65).map(|index| (format!("p/{index}"), index)).collect();
    assert_eq!(shown(&wall), want);
    assert_eq!(node.metric("runcast_screens_displaced_total").await, 1.0);
}

#[tokio::test]
async fn what_is_too_large_or_finds_no_room_is_shown_and_not_kept_and_what_is_kept_goes_in_time() {
    let settings = [("RUNCAST__ROOM__SCREENS_TOTAL_BYTES", "500000"), ("RUNCAST__ROOM__SCREEN_KEEP_SECS", "2")];
    let node = TestNode::start(&settings);
    let mut viewer = Viewer::join_at(&node, "/ws/runs/r?screen=wall&maxFps=30").await;
    let large = show(&node, "p/large", 1, 300 * KIB).await;
    assert_eq!((&large["shown"], &large["kept"]), (&json!(true), &json!(false)));
    assert_eq!(node.metric("runcast_screens_bytes").await, 0.0);
    let kept: Vec<_> = ["p/0", "p/1", "p/2"].into_iter().collect();
    let mut answers = Vec::new();
    for stream in kept {
        let answer = show(&node, stream, 2, 200 * KIB).await;
        answers.push((answer["shown"] == true, answer["kept"] == true));
    }
    assert_eq!(answers, [(true, true), (true, true), (true, false)]);
    for (stream, mark) in [("p/large", 1), ("p/0", 2), ("p/1", 2), ("p/2", 2)] {
        until_shown(&mut viewer, stream, mark).await;
    }
    let bytes = node.metric("runcast_screens_bytes").await;
    assert!((400.0 * KIB as f64..=500_000.0).contains(&bytes), "{bytes}");
    for kept in ["too_large", "no_room"] {
        let frames = format!("runcast_screen_frames_total{{shown=\"yes\",kept=\"{kept}\"}}");
        assert_eq!(node.metric(&frames).await, 1.0, "{kept}");
    }
    eventually!(node.metric("runcast_screens_bytes").await, |bytes| *bytes == 0.0, SOON);
    let mut late = Viewer::join_at(&node, "/ws/runs/r?screen=wall").await;
    settle(&mut late).await;
    assert!(late.screens.is_empty());
}

#[tokio::test]
async fn a_run_that_only_shows_screens_ends_as_any_other_and_keeps_nothing() {
    let node = TestNode::start(&[("RUNCAST__ROOM__IDLE_SECS", "1")]);
    show(&node, "p/0", 1, 1_000).await;
    assert!(node.metric("runcast_screens_bytes").await > 1_000.0);
    eventually!(node.metric("runcast_rooms").await, |rooms| *rooms == 0.0, SOON);
    assert_eq!(node.metric("runcast_screens_bytes").await, 0.0);
    assert_eq!(show(&node, "p/0", 2, 1_000).await["kept"], true);
}

#[tokio::test]
async fn a_choice_that_can_not_be_had_is_refused_and_named() {
    let node = TestNode::start(&[]);
    let long = "p".repeat(201);
    for (query, named) in [
        ("screen=a%20b", "`screen`"),
        ("screen=", "`screen`"),
        (&format!("screen={long}"), "`screen`"),
        ("maxFps=0", "`maxFps`"),
        ("maxFps=31", "`maxFps`"),
        ("screen=wall&maxFps=two", "`maxFps`"),
        ("maxWidth=8193", "`maxWidth`"),
    ] {
        let upgrade = [
            ("connection", "upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        let reply = node.get_with(&format!("/ws/runs/r?{query}"), &upgrade).await;
        assert!(reply.problem(400, "invalid_screen").contains(named), "{query}: {reply:?}");
    }
    let mut socket = Socket::open(&node, "/ws/runs/r?screen=off").await;
    soon("its greeting", socket.said("connected")).await;
    for (message, named) in [
        (r#"{"type":"screen"}"#, "`of`"),
        (r#"{"type":"screen","of":7}"#, "`of`"),
        (r#"{"type":"screen","of":"a b"}"#, "`of`"),
        (r#"{"type":"screen","of":"wall","maxFps":0}"#, "`maxFps`"),
        (r#"{"type":"screen","of":"wall","maxFps":1.5}"#, "`maxFps`"),
        (r#"{"type":"screen","of":"wall","maxWidth":"wide"}"#, "`maxWidth`"),
    ] {
        socket.say(Op::Text, message.as_bytes()).await;
        let error = socket.said("error").await;
        assert_eq!(error["code"], "invalid_screen", "{message}: {error}");
        assert!(error["error"].as_str().unwrap().contains(named), "{message}: {error}");
    }
    // The choice stays.
    show(&node, "p/0", 1, 100).await;
    socket.say(Op::Text, br#"{"type":"ping"}"#).await;
    soon("the pong, and no frame before it", socket.said("pong")).await;
    for (name, named) in [("", "Runcast-Stream"), ("wall", "Runcast-Stream"), ("a b", "Runcast-Stream")] {
        let headers = [("content-type", "image/png"), ("runcast-stream", name)];
        let reply = node.post("/api/runs/r/frame", &headers, "x").await;
        assert!(reply.problem(400, "invalid_header").contains(named), "{name:?}: {reply:?}");
    }
}

#[tokio::test]
async fn an_event_stream_shows_no_screens_and_asks_for_none() {
    let node = TestNode::start(&[]);
    node.store("r", &numbered(1, 1, 0)).await;
    let stream = EventStream::open(&node, "/api/runs/r/events/stream", "").await;
    eventually!(show(&node, "p/0", 1, 100).await["viewers"].clone(), |viewers| *viewers == 1, SOON);
    let hints = show(&node, "p/0", 2, 100).await["hints"].clone();
    assert_eq!((&hints["watched"], &hints["screens"]), (&json!(true), &json!([])), "{hints}");
    let viewer = Viewer::join_at(&node, "/ws/runs/r?screen=p/1&maxFps=3").await;
    let wanted = |hints: &Value| hints["screens"] == json!(["p/1"]) && hints["maxFps"] == 3;
    eventually!(show(&node, "p/0", 3, 100).await["hints"].clone(), wanted, SOON);
    drop(viewer);
    let none = |hints: &Value| hints["screens"] == json!([]);
    eventually!(show(&node, "p/0", 4, 100).await["hints"].clone(), none, SOON);
    drop(stream);
}
