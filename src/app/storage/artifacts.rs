//! Opening the artifacts: the store of artifacts, the spool, and the key of our own URLs.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::{Semaphore, watch};
use tracing::warn;

use super::super::Shares;
use super::objects::{open_objects, open_url_key};
use crate::artifacts::{ArtifactLimits, ArtifactParts, CHANGES_AT_A_TIME, Health, LiveTraceLimits, LiveTraces, Spool};
use crate::config::Config;
use crate::descriptors::Descriptors;
use crate::protocol::Retention;
use crate::storage::catalog::artifacts::ArtifactCatalog;
use crate::storage::journal::Journal;

/// A single node lists a live trace again after so long: nobody else stores its parts, but they may have been removed.
const LISTED_ALONE: Duration = Duration::from_secs(10);

/// The artifacts as the configuration says; `None`: no artifacts are kept. A store that does not answer now may do so
/// later.
pub(in crate::app) async fn open(
    config: &Config,
    catalog: Arc<dyn ArtifactCatalog>,
    journal: Arc<dyn Journal>,
) -> Result<Option<Arc<ArtifactParts>>, anyhow::Error> {
    let Some(objects) = open_objects(config).context("objects.url")? else { return Ok(None) };
    if let Err(error) = objects.probe().await {
        warn!(location = objects.location(), %error, "the store of artifacts can't be used as it is");
    }
    let spool_dir = spool_dir(config);
    // Uploads end before appends do.
    let min_free_bytes = config.journal.min_free_bytes.saturating_mul(2);
    let spool = Spool::open(&spool_dir, min_free_bytes)
        .with_context(|| format!("artifacts.spool_dir {}", spool_dir.display()))?;
    let Some(urls) = open_url_key(config).context("the key of signed URLs")? else { return Ok(None) };
    let artifacts = &config.artifacts;
    let limits = limits(config);
    Ok(Some(Arc::new(ArtifactParts {
        catalog,
        objects,
        retention: watch::Sender::new(retention(config)),
        spool,
        urls,
        uploads: Arc::new(Semaphore::new(limits.uploads)),
        downloads: Arc::new(Semaphore::new(limits.downloads)),
        limits: watch::Sender::new(limits),
        changes: Arc::new(Semaphore::new(CHANGES_AT_A_TIME)),
        live: LiveTraces::new(LiveTraceLimits {
            bytes: artifacts.live_trace_bytes,
            posts_per_sec: artifacts.live_trace_posts_per_sec,
            keep: Duration::from_secs(artifacts.live_trace_hours * 3_600),
            alone_for: if config.is_cluster() { Duration::ZERO } else { LISTED_ALONE },
            memory: artifacts.live_trace_cache_bytes,
        }),
        health: Health::default(),
        clock: journal.clock().clone(),
    })))
}

/// How long artifacts are kept.
pub(in crate::app) fn retention(config: &Config) -> Retention {
    Retention::new(config.retention.days, config.retention.rules.iter().map(|rule| (rule.kind, rule.days)))
}

/// The bounds of artifacts.
pub(in crate::app) fn limits(config: &Config) -> ArtifactLimits {
    let artifacts = &config.artifacts;
    let Shares { uploads, downloads, .. } = Shares::of(config, Descriptors::now());
    ArtifactLimits {
        bytes: artifacts.max_bytes,
        per_run: artifacts.max_per_run,
        url_ttl: Duration::from_secs(config.objects.url_ttl_secs),
        upload: Duration::from_secs(artifacts.upload_hours * 3_600),
        compress: artifacts.compress,
        compress_direct: artifacts.compress_direct,
        uploads,
        downloads,
    }
}

fn spool_dir(config: &Config) -> PathBuf {
    let set = &config.artifacts.spool_dir;
    match (set.as_os_str().is_empty(), config.is_cluster()) {
        (false, _) => set.clone(),
        (true, false) => config.server.data_dir.join("spool"),
        // The nodes of a cluster keep nothing: not even a data directory.
        (true, true) => std::env::temp_dir().join("runcast-spool"),
    }
}
