//! A journal to test, of each implementation.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use runcast::storage::journal::memory::MemoryJournal;
use runcast::storage::journal::redis::{RedisJournal, RedisOptions};
use runcast::storage::journal::sqlite::{SqliteJournal, SqliteOptions};
use runcast::storage::journal::{Appended, Head, Journal, JournalLimits, Post, Refusal, Stored};
use runcast::storage::redis::RedisSettings;
use tempfile::TempDir;

use crate::journal::words::{ROOMY, append, log, post, run};
use crate::support::{RedisServer, SOON, eventually};

/// Which implementation.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Memory,
    Sqlite,
    Redis,
}

/// A journal of its own for one test.
pub(crate) struct Fixture {
    pub(crate) journal: Arc<dyn Journal>,
    limits: JournalLimits,
    dir: Option<TempDir>,
    server: Option<RedisServer>,
}

impl Kind {
    pub(crate) async fn open(self) -> Fixture {
        self.open_with(ROOMY).await
    }

    pub(crate) async fn open_with(self, limits: JournalLimits) -> Fixture {
        match self {
            Self::Memory => Fixture { journal: Arc::new(MemoryJournal::new(limits)), limits, dir: None, server: None },
            Self::Sqlite => {
                let dir = tempfile::tempdir().unwrap();
                let journal = sqlite(dir.path(), limits).await;
                Fixture { journal, limits, dir: Some(dir), server: None }
            }
            Self::Redis => {
                let server = RedisServer::start().await;
                let journal = Arc::new(RedisJournal::open(redis_options(&server, limits)));
                Fixture { journal, limits, dir: None, server: Some(server) }
            }
        }
    }
}

async fn sqlite(dir: &Path, limits: JournalLimits) -> Arc<dyn Journal> {
    Arc::new(SqliteJournal::open(SqliteOptions::new(dir.join("journal.db"), limits)).await.unwrap())
}

pub(crate) fn redis_options(server: &RedisServer, limits: JournalLimits) -> RedisOptions {
    let settings = RedisSettings {
        url: server.url().parse().unwrap(),
        ca_file: None,
        command_timeout: Duration::from_secs(5),
        client_name: "runcast".into(),
        purpose: "test",
    };
    RedisOptions {
        prefix: "t".into(),
        node: "node".into(),
        limits,
        settings,
        max_clock_step: Duration::from_secs(3_600),
    }
}

impl Fixture {
    /// The same store, opened by another instance that remembers nothing. The journal in memory has no other.
    pub(crate) async fn reopened(mut self) -> Self {
        if let Some(dir) = &self.dir {
            self.journal.close().await;
            self.journal = sqlite(dir.path(), self.limits).await;
        } else if let Some(server) = &self.server {
            self.journal.close().await;
            self.journal = Arc::new(RedisJournal::open(redis_options(server, self.limits)));
        }
        self
    }

    /// The same store after it may have lost writes, in another epoch; nothing was lost. `None` for the journal in
    /// memory: nobody outlives what it loses.
    pub(crate) async fn after_a_loss(mut self) -> Option<Self> {
        if let Some(dir) = &self.dir {
            self.journal.close().await;
            std::fs::remove_file(dir.path().join("journal.db-instance")).unwrap();
            self.journal = sqlite(dir.path(), self.limits).await;
            return Some(self);
        }
        let server = self.server.as_mut()?;
        let copy = server.snapshot();
        self.journal.append(append(&*self.journal, "is-lost", vec![post("a", 1..=1)])).await.unwrap();
        server.restart_with(&copy).await;
        eventually!(
            self.journal.head(&run("is-lost")).await,
            |head| head.as_ref().is_ok_and(|head| head.tip == 0),
            SOON
        )
        .unwrap();
        Some(self)
    }

    pub(crate) async fn head(&self, name: &str) -> Head {
        self.journal.head(&run(name)).await.unwrap()
    }

    /// Waits until what is stored is dated later than what was stored before.
    pub(crate) async fn later(&self) {
        let now = self.journal.now();
        eventually!(self.journal.now(), |later| *later > now, SOON);
    }

    /// Appends posts that the journal takes.
    pub(crate) async fn append(&self, name: &str, posts: Vec<Post>) -> Stored {
        self.journal.append(append(&*self.journal, name, posts)).await.unwrap()
    }

    /// Appends one post.
    pub(crate) async fn post(&self, name: &str, one: Post) -> Result<Appended, Refusal> {
        self.append(name, vec![one]).await.outcomes.remove(0)
    }

    /// The whole log of a run.
    pub(crate) async fn log(&self, name: &str) -> Vec<String> {
        log(&*self.journal, name).await
    }
}
