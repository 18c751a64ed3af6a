//! Removes live traces whose time is over. They have no rows: what there is of them is listed.

use std::time::Duration;

use tracing::{debug, info};

use crate::artifacts::{ArtifactService, RemovedTraces};

/// The lease of the node that removes live traces.
const LEASE: &str = "live_traces";

/// Removes what is due, if no other node does. While the catalog or the store is away, or the clock has jumped, nothing
/// is removed.
pub(super) async fn remove(artifacts: ArtifactService, node: String, interval: Duration) {
    let parts = artifacts.parts();
    let Ok(now) = parts.clock.check() else { return };
    // The node that has it keeps it; another one takes over when it has missed a turn.
    let lease_ms = i64::try_from(2 * interval.as_millis()).unwrap_or(i64::MAX);
    match parts.catalog.lease(LEASE, &node, now, now.plus_millis(lease_ms)).await {
        Ok(true) => {}
        Ok(false) => return,
        Err(error) => return debug!(%error, "live traces are not looked at"),
    }
    match artifacts.remove_live_traces().await {
        Ok(RemovedTraces { traces: 0, objects: 0, bytes: 0, failed: 0 }) => {}
        Ok(RemovedTraces { traces, objects, bytes, failed }) => {
            metrics::counter!("runcast_live_traces_removed_total").increment(traces);
            info!(traces, objects, bytes, failed, "removed live traces");
        }
        Err(error) => info!(%error, "live traces could not be listed"),
    }
}
