//! Runs that can't be closed, under a running node.
//! Promised in docs/reliability.md, "Abuse".

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt as _;
use runcast::app::Storage;
use runcast::protocol::{Clock, RunId, Segment, Seq, Timestamp};
use runcast::storage::catalog::sqlite::{CatalogUrl, SqliteCatalog};
use runcast::storage::journal::memory::MemoryJournal;
use runcast::storage::journal::{
    Append, Expired, Head, Journal, JournalError, Limits, RunPage, RunPhase, RunPlace, Stored,
};
use serde_json::json;
use tokio::time::timeout;

use crate::node::{LocalNode, PATIENCE, run};

/// A journal that seals none of the runs "stuck-..", and counts how often it was to.
struct Stuck {
    inner: MemoryJournal,
    refused: Mutex<HashMap<RunId, usize>>,
}

#[async_trait]
impl Journal for Stuck {
    async fn append(&self, append: Append) -> Result<Stored, JournalError> {
        let seals = append.posts.iter().any(|post| post.seals);
        if seals && append.run.as_str().starts_with("stuck-") {
            *self.refused.lock().unwrap().entry(append.run).or_default() += 1;
            return Err(JournalError::Unavailable("stuck".into()));
        }
        self.inner.append(append).await
    }
    async fn head(&self, run: &RunId) -> Result<Head, JournalError> {
        self.inner.head(run).await
    }
    async fn settled_head(&self, run: &RunId) -> Result<Head, JournalError> {
        self.inner.settled_head(run).await
    }
    async fn read(&self, run: &RunId, after: Seq, max_bytes: usize) -> Result<Vec<Arc<Segment>>, JournalError> {
        self.inner.read(run, after, max_bytes).await
    }
    async fn changed_since(
        &self,
        since: Timestamp,
        after: Option<&RunPlace>,
        limit: usize,
    ) -> Result<RunPage, JournalError> {
        self.inner.changed_since(since, after, limit).await
    }
    async fn idle_since(
        &self,
        before: Timestamp,
        ended: bool,
        after: Option<&RunPlace>,
        limit: usize,
    ) -> Result<RunPage, JournalError> {
        self.inner.idle_since(before, ended, after, limit).await
    }
    async fn gone_since(&self, since: Timestamp, limit: usize) -> Result<Vec<RunId>, JournalError> {
        self.inner.gone_since(since, limit).await
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

#[tokio::test]
async fn runs_that_can_not_be_closed_do_not_hold_up_four_others() {
    // More than one sweep goes through: ten steps of two runs.
    const STUCK: usize = 25;
    let limits = Limits { max_run_bytes: 1 << 20, tombstone: Duration::from_secs(3_600) };
    let journal = Arc::new(Stuck { inner: MemoryJournal::new(limits), refused: Mutex::default() });
    let stuck = journal.clone();
    let node = LocalNode::start(
        |config| {
            config.journal.sweep_secs = 1;
            config.journal.sweep_batch = 2;
            config.journal.seal_hours = 0;
        },
        move || {
            async move {
                let catalog = Arc::new(SqliteCatalog::open(&CatalogUrl::Memory).await.unwrap());
                Storage { journal: stuck, catalog, redis: None, presence: None, depot: None, data_dir: None }
            }
            .boxed_local()
        },
    )
    .await;
    let ended = json!({"type": "run_status", "status": "failed"});
    for n in 0..STUCK {
        assert_eq!(node.post(&format!("stuck-{n}"), &ended).await.0, 202);
    }
    for n in 0..4 {
        assert_eq!(node.post(&format!("ordinary-{n}"), &ended).await.0, 202);
    }
    let sealed = async |name: &str| journal.head(&run(name)).await.unwrap().phase == RunPhase::Sealed;
    let all_sealed = async {
        for n in 0..4 {
            while !sealed(&format!("ordinary-{n}")).await {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    };
    timeout(PATIENCE, all_sealed).await.expect("four ordinary runs are sealed");
    let tried = || journal.refused.lock().unwrap().values().filter(|times| **times >= 2).count();
    let come_back = async {
        while tried() < STUCK {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, come_back).await.expect("each of the others is tried again");
    node.stop();
}
