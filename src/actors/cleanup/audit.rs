//! Finds orphans: objects without an artifact, and artifacts without an object.
//!
//! The audit lists all objects once, page by page, and marks the artifacts to which they belong. Artifacts that are not
//! marked at the end have lost their object. So the audit needs the memory of one page, however many objects there are.

use futures_util::StreamExt as _;
use tracing::{info, warn};

use super::sweeping::{SweepHalt, Sweeping};
use crate::artifacts::{INCOMING, RUNS};
use crate::protocol::{ArtifactId, Timestamp};
use crate::storage::objects::ListedObject;

/// Objects that are looked up in the catalog at a time.
const PAGE: usize = 1_000;

/// Finds orphans, and removes them if the rules say so.
pub(super) async fn run(sweeping: &mut Sweeping) -> Result<(), SweepHalt> {
    let began = sweeping.artifacts.now();
    for prefix in [RUNS, INCOMING] {
        let mut pages = sweeping.artifacts.parts().objects.list(prefix).ready_chunks(PAGE);
        let mut page = Vec::new();
        while let Some(listed) = pages.next().await {
            for object in listed {
                page.push(object?);
            }
            if page.len() >= PAGE {
                look(sweeping, &std::mem::take(&mut page), began).await?;
            }
        }
        look(sweeping, &page, began).await?;
    }
    lost(sweeping, began).await
}

/// Looks up a page of objects, and handles those without an artifact.
async fn look(sweeping: &mut Sweeping, page: &[ListedObject], began: Timestamp) -> Result<(), SweepHalt> {
    if page.is_empty() {
        return Ok(());
    }
    sweeping.extend().await?;
    let parts = sweeping.artifacts.parts();
    let keys: Vec<String> = page.iter().map(|object| object.key.clone()).collect();
    let known = parts.catalog.see(&keys, began).await?;
    let grace = i64::try_from(sweeping.rules.orphan_grace.as_millis()).unwrap_or(i64::MAX);
    let young = began.plus_millis(-grace);
    // An upload that came late, by a URL that was still valid, lies under the prefix of incoming uploads. No client can
    // continue it, so it is removed even if orphans are kept.
    let limits = parts.limits();
    let late = i64::try_from((limits.upload + limits.url_ttl).as_millis()).unwrap_or(i64::MAX);
    let is_late = |object: &ListedObject| {
        object.key.split('/').next() == Some(INCOMING) && object.modified <= began.plus_millis(late.saturating_neg())
    };
    let orphans = page.iter().zip(known).filter(|(object, known)| !known && object.modified <= young);
    for (object, _) in orphans {
        sweeping.swept.orphan_objects.count += 1;
        sweeping.swept.orphan_objects.bytes += object.size;
        if !(sweeping.swept.orphans_removed || is_late(object) && !sweeping.swept.dry_run) {
            info!(key = object.key, bytes = object.size, "an object belongs to no artifact");
        } else if let Err(error) = sweeping.artifacts.delete_object(&object.key).await {
            sweeping.swept.failed += 1;
            info!(key = object.key, %error, "an object that belongs to no artifact could not be removed");
        }
    }
    Ok(())
}

/// Handles artifacts whose objects were not listed. The list may be older than the artifact, so each object is looked
/// for once more.
async fn lost(sweeping: &mut Sweeping, began: Timestamp) -> Result<(), SweepHalt> {
    let mut after: Option<ArtifactId> = None;
    loop {
        let parts = sweeping.artifacts.parts();
        let unseen = parts.catalog.unseen(began, after, sweeping.rules.batch).await?;
        let Some(last) = unseen.last() else { return Ok(()) };
        after = Some(last.id);
        sweeping.extend().await?;
        let parts = sweeping.artifacts.parts();
        let mut gone = Vec::new();
        for row in &unseen {
            // The artifact's object may have been replaced meanwhile.
            let Some(kept) = parts.catalog.find(&row.run, row.id).await? else { continue };
            if kept.artifact.key == row.key && parts.objects.head(&row.key).await?.is_none() {
                warn!(run = %row.run, artifact = %row.id, key = row.key, "an artifact has lost its object");
                gone.push(row.id);
            }
        }
        sweeping.swept.orphan_artifacts += gone.len() as u64;
        if sweeping.swept.orphans_removed {
            parts.catalog.gone(&gone, sweeping.artifacts.now()).await?;
        }
    }
}
