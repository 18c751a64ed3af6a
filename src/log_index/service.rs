//! Answers questions to runs' logs: a few at a time, a few more wait, and all others are refused.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::core::{ReadRange, RunIndex, StateAt};
use super::error::QueryError;
use super::kept::{KeptIndexes, SharedIndex};
use crate::protocol::{RunId, Segment};
use crate::storage::journal::{Head, Journal, JournalError, RunPhase, whole_page};
use crate::tasks::spawn_folding;

/// Bytes of the log that are read at a time. 1 MiB.
pub(super) const READ_BYTES: usize = 1024 * 1024;
/// Times that a question is begun anew because the store has lost writes meanwhile.
const MAX_RESETS: usize = 3;

/// Bounds of questions: section `queries` of the settings.
#[derive(Clone, Copy, Debug)]
pub struct QueryLimits {
    /// Questions that are worked on at a time: `queries.at_a_time`.
    pub at_a_time: usize,
    /// Those that may wait besides: `queries.max_waiting`.
    pub max_waiting: usize,
    /// How long one waits for its turn: `queries.wait_secs`.
    pub wait: Duration,
    /// Bytes of all indexes: `queries.index_bytes`.
    pub index_bytes: usize,
    /// Bytes of a log that one question looks through: `queries.scan_bytes`.
    pub scan_bytes: usize,
}

/// What has become of an index that was to be brought up to a tip.
enum Built {
    Whole,
    /// The log is another one by now.
    Another,
    /// Events are missing.
    Missing(JournalError),
}

/// Answers questions to runs' logs. Clones share everything.
#[derive(Clone)]
pub struct LogQueries(Arc<QueryShared>);

struct QueryShared {
    journal: Arc<dyn Journal>,
    limits: QueryLimits,
    permits: Arc<Semaphore>,
    /// Questions that are worked on or wait.
    admitted: Arc<AtomicUsize>,
    kept: Mutex<KeptIndexes>,
}

/// One of the questions that are worked on or wait.
#[derive(Debug)]
struct AdmittedQuery(Arc<AtomicUsize>);

impl Drop for AdmittedQuery {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A run's log whose index is brought up to its tip, for one question.
pub(super) struct IndexedLog {
    queries: LogQueries,
    pub(super) run: RunId,
    pub(super) head: Head,
    index: OwnedMutexGuard<RunIndex>,
    work: QueryWork,
}

/// The permit of a question.
pub(super) struct QueryWork {
    _permit: OwnedSemaphorePermit,
    _admitted: AdmittedQuery,
}

impl LogQueries {
    /// Answers from what is in `journal`.
    pub fn new(journal: Arc<dyn Journal>, limits: QueryLimits) -> Self {
        Self(Arc::new(QueryShared {
            journal,
            limits,
            permits: Arc::new(Semaphore::new(limits.at_a_time)),
            admitted: Arc::default(),
            kept: Mutex::new(KeptIndexes::new(limits.index_bytes)),
        }))
    }

    pub(super) fn limits(&self) -> &QueryLimits {
        &self.0.limits
    }

    /// Bytes of all indexes.
    pub fn held_bytes(&self) -> usize {
        self.kept().bytes()
    }

    fn kept(&self) -> MutexGuard<'_, KeptIndexes> {
        // Nothing panics while it is held.
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers a question, which is counted as one of `kind`.
    pub(super) async fn counted<T>(
        &self,
        kind: &'static str,
        answer: impl Future<Output = Result<T, QueryError>>,
    ) -> Result<T, QueryError> {
        let started = Instant::now();
        let answer = answer.await;
        let outcome = match &answer {
            Ok(_) => "answered",
            Err(QueryError::Saturated) => "saturated",
            Err(QueryError::Unavailable(_)) => "unavailable",
            Err(QueryError::NotFound | QueryError::Gone | QueryError::Beyond { .. }) => "refused",
        };
        metrics::counter!("runcast_queries_total", "kind" => kind, "outcome" => outcome).increment(1);
        metrics::histogram!("runcast_query_seconds", "kind" => kind).record(started.elapsed());
        metrics::gauge!("runcast_query_index_bytes").set(self.held_bytes() as f64);
        answer
    }

    fn admit(&self) -> Result<AdmittedQuery, QueryError> {
        let QueryLimits { at_a_time, max_waiting, .. } = self.0.limits;
        let admitted = self.0.admitted.fetch_add(1, Ordering::Relaxed);
        let query = AdmittedQuery(self.0.admitted.clone());
        if admitted >= at_a_time + max_waiting { Err(QueryError::Saturated) } else { Ok(query) }
    }

    /// The head of a run's log.
    pub(super) async fn head(&self, run: &RunId) -> Result<Head, QueryError> {
        Ok(self.0.journal.head(run).await?)
    }

