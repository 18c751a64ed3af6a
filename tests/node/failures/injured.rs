//! What a running node is made of, injured part by part: told, counted, and restarted, or the node drains.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::LocalBoxFuture;
use runcast::actors::supervision::ChildKind;
use runcast::app::{NodeOutcome, Storage, TREE};
use runcast::config::Config;
use runcast::protocol::{RunId, Timestamp};
use runcast::storage::catalog::runs::ListedRun;
use runcast::storage::catalog::sqlite::{CatalogUrl, SqliteCatalog};
use runcast::storage::catalog::{Catalog, CatalogError, RunFilter, RunRow};
use runcast::storage::journal::memory::MemoryJournal;
use runcast::storage::journal::{Append, JournalError, JournalLimits};
use runcast::storage::packages::Packages;
use serde_json::{Value, json};

use crate::failures::faulty_journal::{Fault, FaultyJournal};
use crate::failures::node::LocalNode;
use crate::support::{SOON, Saboteur, eventually};

/// A part that panics, once each time that it is armed.
#[derive(Clone, Default)]
pub(crate) struct Wound(Arc<AtomicBool>);

impl Wound {
    pub(crate) fn arm(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn feel(&self) {
        assert!(!self.0.swap(false, Ordering::SeqCst), "ouch");
    }
}

/// Where a node's storage is injured.
#[derive(Clone, Default)]
pub(crate) struct Wounds {
    record: Wound,
    list: Wound,
    due: Wound,
    /// Whoever lists ends its worker thread, as a panic of actix's worker does.
    pub(crate) thread: Wound,
    /// For good.
    sweep: Arc<AtomicBool>,
}

struct InjuredCatalog {
    inner: Arc<SqliteCatalog>,
    wounds: Wounds,
}

#[async_trait]
impl Catalog for InjuredCatalog {
    async fn record(&self, rows: &[RunRow]) -> Result<(), CatalogError> {
        self.wounds.record.feel();
        self.inner.record(rows).await
    }
    async fn list(&self, filter: &RunFilter) -> Result<Vec<ListedRun>, CatalogError> {
        self.wounds.list.feel();
        if self.wounds.thread.0.swap(false, Ordering::SeqCst) {
            actix_rt::Arbiter::current().stop();
        }
        self.inner.list(filter).await
    }
    async fn forget(&self, runs: &[RunId]) -> Result<(), CatalogError> {
        self.inner.forget(runs).await
    }
    async fn newest(&self) -> Result<Option<Timestamp>, CatalogError> {
        self.inner.newest().await
    }
    async fn probe(&self) -> Result<(), CatalogError> {
        self.inner.probe().await
    }
    async fn close(&self) {
        self.inner.close().await;
    }
}

impl Fault for Wounds {
    fn before_append(&self, _: &Append) -> Result<(), JournalError> {
        Ok(())
    }

    fn before_due(&self) {
        self.due.feel();
    }

