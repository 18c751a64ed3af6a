//! The settings that a node takes anew while it runs, and how they reach whoever uses them.
//!
//! [`crate::config::TAKEN_ANEW`] names them. Each is a value that its users look at when they need it: a change is one
//! write here, and holds from the next request or sweep on.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::limits::event_limits;
use super::storage::artifacts;
use crate::actors::lifecycle::LifecycleTimes;
use crate::artifacts::ArtifactParts;
use crate::config::Config;
use crate::http::edge::IngestLimits;
use crate::http::expect::BodyLimits;
use crate::http::limits::{Allowance, LimitSettings};
use crate::http::origin::OriginPolicy;

/// The settings that may change. Clones share them.
#[derive(Clone)]
pub struct LiveSettings {
    /// The hosts and origins that are served.
    pub(super) origins: watch::Sender<OriginPolicy>,
    /// The bounds of what is posted.
    pub(super) ingest: watch::Sender<IngestLimits>,
    /// The bounds of bodies by their announced length.
    pub(super) bodies: watch::Sender<BodyLimits>,
    /// What each client may do.
    pub(super) limits: watch::Sender<LimitSettings>,
    /// When runs are lost, sealed and expired.
    pub(super) lifecycle: watch::Sender<LifecycleTimes>,
    /// How long a deleted artifact is remembered.
    pub(super) tombstone: watch::Sender<Duration>,
    /// Has the retention and the bounds of artifacts; `None`: none are kept.
    artifacts: Option<Arc<ArtifactParts>>,
}

impl LiveSettings {
    pub(super) fn new(config: &Config, artifacts: Option<Arc<ArtifactParts>>) -> Self {
        Self {
            origins: watch::Sender::new(origins(config)),
            ingest: watch::Sender::new(ingest(config)),
            bodies: watch::Sender::new(bodies(config)),
            limits: watch::Sender::new(limits(config)),
            lifecycle: watch::Sender::new(lifecycle(config)),
            tombstone: watch::Sender::new(tombstone(config)),
            artifacts,
        }
    }

    /// Puts these settings in force.
    pub(super) fn set(&self, config: &Config) {
        self.origins.send_replace(origins(config));
        self.ingest.send_replace(ingest(config));
        self.bodies.send_replace(bodies(config));
        self.limits.send_replace(limits(config));
        self.lifecycle.send_replace(lifecycle(config));
        self.tombstone.send_replace(tombstone(config));
        if let Some(parts) = &self.artifacts {
            parts.retention.send_replace(artifacts::retention(config));
            let now = parts.limits();
            let new = artifacts::limits(config);
            // How many go on at a time is counted by permits, whose number stays.
            parts.limits.send_replace(crate::artifacts::ArtifactLimits {
                uploads: now.uploads,
                downloads: now.downloads,
                ..new
            });
        }
    }
}

fn origins(config: &Config) -> OriginPolicy {
    let server = &config.server;
    OriginPolicy::new(&server.public_url, &server.allowed_origins, &server.allowed_hosts)
}

fn ingest(config: &Config) -> IngestLimits {
    IngestLimits { events: event_limits(config), frame_bytes: config.ingest.frame_bytes }
}

fn bodies(config: &Config) -> BodyLimits {
    BodyLimits {
        batch: config.ingest.max_batch_bytes as u64,
        frame: config.ingest.frame_bytes as u64,
        artifact: config.artifacts.max_bytes,
    }
}

fn limits(config: &Config) -> LimitSettings {
    let limits = &config.limits;
    LimitSettings {
        connections: limits.connections,
        requests: Allowance { per_sec: limits.requests_per_sec, burst: limits.request_burst },
        events: Allowance { per_sec: limits.events_per_sec, burst: limits.event_burst },
        max_clients: limits.max_clients,
    }
}

fn lifecycle(config: &Config) -> LifecycleTimes {
    const HOUR_MS: i64 = 3_600_000;
    let journal = &config.journal;
    LifecycleTimes {
        interval: Duration::from_secs(journal.sweep_secs),
        batch: journal.sweep_batch,
        retain_ms: journal.retain_hours as i64 * HOUR_MS,
        lost_ms: journal.lost_hours as i64 * HOUR_MS,
        seal_ms: journal.seal_hours as i64 * HOUR_MS,
    }
}

fn tombstone(config: &Config) -> Duration {
    const DAY: Duration = Duration::from_secs(86_400);
    DAY * config.retention.tombstone_days as u32
}
