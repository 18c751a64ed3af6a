use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;

use super::queue::DueRun;
use super::summing::SummaryPorts;
use super::*;
use crate::actors::supervision::LiveActors;
use crate::protocol::{Clock, Lines, ProducerId};
use crate::storage::catalog::RunFilter;
use crate::storage::catalog::runs::ListedRun;
use crate::storage::catalog::sqlite::{CatalogUrl, SqliteCatalog};
use crate::storage::journal::memory::MemoryJournal;
use crate::storage::journal::{Append, JournalLimits, OnGap, Post};

/// A catalog whose writes can be made to fail.
struct Fickle {
    catalog: Arc<SqliteCatalog>,
    away: AtomicBool,
    refused: AtomicUsize,
}

impl Fickle {
    async fn new() -> Arc<Self> {
        let catalog = Arc::new(SqliteCatalog::open(&CatalogUrl::Memory).await.unwrap());
        Arc::new(Self { catalog, away: AtomicBool::new(false), refused: AtomicUsize::new(0) })
    }

    async fn lists(&self, name: &str) {
        let filter = RunFilter { limit: 9, ..RunFilter::default() };
        until(async || self.catalog.list(&filter).await.unwrap().iter().any(|listed| listed.row.run.as_str() == name))
            .await;
    }
}

#[async_trait]
impl Catalog for Fickle {
    async fn record(&self, rows: &[RunRow]) -> Result<(), CatalogError> {
        if self.away.load(Ordering::SeqCst) {
            self.refused.fetch_add(1, Ordering::SeqCst);
            return Err(CatalogError("away".into()));
        }
        self.catalog.record(rows).await
    }

    async fn list(&self, filter: &RunFilter) -> Result<Vec<ListedRun>, CatalogError> {
        self.catalog.list(filter).await
    }

    async fn forget(&self, runs: &[RunId]) -> Result<(), CatalogError> {
        self.catalog.forget(runs).await
    }

    async fn newest(&self) -> Result<Option<Timestamp>, CatalogError> {
        self.catalog.newest().await
    }

    async fn probe(&self) -> Result<(), CatalogError> {
        self.catalog.probe().await
    }

    async fn close(&self) {
        self.catalog.close().await;
    }
}

/// Polls until `holds` is true; fails after 20 seconds.
async fn until(holds: impl AsyncFn() -> bool) {
    let held = async {
        while !holds().await {
            actix_rt::time::sleep(Duration::from_millis(5)).await;
        }
    };
    actix_rt::time::timeout(Duration::from_secs(20), held).await.expect("it holds in the end");
}

fn journal() -> Arc<dyn Journal> {
    Arc::new(MemoryJournal::new(JournalLimits { max_run_bytes: 1 << 20, tombstone: Duration::from_secs(60) }))
}

fn writer(catalog: &Arc<Fickle>, journal: Arc<dyn Journal>, live_actors: &LiveActors) -> CatalogWriter {
    let limits = SummaryLimits {
        pace: Duration::from_millis(20),
        bytes: 1 << 20,
        history_ms: 0,
        sweep: Duration::from_secs(60),
    };
    let live = live_actors.enter("catalog_writer");
    CatalogWriter::new(catalog.clone(), catalog.catalog.clone(), journal, limits, live)
}

/// Stores an event of a run and returns the run's row.
async fn store(journal: &dyn Journal, name: &str) -> RunRow {
    let run = RunId::parse(name).unwrap();
    let post = Post {
        producer: ProducerId::parse("p").unwrap(),
        n: 1,
        on_gap: OnGap::Refuse,
        lines: Lines::from_stored(r#"{"type":"log"}"#.into()),
        status: None,
        privileged: false,
        seals: false,
        stamps: Default::default(),
        control: None,
    };
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    let stored = journal.append(Append { run: run.clone(), posts: vec![post], precondition: None, deadline }).await;
    row(RunHead { run, head: stored.unwrap().head })
}

#[actix::test]
async fn what_another_node_stored_and_did_not_list_is_listed_in_the_end() {
    let (catalog, journal, live_actors) = (Fickle::new().await, journal(), LiveActors::default());
    let catalog_writer = writer(&catalog, journal.clone(), &live_actors);
    let _recorder = CatalogWriter { repair_every: Duration::from_millis(50), ..catalog_writer }.start();
    for name in ["a", "b"] {
        store(&*journal, name).await;
        catalog.lists(name).await;
    }
}

#[actix::test]
async fn an_outage_of_the_list_is_followed_by_a_repair_of_what_others_had_to_write() {
    let (catalog, journal, live_actors) = (Fickle::new().await, journal(), LiveActors::default());
    store(&*journal, "first").await;
    let catalog_writer = writer(&catalog, journal.clone(), &live_actors).start();
    catalog.lists("first").await;

    catalog.away.store(true, Ordering::SeqCst);
    store(&*journal, "others").await;
    catalog_writer.send(RunChanged { row: store(&*journal, "ours").await, stores: true }).await.unwrap();
    until(async || catalog.refused.load(Ordering::SeqCst) > 0).await;
    catalog.away.store(false, Ordering::SeqCst);
    catalog.lists("ours").await;
    catalog.lists("others").await;
}

#[actix::test]
async fn runs_that_changed_in_one_millisecond_are_all_listed() {
    const RUNS: usize = 2 * REPAIR_STEP + 1;
    let second = || Timestamp::from_millis(1_795_000_000_000);
    let clock = Clock::new(second, || Duration::ZERO, Duration::from_secs(1));
    let limits = JournalLimits { max_run_bytes: 1 << 20, tombstone: Duration::from_secs(60) };
    let (catalog, live_actors) = (Fickle::new().await, LiveActors::default());
    let journal = Arc::new(MemoryJournal::with_clock(limits, clock));
    for n in 0..RUNS {
        store(&*journal, &format!("r{n}")).await;
    }
    let _recorder = writer(&catalog, journal, &live_actors).start();
    let filter = RunFilter { limit: 2 * RUNS, ..RunFilter::default() };
    until(async || catalog.list(&filter).await.unwrap().len() == RUNS).await;
}

#[actix::test]
async fn runs_that_there_is_no_room_for_are_left_and_summed_up_later() {
    let unfolded = |name: &str| DueRun::unfolded(RunId::parse(name).unwrap(), std::time::Instant::now());
    let (catalog, journal) = (Fickle::new().await, journal());
    let mut due = Vec::new();
    for name in ["a", "b", "c"] {
        catalog.record(&[store(&*journal, name).await]).await.unwrap();
        due.push(unfolded(name));
    }
    let ports = SummaryPorts { catalog: catalog.catalog.clone(), journal };
    let mut summed = Vec::new();
    while !due.is_empty() {
        let done = ports.clone().sum_up(std::mem::take(&mut due), 1, 0).await;
        assert_eq!((done.folds.len(), done.failed.len()), (1, 0), "one at a time");
        summed.extend(done.folds.into_iter().map(|(run, fold, is_whole)| (run.to_string(), fold.tip(), is_whole)));
        due = done.left;
    }
    assert_eq!(summed, ["a", "b", "c"].map(|name| (name.to_owned(), 1, true)));
    let listed = catalog.list(&RunFilter { limit: 9, ..RunFilter::default() }).await.unwrap();
    assert!(listed.iter().all(|run| run.summary.is_some()) && listed.len() == 3);
    assert_eq!(
        ports.sum_up(["a", "b", "c"].map(unfolded).into(), 0, 1 << 20).await.folds.len(),
        3,
        "where there is room"
    );
}
