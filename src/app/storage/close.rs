//! Closing storage: the last that a stop does, and no longer than it may.

use std::time::Duration;

use actix_rt::time::timeout;
use tracing::warn;

use super::super::Storage;
use crate::storage::presence::Register;

/// How long it may take, once the drain is over. A store that says nothing must not hold a process that serves nobody
/// any more.
pub(in crate::app) const WITHIN: Duration = Duration::from_secs(5);

impl Storage {
    /// Finishes what is queued, and marks this instance as one that ended cleanly; false when a part of it took longer
    /// than `within`, and is left as after a kill: nothing that was acknowledged is lost.
    pub async fn close(&self, within: Duration) -> bool {
        let presence = async {
            if let Some(presence) = &self.presence {
                leave(presence).await;
            }
        };
        let (presence, journal, catalog) = tokio::join!(
            ends("presence", presence, within),
            ends("journal", self.journal.close(), within),
            ends("catalog", self.catalog.close(), within),
        );
        presence && journal && catalog
    }
}

async fn leave(presence: &Register) {
    if let Err(error) = presence.leave().await {
        warn!(%error, "the other nodes count this one until presence.ttl_secs have passed");
    }
    presence.close().await;
}

async fn ends(part: &'static str, end: impl Future<Output = ()>, within: Duration) -> bool {
    let ended = timeout(within, end).await.is_ok();
    if !ended {
        warn!(part, within_secs = within.as_secs(), "not closed in time: left as it is");
    }
    ended
}
