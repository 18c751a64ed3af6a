//! The journal in one SQLite file, for a single node without any set-up.
//!
//! One task writes (`writer`): everything that is queued, in one transaction. A few connections read. An append is
//! answered after its commit.
//!
//! # What a fault can lose
//! | `journal.sync` | process killed | power lost, kernel crash | older copy of the file put back |
//! |---|---|---|---|
//! | `normal` (default) | nothing | the last half minute or less: what the kernel had yet to write | what came after |
//! | `full` | nothing | nothing | what came after |
//!
//! "Nothing" is about acknowledged events. Whatever was lost, one seq never names two events in one epoch:
//!
//! | the last instance ended by | noticed by | then |
//! |---|---|---|
//! | a clean shutdown | its clean mark | the same epoch goes on |
//! | a killed process | no clean mark, the same boot id: the kernel still has the writes | the same epoch goes on |
//! | power loss under `normal` | no clean mark, another boot id | a new epoch, an `error` in the log |
//! | power loss under `full` | the same | a new epoch, a `warn`: nothing should be missing |
//! | an older copy put back | the `-instance` file beside it names another instance, or is missing | a new epoch, an `error` |
//!
//! A new epoch costs nothing when nothing was lost: every cursor up to the surviving tip stays valid. So the journal
//! opens one whenever there is doubt. One case can't be noticed: a whole directory is put back, `-instance` included,
//! as it was after a clean shutdown or within the same boot. Whoever restores one must delete `journal.db-instance`;
//! `runcast restore` leaves it out.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use sqlx::sqlite::{Sqlite, SqlitePool};
use sqlx::{Executor as _, Transaction};
use tokio::sync::{Semaphore, mpsc, oneshot};

use self::rows::heads;
use self::sweep::{ExpiryProgress, ExpiryStep};
use self::writer::{Job, JournalWriter, PendingAppend};
use super::{Append, Expired, Head, Journal, JournalError, JournalLimits, Removal, RunPage, RunPosition, Stored};
use crate::protocol::{Clock, Cursor, Epoch, RunId, Segment, Seq, Timestamp};
use crate::storage::format::OpenError;
use crate::tasks;

pub use format::stored_format;
pub use instance::boot_id;

mod connection;
pub mod copy;
mod disk;
mod due;
mod format;
mod group;
mod instance;
mod listing;
pub mod moving;
mod reads;
mod rows;
mod run_cache;
mod sweep;
#[cfg(test)]
mod tests_of_plans;
mod writer;

/// Largest `journal.max_run_bytes`: it keeps a run's last seq within the 32 bits that the keys of its segments have.
pub const MAX_RUN_BYTES: u64 = 32 * 1024 * 1024 * 1024;

/// `journal.sync`: how far a write must have got when a commit returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SyncMode {
    /// The kernel has the write: it survives the end of the process.
    #[default]
    Normal,
    /// The disk has the write: it survives a power loss.
    Full,
}

/// How to open a [`SqliteJournal`].
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    /// The database file; `-wal`, `-shm` and `-instance` files stand beside it.
    pub path: PathBuf,
    /// How far a write must have got when a commit returns.
    pub sync: SyncMode,
    /// The limits of every journal; `max_run_bytes` is at most [`MAX_RUN_BYTES`].
    pub limits: JournalLimits,
    /// Appends fail as unavailable while fewer bytes are free on the file's disk; 0 checks nothing.
    pub min_free_bytes: u64,
    /// The id of this boot of the machine; `None` takes the kernel's boot id.
    pub boot_id: Option<String>,
    /// Most bytes of the database file; appends that would exceed it fail as unavailable.
    pub max_db_bytes: Option<u64>,
    /// Most appends in the write queue.
    pub queue_appends: usize,
    /// Most bytes of events in the write queue.
    pub queue_bytes: usize,
    /// The clock of journal times.
    pub clock: Clock,
}

impl SqliteOptions {
    /// The defaults for a database at `path`.
    pub fn new(path: impl Into<PathBuf>, limits: JournalLimits) -> Self {
        Self {
            path: path.into(),
            sync: SyncMode::default(),
            limits,
            min_free_bytes: 0,
            boot_id: None,
            max_db_bytes: None,
            queue_appends: 4096,
            queue_bytes: 64 * 1024 * 1024,
            clock: Clock::default(),
        }
    }

    fn directory(&self) -> &Path {
        self.path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }
}

/// The journal in a SQLite file: hands appends to the writer and reads by itself.
#[derive(Debug)]
pub struct SqliteJournal {
    jobs: mpsc::Sender<Job>,
    /// Bytes that are still free in the write queue.
    room: Arc<Semaphore>,
    queue_bytes: usize,
    readers: SqlitePool,
    incarnation: Epoch,
    clock: Clock,
}

