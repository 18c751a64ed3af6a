//! Watching a run through the real server: from anywhere in its log, again and again, byte for byte.

use std::time::{Duration, Instant};

use crate::support::{
    EventStream, SOON, TestNode, Viewer, eventually, exchange, numbered, real_run, soon, without_seq,
};
use futures_util::future::join_all;

#[tokio::test]
async fn a_run_that_does_not_exist_yet_can_be_watched() {
    let node = TestNode::start(&[]);
    let mut viewer = Viewer::join(&node, "unborn").await;
    assert!(viewer.connected["epoch"].is_null());
    assert_eq!((viewer.connected["cursor"].as_str(), viewer.connected["tip"].as_u64()), (Some("0"), Some(0)));
    let stored = node.store("unborn", &numbered(1, 3, 0)).await;
    viewer.until_events(3).await;
    assert_eq!(viewer.told("epoch").len(), 1);
    assert_eq!(viewer.cursor, stored["cursor"]);
    assert_eq!(viewer.texts(), numbered(1, 3, 0));
    assert!(viewer.told("reset").is_empty(), "the first event's epoch is no reset");
}

#[tokio::test]
async fn whoever_joins_while_a_run_is_born_hears_its_epoch_before_its_first_event() {
    let node = TestNode::start(&[]);
    for round in 0..12 {
        let run = format!("birth-{round}");
        let (joins, lines) = (join_all((0..12).map(|_| Viewer::join(&node, &run))), numbered(1, 2, 0));
        let (viewers, _) = tokio::join!(joins, node.store(&run, &lines));
        for mut viewer in viewers {
            viewer.until_events(2).await; // fails when an event comes whose epoch is not known
            let born = viewer.connected["epoch"].is_null();
            assert_eq!(viewer.told("epoch").len(), usize::from(born));
        }
    }
}

#[tokio::test]
async fn every_form_of_after_starts_where_it_says() {
    let node = TestNode::start(&[]);
    let epoch = node.store("r", &numbered(1, 10, 0)).await["epoch"].as_str().unwrap().to_owned();
    let mut viewers = Vec::new();
    for (after, from) in [
        ("", 1),
        ("0", 1),
        ("4", 5),
        (&format!("{epoch}:4"), 5),
        (&format!("{epoch}:10"), 11),
        ("10", 11),
        ("latest", 11),
        ("-3", 8),
        ("-100", 1),
        ("-0", 11),
    ] {
        let viewer = Viewer::join_after(&node, "r", after).await;
        let said = &viewer.connected;
        assert_eq!((said["from"].as_u64(), said["tip"].as_u64()), (Some(from), Some(10)), "{after}");
        assert_eq!(said["cursor"], format!("{epoch}:{}", from - 1), "{after}");
        assert_eq!((said["runId"].as_str(), said["epoch"].as_str()), (Some("r"), Some(epoch.as_str())));
        assert_eq!(said["heartbeatSecs"], 20);
        assert!(["sessionId", "nodeId", "timestamp"].iter().all(|field| said[field].is_string()), "{said}");
        viewers.push((from, viewer));
    }
    node.store("r", &numbered(11, 1, 0)).await;
    for (from, mut viewer) in viewers {
        viewer.until_events(12 - from as usize).await;
        assert_eq!(viewer.texts(), numbered(from, 12 - from, 0));
        assert_eq!(viewer.cursor, format!("{epoch}:11"));
    }
}

#[tokio::test]
async fn an_after_that_is_none_is_refused_before_the_upgrade() {
    let node = TestNode::start(&[]);
    for after in ["x", "1:2:3", ":1", "--1", "Latest", "1.5"] {
        let reply = node.get(&format!("/api/runs/r/events?after={after}")).await;
        assert!(reply.problem(400, "invalid_after").contains(after), "{reply:?}");
        let reply = node.get(&format!("/api/runs/r/events/stream?after={after}")).await;
        reply.problem(400, "invalid_after");
        let answer = exchange(
            &node,
            &format!(
                "GET /ws/runs/r?after={after} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                 Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            ),
        )
        .await;
        assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("invalid_after"), "{answer}");
    }
    for path in ["/ws/runs/.hidden", "/api/runs/a%2Fb/events", "/ws/test-control", "/ws/test-control?runId=a!"] {
        node.get(path).await.problem(400, "invalid_run_id");
    }
    node.get("/ws/runs/r").await.problem(400, "not_a_websocket");
}