    fn before_sweep(&self) {
        assert!(!self.sweep.load(Ordering::SeqCst), "ouch");
    }
}

/// Opens storage that can be injured.
pub(crate) fn injured(wounds: &Wounds) -> impl FnOnce() -> LocalBoxFuture<'static, Storage> + Send + 'static {
    let wounds = wounds.clone();
    move || {
        Box::pin(async move {
            let limits = JournalLimits { max_run_bytes: 1 << 20, tombstone: Duration::from_secs(60) };
            let journal = FaultyJournal { inner: MemoryJournal::new(limits), fault: wounds.clone() };
            let inner = Arc::new(SqliteCatalog::open(&CatalogUrl::Memory).await.unwrap());
            let run_catalog = inner.clone();
            let packages = Packages::built_in(Arc::new(SqliteCatalog::open(&CatalogUrl::Memory).await.unwrap()));
            let catalog = Arc::new(InjuredCatalog { inner, wounds });
            Storage {
                authenticator: None,
                token_exchange: None,
                provider: None,
                devices: None,
                first_key: None,
                journal: Arc::new(journal),
                catalog,
                run_catalog,
                packages,
                redis: None,
                presence: None,
                artifacts: None,
                data_dir: None,
            }
        })
    }
}

pub(crate) fn quick(config: &mut Config) {
    config.supervisor.backoff_ms = 10;
}

/// Injures the node's main thread where it counts something.
pub(crate) fn sabotage(metric: &'static str, armed: &Arc<AtomicBool>) {
    let saboteur = Box::leak(Box::new(Saboteur::new(metric, armed)));
    // Until the thread ends.
    std::mem::forget(metrics::set_default_local_recorder(saboteur));
}

async fn child(node: &LocalNode, name: &str) -> Value {
    let (_, actors) = node.get("/api/actors").await;
    let children = actors["supervisor"].as_array().unwrap();
    children.iter().find(|child| child["name"] == name).unwrap_or_else(|| panic!("no {name} in {actors}")).clone()
}

async fn panics(node: &LocalNode, name: &str) -> u64 {
    node.get("/api/actors").await.1["exits"][name]["panicked"].as_u64().unwrap_or(0)
}

#[tokio::test]
async fn the_children_of_a_running_node_are_those_of_the_tree() {
    let node = LocalNode::start(quick, injured(&Wounds::default())).await;
    let (_, actors) = node.get("/api/actors").await;
    let names = |children: &Value| -> Vec<String> {
        let children = children.as_array().unwrap().iter();
        children.map(|child| child["name"].as_str().unwrap().to_owned()).collect()
    };
    let of = |parent: &str| -> Vec<&str> {
        let entries = TREE.iter().filter(|entry| entry.parent == parent && entry.kind == ChildKind::Permanent);
        let present = entries.filter(|entry| !["in a cluster", "where artifacts are kept"].contains(&entry.present));
        present.map(|entry| entry.name).collect()
    };
    assert_eq!(names(&actors["supervisor"]), of("supervisor"));
    let threads = actors["threads"].as_array().unwrap();
    assert_eq!(threads.len(), 2, "a supervisor per worker thread: {actors}");
    for thread in threads {
        assert_eq!(names(thread), of("thread_supervisor"));
    }
    node.stop();
}

#[tokio::test]
async fn a_catalog_writer_that_panics_is_restarted_and_lists_what_it_had_in_hand() {
    let wounds = Wounds::default();
    let node = LocalNode::start(quick, injured(&wounds)).await;
    wounds.record.arm();
    assert_eq!(node.post("r", &json!({"type": "log"})).await.0, 202);
    let told = eventually!(child(&node, "catalog_writer").await, |child| child["restarts"] == 1, SOON);
    assert_eq!(told["lastExit"], "panicked: ouch");
    assert!(panics(&node, "catalog_writer").await >= 1);
    let listed = async || node.get("/api/runs").await.1["runs"].as_array().map_or(0, Vec::len);
    eventually!(listed().await, |runs| *runs == 1, SOON);
    node.stop();
}

#[tokio::test]
async fn a_request_that_panics_ends_its_connection_and_is_counted() {
    let wounds = Wounds::default();
    let node = LocalNode::start(quick, injured(&wounds)).await;
    let mut viewer = node.watch("r", "").await;
    viewer.until("connected").await;
    let before = panics(&node, "connection").await;
    wounds.list.arm();
    assert!(reqwest::get(node.url("/api/runs")).await.is_err());
    assert_eq!(panics(&node, "connection").await, before + 1);
    assert_eq!(node.get("/api/runs").await.0, 200);
    assert_eq!(node.post("r", &json!({"type": "log", "n": 1})).await.0, 202);
    assert_eq!(viewer.until("log").await["n"], 1, "nobody else is disturbed");
    node.stop();
}

#[tokio::test]
async fn a_worker_thread_that_ends_is_told_and_another_takes_its_place() {
    let wounds = Wounds::default();
    let node = LocalNode::start(quick, injured(&wounds)).await;
    let mut viewers = Vec::new();
    for _ in 0..4 {
        let mut viewer = node.watch("r", "").await;
        viewer.until("connected").await;
        viewers.push(viewer);
    }
    wounds.thread.arm();
    let _ = reqwest::get(node.url("/api/runs")).await;
    // The server finds out with the next connection that it would have had.
    let actors = async || reqwest::get(node.url("/api/actors")).await.ok()?.json::<Value>().await.ok();
    let whole = |actors: &Option<Value>| {
        let Some(actors) = actors else { return false };
        let told = actors["exits"]["worker_thread"]["failed"].as_u64().unwrap_or(0) >= 1;
        let agents = actors["threads"].as_array().unwrap().iter().flat_map(|thread| thread.as_array().unwrap());
        told && agents.filter(|agent| agent["state"] == "running").count() == 2
    };
    let told = eventually!(actors().await, whole, SOON).unwrap();
    assert_eq!(told["living"]["thread_agent"], 2, "{told}");
    assert_eq!(node.post("r", &json!({"type": "log", "n": 1})).await.0, 202);
    let (mut kept, mut lost) = (0, 0);
    for viewer in &mut viewers {
        loop {
            match viewer.next().await {
                Ok(message) if message["type"] == "log" => break kept += 1,
                Ok(_) => {}
                Err(code) => {
                    assert_eq!(code, None);
                    break lost += 1;
                }
            }
        }
    }
    assert_eq!(told["living"]["session"], kept, "{told}");
    assert!(kept > 0 && lost > 0, "{kept} were on the other thread, {lost} on this one");
    node.stop();
}

#[tokio::test]
async fn a_deadlines_actor_that_panics_is_restarted_and_sees_to_what_is_due() {
    let wounds = Wounds::default();
    let settings = |config: &mut Config| {
        quick(config);
        config.control.due_interval_ms = 50;
    };
    let node = LocalNode::start(settings, injured(&wounds)).await;
    wounds.due.arm();
    let told = eventually!(child(&node, "deadlines").await, |child| child["restarts"] == 1, SOON);
    assert_eq!(told["lastExit"], "panicked: ouch");
    eventually!(child(&node, "deadlines").await, |child| child["state"] == "running", SOON);
    // It looks again: it can be injured again.
    wounds.due.arm();
    eventually!(child(&node, "deadlines").await, |child| child["restarts"] == 2, SOON);
    node.stop();
}

#[tokio::test]
async fn a_permanent_actor_that_ends_too_often_drains_the_node() {
    let wounds = Wounds::default();
    let settings = |config: &mut Config| {
        quick(config);
        config.journal.sweep_secs = 1;
        config.supervisor.max_restarts = 1;
    };
    let node = LocalNode::start(settings, injured(&wounds)).await;
    let mut viewer = node.watch("r", "").await;
    viewer.until("connected").await;
    wounds.sweep.store(true, Ordering::SeqCst);
    assert_eq!(viewer.until("draining").await["type"], "draining");
    assert_eq!(viewer.closed().await, Some(1012));
    assert_eq!(node.ended().await, NodeOutcome::Escalated);
}

#[tokio::test]
async fn the_end_of_the_supervisor_drains_the_node() {
    let (wounds, armed) = (Wounds::default(), Arc::new(AtomicBool::new(false)));
    let (open, sabotaged) = (injured(&wounds), armed.clone());
    let node = LocalNode::start(quick, move || {
        sabotage("runcast_actor_restarts_total", &sabotaged);
        open()
    });
    let node = node.await;
    let mut viewer = node.watch("r", "").await;
    viewer.until("connected").await;
    // The supervisor panics when it counts the restart of a child.
    armed.store(true, Ordering::SeqCst);
    wounds.record.arm();
    // What is stored is listed; the node may be on its way out before this is answered.
    let post = reqwest::Client::new().post(node.url("/api/runs/r/events")).json(&json!({"type": "log"}));
    let _ = post.send().await;
    // The rooms end with their registry, before the drain begins.
    assert_eq!(viewer.closed().await, Some(1013));
    assert_eq!(node.ended().await, NodeOutcome::Escalated);
}

/// A node that keeps artifacts in `dir`, injured where its main thread counts something.
async fn keeping_artifacts(dir: &tempfile::TempDir, counter: &'static str, armed: &Arc<AtomicBool>) -> LocalNode {
    let (data_dir, armed) = (dir.path().to_owned(), armed.clone());
    let of_storage = data_dir.clone();
    let settings = move |config: &mut Config| {
        quick(config);
        config.server.data_dir = data_dir;
    };
    let open = move || -> LocalBoxFuture<'static, Storage> {
        sabotage(counter, &armed);
        let mut config = Config::default();
        config.server.data_dir = of_storage;
        Box::pin(async move { Storage::open(&config).await.unwrap() })
    };
    LocalNode::start(settings, open).await
}

