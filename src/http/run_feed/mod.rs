//! Tells listeners which rows of the list have changed: one look at the catalog per interval for all listeners of a
//! node, and none while nobody listens.
//!
//! A look takes the rows that were written within the last 15 s and tells those that it has not told yet: a row that
//! was on its way into the database is not missed. When the catalog or the journal does not answer, all listeners are
//! sent away to come back: then they read the list anew.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast};
use tokio::time::sleep;
use tracing::debug;

use super::api::run_list::ShownRun;
use crate::protocol::{RunId, RunPatterns, Seq};
use crate::storage::catalog::runs::{ListedRun, RunCatalog};
use crate::storage::journal::Journal;
use crate::tasks::{restarted, spawn};

mod stream;

pub(super) use stream::stream;

/// How far back a look goes, in milliseconds: longer than a write to the catalog may take.
const WINDOW_MS: i64 = 15_000;
/// Most rows of a look.
const MAX_ROWS: usize = 1_000;
/// Looks that a listener may be behind.
const MAX_BEHIND: usize = 16;

/// How the feed looks and tells.
#[derive(Clone, Copy, Debug)]
pub struct FeedLimits {
    /// Time between two looks.
    pub interval: Duration,
    /// Most listeners.
    pub listeners: usize,
    /// Time between two comments to a listener who is told nothing else.
    pub comment: Duration,
    /// How long a listener may take nothing of what it is sent.
    pub stall: Duration,
}

/// The feed of a node.
#[derive(Clone)]
pub struct RunFeed(Arc<FeedState>);

struct FeedState {
    catalog: Arc<dyn RunCatalog>,
    journal: Arc<dyn Journal>,
    limits: FeedLimits,
    permits: Arc<Semaphore>,
    /// What listeners are told; `None`: come back.
    told: broadcast::Sender<Option<Bytes>>,
    /// Whether somebody looks.
    looks: Mutex<bool>,
}

/// Somebody who listens.
pub(super) struct FeedListener {
    /// The rows that were written lately.
    pub(super) first: Bytes,
    pub(super) told: broadcast::Receiver<Option<Bytes>>,
    _permit: OwnedSemaphorePermit,
}

/// A record of the stream.
#[derive(Serialize)]
struct FeedRecord {
    runs: Vec<ShownRun>,
    /// Runs that are no longer listed.
    gone: Vec<RunId>,
}

/// The record with those of its runs that may be seen; `None`: there are none.
fn visible(record: &Bytes, names: &RunPatterns) -> Option<Bytes> {
    let json = record.strip_prefix(b"data: ")?;
    let mut told: FeedParts<'_> = serde_json::from_slice(json).ok()?;
    let is_visible = |name: &str| RunId::parse(name).is_ok_and(|run| names.has(&run));
    told.runs.retain(|run| serde_json::from_str::<NamedRun<'_>>(run.get()).is_ok_and(|run| is_visible(&run.run_id)));
    told.gone.retain(|run| is_visible(run));
    if told.runs.is_empty() && told.gone.is_empty() {
        return None;
    }
    serde_json::to_string(&told).ok().map(|json| format!("data: {json}\n\n").into())
}

/// A record that is read again.
#[derive(Serialize, Deserialize)]
struct FeedParts<'a> {
    #[serde(borrow)]
    runs: Vec<&'a RawValue>,
    gone: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NamedRun<'a> {
    #[serde(borrow)]
    run_id: Cow<'a, str>,
}

/// What was told of a run: when its row was written, and its last events.
type Told = (i64, Seq, Seq);

impl RunFeed {
    /// A feed to which nobody listens.
    pub fn new(catalog: Arc<dyn RunCatalog>, journal: Arc<dyn Journal>, limits: FeedLimits) -> Self {
        Self(Arc::new(FeedState {
            catalog,
            journal,
            limits,
            permits: Arc::new(Semaphore::new(limits.listeners)),
            told: broadcast::Sender::new(MAX_BEHIND),
            looks: Mutex::new(false),
        }))
    }

    fn limits(&self) -> FeedLimits {
        self.0.limits
    }

    /// Begins to listen; `None`: too many do, or the catalog does not answer.
    pub(super) async fn listen(&self) -> Option<FeedListener> {
        let permit = self.0.permits.clone().try_acquire_owned().ok()?;
        // What is told from now on is heard: then nothing is missing between that and the rows that are read now.
        let told = self.subscribe();
        let written = self.0.catalog.written_within(WINDOW_MS, MAX_ROWS).await;
        let rows = written.inspect_err(|error| debug!(%error, "a listener to the list is to come back")).ok()?;
        let first = record(rows, Vec::new())?;
        Some(FeedListener { first, told, _permit: permit })
    }

    fn subscribe(&self) -> broadcast::Receiver<Option<Bytes>> {
        let mut looks = self.0.looks.lock().unwrap_or_else(PoisonError::into_inner);
        let told = self.0.told.subscribe();
        if !std::mem::replace(&mut *looks, true) {
            let feed = self.clone();
            // It ends by itself when nobody listens any more.
            drop(spawn("run_feed", async move { restarted("run_feed", || feed.look_on()).await }));
        }
        told
    }

    /// Looks as long as somebody listens.
    async fn look_on(&self) {
        let mut told = ToldRows::default();
        loop {
            if self.nobody_listens() {
                return;
            }
            let news = self.look(&mut told).await;
            if news.is_none() {
                told = ToldRows::default();
            }
            // That nobody listens is found by the next look.
            match news {
                Some(None) => {}
                Some(Some(record)) => drop(self.0.told.send(Some(record))),
                None => drop(self.0.told.send(None)),
            }
            sleep(self.0.limits.interval).await;
        }
    }