#[tokio::test]
async fn a_cursor_that_this_log_never_gave_is_answered_with_a_reset() {
    let node = TestNode::start(&[]);
    let epoch = node.store("r", &numbered(1, 10, 0)).await["epoch"].as_str().unwrap().to_owned();
    let later = format!("{}", epoch.parse::<u64>().unwrap() + 1);
    for (after, from) in
        [(format!("{epoch}:99"), 11), ("99".to_owned(), 11), (format!("{later}:5"), 1), ("7:5".into(), 1)]
    {
        let mut viewer = Viewer::join_after(&node, "r", &after).await;
        viewer.until("a reset", |viewer| !viewer.told("reset").is_empty()).await;
        let reset = viewer.told("reset")[0].clone();
        assert_eq!((reset["from"].as_u64(), reset["epoch"].as_str()), (Some(from), Some(epoch.as_str())), "{after}");
        assert_eq!(reset["cursor"], format!("{epoch}:{}", from - 1));
        viewer.until_events(11 - from as usize).await;

        let page = node.get_json(&format!("/api/runs/r/events?after={after}")).await;
        assert_eq!(page["reset"]["from"], from, "{after}");
        assert_eq!(page["events"].as_array().unwrap().len() as u64, 11 - from);
    }
}

#[tokio::test]
async fn a_cursor_goes_on_across_reconnects_and_across_kill_9() {
    let mut node = TestNode::start(&[]);
    let mut viewer = Viewer::join(&node, "r").await;
    let mut count = 0;
    for round in 0..6 {
        node.store("r", &numbered(count + 1, 5, 0)).await;
        count += 5;
        viewer.until_events(count as usize - 2).await; // leaves with two not yet read, or already on their way
        viewer.vanish();
        node.store("r", &numbered(count + 1, 5, 0)).await;
        count += 5;
        if round % 2 == 1 {
            node.kill9();
            node.restart();
        }
        viewer.may_reconnect(&node).await;
    }
    viewer.until_events(count as usize).await;
    assert_eq!(viewer.texts(), numbered(1, count, 0));
    assert!(viewer.told("reset").is_empty() && viewer.told("gap").is_empty());
    let epochs: std::collections::HashSet<_> = viewer.events.iter().map(|event| &event.epoch).collect();
    assert_eq!(epochs.len(), 1, "a killed process loses nothing, so the epoch goes on");
}

#[tokio::test]
async fn the_real_run_reaches_all_viewers_whole_whenever_they_join_and_through_kill_9() {
    let mut node = TestNode::start_to_stay(&[]);
    let run = real_run();
    let (first, second) = run.split_at(200);
    let mut before = Viewer::join(&node, "demo").await;
    for lines in first.chunks(7) {
        node.store("demo", lines).await;
    }
    before.until_events(150).await;
    node.kill9();
    node.restart_in_place();
    let (mut middle, ()) = tokio::join!(Viewer::join(&node, "demo"), before.may_reconnect(&node));
    for lines in second.chunks(23) {
        node.store("demo", lines).await;
    }
    let mut after = Viewer::join(&node, "demo").await;
    for viewer in [&mut before, &mut middle, &mut after] {
        viewer.until_events(438).await;
        assert_eq!(viewer.texts(), run);
        viewer.leave().await;
        assert_eq!(viewer.closed, Some(1005), "an empty close frame is answered in kind");
    }
    assert_eq!(node.stored("demo").await, run);
    let state = node.get_json("/api/runs/demo").await;
    assert_eq!((state["events"].as_u64(), state["cursor"].as_str()), (Some(438), Some(after.cursor.as_str())));
    let listed = eventually!(node.get_json("/api/runs").await, |list| list["runs"][0]["events"] == 438, SOON);
    assert_eq!(listed["runs"][0]["runId"], "demo");
    assert_eq!(listed["runs"][0]["status"], state["status"]);
}

