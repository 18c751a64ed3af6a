//! Opening storage as the configuration says.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use super::{Storage, clock};
use crate::config::{self, CatalogSetting, Config, JournalUrl, ObjectsUrl};
use crate::protocol::Clock;
use crate::storage::catalog::artifacts::ArtifactCatalog;
use crate::storage::catalog::postgres::PostgresCatalog;
use crate::storage::catalog::sqlite::SqliteCatalog;
use crate::storage::catalog::{self, Catalog};
use crate::storage::data_dir::DataDir;
use crate::storage::format::OpenError;
use crate::storage::journal::memory::MemoryJournal;
use crate::storage::journal::redis::{RedisJournal, RedisOptions};
use crate::storage::journal::sqlite::{self, SqliteJournal, SqliteOptions};
use crate::storage::journal::{Journal, JournalLimits};
use crate::storage::objects::{self, AccessKeys, Objects, ObjectsOptions, StorePlace, UrlKey};
use crate::storage::presence::{Register, RegisterOptions};
use crate::storage::redis::RedisSettings;

mod artifacts;
pub(super) mod close;

/// The directory of artifacts in the data directory.
const USUAL_OBJECTS: &str = "objects";
/// The file of the key of our own URLs in the data directory.
const URL_KEY: &str = "url-key";

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
            None => {
                let path = data_dir.as_ref().map(|dir| dir.join(clock::FILE));
                open_journal(config, clock::open(config, path.as_deref())).await.context("journal.url")?
            }
        };
        let (catalog, artifacts) = open_catalog(config).await.context("catalog.url")?;
        let artifacts = artifacts::open(config, artifacts, journal.clone()).await?;
        if let Some(journal) = &redis {
            journal.first_attempt().await.context("journal.url")?;
        }
        let presence = if config.is_cluster() { Some(Arc::new(open_register(config)?)) } else { None };
        Ok(Self { journal, catalog, redis, presence, artifacts, data_dir: data_dir.map(Arc::new) })
    }
}

fn limits(config: &Config) -> JournalLimits {
    const DAY: Duration = Duration::from_secs(86_400);
    let journal = &config.journal;
    JournalLimits { max_run_bytes: journal.max_run_bytes, tombstone: DAY * journal.tombstone_days as u32 }
}

/// The journal that all nodes share. It connects in the background: a Redis that is away now may come.
fn open_redis(config: &Config) -> Result<RedisJournal, anyhow::Error> {
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

/// How to reach the store of artifacts; `None` when none are kept.
pub fn objects_options(config: &Config) -> Option<ObjectsOptions> {
    let objects = &config.objects;
    let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let file = |path: &Path| Some(path.to_owned()).filter(|path| !path.as_os_str().is_empty());
    let keys = (!objects.access_key.is_empty()).then(|| AccessKeys {
        id: objects.access_key.reveal().to_owned(),
        secret: objects.secret_key.reveal().to_owned(),
    });
    let bucket = |bucket: &config::BucketSetting| objects::Bucket {
        name: bucket.name.clone(),
        prefix: bucket.prefix.clone(),
        endpoint: text(&objects.endpoint),
        public_url: text(&objects.public_url),
        keys: keys.clone(),
        ca_file: file(&objects.ca_file),
    };
    let directory = |path: &Path| StorePlace::Directory {
        path: config.server.data_dir.join(path),
        // Uploads end before appends do.
        min_free_bytes: config.journal.min_free_bytes.saturating_mul(2),
    };
    let place = match &objects.url {
        ObjectsUrl::None => return None,
        ObjectsUrl::Usual if config.is_cluster() => return None,
        ObjectsUrl::Usual => directory(Path::new(USUAL_OBJECTS)),
        ObjectsUrl::Dir(path) => directory(path),
        ObjectsUrl::S3(of) => StorePlace::S3 {
            bucket: bucket(of),
            region: objects.region.clone(),
            addressing: match objects.addressing {
                config::AddressingSetting::Path => objects::Addressing::Path,
                config::AddressingSetting::Host => objects::Addressing::Host,
            },
        },
        ObjectsUrl::Gcs(of) => {
            StorePlace::Gcs { bucket: bucket(of), credentials_file: file(&objects.credentials_file) }
        }
        ObjectsUrl::Azure(of) => StorePlace::Azure { bucket: bucket(of) },
    };
    let (request, retry) = (Duration::from_secs(objects.request_secs), Duration::from_secs(objects.retry_secs));
    Some(ObjectsOptions { place, request, retry })
}

/// The store of artifacts; `None` when none are kept. A directory in the data directory is made. One elsewhere has to be
/// there: what is missing may be a disk that is not mounted. Nothing is asked of a store over HTTP.
///
/// # Errors
/// When its settings can't be used, or a directory can't be.
pub fn open_objects(config: &Config) -> Result<Option<Objects>, anyhow::Error> {
    let Some(options) = objects_options(config) else { return Ok(None) };
    if let StorePlace::Directory { path, .. } = &options.place
        && path.starts_with(&config.server.data_dir)
    {
        std::fs::create_dir_all(path).with_context(|| path.display().to_string())?;
    }
    Ok(Some(Objects::open(&options)?))
}

/// The key of our own URLs, the same on all nodes that share a store: `objects.signing_key`, else what the secret of the
/// store makes of itself, else one that is made once in the data directory. `None` when no artifacts are kept.
///
/// # Errors
/// When it can't be read or made.
pub fn open_url_key(config: &Config) -> Result<Option<UrlKey>, anyhow::Error> {
    let objects = &config.objects;
    if objects_options(config).is_none() {
        return Ok(None);
    }
    if !objects.signing_key.is_empty() {
        return Ok(Some(UrlKey::from_text(objects.signing_key.reveal())));
    }
    if config.is_cluster() {
        return Ok(Some(UrlKey::derived(objects.secret_key.reveal())));
    }
    let path = config.server.data_dir.join(URL_KEY);
    UrlKey::in_file(&path).map(Some).with_context(|| path.display().to_string())
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

/// The error itself, so that a [`NewerFormat`](crate::storage::format::NewerFormat) is found whichever store it comes from.
fn refusal<E: std::error::Error + Send + Sync + 'static>(error: OpenError<E>) -> anyhow::Error {
    match error {
        OpenError::NewerFormat(newer) => newer.into(),
        OpenError::Failed(error) => error.into(),
    }
}

/// One catalog, as what is in it: the list of runs, and the artifacts.
type Catalogs = (Arc<dyn Catalog>, Arc<dyn ArtifactCatalog>);

async fn open_catalog(config: &Config) -> Result<Catalogs, anyhow::Error> {
    let url = match &config.catalog.url {
        CatalogSetting::Memory => catalog::sqlite::CatalogUrl::Memory,
        CatalogSetting::Sqlite(path) => catalog::sqlite::CatalogUrl::Sqlite(config.server.data_dir.join(path)),
        CatalogSetting::Postgres(url) => {
            let home = if config.is_cluster() { &config.redis.prefix } else { HOME_OF_ONE };
            let catalog = Arc::new(PostgresCatalog::open(url.reveal(), home).await.map_err(refusal)?);
            return Ok((catalog.clone(), catalog));
        }
    };
    let catalog = Arc::new(SqliteCatalog::open(&url).await.map_err(refusal)?);
    Ok((catalog.clone(), catalog))
}
