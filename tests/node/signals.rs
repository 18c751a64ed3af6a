//! Signals: which of them end a node, and how.
//! Promised in docs/reliability.md, "Abuse".

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
    eventually!(node.log(), |log| log.contains("SIGHUP: the configuration was read anew"), SOON);
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
    let interrupt = || {
        // It may have ended.
        let _ = kill_process(pid, Signal::INT);
        node.log()
    };
    eventually!(interrupt(), |log| log.contains("without a drain"), SOON);
    let exit = node.ended().await;
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

/// A node whose configuration is in a file, and the file.
fn configured(text: &str) -> (tempfile::TempDir, TestNode) {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("config.toml");
    std::fs::write(&file, text).unwrap();
    let node = TestNode::start(&[("RUNCAST_CONFIG", file.to_str().unwrap())]);
    (home, node)
}

#[tokio::test]
async fn a_configuration_is_read_anew_and_what_waits_for_a_restart_is_named() {
    let (home, node) = configured("[retention]\ndays = 30\n[log]\nfilter = \"warn\"\n");
    let file = home.path().join("config.toml");
    let foreign = [("host", "runs.test")];
    let cross = [("origin", "https://ci.test"), ("host", "runs.test")];
    let post = async |bytes: usize| {
        let event = format!(r#"{{"type":"log","text":"{}"}}"#, "x".repeat(bytes));
        node.post("/api/runs/r/events", &[("content-type", "application/json")], event).await
    };
    node.get_with("/api/runs", &foreign).await.problem(403, "host_not_allowed");
    assert_eq!(post(5_000).await.status, 202);
    let put = node.try_send("PUT", "/api/runs/r/artifacts/a.log", &[], "hello").await.unwrap();
    let artifact = format!("/api/runs/r/artifacts/{}", put.json()["artifactId"].as_str().unwrap());
    let expires = node.get_json(&artifact).await["expiresAt"].clone();

    let text = "[server]\nallowed_hosts = [\"runs.test\"]\nallowed_origins = [\"https://ci.test\"]\nworkers = 7\n\
                [retention]\ndays = 60\n[ingest]\nmax_event_bytes = 2000\n[artifacts]\nmax_bytes = 1000\n\
                [log]\nfilter = \"info\"\n[room]\nmax_rooms = 500\n";
    std::fs::write(&file, text).unwrap();
    node.signal(Signal::HUP);
    let log = eventually!(node.log(), |log| log.contains("need a restart"), SOON);
    assert!(log.contains("room.max_rooms, server.workers"), "{log}");
    assert!(log.contains("ingest.max_event_bytes, log.filter, retention.days, server.allowed_hosts"), "{log}");
    assert_eq!(node.get_with("/api/runs", &cross).await.status, 200);
    post(5_000).await.problem(413, "event_too_large");
    let put = node.try_send("PUT", "/api/runs/r/artifacts/b.log", &[], "x".repeat(2_000)).await.unwrap();
    put.problem(413, "artifact_too_large");
    assert_ne!(node.get_json(&artifact).await["expiresAt"], expires);
    assert_eq!(node.get_json("/api/cleanup/stats").await["retentionDays"], 60);
    assert!(!log.contains("request refused"), "{log}");
    node.get_with("/api/runs", &[("host", "other.test")]).await.problem(403, "host_not_allowed");
    eventually!(node.log(), |log| log.contains("request refused"), SOON);
}

#[tokio::test]
async fn a_configuration_that_is_wrong_changes_nothing_and_ends_nobody() {
    let (home, mut node) = configured("[server]\nallowed_hosts = [\"runs.test\"]\n");
    node.may_report();
    let file = home.path().join("config.toml");
    for (text, wanted) in [
        ("[server]\nallowed_hosts = []\n[retention]\ndays = \"many\"\n", "retention.days"),
        ("[server]\nallowed_hosts = [\n", "config.toml:"),
        ("[sever]\n", "did you mean server?"),
    ] {
        std::fs::write(&file, text).unwrap();
        node.signal(Signal::HUP);
        let log = eventually!(node.log(), |log| log.contains(wanted), SOON);
        assert!(log.contains("the settings stay as they are"), "{log}");
        assert_eq!(node.get_with("/api/runs", &[("host", "runs.test")]).await.status, 200);
    }
    std::fs::write(&file, "").unwrap();
    node.signal(Signal::HUP);
    let refused = async || node.get_with("/api/runs", &[("host", "runs.test")]).await.status;
    eventually!(refused().await, |status| *status == 403, SOON);
    node.terminate().await.assert_clean(true);
}
