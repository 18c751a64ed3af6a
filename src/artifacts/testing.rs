//! A service for tests: catalog in memory, store and spool in a directory, a clock that the test moves, and no other
//! node around it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::{Semaphore, watch};

use super::{
    ArtifactLimits, ArtifactParts, ArtifactPorts, ArtifactService, Compressor, LiveTraceLimits, LiveTraces, RunLog,
    SmallerFile, Spool,
};
use crate::protocol::{Clock, Retention, RunId, Timestamp};
use crate::storage::catalog::sqlite::{CatalogUrl, SqliteCatalog};
use crate::storage::objects::{Objects, ObjectsOptions, StoreLocation, UrlKey};

/// When the clock of tests begins: 23 November 2026.
pub const BEGIN_MS: i64 = 1_795_454_147_966;

/// Room for one upload at a time, of anything that fits on the disk.
pub const LIMITS: ArtifactLimits = ArtifactLimits {
    bytes: u64::MAX,
    per_run: 10,
    url_ttl: Duration::from_secs(1),
    upload: Duration::from_secs(1),
    compress: true,
    compress_direct: true,
    uploads: 1,
    downloads: 1,
};

/// Live traces of a kilobyte, kept for an hour.
pub const LIVE_LIMITS: LiveTraceLimits = LiveTraceLimits {
    bytes: 1_000,
    posts_per_sec: 2,
    keep: Duration::from_secs(3_600),
    alone_for: Duration::ZERO,
    memory: 100,
};

/// What a service in `home` is made of, and its clock in milliseconds. `keep` bytes of the spool's disk stay free.
pub async fn parts_in(home: &Path, limits: ArtifactLimits, keep: u64) -> (ArtifactParts, Arc<AtomicI64>) {
    let clock = Arc::new(AtomicI64::new(BEGIN_MS));
    let (now, running) = (clock.clone(), clock.clone());
    let path = home.join("objects");
    std::fs::create_dir_all(&path).unwrap();
    let location = StoreLocation::Directory { path, min_free_bytes: 0 };
    let second = Duration::from_secs(1);
    let parts = ArtifactParts {
        catalog: Arc::new(SqliteCatalog::open(&CatalogUrl::Memory).await.unwrap()),
        objects: Objects::open(&ObjectsOptions { location, request: second, retry: second }).unwrap(),
        retention: watch::Sender::new(Retention::new(30, [])),
        spool: Spool::open(&home.join("spool"), keep).unwrap(),
        urls: UrlKey::from_text("a key of some length............"),
        limits: watch::Sender::new(limits),
        uploads: Arc::new(Semaphore::new(limits.uploads)),
        downloads: Arc::new(Semaphore::new(limits.downloads)),
        changes: Arc::new(Semaphore::new(1)),
        live: LiveTraces::new(LIVE_LIMITS),
        health: Default::default(),
        clock: Clock::new(
            move || Timestamp::from_millis(now.load(Ordering::Relaxed)),
            move || Duration::from_millis(running.load(Ordering::Relaxed) as u64),
            Duration::from_secs(3_600),
        ),
    };
    (parts, clock)
}

/// A service of these parts whose runs take everything, and where nothing becomes smaller.
pub fn alone(parts: ArtifactParts) -> ArtifactService {
    let ports =
        ArtifactPorts { runs: Arc::new(Nobody), compressor: Arc::new(Nobody), shows_traces: Arc::new(|| false) };
    ArtifactService::new(Arc::new(parts), ports)
}

struct Nobody;

#[async_trait]
impl RunLog for Nobody {
    async fn is_open(&self, _: &RunId) -> Result<bool, String> {
        Ok(true)
    }

    async fn is_known(&self, _: &RunId) -> Result<bool, String> {
        Ok(true)
    }

    async fn append(&self, _: &RunId, _: Bytes) -> Result<(), String> {
        Ok(())
    }
}

#[async_trait]
impl Compressor for Nobody {
    async fn compress(&self, _: std::path::PathBuf, _: String) -> Result<Option<SmallerFile>, String> {
        Ok(None)
    }
}