    /// The log of a run, once it is the question's turn, with everything that was acknowledged before the question.
    ///
    /// # Errors
    /// [`QueryError`]: [`QueryError::NotFound`] if the run has no event, [`QueryError::Gone`] if it has expired.
    pub(super) async fn open(&self, run: &RunId) -> Result<IndexedLog, QueryError> {
        let admitted = self.admit()?;
        // Whoever waits for another question on the same run holds no permit.
        let turn = async {
            let shared = self.kept().of(run);
            let index = shared.clone().lock_owned().await;
            let permit = self.0.permits.clone().acquire_owned().await;
            permit.map(|permit| (shared, index, permit)).map_err(|_| QueryError::Saturated)
        };
        let (shared, mut index, permit) =
            timeout(self.0.limits.wait, turn).await.map_err(|_| QueryError::Saturated)??;
        let mut why = None;
        for _ in 0..MAX_RESETS {
            let head = self.0.journal.head(run).await?;
            if head.phase == RunPhase::Gone || head.tip == 0 {
                self.kept().forget(run);
                return Err(if head.phase == RunPhase::Gone { QueryError::Gone } else { QueryError::NotFound });
            }
            let built;
            (index, built) = self.build(index, &shared, run, &head).await?;
            match built {
                Built::Whole => {
                    let work = QueryWork { _permit: permit, _admitted: admitted };
                    return Ok(IndexedLog { queries: self.clone(), run: run.clone(), head, index, work });
                }
                Built::Another => why = None,
                Built::Missing(missing) => why = Some(missing),
            }
        }
        let unavailable = || QueryError::Unavailable("the store loses writes again and again".into());
        Err(why.map_or_else(unavailable, QueryError::from))
    }

    /// Brings an index up to the tip of a head. What is folded stays, whoever stops waiting for it.
    async fn build(
        &self,
        mut index: OwnedMutexGuard<RunIndex>,
        shared: &SharedIndex,
        run: &RunId,
        head: &Head,
    ) -> Result<(OwnedMutexGuard<RunIndex>, Built), QueryError> {
        index.settle(&head.lineage, head.tip);
        let max_bytes = self.0.limits.index_bytes;
        while index.tip() < head.tip {
            let segments = self.0.journal.read(run, index.tip(), READ_BYTES).await?;
            let next = index.place().next;
            if !holds(head, &segments) {
                return Ok((index, Built::Another));
            }
            if let Err(missing) = whole_page(next, &segments) {
                return Ok((index, Built::Missing(missing)));
            }
            let tip = head.tip;
            let folded = spawn_folding("log_index", move || {
                segments.iter().for_each(|segment| index.take(segment, tip));
                index.shed(max_bytes);
                let bytes = index.held_bytes();
                (index, bytes)
            });
            let bytes;
            // After a panic nobody is to go on with what it left.
            (index, bytes) = folded.await.inspect_err(|_| self.kept().forget(run))?;
            self.kept().grown(run, shared, bytes);
            if index.place().next == next {
                return Ok((index, Built::Another));
            }
        }
        Ok((index, Built::Whole))
    }

    /// Reads a part of a log whose index was brought up to `head`.
    ///
    /// # Errors
    /// [`QueryError::Unavailable`], also when the part is not there any more.
    pub(super) async fn read(
        &self,
        run: &RunId,
        head: &Head,
        range: ReadRange,
    ) -> Result<Vec<Arc<Segment>>, QueryError> {
        let (mut after, mut bytes, mut read) = (range.after, range.bytes, Vec::new());
        while after < range.last {
            let segments = self.0.journal.read(run, after, bytes.max(1)).await?;
            if segments.is_empty() || !holds(head, &segments) {
                return Err(QueryError::Unavailable("the run's events are expiring, or were lost".into()));
            }
            after = segments.last().map_or(range.last, |last| last.last());
            bytes = bytes.saturating_sub(segments.iter().map(|segment| segment.lines().bytes().len()).sum());
            read.extend(segments);
        }
        Ok(read)
    }
}

fn holds(head: &Head, segments: &[Arc<Segment>]) -> bool {
    segments.iter().all(|segment| head.lineage.holds(segment.epoch(), segment.last()) || segment.first() > head.tip)
}

impl IndexedLog {
    /// Looks something up in the index, on a thread that may take its time.
    pub(super) async fn look<T: Send + 'static>(
        self,
        look: impl FnOnce(&mut RunIndex) -> T + Send + 'static,
    ) -> Result<(Self, T), QueryError> {
        let Self { queries, run, head, mut index, work } = self;
        let looked = spawn_folding("log_index", move || {
            let found = look(&mut index);
            (index, found)
        });
        // After a panic nobody is to go on with what it left.
        let (index, found) = looked.await.inspect_err(|_| queries.kept().forget(&run))?;
        Ok((Self { queries, run, head, index, work }, found))
    }

    /// The index itself, for who looks something up in it later.
    pub(super) fn shared(&self) -> SharedIndex {
        OwnedMutexGuard::mutex(&self.index).clone()
    }

    /// Lets the index go, for other questions; the permit stays.
    pub(super) fn release(self) -> (LogQueries, RunId, Head, QueryWork) {
        (self.queries, self.run, self.head, self.work)
    }

    /// Keeps a state that was asked for, as long as there is room for it.
    pub(super) async fn keep_state(self, state: Arc<StateAt>) -> Result<Self, QueryError> {
        let max_bytes = self.queries.limits().index_bytes;
        let (log, bytes) = self
            .look(move |index| {
                index.keep_state(state);
                index.shed(max_bytes);
                index.held_bytes()
            })
            .await?;
        log.queries.kept().grown(&log.run, OwnedMutexGuard::mutex(&log.index), bytes);
        Ok(log)
    }
}
