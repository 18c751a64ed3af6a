//! Where runs are moved from and to: the stores of a configuration.

use std::sync::Arc;

use anyhow::{Context as _, bail};

use super::super::stores::opened;
use crate::app::{open_catalog, open_objects, open_redis};
use crate::config::{CatalogSetting, Config, JournalUrl};
use crate::storage::catalog::WholeCatalog;
use crate::storage::catalog::postgres::PostgresCatalog;
use crate::storage::catalog::sqlite::SqliteCatalog;
use crate::storage::data_dir::DataDir;
use crate::storage::journal::Journal as _;
use crate::storage::journal::moving::{LogSource, LogTarget};
use crate::storage::journal::redis::RedisJournal;
use crate::storage::journal::redis::moving::RedisLog;
use crate::storage::journal::sqlite::moving::{SqliteImport, SqliteLog};
use crate::storage::objects::Objects;

/// Where runs come from.
pub(super) struct Source {
    pub(super) log: Box<dyn LogSource>,
    /// `None` when it is in memory, and nothing is known of artifacts.
    pub(super) catalog: Option<Arc<dyn WholeCatalog>>,
    redis: Option<Arc<RedisJournal>>,
}

/// Where runs go.
pub(super) struct Target {
    pub(super) log: Box<dyn LogTarget>,
    pub(super) catalog: Arc<dyn WholeCatalog>,
    /// The store of artifacts; `None` when none are kept.
    pub(super) objects: Option<Objects>,
    /// Held until the end: no node may start on what is being written.
    _data_dir: Option<DataDir>,
}

/// Opens the stores to read them, beside a node that uses them.
pub(super) async fn source(config: &Config) -> anyhow::Result<Source> {
    let path = |file| config.server.data_dir.join(file);
    let (log, redis): (Box<dyn LogSource>, _) = match &config.journal.url {
        JournalUrl::Memory => bail!("journal.url is memory: nothing outlives the node, and nothing can be exported"),
        JournalUrl::Sqlite(file) => {
            let log = SqliteLog::open(&path(file)).await;
            (Box::new(log.map_err(opened).context("journal.url")?), None)
        }
        JournalUrl::Redis => {
            let journal = redis(config).await?;
            (Box::new(RedisLog::new(journal.clone())), Some(journal))
        }
    };
    let catalog: Option<Arc<dyn WholeCatalog>> = match &config.catalog.url {
        CatalogSetting::Memory => None,
        CatalogSetting::Sqlite(file) => {
            let catalog = SqliteCatalog::open_to_read(&path(file)).await;
            Some(Arc::new(catalog.map_err(opened).context("catalog.url")?))
        }
        CatalogSetting::Postgres(url) => {
            let found = PostgresCatalog::inspect(url.reveal()).await.context("catalog.url")?;
            if let Some(obstacle) = found.obstacle {
                bail!("catalog.url: PostgreSQL at {} can't be used: {obstacle}", found.location);
            }
            Some(open_catalog(config).await.context("catalog.url")?)
        }
    };
    Ok(Source { log, catalog, redis })
}

/// Opens the stores to write to them: a cluster's beside its nodes, those of a single node only while it is stopped.
pub(super) async fn target(config: &Config) -> anyhow::Result<Target> {
    if matches!(config.catalog.url, CatalogSetting::Memory) {
        bail!("catalog.url is memory: what would be imported would be gone at once");
    }
    let data_dir = match config.is_cluster() {
        true => None,
        false => Some(DataDir::open(&config.server.data_dir).context("stop the node that the runs are moved to")?),
    };
    let log: Box<dyn LogTarget> = match &config.journal.url {
        JournalUrl::Memory => bail!("journal.url is memory: what would be imported would be gone at once"),
        JournalUrl::Sqlite(file) => {
            let import = SqliteImport::open(&config.server.data_dir.join(file)).await;
            Box::new(import.map_err(opened).context("journal.url")?)
        }
        JournalUrl::Redis => Box::new(RedisLog::new(redis(config).await?)),
    };
    let catalog = open_catalog(config).await.context("catalog.url")?;
    Ok(Target { log, catalog, objects: open_objects(config)?, _data_dir: data_dir })
}

async fn redis(config: &Config) -> anyhow::Result<Arc<RedisJournal>> {
    let mut config = config.clone();
    config.server.name_node();
    let journal = Arc::new(open_redis(&config)?);
    journal.first_attempt().await.context("journal.url")?;
    // The journal connects in the background. Whoever asks a tool wants to know now.
    journal.probe().await.context("redis.url")?;
    Ok(journal)
}

impl Source {
    pub(super) async fn close(&self) {
        if let Some(journal) = &self.redis {
            journal.close().await;
        }
        if let Some(catalog) = &self.catalog {
            catalog.close().await;
        }
    }
}

impl Target {
    pub(super) async fn close(mut self) {
        self.log.close().await;
        self.catalog.close().await;
    }
}
