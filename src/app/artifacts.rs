//! The actors that look after artifacts, where artifacts are kept.

use std::time::Duration;

use super::NodeParts;
use super::shares::compressions;
use crate::actors::cleanup::{Cleanup, CleanupRules};
use crate::actors::compression::Compression;
use crate::actors::supervision::ChildSpec;

impl NodeParts {
    /// What makes artifacts smaller; `None` where none are kept.
    pub(super) fn compression(&self) -> Option<ChildSpec> {
        let (artifacts, live_actors) = (self.artifacts.clone()?, self.live_actors.clone());
        let threads = compressions(&self.config);
        Some(ChildSpec::permanent(&self.services.compression, move |_, _| {
            Ok(Compression::new(artifacts.clone(), threads, live_actors.enter("compression")))
        }))
    }

    /// What removes artifacts; `None` where none are kept.
    pub(super) fn cleanup(&self) -> Option<ChildSpec> {
        const DAY: Duration = Duration::from_secs(86_400);
        let (artifacts, live_actors) = (self.artifacts.clone()?, self.live_actors.clone());
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
            Ok(Cleanup::new(rules.clone(), artifacts.clone(), node.clone(), live_actors.enter("cleanup")))
        }))
    }
}
