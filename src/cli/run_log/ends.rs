//! Where runs are moved from and to: the stores of a configuration.

use std::sync::Arc;

use anyhow::{Context as _, bail};

use super::super::stores::opened;
use crate::app::{open_catalog, open_objects, open_redis, redis_settings};
use crate::config::{CatalogSetting, Config, JournalUrl};
use crate::storage::catalog::WholeCatalog;
use crate::storage::catalog::postgres::PostgresCatalog;
use crate::storage::catalog::sqlite::SqliteCatalog;
use crate::storage::data_dir::DataDir;
use crate::storage::format::REDIS_JOURNAL;
use crate::storage::journal::Journal as _;
use crate::storage::journal::moving::{LogSource, LogTarget};
use crate::storage::journal::redis::moving::RedisLog;
use crate::storage::journal::redis::{RedisJournal, stored_format};
use crate::storage::journal::sqlite::moving::{SqliteImport, SqliteLog};
use crate::storage::objects::Objects;
use crate::storage::redis::Link;

/// Where runs come from.
pub(super) struct ExportStores {
    pub(super) log: Box<dyn LogSource>,
    /// `None` when it is in memory, and nothing is known of artifacts.
    pub(super) catalog: Option<Arc<dyn WholeCatalog>>,
    redis: Option<Arc<RedisJournal>>,
}

/// Where runs go.
pub(super) struct ImportStores {
    pub(super) log: Box<dyn LogTarget>,
    pub(super) catalog: Arc<dyn WholeCatalog>,
    /// The store of artifacts; `None` when none are kept.
    pub(super) objects: Option<Objects>,
    /// Held until the end: no node may start on what is being written.
    _data_dir: Option<DataDir>,
}

/// Opens the stores to read them, beside a node that uses them.
pub(super) async fn source(config: &Config) -> anyhow::Result<ExportStores> {
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
        CatalogSetting::Postgres(_) => {
            check_postgres(config).await?;
            Some(open_catalog(config).await.context("catalog.url")?)
        }
    };
    Ok(ExportStores { log, catalog, redis })
}

/// Opens the stores to write to them: a cluster's beside its nodes, those of a single node only while it is stopped.
pub(super) async fn target(config: &Config) -> anyhow::Result<ImportStores> {
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
    check_postgres(config).await?;
    let catalog = open_catalog(config).await.context("catalog.url")?;
    Ok(ImportStores { log, catalog, objects: open_objects(config)?, _data_dir: data_dir })
}

async fn redis(config: &Config) -> anyhow::Result<Arc<RedisJournal>> {
    let mut config = config.clone();
    config.server.name_node();
    let mut link = Link::connect(&redis_settings(&config, "format")?).await.context("redis.url")?;
    let format = stored_format(&mut link, &config.redis.prefix).await.map_err(opened).context("journal.url")?;
    refuse_older("the journal in Redis", format, REDIS_JOURNAL)?;
    let journal = Arc::new(open_redis(&config)?);
    journal.first_attempt().await.context("journal.url")?;
    // The journal connects in the background. Whoever asks a tool wants to know now.
    journal.probe().await.context("redis.url")?;
    Ok(journal)
}

/// Checks a catalog in PostgreSQL before it is opened, which brings it up to this build's format.
async fn check_postgres(config: &Config) -> anyhow::Result<()> {
    let CatalogSetting::Postgres(url) = &config.catalog.url else { return Ok(()) };
    let found = PostgresCatalog::inspect(url.reveal()).await.context("catalog.url")?;
    if let Some(obstacle) = found.obstacle {
        bail!("catalog.url: PostgreSQL at {} can't be used: {obstacle}", found.location);
    }
    refuse_older("the catalog in PostgreSQL", found.format, found.known)
}

/// Refuses what nodes of an older build use: they could not any more. Version 0 is a store that is yet to be made.
fn refuse_older(store: &str, format: u32, known: u32) -> anyhow::Result<()> {
    if format != 0 && format < known {
        bail!(
            "{store} has format version {format}, and this build's is {known}: use the build that the nodes run, or \
             upgrade them first"
        );
    }
    Ok(())
}

impl ExportStores {
    pub(super) async fn close(&self) {
        if let Some(journal) = &self.redis {
            journal.close().await;
        }
        if let Some(catalog) = &self.catalog {
            catalog.close().await;
        }
    }
}

impl ImportStores {
    pub(super) async fn close(mut self) {
        self.log.close().await;
        self.catalog.close().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_nodes_of_an_older_build_use_is_not_taken_from_them() {
        assert!(refuse_older("it", 0, 3).is_ok() && refuse_older("it", 3, 3).is_ok());
        let refused = refuse_older("it", 2, 3).unwrap_err().to_string();
        assert!(refused.starts_with("it has format version 2, and this build's is 3"), "{refused}");
    }
}
