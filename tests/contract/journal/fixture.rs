//! A journal to test, of each implementation.

use std::sync::Arc;
use std::time::Duration;

use runcast::storage::journal::memory::MemoryJournal;
use runcast::storage::journal::redis::{RedisJournal, RedisOptions};
use runcast::storage::journal::sqlite::{SqliteJournal, SqliteOptions};
use runcast::storage::journal::{Appended, Journal, JournalLimits, Post, Refusal, Stored};
use runcast::storage::redis::RedisSettings;
use tempfile::TempDir;

use crate::journal::words::{ROOMY, append, log};
use crate::support::RedisServer;

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
    _dir: Option<TempDir>,
    _server: Option<RedisServer>,
}

impl Kind {
    pub(crate) async fn open(self) -> Fixture {
        self.open_with(ROOMY).await
    }

    pub(crate) async fn open_with(self, limits: JournalLimits) -> Fixture {
        match self {
            Self::Memory => Fixture { journal: Arc::new(MemoryJournal::new(limits)), _dir: None, _server: None },
            Self::Sqlite => {
                let dir = tempfile::tempdir().unwrap();
                let options = SqliteOptions::new(dir.path().join("journal.db"), limits);
                let journal = Arc::new(SqliteJournal::open(options).await.unwrap());
                Fixture { journal, _dir: Some(dir), _server: None }
            }
            Self::Redis => {
                let server = RedisServer::start().await;
                let journal = Arc::new(RedisJournal::open(redis_options(&server, limits)));
                Fixture { journal, _dir: None, _server: Some(server) }
            }
        }
    }
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
