//! Live traces in a directory: two services with the same store are two nodes.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use tempfile::TempDir;

use super::*;
use crate::artifacts::testing::{LIMITS, LIVE_LIMITS, alone, parts_in};
use crate::artifacts::{ArtifactError, ArtifactPorts, ArtifactService, Compressor, RunLog, SmallerFile};
use crate::protocol::live_trace::batch::{Part, framed, parts};
use crate::protocol::{Clock, RunId, Timestamp};

const HOUR_MS: i64 = 3_600_000;
const NOW: Duration = Duration::ZERO;

struct Scene {
    home: TempDir,
    run: RunId,
    trace: TraceId,
}

impl Scene {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        Self { home, run: RunId::parse("r:1").unwrap(), trace: TraceId::parse("t").unwrap() }
    }

    async fn node(&self) -> (ArtifactService, Arc<AtomicI64>) {
        let (parts, clock) = parts_in(self.home.path(), LIMITS, 0).await;
        clock.store(machine_time(), Ordering::Relaxed); // files have the time of the machine
        (alone(parts), clock)
    }

    async fn post(&self, node: &ArtifactService, list: &[(&str, u64, &str)]) -> Result<LiveTrace, LiveTraceError> {
        let batch: Vec<Part> = parts(&framed(list)).unwrap();
        let permit = node.admit().unwrap();
        node.take_live_parts(permit, &self.run, &self.trace, &batch).await
    }

    async fn read(&self, node: &ArtifactService, entry: &str) -> Result<String, LiveTraceError> {
        let found = node.read_live_entry(&self.run, &self.trace, &EntryName::parse(entry).unwrap()).await?;
        let pieces: Vec<Bytes> = found.stream.try_collect().await.unwrap();
        let text = String::from_utf8(pieces.concat()).unwrap();
        assert_eq!(text.len() as u64, found.size);
        Ok(text)
    }

    async fn see(&self, node: &ArtifactService) -> Result<LiveTrace, LiveTraceError> {
        node.live_trace(&self.run, &self.trace, NOW).await
    }
}

fn machine_time() -> i64 {
    Timestamp::now().as_millis()
}

#[tokio::test]
async fn any_node_shows_what_another_has_taken_in_and_goes_on_with_it() {
    let scene = Scene::new();
    let ((a, _), (b, _)) = (scene.node().await, scene.node().await);
    assert_eq!(scene.see(&b).await.unwrap_err(), LiveTraceError::Unknown(scene.trace.clone()));
    scene.post(&a, &[("1-trace.trace", 0, "{}\n"), ("resources/a.png", 0, "png")]).await.unwrap();
    let seen = scene.see(&b).await.unwrap();
    assert_eq!((seen.bytes, seen.line_bytes, seen.can_be_shown, seen.full), (6, 3, true, false));
    assert_eq!(scene.read(&b, "1-trace.trace").await.unwrap(), "{}\n");
    scene.post(&b, &[("1-trace.trace", 3, "{1}\n")]).await.unwrap();
    assert_eq!(scene.see(&a).await.unwrap().bytes, 10);
    assert_eq!(scene.read(&a, "1-trace.trace").await.unwrap(), "{}\n{1}\n");
    assert_eq!(scene.read(&a, "resources/b.png").await.unwrap_err(), LiveTraceError::NoEntry);
    let (listed, more) = a.live_traces(&scene.run).await.unwrap();
    assert_eq!((listed.len(), &listed[0].id, listed[0].bytes, more), (1, &scene.trace, 10, false));
}

