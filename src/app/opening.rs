//! Opening storage as the configuration says.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use super::Storage;
use crate::config::{self, CatalogUrl, Config, JournalUrl};
use crate::storage::catalog::postgres::PostgresCatalog;
use crate::storage::catalog::sqlite::SqliteCatalog;
use crate::storage::catalog::{self, Catalog};
use crate::storage::data_dir::DataDir;
use crate::storage::journal::memory::MemoryJournal;
use crate::storage::journal::sqlite::{self, SqliteJournal, SqliteOptions};
use crate::storage::journal::{Journal, Limits};

/// What the catalog says where the runs of a single node have their logs.
const HOME_OF_ONE: &str = "local";

impl Storage {
    /// Opens the journal and the catalog; the data directory, if there is one, stays locked while the result lives.
    pub async fn open(config: &Config) -> Result<Self, anyhow::Error> {
        // The nodes of a cluster keep nothing: several may run in one directory, and where none can be written.
        let data_dir = if config.is_cluster() { None } else { Some(DataDir::open(&config.server.data_dir)?) };
        let journal = open_journal(config).await.context("journal.url")?;
        let catalog = open_catalog(config).await.context("catalog.url")?;
        Ok(Self { journal, catalog, data_dir: data_dir.map(Arc::new) })
    }

    /// Finishes what is queued, and marks the end of this life as a clean one.
    pub async fn close(&self) {
        self.journal.close().await;
        self.catalog.close().await;
    }
}

async fn open_journal(config: &Config) -> Result<Arc<dyn Journal>, anyhow::Error> {
    const DAY: Duration = Duration::from_secs(86_400);
    let journal = &config.journal;
    let limits = Limits { max_run_bytes: journal.max_run_bytes, tombstone: DAY * journal.tombstone_days as u32 };
    let path = match &journal.url {
        JournalUrl::Memory => return Ok(Arc::new(MemoryJournal::new(limits))),
        JournalUrl::Sqlite(path) => config.server.data_dir.join(path),
        JournalUrl::Redis => anyhow::bail!("a journal in Redis can't be opened by this build"),
    };
    let sync = match journal.sync {
        config::SyncMode::Normal => sqlite::SyncMode::Normal,
        config::SyncMode::Full => sqlite::SyncMode::Full,
    };
    let options = SqliteOptions {
        sync,
        min_free_bytes: journal.min_free_bytes,
        queue_bytes: journal.queue_bytes,
        ..SqliteOptions::new(path, limits)
    };
    Ok(Arc::new(SqliteJournal::open(options).await?))
}

async fn open_catalog(config: &Config) -> Result<Arc<dyn Catalog>, anyhow::Error> {
    let url = match &config.catalog.url {
        CatalogUrl::Memory => catalog::sqlite::CatalogUrl::Memory,
        CatalogUrl::Sqlite(path) => catalog::sqlite::CatalogUrl::Sqlite(config.server.data_dir.join(path)),
        CatalogUrl::Postgres(url) => {
            let home = if config.is_cluster() { &config.redis.prefix } else { HOME_OF_ONE };
            return Ok(Arc::new(PostgresCatalog::open(url.reveal(), home).await?));
        }
    };
    Ok(Arc::new(SqliteCatalog::open(&url).await?))
}