#[tokio::test]
async fn a_cleanup_that_panics_is_restarted_and_runs_again() {
    let (dir, armed) = (tempfile::tempdir().unwrap(), Arc::new(AtomicBool::new(false)));
    let node = keeping_artifacts(&dir, "runcast_cleanup_runs_total", &armed).await;
    let clean = async || {
        let request = reqwest::Client::new().post(node.url("/api/cleanup/run"));
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(clean().await, 200);
    armed.store(true, Ordering::SeqCst);
    assert_eq!(clean().await, 503);
    let told = eventually!(child(&node, "cleanup").await, |child| child["restarts"] == 1, SOON);
    assert_eq!(told["lastExit"], "panicked: ouch");
    eventually!(clean().await, |status| *status == 200, SOON);
    node.stop();
}

#[tokio::test]
async fn a_compression_that_panics_is_restarted_and_the_artifact_is_stored_as_it_came() {
    let (dir, armed) = (tempfile::tempdir().unwrap(), Arc::new(AtomicBool::new(false)));
    let node = keeping_artifacts(&dir, "runcast_compressions_total", &armed).await;
    assert_eq!(node.post("r", &json!({"type": "log"})).await.0, 202);
    let text = "much of the same, ".repeat(10_000);
    let upload = async |name: &str| {
        let request = reqwest::Client::new().put(node.url(&format!("/api/runs/r/artifacts/{name}")));
        request.header("content-type", "text/plain").body(text.clone()).send().await.unwrap()
    };
    armed.store(true, Ordering::SeqCst);
    let answer = upload("a.txt").await;
    assert_eq!(answer.status().as_u16(), 201, "{}", answer.text().await.unwrap());
    let told = eventually!(child(&node, "compression").await, |child| child["restarts"] == 1, SOON);
    assert_eq!(told["lastExit"], "panicked: ouch");
    assert_eq!(upload("b.txt").await.status().as_u16(), 201);
    node.stop();
}
