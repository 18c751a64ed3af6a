//! What there is of artifacts, what of them is due, and how the last cleanup ended, as metrics. In a cluster each node
//! tells the same, of the catalog that they share.

use tracing::debug;

use super::super::messages::cleanup::Swept;
use crate::artifacts::{ArtifactService, LAST_CLEANUP};
use crate::storage::catalog::CatalogError;
use crate::storage::catalog::artifacts::DueFor;

/// Asks the catalog, and sets the metrics; they stay as they are while it is away, and while the clock has jumped.
pub(super) async fn tell(artifacts: &ArtifactService) {
    if artifacts.parts().clock.check().is_ok()
        && let Err(error) = ask(artifacts).await
    {
        debug!(%error, "it is not known what there is of artifacts");
    }
}

async fn ask(artifacts: &ArtifactService) -> Result<(), CatalogError> {
    let catalog = &artifacts.parts().catalog;
    let totals = catalog.totals(&artifacts.due(DueFor::Expired, 0)).await?;
    metrics::gauge!("runcast_artifacts_kept").set(totals.artifacts as f64);
    metrics::gauge!("runcast_artifacts_kept_bytes").set(totals.stored_bytes as f64);
    metrics::gauge!("runcast_artifacts_due").set(totals.due as f64);
    let last = catalog.noted(LAST_CLEANUP).await?;
    let last: Swept = last.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    metrics::gauge!("runcast_cleanup_last_timestamp_seconds").set(last.started_at as f64 / 1_000.0);
    metrics::gauge!("runcast_cleanup_last_failed").set(f64::from(u8::from(!last.is_complete())));
    Ok(())
}