#[tokio::test]
async fn the_older_name_of_the_endpoint_leads_to_the_same_run() {
    let node = TestNode::start(&[]);
    node.store("r", &numbered(1, 4, 0)).await;
    let mut viewer = Viewer::join_at(&node, "/ws/test-control?runId=r&userId=u-1&after=1").await;
    viewer.until_events(3).await;
    assert_eq!(viewer.texts(), numbered(2, 3, 0));
}

#[tokio::test]
async fn viewers_are_counted_and_uncounted() {
    let node = TestNode::start(&[]);
    node.store("r", &numbered(1, 1, 0)).await;
    let viewers = join_all((0..3).map(|_| Viewer::join(&node, "r"))).await;
    let stream = EventStream::open(&node, "/api/runs/r/events/stream", "").await;
    eventually!(node.get_json("/api/runs/r").await["viewers"].clone(), |viewers| viewers == 4, SOON);
    assert_eq!(node.store("r", &numbered(2, 1, 0)).await["viewers"], 4);
    assert_eq!(node.store("other", &numbered(1, 1, 0)).await["viewers"], 0);
    let stats = node.get_json("/api/ws/stats").await;
    assert_eq!((stats["localConnections"].as_u64(), stats["redisConnections"].as_u64()), (Some(4), Some(4)));
    assert_eq!(stats["activeRuns"], 2);
    drop(viewers);
    eventually!(node.get_json("/api/runs/r").await["viewers"].clone(), |viewers| viewers == 1, SOON);
    drop(stream);
    eventually!(node.get_json("/api/runs/r").await["viewers"].clone(), |viewers| viewers == 0, SOON);
    assert_eq!(node.get_json("/api/ws/stats").await["localConnections"], 0);
}

#[tokio::test]
async fn pages_lead_through_the_log_by_their_cursor() {
    let node = TestNode::start(&[]);
    let lines = numbered(1, 25, 0);
    let epoch = node.store("r", &lines).await["epoch"].clone();
    let (mut cursor, mut read) = (String::new(), Vec::new());
    for (count, more) in [(10, true), (10, true), (5, false), (0, false)] {
        let page = node.get(&format!("/api/runs/r/events?limit=10&after={cursor}")).await;
        let json = page.json();
        assert_eq!((json["more"].as_bool(), json["tip"].as_u64()), (Some(more), Some(25)), "{json}");
        assert_eq!((&json["epoch"], json["runId"].as_str()), (&epoch, Some("r")));
        assert_eq!((json["firstAvailable"].as_u64(), json["gap"].is_null()), (Some(1), true));
        let events = json["events"].as_array().unwrap();
        assert_eq!(events.len(), count);
        read.extend(events.iter().map(|event| event["i"].as_u64().unwrap()));
        cursor = json["cursor"].as_str().unwrap().to_owned();
    }
    assert!(read.into_iter().eq(1..=25));
    let page = node.get_with("/api/runs/r/events?after=-2", &[("accept", "application/x-ndjson")]).await;
    assert_eq!(page.header("content-type"), "application/x-ndjson");
    assert_eq!((page.header("runcast-cursor"), page.header("runcast-more")), (cursor.as_str(), "false"));
    let texts: Vec<_> = page.text.lines().map(|line| without_seq(line).1).collect();
    assert_eq!(texts, lines[23..]);
    for (query, code) in [("limit=0", "invalid_limit"), ("limit=10001", "invalid_limit"), ("wait=31", "invalid_wait")] {
        let detail = node.get(&format!("/api/runs/r/events?{query}")).await.problem(400, code);
        assert!(detail.starts_with(query.split('=').next().unwrap()), "{detail}");
    }
}

