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
use crate::storage::journal::redis::{RedisJournal, RedisOptions};
use crate::storage::journal::sqlite::{self, SqliteJournal, SqliteOptions};
use crate::storage::journal::{Journal, Limits};
use crate::storage::presence::{Register, RegisterOptions};
use crate::storage::redis::RedisSettings;

/// What the catalog says where the runs of a single node have their logs.
const HOME_OF_ONE: &str = "local";

impl Storage {
    /// Opens the journal and the catalog; the data directory, if there is one, stays locked while the result lives.
    pub async fn open(config: &Config) -> Result<Self, anyhow::Error> {
        // The nodes of a cluster keep nothing: several may run in one directory, and where none can be written.
        let data_dir = if config.is_cluster() { None } else { Some(DataDir::open(&config.server.data_dir)?) };
        let redis = match config.journal.url {
            JournalUrl::Redis => Some(Arc::new(open_redis(config)?)),
            JournalUrl::Memory | JournalUrl::Sqlite(_) => None,
        };
        let journal: Arc<dyn Journal> = match &redis {
            Some(journal) => journal.clone(),
            None => open_journal(config).await.context("journal.url")?,
        };
        let catalog = open_catalog(config).await.context("catalog.url")?;
        let presence = if config.is_cluster() { Some(Arc::new(open_register(config)?)) } else { None };
        Ok(Self { journal, catalog, redis, presence, data_dir: data_dir.map(Arc::new) })
    }
}

fn limits(config: &Config) -> Limits {
    const DAY: Duration = Duration::from_secs(86_400);
    let journal = &config.journal;
    Limits { max_run_bytes: journal.max_run_bytes, tombstone: DAY * journal.tombstone_days as u32 }
}

/// The journal that all nodes share. It connects in the background: a Redis that is away now may come.
fn open_redis(config: &Config) -> Result<RedisJournal, anyhow::Error> {
    Ok(RedisJournal::open(RedisOptions {
        prefix: config.redis.prefix.clone(),
        node: config.server.node_id.clone(),
        limits: limits(config),
        settings: redis_settings(config, "journal")?,
    }))
}

fn open_register(config: &Config) -> Result<Register, anyhow::Error> {
    Ok(Register::open(RegisterOptions {
        prefix: config.redis.prefix.clone(),
        node: config.server.node_id.clone(),
        ttl: Duration::from_secs(config.presence.ttl_secs),
        settings: redis_settings(config, "presence")?,
    }))
}

/// How to reach Redis; `purpose` tells this node's connections apart, in `CLIENT LIST` and in metrics.
///
/// # Errors
/// When `redis.url` is none.
pub fn redis_settings(config: &Config, purpose: &'static str) -> Result<RedisSettings, anyhow::Error> {
    let redis = &config.redis;
    Ok(RedisSettings {
        url: redis.url.reveal().parse().context("redis.url")?,
        ca_file: Some(redis.ca_file.clone()).filter(|path| !path.as_os_str().is_empty()),
        command_timeout: Duration::from_millis(redis.command_timeout_ms),
        client_name: format!("runcast-{}-{purpose}", config.server.node_id),
        purpose,
    })
}

async fn open_journal(config: &Config) -> Result<Arc<dyn Journal>, anyhow::Error> {
    let (journal, limits) = (&config.journal, limits(config));
    let JournalUrl::Sqlite(path) = &journal.url else { return Ok(Arc::new(MemoryJournal::new(limits))) };
    let path = config.server.data_dir.join(path);
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