    fn nobody_listens(&self) -> bool {
        let mut looks = self.0.looks.lock().unwrap_or_else(PoisonError::into_inner);
        *looks = self.0.told.receiver_count() > 0;
        !*looks
    }

    /// What is new, if there is something; `None`: the catalog or the journal does not answer.
    async fn look(&self, told: &mut ToldRows) -> Option<Option<Bytes>> {
        let FeedState { catalog, journal, .. } = &*self.0;
        let written = catalog.written_within(WINDOW_MS, MAX_ROWS).await;
        let rows = written.inspect_err(|error| debug!(%error, "the list's feed looks in vain")).ok()?;
        let gone = journal.gone_since(journal.now().plus_millis(-WINDOW_MS), MAX_ROWS).await;
        let gone = gone.inspect_err(|error| debug!(%error, "the list's feed looks in vain")).ok()?;
        let (rows, gone) = told.news(rows, gone);
        if rows.is_empty() && gone.is_empty() { Some(None) } else { record(rows, gone).map(Some) }
    }
}

/// What was told of the rows within the window.
#[derive(Default)]
struct ToldRows {
    rows: HashMap<RunId, Told>,
    gone: Vec<RunId>,
}

impl ToldRows {
    /// Those of the rows, and of the runs that are gone, that were not told yet.
    fn news(&mut self, rows: Vec<ListedRun>, gone: Vec<RunId>) -> (Vec<ListedRun>, Vec<RunId>) {
        let mark = |listed: &ListedRun| (listed.written_at, listed.row.tip, listed.summary_tip);
        let now: HashMap<RunId, Told> = rows.iter().map(|listed| (listed.row.run.clone(), mark(listed))).collect();
        let before = std::mem::replace(&mut self.rows, now);
        let gone_before = std::mem::replace(&mut self.gone, gone.clone());
        let news = rows.into_iter().filter(|listed| before.get(&listed.row.run) != Some(&mark(listed)));
        (news.collect(), gone.into_iter().filter(|run| !gone_before.contains(run)).collect())
    }
}

/// The record of these rows.
fn record(rows: Vec<ListedRun>, gone: Vec<RunId>) -> Option<Bytes> {
    let runs = rows.into_iter().map(ShownRun::of).collect();
    let json = serde_json::to_string(&FeedRecord { runs, gone }).ok()?;
    Some(format!("data: {json}\n\n").into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Timestamp;
    use crate::storage::catalog::RunRow;

    fn listed(name: &str, written_at: i64, tip: Seq) -> ListedRun {
        let (run, time) = (RunId::parse(name).unwrap(), Timestamp::default());
        let row = RunRow { run, status: None, tip, created_at: time, last_at: time };
        ListedRun { row, word: None, summary: None, summary_tip: 0, written_at }
    }

    fn names((rows, gone): (Vec<ListedRun>, Vec<RunId>)) -> (Vec<String>, Vec<String>) {
        let gone = gone.iter().map(RunId::to_string).collect();
        (rows.iter().map(|listed| listed.row.run.to_string()).collect(), gone)
    }

    #[test]
    fn a_row_is_told_once_per_write_and_a_run_that_is_gone_once() {
        let gone = |names: &[&str]| names.iter().map(|name| RunId::parse(name).unwrap()).collect::<Vec<_>>();
        let mut told = ToldRows::default();
        let (rows, left) = names(told.news(vec![listed("a", 1, 1)], gone(&["x"])));
        assert_eq!((rows, left), (vec!["a".to_owned()], vec!["x".to_owned()]));
        assert_eq!(names(told.news(vec![listed("a", 1, 1)], gone(&["x"]))), (vec![], vec![]));
        let (rows, _) = names(told.news(vec![listed("b", 2, 1), listed("a", 2, 2)], gone(&["x"])));
        assert_eq!(rows, ["b", "a"]);
        let (rows, left) = names(told.news(vec![listed("b", 2, 1), listed("a", 2, 3)], gone(&["x", "y"])));
        assert_eq!((rows, left), (vec!["a".to_owned()], vec!["y".to_owned()]), "written twice in a millisecond");
    }

    #[test]
    fn a_record_is_one_event_of_the_stream() {
        let record = record(vec![listed("a", 1, 7)], vec![RunId::parse("x").unwrap()]).unwrap();
        let text = std::str::from_utf8(&record).unwrap().strip_prefix("data: ").unwrap();
        let json: serde_json::Value = serde_json::from_str(text.strip_suffix("\n\n").unwrap()).unwrap();
        assert_eq!((&json["runs"][0]["runId"], &json["runs"][0]["events"]), (&"a".into(), &7.into()));
        assert_eq!(json["gone"], serde_json::json!(["x"]));
    }

    #[test]
    fn who_may_see_some_runs_is_told_of_those_alone() {
        let run = |name| RunId::parse(name).unwrap();
        let record = record(vec![listed("a1", 1, 7), listed("b", 1, 7)], vec![run("a2"), run("c")]).unwrap();
        let shown = |pattern: &str| {
            let shown = visible(&record, &RunPatterns::parse(&[pattern]).unwrap())?;
            let text = std::str::from_utf8(&shown).unwrap().strip_prefix("data: ").unwrap().to_owned();
            let json: serde_json::Value = serde_json::from_str(text.strip_suffix("\n\n").unwrap()).unwrap();
            let names: Vec<_> = json["runs"].as_array().unwrap().iter().map(|run| run["runId"].clone()).collect();
            Some(serde_json::json!([names, json["gone"]]))
        };
        assert_eq!(shown("a*"), Some(serde_json::json!([["a1"], ["a2"]])));
        assert_eq!(shown("c"), Some(serde_json::json!([[], ["c"]])));
        assert_eq!(shown("d"), None);
    }
}