impl SqliteJournal {
    /// Opens the database, creating it if missing, judges how its last instance ended, and starts the writer on the
    /// current runtime. The caller makes sure that no other process has the database open (`DataDir`).
    ///
    /// # Errors
    /// [`OpenError::NewerFormat`]: a newer build wrote it; nothing was changed. [`OpenError::Failed`]: all else.
    pub async fn open(options: SqliteOptions) -> Result<Self, OpenError<JournalError>> {
        // Checked before the writer connects, because connecting writes settings to the file.
        stored_format(&options.path).await?;
        Ok(Self::begin(options).await?)
    }

    async fn begin(options: SqliteOptions) -> Result<Self, JournalError> {
        if options.limits.max_run_bytes > MAX_RUN_BYTES {
            return Err(JournalError::Unavailable(format!("journal.max_run_bytes is more than {MAX_RUN_BYTES}")));
        }
        let mut connection = connection::writer(&options, SyncMode::Full).await.map_err(unavailable)?;
        connection::migrate(&mut connection).await?;
        format::take_over(&mut connection, &options.path).await?;
        let epochs = instance::begin(&mut connection, &options).await?;
        if options.sync == SyncMode::Normal {
            connection.execute("PRAGMA synchronous = NORMAL").await.map_err(unavailable)?;
        }
        let options = Arc::new(options);
        let (jobs, queue) = mpsc::channel(options.queue_appends.max(1));
        let queue_bytes = options.queue_bytes.clamp(1, u32::MAX as usize);
        let (readers, clock) = (connection::readers(&options), options.clock.clone());
        drop(tasks::spawn(writer::NAME, JournalWriter::new(options, epochs, connection).await?.run(queue)));
        let room = Arc::new(Semaphore::new(queue_bytes));
        Ok(Self { jobs, room, queue_bytes, readers, incarnation: epochs.incarnation, clock })
    }

    /// Queues a job, waiting for room in the queue, and waits for its answer.
    async fn ask<T>(
        &self,
        job: impl FnOnce(oneshot::Sender<Result<T, JournalError>>) -> Job,
    ) -> Result<T, JournalError> {
        let (reply, answer) = oneshot::channel();
        self.jobs.send(job(reply)).await.map_err(|_| closed())?;
        answer.await.map_err(|_| stopped())?
    }

    /// Removes the events of the runs that a step has marked.
    async fn trim(&self, marked: ExpiryProgress) -> Result<Vec<RunId>, JournalError> {
        let mut runs = Vec::with_capacity(marked.runs.len());
        for (number, run) in marked.runs {
            while self.step(ExpiryStep::Trim { number }).await?.more {}
            runs.extend(run);
        }
        while self.step(ExpiryStep::Shrink).await?.more {}
        Ok(runs)
    }

    async fn step(&self, step: ExpiryStep) -> Result<ExpiryProgress, JournalError> {
        self.ask(|reply| Job::Sweep(step, reply)).await
    }
}

