//! Removing what is due, as the cleanup does it: an object goes before its row, so that a crash in between is repaired
//! by the next cleanup.

use super::service::millis;
use super::{ArtifactError, ArtifactService};
use crate::protocol::{ArtifactId, ArtifactState, RunId};
use crate::storage::catalog::CatalogError;
use crate::storage::catalog::artifacts::{ArtifactRow, DueArtifact, DueFor, DueQuery};
use crate::storage::objects::ObjectsError;

impl ArtifactService {
    /// Which removals are due now, for this reason.
    pub fn due(&self, reason: DueFor, limit: usize) -> DueQuery {
        let now = self.now();
        DueQuery {
            reason,
            now,
            cutoffs: self.parts().retention.borrow().cutoffs(now),
            abandoned_before: now.plus_millis(-millis(self.parts().limits().upload)),
            after: None,
            limit,
        }
    }

    /// Removes the object of a removal that is due, and what a crash may have left of an upload to it.
    ///
    /// # Errors
    /// [`ObjectsError`]: something may be left.
    pub async fn remove_object(&self, reason: DueFor, due: &DueArtifact) -> Result<(), ObjectsError> {
        match reason {
            // What was deleted may have been on its way.
            DueFor::Abandoned | DueFor::Removed => self.clear_object(&due.key, due.upload.as_deref()).await,
            DueFor::Expired | DueFor::Replaced => self.delete_object(&due.key).await,
        }
    }

    /// Notes that the objects of these removals are gone.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn note_removed(&self, reason: DueFor, ids: &[ArtifactId]) -> Result<(), CatalogError> {
        match reason {
            DueFor::Replaced => self.parts().catalog.forget_replaced(ids).await,
            DueFor::Abandoned | DueFor::Expired | DueFor::Removed => self.parts().catalog.gone(ids, self.now()).await,
        }
    }

    /// Deletes what is at a key: here, and in `clear_object`, all deletions of objects pass.
    ///
    /// # Errors
    /// [`ObjectsError`]: it may still be there.
    pub async fn delete_object(&self, key: &str) -> Result<(), ObjectsError> {
        self.parts().objects.delete(key).await
    }

    /// Deletes what is at a key, and what is left of an upload to it; `upload` is the id that its writer had.
    async fn clear_object(&self, key: &str, upload: Option<&str>) -> Result<(), ObjectsError> {
        self.parts().objects.clear(key, upload).await
    }

    /// Deletes an artifact: it is gone at once; its object goes now, or with the next cleanup if the store is away.
    ///
    /// # Errors
    /// [`ArtifactError::Unknown`], [`ArtifactError::Catalog`]. One that is deleted already is no error.
    pub async fn delete(&self, run: &RunId, id: ArtifactId) -> Result<(), ArtifactError> {
        let catalog = &self.parts().catalog;
        let kept = catalog.find(run, id).await?.ok_or(ArtifactError::Unknown(id))?;
        if catalog.remove(run, id, self.now()).await? && kept.artifact.state == ArtifactState::Ready {
            let deleted = match self.change() {
                Ok(_permit) => self.delete_object(&kept.artifact.key).await.map_err(ArtifactError::from),
                Err(busy) => Err(busy),
            };
            match deleted {
                Ok(()) => catalog.gone(&[id], self.now()).await?,
                Err(error) => tracing::info!(%run, artifact = %id, %error, "its object is left to the cleanup"),
            }
        }
        Ok(())
    }

    /// Deletes all artifacts of a run, and its pin. They are gone at once; their objects, and its live traces, go with the
    /// next cleanup. Returns how many there were.
    ///
    /// # Errors
    /// [`CatalogError`]: some may be left; calling again deletes them.
    pub async fn delete_all(&self, run: &RunId) -> Result<usize, CatalogError> {
        let catalog = &self.parts().catalog;
        let deleted = catalog.remove_all(run, self.now()).await?;
        catalog.unpin(run).await?;
        Ok(deleted)
    }

    /// Pending -> failed; what there may be of it is removed.
    pub(super) async fn abandon(&self, row: &ArtifactRow, reason: &str) {
        self.discard(row, &row.key).await;
        if let Err(error) = self.parts().catalog.fail(row.id, reason).await {
            tracing::info!(artifact = %row.id, %error, "a failed upload counts as pending until the cleanup");
        }
    }

    /// Removes whatever is at a key that no row will name.
    pub(super) async fn discard(&self, row: &ArtifactRow, key: &str) {
        if let Err(error) = self.clear_object(key, None).await {
            tracing::info!(artifact = %row.id, key, %error, "an object is left to the cleanup");
        }
    }
}
