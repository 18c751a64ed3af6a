//! The one task that writes. It takes everything that is queued and commits it as one transaction for all runs.
//!
//! It receives appends, barriers, deadlines and the steps of expiry from one bounded queue, in order. Each append is
//! answered after the commit that holds it. On any failure every append of the group gets the error, the cache is
//! cleared and the connection is replaced: only the database says what was stored, and the next group starts from it. A
//! panic counts as such a failure: the queue survives, and the writer continues with the jobs in it.

use std::sync::Arc;
use std::time::Instant;

use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnection;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::disk::DiskCheck;
use super::due;
use super::group::Group;
use super::run_cache::{self, SqliteRunCache};
use super::sweep::{self, ExpiryProgress, ExpiryStep};
use super::{SqliteOptions, SyncMode, commit, connection, instance, unavailable};
use crate::protocol::{Cursor, RunId, Timestamp};
use crate::storage::journal::append_rules::{self, AppendContext, Epochs};
use crate::storage::journal::{Append, Head, JournalError, Stored};
use crate::tasks::{self, Restarts};

/// The writer's name in the log and in the metrics.
pub(super) const NAME: &str = "journal_writer";
/// Most appends and most bytes of events in one group commit.
const GROUP_APPENDS: usize = 1024;
const GROUP_BYTES: usize = 8 * 1024 * 1024;

type JobReply<T> = oneshot::Sender<Result<T, JournalError>>;

/// An append that waits for its group.
#[derive(Debug)]
pub(super) struct PendingAppend {
    pub(super) append: Append,
    pub(super) bytes: usize,
    pub(super) reply: JobReply<Stored>,
    /// The append's share of the queue's bytes, returned when it is answered.
    pub(super) _share: OwnedSemaphorePermit,
}

/// A job in the queue.
#[derive(Debug)]
pub(super) enum Job {
    Append(PendingAppend),
    /// A barrier: asks for the run's head after all jobs that were queued before.
    Head(RunId, JobReply<Head>),
    Sweep(ExpiryStep, JobReply<ExpiryProgress>),
    /// Sets a run's earliest deadline if its last control event is still this one.
    SettleDue(RunId, Option<Cursor>, Option<Timestamp>, JobReply<()>),
    Probe(JobReply<()>),
    Close(oneshot::Sender<()>),
}

/// The state of the writing task.
#[derive(Debug)]
pub(super) struct JournalWriter {
    options: Arc<SqliteOptions>,
    epochs: Epochs,
    /// `None` after a failure, until the next job opens a new connection.
    connection: Option<SqliteConnection>,
    run_cache: SqliteRunCache,
    /// The number of the next new run. It never goes back, so that a transaction of unknown outcome can't share a
    /// number with another run.
    next_number: i64,
    disk: DiskCheck,
    /// Whether a write failed and none has succeeded since.
    failing: bool,
}

impl JournalWriter {
    /// Builds a writer on an open connection.
    pub(super) async fn new(
        options: Arc<SqliteOptions>,
        epochs: Epochs,
        mut connection: SqliteConnection,
    ) -> Result<Self, JournalError> {
        let next_number = sqlx::query_scalar("SELECT coalesce(max(number), 0) + 1 FROM runs")
            .fetch_one(&mut connection)
            .await
            .map_err(unavailable)?;
        let disk = DiskCheck::new(options.directory().to_owned(), options.min_free_bytes);
        let run_cache = SqliteRunCache::default();
        Ok(Self { options, epochs, connection: Some(connection), run_cache, next_number, disk, failing: false })
    }

