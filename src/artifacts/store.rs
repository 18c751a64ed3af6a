//! From bytes that are here to an artifact that is ready.

use futures_util::StreamExt as _;
use tokio::io::AsyncWriteExt as _;

use super::upload::UploadTarget;
use super::{ArtifactError, ArtifactService, Completed, Digesting, Received, SpoolFile, millis};
use crate::protocol::artifact::Method;
use crate::protocol::{ArtifactState, ContentCoding, Sha256};
use crate::storage::catalog::artifacts::{ArtifactRow, Finished, KeptArtifact, StoredForm};
use crate::storage::space::Reservation;

/// How long after its last URL has expired an object that was replaced stays: for a download that has begun. A minute.
const GRACE_MS: i64 = 60_000;

/// A smaller form of an artifact.
#[derive(Debug)]
pub struct SmallerFile {
    /// Its bytes.
    pub file: SpoolFile,
    /// What it is.
    pub stored: StoredForm,
}

impl Received {
    /// The file that it is in, if it is in one: so that it can be made smaller.
    pub fn spooled(&self) -> Option<&SpoolFile> {
        match &self.place {
            UploadTarget::Spooled(file) => Some(file),
            UploadTarget::Straight(_) => None,
        }
    }
}

impl ArtifactService {
    /// Stores what has arrived, or its smaller form, and makes it ready. After an error there is no artifact.
    ///
    /// # Errors
    /// [`ArtifactError`]; [`ArtifactError::Gone`] when it was deleted meanwhile.
    pub async fn store(&self, arrived: Received, smaller: Option<SmallerFile>) -> Result<Completed, ArtifactError> {
        let Received { row, size, sha256, place, room } = arrived;
        // From here on it is known how much is needed.
        drop(room);
        let stored = smaller.as_ref().map_or(kept_as_it_is(size, sha256), |smaller| smaller.stored);
        let objects = &self.parts().objects;
        let written = match place {
            UploadTarget::Straight(writer) => writer.commit().await.map_err(ArtifactError::from),
            UploadTarget::Spooled(original) => {
                let file = smaller.as_ref().map_or(&original, |smaller| &smaller.file);
                let note = async |upload: &str| Ok(self.parts().catalog.note_upload(row.id, upload).await?);
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
                _ => {
                    self.discard(&row, &finished.key).await;
                    return Err(ArtifactError::Gone);
                }
            }
        }
    }

    /// Pending -> failed; what there may be of it is removed.
    pub(super) async fn abandon(&self, row: &ArtifactRow, why: &str) {
        self.discard(row, &row.key).await;
        if let Err(error) = self.parts().catalog.fail(row.id, why).await {
            tracing::info!(artifact = %row.id, %error, "a failed upload counts as pending until the cleanup");
        }
    }

    pub(super) async fn discard(&self, row: &ArtifactRow, key: &str) {
        if let Err(error) = self.parts().objects.clear(key, None).await {
            tracing::info!(artifact = %row.id, key, %error, "an object is left to the cleanup");
        }
    }

    /// Brings an artifact's object into the spool, to where space was reserved for it, and checks that it is what was stored.
    ///
    /// # Errors
    /// [`ArtifactError`]; [`ArtifactError::Mismatch`] when the store has something else by now.
    pub async fn fetch(&self, row: &ArtifactRow, room: Reservation) -> Result<SpoolFile, ArtifactError> {
        let (mut file, mut spooled) = self.spool_file(room).await?;
        let mut body = self.parts().objects.read(&row.key, None).await?.stream;
        let mut digest = Digesting::default();
        while let Some(piece) = body.next().await {
            let piece = piece?;
            digest.take(&piece);
            spooled.room().write(piece.len() as u64).await.map_err(ArtifactError::of_spool)?;
            file.write_all(&piece).await.map_err(ArtifactError::of_spool)?;
        }
        file.flush().await.map_err(ArtifactError::of_spool)?;
        spooled.room().end();
        let sha256 = digest.sha256();
        match row.stored.filter(|stored| stored.sha256 != sha256) {
            Some(stored) => Err(ArtifactError::Mismatch(format!("sha-256 {sha256} instead of {}", stored.sha256))),
            None => Ok(spooled),
        }
    }

    /// Puts a smaller form in the place of an artifact's object, which goes once nobody has a URL of it any more.
    /// `false`: the artifact was deleted meanwhile, or somebody else did it; nothing has changed.
    ///
    /// # Errors
    /// [`ArtifactError`].
    pub async fn replace(&self, row: &ArtifactRow, smaller: &SmallerFile) -> Result<bool, ArtifactError> {
        let ending = match smaller.stored.coding {
            ContentCoding::Identity => "",
            ContentCoding::Gzip => ".gz",
            ContentCoding::Zstd => ".zst",
        };
        let key = format!("{}{ending}", row.key);
        let meta = self.meta(row, smaller.stored.coding);
        self.parts().objects.put_file(&key, &meta, smaller.file.path()).await?;
        let until = self.now().plus_millis(millis(self.parts().limits.url_ttl)).plus_millis(GRACE_MS);
        let replaced = self.parts().catalog.replace(row.id, &row.key, &key, &smaller.stored, until).await?;
        if !replaced {
            self.discard(row, &key).await;
        }
        Ok(replaced)
    }
}

/// What is stored of something that is stored as it came.
pub(super) fn kept_as_it_is(size: u64, sha256: Sha256) -> StoredForm {
    StoredForm { size, sha256, coding: ContentCoding::Identity, method: Method::Kept, decoded: Some(size) }
}
