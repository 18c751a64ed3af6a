//! The actors that look after artifacts, where artifacts are kept.

use std::time::Duration;

use super::Parts;
use super::shares::compressions;
use crate::actors::cleanup::{Cleanup, CleanupRules};
use crate::actors::compression::Compression;
use crate::actors::supervision::ChildSpec;

impl Parts {
    /// What makes artifacts smaller; `None` where none are kept.
    pub(super) fn compression(&self) -> Option<ChildSpec> {
        let (depot, census) = (self.storage.depot.clone()?, self.census.clone());
        let threads = compressions(&self.config);
        Some(ChildSpec::permanent(&self.services.compression, move |_, _| {
            Ok(Compression::new(depot.clone(), threads, census.enter("compression")))
        }))
    }

    /// What removes artifacts; `None` where none are kept.
    pub(super) fn cleanup(&self) -> Option<ChildSpec> {
        const DAY: Duration = Duration::from_secs(86_400);
        let (depot, census) = (self.storage.depot.clone()?, self.census.clone());
        let (cleanup, node) = (&self.config.cleanup, self.node.id().to_string());
        let rules = CleanupRules {
            enabled: cleanup.enabled,
            interval: Duration::from_secs(cleanup.interval_hours * 3_600),
            batch: cleanup.batch,
            orphans: cleanup.orphans,
            orphan_grace: Duration::from_secs(cleanup.orphan_grace_secs),
            tombstone: DAY * self.config.retention.tombstone_days as u32,
        };
        Some(ChildSpec::permanent(&self.services.cleanup, move |_, _| {
            Ok(Cleanup::new(rules.clone(), depot.clone(), node.clone(), census.enter("cleanup")))
        }))
    }
}