#[tokio::test]
async fn a_node_that_is_alone_lists_seldom_and_knows_what_it_stores() {
    let scene = Scene::new();
    let (mut parts, _) = parts_in(scene.home.path(), LIMITS, 0).await;
    parts.live = LiveTraces::new(LiveTraceLimits { alone_for: Duration::from_secs(3_600), ..LIVE_LIMITS });
    let node = alone(parts);
    for n in 0..3 {
        scene.post(&node, &[("a.trace", 3 * n, "{}\n")]).await.unwrap();
        assert_eq!(scene.see(&node).await.unwrap().bytes, 3 * (n + 1));
    }
    // Nobody does this; it shows that nothing was listed.
    std::fs::remove_dir_all(scene.home.path().join("objects/live")).unwrap();
    assert_eq!(scene.see(&node).await.unwrap().bytes, 9);
    assert!(scene.post(&node, &[("a.trace", 99, "{}\n")]).await.is_err());
    assert_eq!(
        scene.see(&node).await.unwrap_err(),
        LiveTraceError::Unknown(scene.trace.clone()),
        "a gap had it listed"
    );
}

#[tokio::test]
async fn a_node_that_was_left_behind_finds_out_before_it_refuses() {
    let scene = Scene::new();
    let ((a, _), (b, _)) = (scene.node().await, scene.node().await);
    scene.post(&a, &[("a.trace", 0, "{}\n")]).await.unwrap();
    scene.post(&b, &[("a.trace", 3, "{}\n")]).await.unwrap();
    scene.post(&a, &[("a.trace", 6, "{}\n")]).await.unwrap();
    let gap = scene.post(&a, &[("a.trace", 12, "{}\n")]).await.unwrap_err();
    assert_eq!(gap, LiveTraceError::Gap([(EntryName::parse("a.trace").unwrap(), 9)].into()));
    assert_eq!(scene.read(&b, "a.trace").await.unwrap().len(), 9 - 3, "what b knew when it was asked");
    scene.see(&b).await.unwrap();
    assert_eq!(scene.read(&b, "a.trace").await.unwrap(), "{}\n{}\n{}\n");
}

#[tokio::test]
async fn a_repeat_is_taken_if_it_is_one() {
    let scene = Scene::new();
    let ((a, _), (b, _)) = (scene.node().await, scene.node().await);
    for node in [&a, &a, &b, &b] {
        assert_eq!(scene.post(node, &[("a.trace", 0, "{}\n{}\n")]).await.unwrap().bytes, 6);
    }
    let changed = scene.post(&b, &[("b", 0, "new"), ("a.trace", 3, "[]\n")]).await.unwrap_err();
    assert_eq!(changed, LiveTraceError::Changed { entry: EntryName::parse("a.trace").unwrap(), offset: 3 });
    assert_eq!(scene.see(&b).await.unwrap().entries.len(), 1, "nothing of it was stored");
    scene.post(&b, &[("a.trace", 3, "{}\n{2}\n")]).await.unwrap();
    assert_eq!(scene.read(&b, "a.trace").await.unwrap(), "{}\n{}\n{2}\n");
}

#[tokio::test]
async fn a_trace_that_is_too_large_has_ended_on_all_nodes() {
    let scene = Scene::new();
    let ((a, _), (b, _)) = (scene.node().await, scene.node().await);
    scene.post(&a, &[("a.trace", 0, "{}\n")]).await.unwrap();
    let large = "x".repeat(LIVE_LIMITS.bytes as usize);
    assert_eq!(scene.post(&a, &[("b", 0, &large)]).await.unwrap_err(), LiveTraceError::Full(LIVE_LIMITS.bytes));
    let seen = scene.see(&b).await.unwrap();
    assert!(seen.full && seen.bytes == 3);
    assert_eq!(scene.post(&b, &[("b", 0, "x")]).await.unwrap_err(), LiveTraceError::Full(LIVE_LIMITS.bytes));
    assert!(b.live_traces(&scene.run).await.unwrap().0[0].full);
}

#[tokio::test]
async fn a_trace_takes_so_many_posts_a_second() {
    let scene = Scene::new();
    let (node, _) = scene.node().await;
    let counted: Vec<_> = (0..3).map(|_| node.count_live_post(&scene.run, &scene.trace)).collect();
    assert_eq!(counted, [Ok(()), Ok(()), Err(LiveTraceError::TooOften(2))]);
    let other = TraceId::parse("other").unwrap();
    assert!(node.count_live_post(&scene.run, &other).is_ok(), "each trace has its own");
}

