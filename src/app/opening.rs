//! Opening storage as the configuration says.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use super::Storage;
use crate::config::{self, Config};
use crate::storage::catalog::Catalog;
use crate::storage::catalog::sqlite::{CatalogUrl, SqliteCatalog};
use crate::storage::data_dir::DataDir;
use crate::storage::journal::memory::MemoryJournal;
use crate::storage::journal::sqlite::{self, SqliteJournal, SqliteOptions};
use crate::storage::journal::{Journal, Limits};

impl Storage {
    /// Opens the journal and the catalog; the data directory stays locked while the result lives.
    pub async fn open(config: &Config) -> Result<Self, anyhow::Error> {
        let data_dir = DataDir::open(&config.server.data_dir)?;
        let journal = open_journal(config, data_dir.path()).await.context("journal.url")?;
        let catalog = open_catalog(config, data_dir.path()).await.context("catalog.url")?;
        Ok(Self { journal, catalog, data_dir: Some(Arc::new(data_dir)) })
    }

    /// Finishes what is queued, and marks the end of this life as a clean one.
    pub async fn close(&self) {
        self.journal.close().await;
        self.catalog.close().await;
    }
}

async fn open_journal(config: &Config, data_dir: &Path) -> Result<Arc<dyn Journal>, anyhow::Error> {
    const DAY: Duration = Duration::from_secs(86_400);
    let journal = &config.journal;
    let limits = Limits { max_run_bytes: journal.max_run_bytes, tombstone: DAY * journal.tombstone_days as u32 };
    let Some(path) = journal.url.path_in(data_dir) else { return Ok(Arc::new(MemoryJournal::new(limits))) };
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

async fn open_catalog(config: &Config, data_dir: &Path) -> Result<Arc<dyn Catalog>, anyhow::Error> {
    let url = match config.catalog.url.path_in(data_dir) {
        Some(path) => CatalogUrl::Sqlite(path),
        None => CatalogUrl::Memory,
    };
    Ok(Arc::new(SqliteCatalog::open(&url).await?))
}
