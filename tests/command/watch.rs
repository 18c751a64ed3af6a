use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::support::{TestNode, numbered, soon, without_seq};
use super::ws_double::{Do, Happened, WsDouble};
use super::{finish, output, runcast, text};

fn connected(cursor: &str, tip: u64) -> Do {
    Do::Send(format!(
        r#"{{"type":"connected","runId":"r","sessionId":"s","nodeId":"n","timestamp":"2026-11-23T17:15:47.966Z","epoch":"7","from":1,"tip":{tip},"cursor":"{cursor}","heartbeatSecs":20}}"#
    ))
}

fn event(seq: u64) -> String {
    format!(r#"{{"seq":{seq}, "type":"log","timestamp":"2026-11-23T17:15:47.966Z","text":"line {seq}\u001b[2J"}}"#)
}

fn send(seq: u64) -> Do {
    Do::Send(event(seq))
}

fn ended(seq: u64) -> Do {
    Do::Send(format!(r#"{{"seq":{seq},"type":"run_status","status":"passed"}}"#))
}

fn seqs(output: &[u8]) -> Vec<u64> {
    let seq = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["seq"].as_u64().unwrap();
    text(output).lines().map(seq).collect()
}

fn opened(index: usize, path: &str) -> Happened {
    let sign = if path.contains('?') { '&' } else { '?' };
    Happened::Opened(index, format!("{path}{sign}screen=off"))
}

#[tokio::test]
async fn a_lost_connection_is_resumed_with_the_cursor_and_each_event_is_written_once() {
    let scripts = vec![
        vec![connected("7:0", 0), send(1), send(2), Do::HangUp],
        vec![connected("7:2", 2), send(3), Do::Close(1012)],
        vec![connected("7:3", 3), send(3), send(4), ended(5), Do::AwaitClose],
    ];
    let mut server = WsDouble::start(scripts).await;
    let output = output(runcast(&["watch", "r", "--json", "--url", &server.url])).await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(seqs(&output.stdout), [1, 2, 3, 4, 5]);
    assert_eq!(text(&output.stdout).lines().next(), Some(event(1).as_str()), "exactly as it came");
    assert_eq!(server.next().await, opened(0, "/ws/runs/r"));
    assert_eq!(server.next().await, opened(1, "/ws/runs/r?after=7%3A2"));
    assert_eq!(server.next().await, opened(2, "/ws/runs/r?after=7%3A3"));
    assert_eq!(server.next().await, Happened::ClosedByClient(2));
}

#[tokio::test]
async fn a_draining_node_is_left_only_when_the_next_connection_stands() {
    let draining = Do::Send(r#"{"type":"draining","reconnectAfterMs":30}"#.into());
    let scripts = vec![
        // Event 3 comes on the old connection after the new one was opened: both must be read.
        vec![connected("7:0", 0), send(1), draining, send(2), Do::AwaitConnections(2), send(3), Do::AwaitClose],
        vec![connected("7:1", 2), send(2), send(3), send(4), ended(5), Do::AwaitClose],
    ];
    let mut server = WsDouble::start(scripts).await;
    let output = output(runcast(&["watch", "r", "--json", "--url", &server.url])).await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(seqs(&output.stdout), [1, 2, 3, 4, 5]);
    assert_eq!(server.next().await, opened(0, "/ws/runs/r"));
    // With the cursor that it has when the time has come.
    let next = server.next().await;
    assert!([1, 2].map(|seq| opened(1, &format!("/ws/runs/r?after=7%3A{seq}"))).contains(&next), "{next:?}");
    assert_eq!(server.next().await, Happened::ClosedByClient(0));
    assert_eq!(text(&output.stderr), "", "nothing was lost, nothing is told");
}

#[tokio::test]
async fn a_node_that_takes_the_connection_and_not_the_viewer_does_not_cost_the_one_that_drains() {
    let draining = Do::Send(r#"{"type":"draining","reconnectAfterMs":30}"#.into());
    let scripts = vec![
        vec![connected("7:0", 0), send(1), draining, Do::AwaitConnections(3), send(2), Do::AwaitClose],
        vec![Do::Close(1013)],
        vec![connected("7:1", 2), send(2), ended(3), Do::AwaitClose],
    ];
    let mut server = WsDouble::start(scripts).await;
    let output = output(runcast(&["watch", "r", "--json", "--url", &server.url])).await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(seqs(&output.stdout), [1, 2, 3]);
    for index in 0..3 {
        let after = if index == 0 { "" } else { "?after=7%3A1" };
        assert_eq!(server.next().await, opened(index, &format!("/ws/runs/r{after}")));
    }
    assert_eq!(server.next().await, Happened::ClosedByClient(0), "only now");
    assert_eq!(text(&output.stderr), "");
}

#[tokio::test]
async fn a_connection_whose_rights_end_is_followed_by_one_more_and_by_no_other_that_ends_just_as_soon() {
    let expiring = |secs| Do::Send(format!(r#"{{"type":"expiring","inSecs":{secs},"reconnectAfterMs":1}}"#));
    let scripts = vec![
        vec![connected("7:0", 0), send(1), expiring(60), Do::AwaitConnections(2), send(2), Do::AwaitClose],
        vec![connected("7:1", 2), expiring(60), send(2), send(3), Do::Close(4401)],
    ];
    let mut server = WsDouble::start(scripts).await;
    let output = output(runcast(&["watch", "r", "--json", "--url", &server.url])).await;
    assert_eq!(seqs(&output.stdout), [1, 2, 3]);
    assert!(!output.status.success() && text(&output.stderr).contains("4401"), "{}", text(&output.stderr));
    assert_eq!(server.next().await, opened(0, "/ws/runs/r"));
    assert_eq!(server.next().await, opened(1, "/ws/runs/r?after=7%3A1"));
    assert_eq!(server.next().await, Happened::ClosedByClient(0), "and no third one was opened");
}

#[tokio::test]
async fn a_draining_node_that_closes_early_is_not_waited_for() {
    let draining = Do::Send(r#"{"type":"draining","reconnectAfterMs":3600000}"#.into());
    let scripts = vec![
        vec![connected("7:0", 0), send(1), draining, Do::Close(1012)],
        vec![connected("7:1", 1), ended(2), Do::AwaitClose],
    ];
    let server = WsDouble::start(scripts).await;
    let output = output(runcast(&["watch", "r", "--json", "--url", &server.url])).await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(seqs(&output.stdout), [1, 2]);
}

#[tokio::test]
async fn several_servers_are_asked_in_turn() {
    let mut first =
        WsDouble::start(vec![vec![connected("7:0", 0), send(1), Do::HangUp], vec![Do::Refuse(503, "{}")]]).await;
    let mut second =
        WsDouble::start(vec![vec![Do::Close(1013)], vec![connected("7:1", 1), ended(2), Do::AwaitClose]]).await;
    let urls = format!("{},{}", first.url, second.url);
    let output = output(runcast(&["watch", "r", "--json", "--url", &urls])).await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(seqs(&output.stdout), [1, 2]);
    assert_eq!(first.next().await, opened(0, "/ws/runs/r"));
    assert_eq!(second.next().await, opened(0, "/ws/runs/r?after=7%3A1"));
    assert_eq!(first.next().await, opened(1, "/ws/runs/r?after=7%3A1"));
    assert_eq!(second.next().await, opened(1, "/ws/runs/r?after=7%3A1"));
}

#[tokio::test]
async fn losses_are_told_on_stderr_and_do_not_mix_with_the_events() {
    let gap = Do::Send(r#"{"type":"gap","from":1,"to":9,"reason":"expired"}"#.into());
    let reset = Do::Send(r#"{"type":"reset","epoch":"8","from":10,"cursor":"8:9"}"#.into());
    let script = vec![connected("7:0", 10), gap, send(10), reset, send(10), ended(11), Do::AwaitClose];
    let server = WsDouble::start(vec![script]).await;
    let output = output(runcast(&["watch", "r", "--after", "-100", "--json", "--url", &server.url])).await;
    assert!(output.status.success());
    assert_eq!(seqs(&output.stdout), [10, 10, 11]);
    let told = text(&output.stderr);
    assert!(told.contains("gap: events 1 to 9 are gone (expired)"), "{told}");
    assert!(told.contains("reset: the store lost events; those shown from 10 on are void"), "{told}");
}

#[tokio::test]
async fn people_get_a_line_per_event_that_cannot_act_on_their_terminal() {
    let server = WsDouble::start(vec![vec![connected("7:0", 2), send(1), ended(2), Do::AwaitClose]]).await;
    let output = output(runcast(&["watch", "r", "--url", &server.url])).await;
    let wanted = "17:15:47.966 log       line 1\n             run       passed\nr: passed\n";
    assert_eq!(text(&output.stdout), wanted);
}

#[tokio::test]
async fn a_run_that_cannot_be_watched_ends_the_command_with_the_reason() {
    let gone = vec![connected("7:0", 0), Do::Close(4410)];
    let refused = vec![Do::Refuse(400, r#"{"code":"invalid_after","detail":"after must be a cursor"}"#)];
    for (script, reason) in [(gone, "4410 because"), (refused, "invalid_after: after must be a cursor")] {
        let server = WsDouble::start(vec![script]).await;
        let output = output(runcast(&["watch", "r", "--url", &server.url])).await;
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains(reason), "{}", text(&output.stderr));
    }
}

#[tokio::test]
async fn a_busy_server_is_tried_again() {
    let scripts =
        vec![vec![Do::Refuse(503, "{}")], vec![Do::Close(1013)], vec![connected("7:0", 0), ended(1), Do::AwaitClose]];
    let server = WsDouble::start(scripts).await;
    let output = output(runcast(&["watch", "r", "--json", "--url", &server.url])).await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(seqs(&output.stdout), [1]);
}

#[tokio::test]
async fn a_reader_that_goes_away_ends_it_quietly() {
    let repeated = event(1).replace("\"seq\":1", "\"type\":\"pong\",\"x\":1");
    let flood = (1..=20_000).map(send).chain([Do::Flood(repeated)]);
    let script = [connected("7:0", 0)].into_iter().chain(flood).collect();
    let server = WsDouble::start(vec![script]).await;
    let mut child = runcast(&["watch", "r", "--follow", "--url", &server.url]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.next_line().await.unwrap().unwrap().contains("line 1"));
    drop(lines);
    let output = finish(child).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "");
}

#[tokio::test]
async fn follow_goes_on_after_the_end_of_the_run() {
    let script = vec![connected("7:0", 0), ended(1), send(2), Do::Close(4410)];
    let server = WsDouble::start(vec![script]).await;
    let output = output(runcast(&["watch", "r", "--json", "--follow", "--url", &server.url])).await;
    assert_eq!(seqs(&output.stdout), [1, 2]);
    assert_eq!(output.status.code(), Some(1));
}

#[tokio::test]
async fn an_event_that_serde_json_would_refuse_is_shown_and_ends_nothing() {
    let deep = format!(r#"{{"seq":2,"type":"odd","v":{}{}}}"#, "[".repeat(127), "]".repeat(127));
    let scripts = vec![vec![
        connected("7:0", 4),
        Do::Send(r#"{"seq":1,"\udc00":["\ud83d"],"type":"log","stream":"stdout","text":"cut \ud83d"}"#.into()),
        Do::Send(deep),
        Do::Send("no message at all".into()),
        send(3),
        Do::Send(r#"{"seq":4,"type":"run_status","\ud83d":1,"status":"passed"}"#.into()),
        Do::AwaitClose,
    ]];
    let server = WsDouble::start(scripts).await;
    let output = output(runcast(&["watch", "r", "--url", &server.url])).await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    let shown = text(&output.stdout);
    let shown: Vec<_> = shown.lines().map(str::trim_start).collect();
    assert_eq!((shown.len(), shown[4]), (5, "r: passed"), "{shown:#?}");
    assert_eq!(shown[0], "stdout    cut \u{fffd}");
    assert!(shown[1].contains("odd") && shown[2].contains("line 3") && shown[3].ends_with("passed"), "{shown:#?}");
    assert!(text(&output.stderr).contains("something that is no message"), "{}", text(&output.stderr));
}

#[tokio::test]
async fn the_largest_event_and_the_largest_screen_that_a_server_can_be_set_to_take_end_no_watch() {
    let most = 16 << 20;
    let node = TestNode::start(&[
        ("RUNCAST__INGEST__MAX_EVENT_BYTES", "16777216"),
        ("RUNCAST__INGEST__MAX_BATCH_BYTES", "18874368"),
        ("RUNCAST__ROOM__QUEUE_BYTES", "33554432"),
        ("RUNCAST__INGEST__FRAME_BYTES", "20971520"),
    ]);
    let mut watch = runcast(&["watch", "r", "--json", "--url", &node.url("")]).spawn().unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    node.store("r", &numbered(1, 1, 0)).await;
    assert!(soon("the first event", lines.next_line()).await.unwrap().is_some());
    let screen = node.post("/api/runs/r/frame", &[("content-type", "image/png")], vec![0; 20 << 20]).await;
    assert_eq!(screen.status, 202, "{screen:?}");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("events");
    let (largest, end) = (numbered(2, 1, most).remove(0), r#"{"type":"run_status","timestamp":"t","status":"passed"}"#);
    assert_eq!(largest.len(), most);
    std::fs::write(&file, format!("{largest}\r\n{end}\r\n")).unwrap();
    let published = output(runcast(&["publish", "r", file.to_str().unwrap(), "--url", &node.url("")])).await;
    assert!(published.status.success(), "{}", text(&published.stderr));
    for posted in [largest.as_str(), end] {
        let line = soon("an event", lines.next_line()).await.unwrap().unwrap();
        assert!(without_seq(&line).1 == posted, "{} bytes", line.len());
    }
    let watched = finish(watch).await;
    let waited = "runcast: waiting for run r, which has no event yet\n";
    assert!(watched.status.success() && ["", waited].contains(&&*text(&watched.stderr)), "{}", text(&watched.stderr));
}

#[tokio::test]
async fn the_steps_of_a_run_are_shown_as_a_tree_with_the_tests_that_run_at_a_time_told_apart() {
    let node = TestNode::start(&[]);
    let step = |test: &str, step: &str| format!(r#"{{"type":"test_step","testId":"{test}","step":{{{step}}}}}"#);
    let status =
        |test: &str, status: &str| format!(r#"{{"type":"test_status","testId":"{test}","status":"{status}"}}"#);
    let events = [
        status("pays", "running"),
        step("pays", r#""stepNumber":1,"id":"a","phase":"begin","title":"pay by card""#),
        step(
            "pays",
            r#""stepNumber":2,"id":"b","parent":"a","phase":"begin","title":"Click","subtitle":"getByText('Pay')""#,
        ),
        status("ships", "running"),
        step(
            "pays",
            r#""stepNumber":2,"id":"b","parent":"a","phase":"end","title":"Click","durationMs":40,"error":"no \u001b[31mbutton""#,
        ),
        status("pays", "failed"),
        r#"{"type":"run_status","status":"failed"}"#.to_owned(),
    ];
    assert_eq!(node.post_ndjson("r", &events, &[]).await.status, 202);
    let output = output(runcast(&["watch", "r", "--url", &node.url("")])).await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    let lines: Vec<_> = text(&output.stdout).lines().map(|line| line.get(13..).unwrap_or(line).to_owned()).collect();
    let want = [
        "running   pays",
        "step      pay by card",
        "step        Click getByText('Pay')",
        "running   ships",
        "step ✗    pays                         Click (40 ms): no button",
        "failed    pays",
        "run       failed",
    ];
    assert_eq!(lines[..lines.len() - 1], want);
    let summary = text(&output.stdout).lines().last().unwrap().to_owned();
    assert!(summary.starts_with("r: failed, 1 failed, 1 running, in "), "{summary}");
}