    /// Works until the queue is closed and empty.
    pub(super) async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let (mut closers, mut restarts) = (Vec::new(), Restarts::new(NAME));
        while tasks::caught(NAME, self.serve(&mut jobs, &mut closers)).await.is_err() {
            // The connection is dropped and not closed, because the panic left it in an unknown state.
            self.connection = None;
            self.run_cache.clear();
            self.failing = true;
            restarts.pause().await;
        }
        if !closers.is_empty() {
            self.end().await;
        }
        closers.into_iter().for_each(|done| tell(done, ()));
    }

    async fn serve(&mut self, jobs: &mut mpsc::Receiver<Job>, closers: &mut Vec<oneshot::Sender<()>>) {
        while let Some(first) = jobs.recv().await {
            let (group, other) = gather(first, jobs);
            if !group.is_empty() {
                self.answer(group).await;
            }
            match other {
                Some(Job::Head(run, reply)) => tell(reply, self.head(&run).await),
                Some(Job::SettleDue(run, control, due, reply)) => {
                    tell(reply, self.settle_due(&run, control, due).await)
                }
                Some(Job::Sweep(step, reply)) => tell(reply, self.sweep(step).await),
                Some(Job::Probe(reply)) => tell(reply, self.probe().await),
                Some(Job::Close(done)) => {
                    closers.push(done);
                    jobs.close();
                }
                Some(Job::Append(_)) | None => {}
            }
        }
    }

    /// Stores a group and answers its appends.
    async fn answer(&mut self, group: Vec<PendingAppend>) {
        let started = Instant::now();
        metrics::counter!("runcast_journal_appends_total").increment(group.len() as u64);
        let outcome = match self.disk.check() {
            Ok(()) => {
                let outcome = self.store(&group).await;
                self.settle(outcome).await
            }
            Err(error) => Err(error),
        };
        match outcome {
            Ok(stored) => group.into_iter().zip(stored).for_each(|(pending, stored)| tell(pending.reply, Ok(stored))),
            Err(error) => group.into_iter().for_each(|pending| tell(pending.reply, Err(error.clone()))),
        }
        self.run_cache.evict();
        metrics::histogram!("runcast_journal_commit_seconds").record(started.elapsed());
    }

    async fn store(&mut self, group: &Vec<PendingAppend>) -> Result<Vec<Stored>, JournalError> {
        let connection = open(&mut self.connection, &self.options).await?;
        let runs = group.iter().map(|pending| &pending.append.run);
        run_cache::load(&mut self.run_cache, connection, runs, self.epochs).await.map_err(unavailable)?;
        let moment = AppendContext {
            now: self.options.clock.now(),
            monotonic: Instant::now(),
            epochs: self.epochs,
            max_run_bytes: self.options.limits.max_run_bytes,
        };
        let mut rows = Group::default();
        let mut answers = Vec::with_capacity(group.len());
        for PendingAppend { append, .. } in group {
            let missing = || JournalError::Unavailable(format!("run {} was not loaded", append.run));
            let cached_run = self.run_cache.get(&append.run, append.posts.len()).ok_or_else(missing)?;
            let decision = append_rules::append(&mut cached_run.run, append, &moment);
            if !decision.stored.segments.is_empty() {
                let number = *cached_run.location.get_or_insert_with(|| {
                    self.next_number += 1;
                    self.next_number - 1
                });
                rows.add(&append.run, number, &decision);
            }
            answers.push(decision.stored);
        }
        if !rows.is_empty() {
            rows.store(connection, &self.run_cache).await?;
            self.failing = false;
            metrics::counter!("runcast_journal_commits_total").increment(1);
        }
        Ok(answers)
    }

    async fn head(&mut self, run: &RunId) -> Result<Head, JournalError> {
        let outcome = match open(&mut self.connection, &self.options).await {
            Ok(connection) => {
                let run = std::iter::once(run);
                let load = run_cache::load(&mut self.run_cache, connection, run, self.epochs).await;
                load.map_err(unavailable)
            }
            Err(error) => Err(error),
        };
        self.settle(outcome).await?;
        let head = self.run_cache.peek(run).map_or_else(Head::unborn, |cached_run| cached_run.run.head.clone());
        self.run_cache.evict();
        Ok(head)
    }

    async fn settle_due(
        &mut self,
        run: &RunId,
        control: Option<Cursor>,
        due: Option<Timestamp>,
    ) -> Result<(), JournalError> {
        let outcome = match open(&mut self.connection, &self.options).await {
            Ok(connection) => due::settle(connection, &mut self.run_cache, run, control, due, self.epochs).await,
            Err(error) => Err(error),
        };
        self.run_cache.evict();
        self.settle(outcome).await
    }

    async fn sweep(&mut self, step: ExpiryStep) -> Result<ExpiryProgress, JournalError> {
        let outcome = match open(&mut self.connection, &self.options).await {
            Ok(connection) => sweep::take(connection, step, &mut self.epochs, self.options.limits.tombstone).await,
            Err(error) => Err(error),
        };
        let progress = self.settle(outcome).await?;
        progress.runs.iter().filter_map(|(_, run)| run.as_ref()).for_each(|run| self.run_cache.forget(run));
        Ok(progress)
    }

    /// Checks that an append could be stored: trusts the last write if it succeeded, and tries one if it failed.
    async fn probe(&mut self) -> Result<(), JournalError> {
        self.disk.check()?;
        if !self.failing {
            return Ok(());
        }
        let outcome = match open(&mut self.connection, &self.options).await {
            Ok(connection) => try_write(connection).await,
            Err(error) => Err(error),
        };
        self.settle(outcome).await?;
        self.failing = false;
        Ok(())
    }

    /// Handles the outcome of a write. After a failure nothing in memory is certain, so the cache is cleared. The
    /// connection is closed as well: SQLite may have rolled back by itself, and sqlx would then count a transaction
    /// that does not exist.
    async fn settle<T>(&mut self, outcome: Result<T, JournalError>) -> Result<T, JournalError> {
        if let Err(error) = &outcome {
            metrics::counter!("runcast_journal_failures_total", "work" => "write").increment(1);
            if !self.failing {
                tracing::warn!(%error, "journal writes fail");
            }
            self.failing = true;
            self.run_cache.clear();
            if let Some(connection) = self.connection.take() {
                // Closing rolls back an open transaction. If closing fails, a new connection is opened all the same.
                let _ = connection.close().await;
            }
        }
        outcome
    }

    /// Sets the clean mark at shutdown. If that fails, the next instance only checks more than it has to.
    async fn end(&mut self) {
        if let Some(connection) = self.connection.take() {
            let _ = connection.close().await;
        }
        let ended = match connection::writer(&self.options, SyncMode::Full).await {
            Ok(mut connection) => {
                let ended = instance::end(&mut connection).await;
                let _ = connection.close().await;
                ended
            }
            Err(error) => Err(unavailable(error)),
        };
        if let Err(error) = ended {
            tracing::warn!(%error, "the journal closed without its clean mark");
        }
    }
}