#[async_trait]
impl Journal for SqliteJournal {
    async fn append(&self, append: Append) -> Result<Stored, JournalError> {
        let bytes = append.posts.iter().map(|post| post.lines.bytes().len()).sum::<usize>();
        let share = bytes.clamp(1, self.queue_bytes) as u32;
        let share = self.room.clone().try_acquire_many_owned(share).map_err(|_| JournalError::Saturated)?;
        let (reply, answer) = oneshot::channel();
        let job = Job::Append(PendingAppend { append, bytes, reply, _share: share });
        self.jobs.try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => JournalError::Saturated,
            mpsc::error::TrySendError::Closed(_) => closed(),
        })?;
        answer.await.map_err(|_| stopped())?
    }

    async fn head(&self, run: &RunId) -> Result<Head, JournalError> {
        let query = sqlx::query(heads!("", "WHERE r.run = ?")).bind(run.as_str());
        let found = query.fetch_optional(&self.readers).await.map_err(read_failed)?;
        let head = found.map(|row| rows::head(&row, self.incarnation)).transpose().map_err(read_failed)?;
        Ok(head.map_or_else(Head::unborn, |found| found.head))
    }

    async fn settled_head(&self, run: &RunId) -> Result<Head, JournalError> {
        self.ask(|reply| Job::Head(run.clone(), reply)).await
    }

    async fn read(&self, run: &RunId, after: Seq, max_bytes: usize) -> Result<Vec<Arc<Segment>>, JournalError> {
        reads::all(&self.readers, run, after, max_bytes).await.map_err(read_failed)
    }

    async fn read_control(&self, run: &RunId, after: Seq, max_bytes: usize) -> Result<Vec<Arc<Segment>>, JournalError> {
        reads::control(&self.readers, run, after, max_bytes).await.map_err(read_failed)
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<RunId>, JournalError> {
        due::list(&self.readers, now, limit).await.map_err(read_failed)
    }

    async fn settle_due(
        &self,
        run: &RunId,
        control: Option<Cursor>,
        due: Option<Timestamp>,
    ) -> Result<(), JournalError> {
        self.ask(|reply| Job::SettleDue(run.clone(), control, due, reply)).await
    }

    async fn changed_since(
        &self,
        since: Timestamp,
        after: Option<&RunPosition>,
        limit: usize,
    ) -> Result<RunPage, JournalError> {
        listing::CHANGED.page(&self.readers, self.incarnation, since, after, limit).await
    }

    async fn idle_since(
        &self,
        before: Timestamp,
        ended: bool,
        after: Option<&RunPosition>,
        limit: usize,
    ) -> Result<RunPage, JournalError> {
        let idle = if ended { listing::IDLE_ENDED } else { listing::IDLE_OPEN };
        idle.page(&self.readers, self.incarnation, before, after, limit).await
    }

    async fn gone_since(&self, since: Timestamp, limit: usize) -> Result<Vec<RunId>, JournalError> {
        listing::gone(&self.readers, since, limit).await.map_err(read_failed)
    }

    async fn expire(&self, before: Timestamp, limit: usize) -> Result<Expired, JournalError> {
        while let Ok(now) = self.clock.check()
            && self.step(ExpiryStep::Bury { now }).await?.more
        {}
        let Ok(now) = self.clock.check() else { return Ok(Expired::default()) };
        let marked = self.step(ExpiryStep::Mark { now, before, limit }).await?;
        let more = marked.more;
        Ok(Expired { runs: self.trim(marked).await?, more })
    }

    async fn remove(&self, run: &RunId, even_live: bool) -> Result<Removal, JournalError> {
        let mark = ExpiryStep::MarkRun { now: self.now(), run: run.clone(), even_live };
        let marked = self.step(mark).await?;
        let removal = marked.removal;
        self.trim(marked).await?;
        Ok(removal)
    }

    fn clock(&self) -> &Clock {
        &self.clock
    }

    async fn probe(&self) -> Result<(), JournalError> {
        self.readers.execute("SELECT 1 FROM meta").await.map_err(read_failed)?;
        self.ask(Job::Probe).await
    }

    async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.jobs.send(Job::Close(done)).await.is_ok() {
            // The wait fails only if the writer has stopped, and then nothing is left to wait for.
            let _ = closed.await;
        }
        self.readers.close().await;
    }
}

/// Commits. A failure before that has stored nothing; a failed commit may have stored everything.
async fn commit(transaction: Transaction<'_, Sqlite>) -> Result<(), JournalError> {
    transaction.commit().await.map_err(commit_failed)
}

fn commit_failed(error: sqlx::Error) -> JournalError {
    const BUSY: i32 = 5;
    const FULL: i32 = 13;
    let code = error.as_database_error().and_then(|error| error.code()?.parse::<i32>().ok());
    match code.map(|code| code & 0xff) {
        // The commit record itself was not written.
        Some(BUSY | FULL) => unavailable(error),
        _ => JournalError::OutcomeUnknown(error.to_string()),
    }
}

fn unavailable(error: sqlx::Error) -> JournalError {
    JournalError::Unavailable(error.to_string())
}

fn read_failed(error: sqlx::Error) -> JournalError {
    metrics::counter!("runcast_journal_failures_total", "work" => "read").increment(1);
    unavailable(error)
}

fn closed() -> JournalError {
    JournalError::Unavailable("the journal is closed".into())
}

fn stopped() -> JournalError {
    JournalError::OutcomeUnknown("the journal's writer stopped".into())
}

#[cfg(test)]
mod tests {
    use sqlx::{Connection as _, SqliteConnection};

    use super::*;

    #[tokio::test]
    async fn a_failed_commit_leaves_the_outcome_unknown() {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        let tables = "CREATE TABLE parent (id INTEGER PRIMARY KEY); \
                      CREATE TABLE child (id REFERENCES parent DEFERRABLE INITIALLY DEFERRED)";
        connection.execute(tables).await.unwrap();
        let mut transaction = connection.begin().await.unwrap();
        transaction.execute("INSERT INTO child VALUES (7)").await.unwrap();
        assert!(matches!(commit(transaction).await, Err(JournalError::OutcomeUnknown(_))));
    }
}
