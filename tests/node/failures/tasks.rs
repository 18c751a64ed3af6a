//! Tasks of a running node that are no actors, injured: run anew, or the node drains.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use runcast::app::{self, ConfigReload, NodeOutcome};
use runcast::config::{Config, ConfigSources};
use runcast::tasks::exits;
use runcast::telemetry::LogFilter;
use rustix::process::{Signal, getpid, kill_process};
use tokio::sync::mpsc;

use crate::failures::injured::{Wounds, injured, quick, sabotage};
use crate::failures::node::LocalNode;
use crate::support::{LogSaboteur, SOON, eventually, soon};

fn panics(task: &str) -> u64 {
    exits().get(task).and_then(|ends| ends.get("panicked")).copied().unwrap_or(0)
}

#[tokio::test]
async fn an_http_server_that_panics_drains_the_node() {
    let (wounds, armed) = (Wounds::default(), Arc::new(AtomicBool::new(true)));
    let open = injured(&wounds);
    let node = LocalNode::start(quick, move || {
        LogSaboteur::install("has died; restarting", &armed, |_| {});
        open()
    });
    let node = node.await;
    // The server panics when it logs that it has lost a worker thread.
    wounds.thread.arm();
    let connect = async || {
        let client = reqwest::Client::builder().timeout(Duration::from_secs(1)).build().unwrap();
        let _ = client.get(node.url("/api/runs")).send().await;
        panics("http_server")
    };
    eventually!(connect().await, |panics| *panics == 1, SOON);
    assert_eq!(node.ended().await, NodeOutcome::Escalated);
}

#[tokio::test]
async fn a_watch_over_the_clock_that_panics_is_run_anew() {
    let armed = Arc::new(AtomicBool::new(true));
    let (open, sabotaged) = (injured(&Wounds::default()), armed.clone());
    let node = LocalNode::start(quick, move || {
        sabotage("runcast_clock_jumped", &sabotaged);
        open()
    });
    let node = node.await;
    // It looks each second. The second panic is one of the watch that was begun anew.
    for times in 1..=2 {
        armed.store(true, Ordering::SeqCst);
        eventually!(panics("clock_watch"), |panics| *panics >= times, SOON);
    }
    eventually!(armed.swap(true, Ordering::SeqCst), |armed| !armed, SOON);
    assert_eq!(node.get("/ready").await.0, 200);
    node.stop();
}

/// Set in the process of the test's own that the next test runs in: signals are taken over for good.
const ALONE: &str = "RUNCAST_TEST_TAKES_SIGNALS";

#[tokio::test]
async fn a_node_that_cannot_hear_signals_any_more_drains() {
    if std::env::var_os(ALONE).is_none() {
        let mut process = tokio::process::Command::new(std::env::current_exe().unwrap());
        let name = "failures::tasks::a_node_that_cannot_hear_signals_any_more_drains";
        process.args(["--exact", name]).env(ALONE, "1").kill_on_drop(true);
        let ended = soon("the test's process", process.output()).await.unwrap();
        let told = String::from_utf8_lossy(&ended.stdout);
        return assert!(ended.status.success() && told.contains("1 passed"), "{told}");
    }
    let dir = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.server.bind = "127.0.0.1:0".parse().unwrap();
    config.server.data_dir = dir.path().to_owned();
    config.server.workers = 1;
    let (log, mut logged) = mpsc::unbounded_channel();
    let (ended, end) = tokio::sync::oneshot::channel();
    let thread = std::thread::spawn(move || {
        let armed = Arc::new(AtomicBool::new(true));
        let (sources, filter) = (ConfigSources::default(), LogFilter::of_nobody());
        let reload = ConfigReload { sources, config, filter };
        LogSaboteur::install("SIGHUP: the configuration was read anew", &armed, move |message| {
            let _ = log.send(message.to_owned());
        });
        let code = app::serve(reload, false).unwrap();
        ended.send(format!("{code:?}")).unwrap();
    });
    // From then on the process has taken its signals over.
    let serving = async { while logged.recv().await.unwrap() != "serving" {} };
    soon("the node", serving).await;
    kill_process(getpid(), Signal::HUP).unwrap();
    let code = soon("the end", end).await.unwrap();
    assert_eq!(code, format!("{:?}", std::process::ExitCode::SUCCESS));
    assert_eq!(panics("signals"), 1);
    thread.join().unwrap();
}
