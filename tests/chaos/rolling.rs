//! Nodes that are drained and come again, as a deployment does it: nobody loses anything, and nobody waits long.

use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::watch;

use crate::faults::restart;
use crate::history::{check_producers, check_viewer};
use crate::producer::produce;
use crate::seed;
use crate::support::{Cluster, Dice, SOON, Site, TestNode, Viewer, eventually, numbered, soon, without_seq};
use crate::watcher::watch;

const VIEWERS: u64 = 20;
const PRODUCERS: u64 = 6;
const RUN: &str = "rolling";

/// The viewers of these tests take a node that was silent for some seconds for dead.
const SETTINGS: [(&str, &str); 1] = [("RUNCAST__HEARTBEAT__PING_SECS", "1")];

/// Far more than anybody waits: what takes longer hangs.
const HANGS: Duration = Duration::from_secs(15);

/// `runcast watch --json` of several nodes.
struct CliWatcher {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl CliWatcher {
    fn start(run: &str, nodes: &[&TestNode]) -> Self {
        let urls: Vec<_> = nodes.iter().map(|node| node.url("")).collect();
        let mut command = Command::new(env!("CARGO_BIN_EXE_runcast"));
        command.args(["watch", run, "--json", "--url", &urls.join(",")]).env_clear().stdin(Stdio::null());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The next event; `None` when it has ended.
    async fn next(&mut self) -> Option<String> {
        soon("an event", self.lines.next_line()).await.unwrap()
    }

    async fn take(&mut self, count: usize) -> Vec<String> {
        let mut taken = Vec::new();
        while taken.len() < count {
            taken.push(self.next().await.expect("an event, not the end"));
        }
        taken
    }

    async fn ended(mut self) -> ExitStatus {
        soon("the watcher's end", self.child.wait()).await.unwrap()
    }
}

async fn tip(node: &Site) -> u64 {
    node.get_json(&format!("/api/runs/{RUN}/events?after=latest")).await["tip"].as_u64().unwrap()
}

async fn viewers_of(node: &Site) -> u64 {
    node.get_json("/api/ws/stats").await["localConnections"].as_u64().unwrap()
}

#[tokio::test]
async fn a_watcher_stands_on_the_next_node_before_it_leaves_the_one_that_drains() {
    let mut cluster = Cluster::start(2).await;
    let lines = numbered(1, 9, 0);
    cluster.nodes[0].store(RUN, &lines[..3]).await;
    let mut watcher = CliWatcher::start(RUN, &[&cluster.nodes[0], &cluster.nodes[1]]);
    let mut seen = watcher.take(3).await;
    assert_eq!((viewers_of(&cluster.nodes[0]).await, viewers_of(&cluster.nodes[1]).await), (1, 0));
    // Keeps the node draining for as long as it may.
    let mut idle = Viewer::join(&cluster.nodes[0], RUN).await;

    cluster.nodes[0].ask_to_stop();
    idle.until("draining", |viewer| !viewer.told("draining").is_empty()).await;
    cluster.nodes[1].store(RUN, &lines[3..6]).await;
    seen.extend(watcher.take(3).await);
    eventually!(viewers_of(&cluster.nodes[1]).await, |viewers| *viewers == 1, SOON);
    idle.until("the end", |viewer| viewer.closed.is_some()).await;
    let exit = cluster.nodes[0].ended().await;
    exit.assert_clean(false);
    let closed = |reason: &str| {
        let of_reason = format!(r#""reason":"{reason}""#);
        exit.log.lines().filter(|line| line.contains("session closed") && line.contains(&of_reason)).count()
    };
    assert_eq!((closed("normal"), closed("restart")), (1, 1), "the watcher went by itself:\n{}", exit.log);

    cluster.nodes[1].store(RUN, &lines[6..]).await;
    cluster.nodes[1].store(RUN, &[r#"{"type":"run_status","status":"passed"}"#.to_owned()]).await;
    seen.extend(watcher.take(3).await);
    let seen: Vec<_> = seen.iter().map(|event| without_seq(event)).collect();
    assert_eq!(seen, (1..).zip(lines).collect::<Vec<_>>());
    assert!(watcher.next().await.unwrap().contains("passed"));
    assert!(watcher.next().await.is_none() && watcher.ended().await.success());
}

#[tokio::test]
async fn a_viewer_that_still_waits_for_its_run_is_told_of_a_drain_by_the_close_alone() {
    let mut cluster = Cluster::start(1).await;
    cluster.nodes[0].store(RUN, &numbered(1, 3, 0)).await;
    cluster.proxy.stall();
    let mut viewer = Viewer::absent("/ws/runs/another");
    viewer.try_return(&cluster.nodes[0]).await.unwrap();
    eventually!(viewers_of(&cluster.nodes[0]).await, |viewers| *viewers == 1, SOON);
    cluster.nodes[0].ask_to_stop();
    viewer.until("the end", |viewer| viewer.closed.is_some()).await;
    assert_eq!((viewer.closed, viewer.said.as_slice()), (Some(1012), &[][..]));
    cluster.proxy.pass();
    cluster.nodes[0].ended().await.assert_clean(false);
}

/// Follows the run to its end with `runcast watch`: its events, and the longest time between two.
async fn follow(mut watcher: CliWatcher) -> (Vec<String>, Duration) {
    let (mut seen, mut longest) = (Vec::new(), Duration::ZERO);
    loop {
        let since = Instant::now();
        let Some(event) = watcher.next().await else { break };
        longest = longest.max(since.elapsed());
        seen.push(event);
    }
    assert!(watcher.ended().await.success());
    (seen, longest)
}

#[tokio::test]
async fn a_rolling_restart_under_load_loses_and_doubles_nothing_and_nobody_waits_long() {
    let seed = seed();
    let dice = |number: u64| Dice::new(seed.wrapping_mul(1_000_003).wrapping_add(number));
    let mut cluster = Cluster::start_with(3, &[("appendonly", "yes"), ("appendfsync", "always")], &SETTINGS).await;
    let sites: Arc<[Site]> = cluster.nodes.iter().map(|node| Site::clone(node)).collect();
    let (stop, end) = (Arc::new(AtomicBool::new(false)), watch::Sender::new(None));
    let producers: Vec<_> = (0..PRODUCERS)
        .map(|number| tokio::spawn(produce(sites.clone(), RUN.into(), number, stop.clone(), dice(100 + number))))
        .collect();
    let viewers: Vec<_> = (0..VIEWERS)
        .map(|number| tokio::spawn(watch(sites.clone(), RUN.into(), end.subscribe(), dice(1_000 + number))))
        .collect();
    let watcher = CliWatcher::start(RUN, &cluster.nodes.iter().collect::<Vec<_>>());
    let watcher = tokio::spawn(follow(watcher));
    for index in 0..cluster.nodes.len() {
        let wanted = tip(&sites[0]).await + 50;
        eventually!(tip(&sites[0]).await, |tip| *tip >= wanted, SOON);
        cluster.nodes[index].terminate().await.assert_clean(false);
        restart(&mut cluster.nodes, index).await;
        eventually!(sites[index].get("/ready?strict=1").await.status, |status| *status == 200, SOON);
    }
    stop.store(true, Ordering::Relaxed);
    let producers = soon("the last posts", join_all(producers)).await.into_iter().map(Result::unwrap);
    let producers: Vec<_> = producers.collect();
    let log = sites[0].stored(RUN).await;
    check_producers(RUN, &log, &producers.iter().collect::<Vec<_>>());
    sites[1].store(RUN, &[r#"{"type":"run_status","timestamp":"t","status":"passed"}"#.to_owned()]).await;
    let log = sites[2].stored(RUN).await;

    end.send_replace(Some(log.len()));
    let viewers = soon("the last events", join_all(viewers)).await.into_iter().map(Result::unwrap);
    let viewers: Vec<_> = viewers.collect();
    viewers.iter().for_each(|viewer| check_viewer(RUN, &log, viewer));
    let (seen, cli_wait) = soon("the watcher", watcher).await.unwrap();
    let seen: Vec<_> = seen.iter().map(|event| without_seq(event)).collect();
    assert_eq!(seen, (1..).zip(log).collect::<Vec<_>>(), "what the watcher wrote");

    let longest = viewers.iter().map(|viewer| viewer.longest_wait).max().unwrap();
    let drains: u64 = viewers.iter().map(|viewer| viewer.drains).sum();
    eprintln!(
        "{} events; {drains} times a viewer was told of a drain; longest wait for an event: {longest:.3?} of \
         {VIEWERS} viewers, {cli_wait:.3?} of runcast watch",
        seen.len()
    );
    assert!(longest.max(cli_wait) < HANGS);
    assert!(drains >= VIEWERS / 2, "they were there: {drains}");
}