#[tokio::test]
async fn a_page_ends_at_about_a_mebibyte() {
    let node = TestNode::start(&[]);
    let lines = numbered(1, 60, 50_000);
    node.store("r", &lines).await;
    let page = node.get_json("/api/runs/r/events").await;
    let count = page["events"].as_array().unwrap().len();
    assert!((20..=22).contains(&count), "{count} of 50 kB each");
    assert_eq!(page["more"], true);
    assert_eq!(node.stored("r").await, lines);
}

#[tokio::test]
async fn a_long_poll_is_answered_by_the_next_event_or_empty_after_its_time() {
    let node = TestNode::start(&[]);
    let poll = |after| {
        let path = format!("/api/runs/r/events?wait=20&after={after}");
        async { node.get_json(&{ path }).await }
    };
    let answered = |page: &serde_json::Value| page["events"].as_array().map(Vec::len);
    // Before the run is born, at its tip, and by several at once.
    for tip in 0..3 {
        let polls = join_all((0..3).map(|_| poll(tip)));
        let post = async {
            eventually!(node.get_json("/api/actors").await["rooms"].clone(), |rooms| rooms[0]["run"] == "r", SOON);
            node.store("r", &numbered(tip + 1, 1, 0)).await
        };
        let (pages, _) = soon("long polls", async { tokio::join!(polls, post) }).await;
        assert!(pages.iter().all(|page| answered(page) == Some(1) && page["tip"] == tip + 1), "{pages:?}");
    }
    assert_eq!(answered(&poll(0).await), Some(3), "what is there is not waited for");
    let started = Instant::now();
    let page = node.get_json("/api/runs/r/events?wait=1&after=3").await;
    assert_eq!((answered(&page), page["more"].as_bool()), (Some(0), Some(false)));
    assert!(started.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn an_event_stream_replays_goes_live_and_resumes() {
    let node = TestNode::start(&[]);
    let path = "/api/runs/r/events/stream";
    let mut early = EventStream::open(&node, path, "").await;
    let lines = numbered(1, 6, 0);
    let epoch = node.store("r", &lines[..4]).await["epoch"].as_str().unwrap().to_owned();
    let born = early.next().await.unwrap();
    assert_eq!(born.event.as_deref(), Some("epoch"));
    assert!(born.data.contains(&epoch), "{born:?}");
    let mut late = EventStream::open(&node, &format!("{path}?after=2"), "").await;
    let last = format!("Last-Event-ID: {epoch}:3\r\n");
    let mut resumed = EventStream::open(&node, &format!("{path}?after=1"), &last).await;
    assert_eq!(late.header("content-type"), "text/event-stream");
    assert!(late.header("cache-control").contains("no-transform"));
    assert_eq!(late.header("x-accel-buffering"), "no");
    node.store("r", &lines[4..]).await;
    for (stream, after) in [(&mut early, 0), (&mut late, 2), (&mut resumed, 3)] {
        for (seq, record) in (after + 1..).zip(stream.take(6 - after).await) {
            assert_eq!(record.id, Some(format!("{epoch}:{seq}")));
            assert_eq!(record.event, None);
            assert_eq!(without_seq(&record.data), (seq as u64, lines[seq - 1].clone()));
        }
    }
    let ahead = format!("Last-Event-ID: {epoch}:9\r\n");
    let mut ahead = EventStream::open(&node, path, &ahead).await;
    assert_eq!(ahead.next().await.unwrap().event.as_deref(), Some("reset"));
}

#[tokio::test]
async fn an_idle_event_stream_gets_comments() {
    let node = TestNode::start(&[("RUNCAST__HEARTBEAT__PING_SECS", "1")]);
    let mut stream = EventStream::open(&node, "/api/runs/r/events/stream", "").await;
    let silence = Duration::from_millis(2_500);
    assert!(tokio::time::timeout(silence, stream.next()).await.is_err(), "no record");
    assert!(stream.comments >= 2, "{} comments", stream.comments);
}