#[tokio::test]
async fn a_trace_goes_when_its_last_part_is_old_enough() {
    let scene = Scene::new();
    let (node, clock) = scene.node().await;
    scene.post(&node, &[("a.trace", 0, "{}\n"), ("b", 0, "x")]).await.unwrap();
    let stray = scene.home.path().join("objects/live/stray");
    std::fs::write(&stray, "x").unwrap();
    assert_eq!(node.remove_live_traces().await.unwrap(), RemovedTraces::default());
    clock.fetch_add(HOUR_MS - 60_000, Ordering::Relaxed);
    assert_eq!(node.remove_live_traces().await.unwrap(), RemovedTraces::default());
    scene.see(&node).await.unwrap();
    clock.fetch_add(120_000, Ordering::Relaxed);
    let removed = node.remove_live_traces().await.unwrap();
    assert_eq!(removed, RemovedTraces { traces: 1, objects: 3, bytes: 5, failed: 0 });
    assert!(!stray.exists());
    assert_eq!(scene.see(&node).await.unwrap_err(), LiveTraceError::Unknown(scene.trace.clone()));
    assert_eq!(node.remove_live_traces().await.unwrap(), RemovedTraces::default());
}

#[tokio::test]
async fn nothing_is_removed_by_a_clock_that_has_jumped() {
    let scene = Scene::new();
    let (mut parts, _) = parts_in(scene.home.path(), LIMITS, 0).await;
    let now = Arc::new(AtomicI64::new(machine_time()));
    let wall = now.clone();
    let time = move || Timestamp::from_millis(wall.load(Ordering::Relaxed));
    parts.clock = Clock::new(time, || Duration::ZERO, Duration::from_secs(3_600));
    let node = alone(parts);
    scene.post(&node, &[("a.trace", 0, "{}\n")]).await.unwrap();
    now.fetch_add(31 * 24 * HOUR_MS, Ordering::Relaxed);
    assert_eq!(node.remove_live_traces().await.unwrap(), RemovedTraces::default());
    assert_eq!(scene.see(&node).await.unwrap().bytes, 3);
}

/// Runs of which none is open.
struct Gone;

#[async_trait]
impl RunLog for Gone {
    async fn is_open(&self, _: &RunId) -> Result<bool, String> {
        Ok(false)
    }

    async fn is_known(&self, _: &RunId) -> Result<bool, String> {
        Ok(true)
    }

    async fn append(&self, _: &RunId, _: Bytes) -> Result<(), String> {
        Ok(())
    }
}

#[async_trait]
impl Compressor for Gone {
    async fn compress(&self, _: std::path::PathBuf, _: String) -> Result<Option<SmallerFile>, String> {
        Ok(None)
    }
}

#[tokio::test]
async fn a_trace_goes_with_its_run() {
    let scene = Scene::new();
    let (node, _) = scene.node().await;
    scene.post(&node, &[("a.trace", 0, "{}\n")]).await.unwrap();
    let (parts, clock) = parts_in(scene.home.path(), LIMITS, 0).await;
    clock.store(machine_time(), Ordering::Relaxed);
    let ports = ArtifactPorts { runs: Arc::new(Gone), compressor: Arc::new(Gone), shows_traces: Arc::new(|| false) };
    let later = ArtifactService::new(Arc::new(parts), ports);
    let gone = LiveTraceError::Artifact(ArtifactError::RunGone);
    assert_eq!(scene.see(&later).await.unwrap_err(), gone);
    assert_eq!(scene.post(&later, &[("a.trace", 3, "{}\n")]).await.unwrap_err(), gone);
    assert_eq!(scene.read(&later, "a.trace").await.unwrap_err(), gone);
    assert_eq!(later.remove_live_traces().await.unwrap().traces, 1);
    assert_eq!(scene.see(&node).await.unwrap_err(), LiveTraceError::Unknown(scene.trace.clone()));
}
