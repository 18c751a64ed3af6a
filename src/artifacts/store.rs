//! From bytes that are here to an artifact that is ready.

use super::receive::{Received, UploadTarget};
use super::{ArtifactError, ArtifactService, Departure, SmallerFile};
use crate::protocol::artifact::Method;
use crate::protocol::retention::{Expiry, RetainedBy};
use crate::protocol::{ArtifactState, ContentCoding, Sha256};
use crate::storage::catalog::artifacts::{ArtifactRow, Finished, KeptArtifact, StoredForm};

/// What came of an upload whose bytes were all there.
#[derive(Debug)]
pub struct Completed {
    /// The artifact, ready.
    pub kept: KeptArtifact,
    /// Whether it became so just now, by this upload.
    pub is_new: bool,
}

impl ArtifactService {
    /// Stores what was received, or its smaller form, and makes it ready. After an error there is no artifact.
    ///
    /// # Errors
    /// [`ArtifactError`]; [`ArtifactError::Gone`] when it was deleted meanwhile.
    pub(super) async fn store(
        &self,
        received: Received,
        smaller: Option<SmallerFile>,
    ) -> Result<Completed, ArtifactError> {
        let Received { row, size, sha256, target, room } = received;
        // From here on it is known how much is needed.
        drop(room);
        let stored = smaller.as_ref().map_or(kept_as_it_is(size, sha256), |smaller| smaller.stored);
        let objects = &self.parts().objects;
        let written = match target {
            UploadTarget::Straight(writer) => writer.commit().await.map_err(ArtifactError::from),
            UploadTarget::Spooled(original) => {
                let file = smaller.as_ref().map_or(&original, |smaller| &smaller.file);
                let note = |upload: String| async move {
                    self.parts().catalog.note_upload(row.id, &upload).await.map_err(ArtifactError::from)
                };
                objects.put_file_noting(&row.key, &self.meta(&row, stored.coding), file.path(), note).await
            }
        };
        if let Err(error) = written {
            self.abandon(&row, &error.to_string()).await;
            return Err(error);
        }
        let finished = Finished { key: row.key.clone(), size, sha256, stored, compress_at: None };
        self.make_ready(row, finished).await
    }

    /// Pending -> ready, or the artifact that is there already where this one repeats its upload.
    pub(super) async fn make_ready(&self, row: ArtifactRow, finished: Finished) -> Result<Completed, ArtifactError> {
        let catalog = &self.parts().catalog;
        // Before: once it is ready nothing may fail any more.
        let pin = catalog.pinned(&row.run).await?;
        loop {
            if catalog.set_ready(&row.run, row.id, &finished).await? {
                metrics::counter!("runcast_artifacts_stored_total", "kind" => row.kind.as_str()).increment(1);
                metrics::counter!("runcast_artifact_bytes_total").increment(finished.size);
                metrics::counter!("runcast_artifact_stored_bytes_total").increment(finished.stored.size);
                let Finished { key, size, sha256, stored, .. } = finished;
                let (size, sha256, stored) = (Some(size), Some(sha256), Some(stored));
                let artifact = ArtifactRow { state: ArtifactState::Ready, key, size, sha256, stored, ..row };
                return Ok(Completed { kept: KeptArtifact { artifact, pin }, is_new: true });
            }
            match catalog.find(&row.run, row.id).await? {
                // Somebody else has completed it.
                Some(kept) if kept.artifact.state == ArtifactState::Ready && kept.artifact.key == finished.key => {
                    return Ok(Completed { kept, is_new: false });
                }
                Some(kept) if kept.artifact.state == ArtifactState::Pending => {
                    // What has expired meanwhile is in nobody's way any more.
                    let Some(kept) = self.find_repeated(&row, &finished).await? else { continue };
                    self.discard(&row, &finished.key).await;
                    catalog.gone(&[row.id], self.now()).await?;
                    return Ok(Completed { kept, is_new: false });
                }
                // It was deleted.
                found => {
                    self.discard(&row, &finished.key).await;
                    let expiry = Expiry { at: None, by: RetainedBy::Days };
                    let deleted = found.map_or(row, |kept| kept.artifact);
                    return Err(ArtifactError::Gone(Departure::of(&deleted, expiry)));
                }
            }
        }
    }
}

/// What is stored of something that is stored as it came.
pub(super) fn kept_as_it_is(size: u64, sha256: Sha256) -> StoredForm {
    StoredForm { size, sha256, coding: ContentCoding::Identity, method: Method::Kept, decoded: Some(size) }
}
