//! A journal in memory with something that goes wrong before it is asked.

use std::sync::Arc;

use async_trait::async_trait;
use runcast::protocol::{Clock, Cursor, RunId, Segment, Seq, Timestamp};
use runcast::storage::journal::memory::MemoryJournal;
use runcast::storage::journal::{Append, Expired, Head, Journal, JournalError, Removal, RunPage, RunPosition, Stored};

/// What goes wrong.
pub(crate) trait Fault: Send + Sync + 'static {
    /// Before an append; an error is its answer.
    fn before_append(&self, append: &Append) -> Result<(), JournalError>;
    /// Before a head is told.
    fn before_head(&self, _: &RunId) {}
    /// Before runs that are due are looked for.
    fn before_due(&self) {}
    /// Before idle runs are looked for.
    fn before_sweep(&self) {}
}

/// See the module.
pub(crate) struct FaultyJournal<F> {
    pub(crate) inner: MemoryJournal,
    pub(crate) fault: F,
}

#[async_trait]
impl<F: Fault> Journal for FaultyJournal<F> {
    async fn append(&self, append: Append) -> Result<Stored, JournalError> {
        self.fault.before_append(&append)?;
        self.inner.append(append).await
    }
    async fn head(&self, run: &RunId) -> Result<Head, JournalError> {
        self.fault.before_head(run);
        self.inner.head(run).await
    }
    async fn settled_head(&self, run: &RunId) -> Result<Head, JournalError> {
        self.fault.before_head(run);
        self.inner.settled_head(run).await
    }
    async fn read(&self, run: &RunId, after: Seq, max_bytes: usize) -> Result<Vec<Arc<Segment>>, JournalError> {
        self.inner.read(run, after, max_bytes).await
    }
    async fn read_control(&self, run: &RunId, after: Seq, max_bytes: usize) -> Result<Vec<Arc<Segment>>, JournalError> {
        self.inner.read_control(run, after, max_bytes).await
    }
    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<RunId>, JournalError> {
        self.fault.before_due();
        self.inner.due(now, limit).await
    }
    async fn settle_due(
        &self,
        run: &RunId,
        control: Option<Cursor>,
        due: Option<Timestamp>,
    ) -> Result<(), JournalError> {
        self.inner.settle_due(run, control, due).await
    }
    async fn changed_since(
        &self,
        since: Timestamp,
        after: Option<&RunPosition>,
        limit: usize,
    ) -> Result<RunPage, JournalError> {
        self.inner.changed_since(since, after, limit).await
    }
    async fn idle_since(
        &self,
        before: Timestamp,
        ended: bool,
        after: Option<&RunPosition>,
        limit: usize,
    ) -> Result<RunPage, JournalError> {
        self.fault.before_sweep();
        self.inner.idle_since(before, ended, after, limit).await
    }
    async fn gone_since(&self, since: Timestamp, limit: usize) -> Result<Vec<RunId>, JournalError> {
        self.inner.gone_since(since, limit).await
    }
    async fn remove(&self, run: &RunId, even_live: bool) -> Result<Removal, JournalError> {
        self.inner.remove(run, even_live).await
    }
    async fn expire(&self, before: Timestamp, limit: usize) -> Result<Expired, JournalError> {
        self.inner.expire(before, limit).await
    }
    fn clock(&self) -> &Clock {
        self.inner.clock()
    }
    async fn probe(&self) -> Result<(), JournalError> {
        self.inner.probe().await
    }
    async fn close(&self) {
        self.inner.close().await;
    }
}