/// Sends an answer. A caller that stopped waiting repeats its append and finds it stored.
fn tell<T>(reply: oneshot::Sender<T>, answer: T) {
    let _ = reply.send(answer);
}

/// The connection; a new one is opened if the last one failed.
async fn open<'a>(
    slot: &'a mut Option<SqliteConnection>,
    options: &SqliteOptions,
) -> Result<&'a mut SqliteConnection, JournalError> {
    if slot.is_none() {
        *slot = Some(connection::writer(options, options.sync).await.map_err(unavailable)?);
    }
    slot.as_mut().ok_or_else(|| JournalError::Unavailable("no connection".into()))
}

/// Takes queued jobs: appends up to the bounds of a group, and the other job that ended them, if any.
fn gather(first: Job, jobs: &mut mpsc::Receiver<Job>) -> (Vec<PendingAppend>, Option<Job>) {
    let mut group = Vec::new();
    let mut bytes = 0;
    let mut next = Some(first);
    while let Some(job) = next {
        match job {
            Job::Append(pending) => {
                bytes += pending.bytes;
                group.push(pending);
            }
            other => return (group, Some(other)),
        }
        let full = group.len() >= GROUP_APPENDS || bytes >= GROUP_BYTES;
        next = if full { None } else { jobs.try_recv().ok() };
    }
    (group, None)
}

/// Writes as many bytes as a segment may have and deletes them again.
async fn try_write(connection: &mut SqliteConnection) -> Result<(), JournalError> {
    let sql = "INSERT INTO segments (key, first, epoch, at, body) VALUES (-1, 0, 0, 0, zeroblob(65536)); \
               DELETE FROM segments WHERE key = -1";
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)?;
    sqlx::raw_sql(sql).execute(&mut *transaction).await.map_err(unavailable)?;
    commit(transaction).await
}
