//! Opening storage as the configuration says.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use super::{Storage, clock};
use crate::config::{self, CatalogSetting, Config, JournalUrl};
use crate::protocol::Clock;
use crate::storage::catalog::postgres::PostgresCatalog;
use crate::storage::catalog::sqlite::SqliteCatalog;
use crate::storage::catalog::{self, WholeCatalog};
use crate::storage::data_dir::DataDir;
use crate::storage::format::OpenError;
use crate::storage::journal::memory::MemoryJournal;
use crate::storage::journal::redis::{RedisJournal, RedisOptions};
use crate::storage::journal::sqlite::{self, SqliteJournal, SqliteOptions};
use crate::storage::journal::{Journal, JournalLimits};
use crate::storage::packages::Packages;
use crate::storage::presence::{Register, RegisterOptions};
use crate::storage::redis::RedisSettings;
use crate::storage::revocation_bell::RevocationBell;

mod access;
pub(super) mod artifacts;
mod beside;
pub(super) mod close;
mod objects;
pub(super) mod space;

use access::AccessParts;
pub use access::{FIRST_KEY, given_first_key, read_first_key};
pub(super) use objects::open_signing_key;
pub use objects::{URL_KEY, objects_options, open_objects, open_url_key};

/// What the catalog says where the runs of a single node have their logs.
const HOME_OF_ONE: &str = "local";

impl Storage {
    /// Opens the journal and the catalog; the data directory, if there is one, stays locked while the result is held.
    pub async fn open(config: &Config) -> Result<Self, anyhow::Error> {
        // The nodes of a cluster keep nothing: several may run in one directory, and where none can be written.
        let data_dir = if config.is_cluster() { None } else { Some(DataDir::open(&config.server.data_dir)?) };
        let redis = match config.journal.url {
            JournalUrl::Redis => Some(Arc::new(open_redis(config)?)),
            JournalUrl::Memory | JournalUrl::Sqlite(_) => None,
        };
        let journal: Arc<dyn Journal> = match &redis {
            Some(journal) => journal.clone(),
            None => {
                let path = data_dir.as_ref().map(|dir| dir.join(clock::FILE));
                open_journal(config, clock::open(config, path.as_deref())).await.context("journal.url")?
            }
        };
        let catalog = open_catalog(config).await.context("catalog.url")?;
        let packages = Packages::built_in(catalog.clone());
        let bell = match &redis {
            Some(journal) => {
                RevocationBell::in_redis(journal.client().clone(), &config.redis.prefix, &config.server.node_id)
            }
            None => RevocationBell::of_one(),
        };
        let access = access::open(config, catalog.clone(), journal.clock(), bell).await?;
        let (authenticator, token_exchange, provider, devices, first_key) = match access {
            Some(AccessParts { authenticator, exchange, provider, devices, first_key }) => {
                (Some(authenticator), exchange, provider, devices, Some(first_key))
            }
            None => (None, None, None, None, None),
        };
        let artifacts = artifacts::open(config, catalog.clone(), journal.clone()).await?;
        if let Some(journal) = &redis {
            journal.first_attempt().await.context("journal.url")?;
        }
        let presence = if config.is_cluster() { Some(Arc::new(open_register(config)?)) } else { None };
        Ok(Self {
            journal,
            run_catalog: catalog.clone(),
            catalog,
            packages,
            authenticator,
            token_exchange,
            provider,
            devices,
            first_key,
            redis,
            presence,
            artifacts,
            data_dir: data_dir.map(Arc::new),
        })
    }
}

fn limits(config: &Config) -> JournalLimits {
    const DAY: Duration = Duration::from_secs(86_400);
    let journal = &config.journal;
    JournalLimits { max_run_bytes: journal.max_run_bytes, tombstone: DAY * journal.tombstone_days as u32 }
}

/// The journal that all nodes share. It connects in the background: a Redis that is away now may come.
///
/// # Errors
/// When `redis.url` is none.
pub fn open_redis(config: &Config) -> Result<RedisJournal, anyhow::Error> {
    Ok(RedisJournal::open(RedisOptions {
        prefix: config.redis.prefix.clone(),
        node: config.server.node_id.clone(),
        limits: limits(config),
        settings: redis_settings(config, "journal")?,
        max_clock_step: clock::max_step(config),
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

async fn open_journal(config: &Config, clock: Clock) -> Result<Arc<dyn Journal>, anyhow::Error> {
    let (journal, limits) = (&config.journal, limits(config));
    let JournalUrl::Sqlite(path) = &journal.url else { return Ok(Arc::new(MemoryJournal::with_clock(limits, clock))) };
    let path = config.server.data_dir.join(path);
    let sync = match journal.sync {
        config::SyncSetting::Normal => sqlite::SyncMode::Normal,
        config::SyncSetting::Full => sqlite::SyncMode::Full,
    };
    let options = SqliteOptions {
        sync,
        min_free_bytes: journal.min_free_bytes,
        queue_bytes: journal.queue_bytes,
        clock,
        ..SqliteOptions::new(path, limits)
    };
    Ok(Arc::new(SqliteJournal::open(options).await.map_err(refusal)?))
}

/// The error itself, so that a [`NewerFormat`](crate::storage::format::NewerFormat) is found whichever store it comes
/// from.
fn refusal<E: std::error::Error + Send + Sync + 'static>(error: OpenError<E>) -> anyhow::Error {
    match error {
        OpenError::NewerFormat(newer) => newer.into(),
        OpenError::Failed(error) => error.into(),
    }
}

/// The catalog, brought up to this build's format.
///
/// # Errors
/// When it can't be opened, or a newer build wrote it.
pub async fn open_catalog(config: &Config) -> Result<Arc<dyn WholeCatalog>, anyhow::Error> {
    let url = match &config.catalog.url {
        CatalogSetting::Memory => catalog::sqlite::CatalogUrl::Memory,
        CatalogSetting::Sqlite(path) => catalog::sqlite::CatalogUrl::Sqlite(config.server.data_dir.join(path)),
        CatalogSetting::Postgres(url) => {
            let home = if config.is_cluster() { &config.redis.prefix } else { HOME_OF_ONE };
            return Ok(Arc::new(PostgresCatalog::open(url.reveal(), home).await.map_err(refusal)?));
        }
    };
    Ok(Arc::new(SqliteCatalog::open(&url).await.map_err(refusal)?))
}
