//! Uploads that do not pass the server: announced, put into the store by a signed URL, completed.

use futures_util::StreamExt as _;

use super::store::kept_as_it_is;
use super::upload::matches_announced;
use super::{ArtifactError, ArtifactService, Digesting, NewArtifact, final_key, millis};
use crate::protocol::{ArtifactId, ArtifactState, ContentCoding, RunId, Sha256};
use crate::storage::catalog::artifacts::{ArtifactRow, Finished, KeptArtifact};
use crate::storage::objects::ObjectsError;

/// How long a completion may take before somebody else may try: 15 minutes.
const COMPLETION_MS: i64 = 900_000;

/// What came of an upload whose bytes were all there.
#[derive(Debug)]
pub struct Completed {
    /// The artifact, ready.
    pub kept: KeptArtifact,
    /// Whether it became so just now, by this upload.
    pub is_new: bool,
}

impl ArtifactService {
    /// Announces an artifact that is put into the store by its owner.
    ///
    /// # Errors
    /// [`ArtifactError`]; nothing was begun.
    pub async fn expect(&self, new: NewArtifact) -> Result<ArtifactRow, ArtifactError> {
        // Whether it would fit now; the space is reserved once its bytes come.
        self.parts().objects.reserve(new.size).await?;
        self.announce(new, true).await
    }

    /// What the store is told of an artifact that is put there by its owner.
    pub fn meta_of_upload(&self, row: &ArtifactRow) -> crate::storage::objects::ObjectMeta {
        self.meta(row, ContentCoding::Identity)
    }

    /// Checks what was put into the store, and makes it ready. Again for one that is ready it changes nothing. What is
    /// not as announced is removed, and the artifact has failed.
    ///
    /// # Errors
    /// [`ArtifactError`]: [`ArtifactError::Missing`] before anything came, [`ArtifactError::Mismatch`],
    /// [`ArtifactError::NotReady`] when it has failed, or while somebody else is at it, [`ArtifactError::Changing`].
    pub async fn complete(&self, run: &RunId, id: ArtifactId) -> Result<Completed, ArtifactError> {
        let kept = self.find(run, id).await?;
        let artifact = &kept.artifact;
        match artifact.state {
            ArtifactState::Ready => return Ok(Completed { kept, is_new: false }),
            ArtifactState::Pending if artifact.direct => {}
            state => return Err(ArtifactError::NotReady(state, artifact.failure.clone())),
        }
        let _place = self.change()?;
        // Two at a time could check what one, and hand out what the other has copied.
        let (catalog, now) = (&self.parts().catalog, self.now());
        let (lease, holder) = (format!("complete:{id}"), ArtifactId::unique().to_string());
        if !catalog.lease(&lease, &holder, now, now.plus_millis(COMPLETION_MS)).await? {
            return Err(ArtifactError::NotReady(ArtifactState::Pending, Some("it is being completed".into())));
        }
        let completed = self.complete_alone(kept.artifact).await;
        if let Err(error) = catalog.release(&lease, &holder).await {
            tracing::info!(artifact = %id, %error, "a lease stays until it runs out");
        }
        completed
    }

    async fn complete_alone(&self, row: ArtifactRow) -> Result<Completed, ArtifactError> {
        let objects = &self.parts().objects;
        let key = final_key(&row.run, row.id, &row.name);
        let checked = self.take_in(&row, &key).await;
        match checked {
            Ok((size, sha256)) => {
                let incoming = row.key.clone();
                let compress_at = self.parts().limits.compress_direct.then(|| self.now());
                let stored = kept_as_it_is(size, sha256);
                let completed = self.make_ready(row, Finished { key, size, sha256, stored, compress_at }).await?;
                if let Err(error) = objects.delete(&incoming).await {
                    tracing::info!(key = incoming, %error, "what was completed stays twice until the cleanup");
                }
                Ok(completed)
            }
            Err(ArtifactError::Missing) => {
                // It may just have been completed.
                let kept = self.find(&row.run, row.id).await?;
                let ready = kept.artifact.state == ArtifactState::Ready;
                if ready { Ok(Completed { kept, is_new: false }) } else { Err(ArtifactError::Missing) }
            }
            Err(error @ (ArtifactError::Mismatch(_) | ArtifactError::TooLarge(_))) => {
                self.discard(&row, &key).await;
                self.abandon(&row, &error.to_string()).await;
                Err(error)
            }
            Err(error) => Err(error),
        }
    }

    /// Copies what was put into the store to where nobody else can write, and reads it there: its bytes and its digest.
    async fn take_in(&self, row: &ArtifactRow, key: &str) -> Result<(u64, Sha256), ArtifactError> {
        let objects = &self.parts().objects;
        let size = objects.head(&row.key).await?.ok_or(ArtifactError::Missing)?;
        let most = self.parts().limits.bytes;
        if size > most {
            return Err(ArtifactError::TooLarge(most));
        }
        if let Some(announced) = row.size.filter(|announced| *announced != size) {
            return Err(ArtifactError::Mismatch(format!("{size} bytes instead of {announced}")));
        }
        match objects.copy(&row.key, key).await {
            Err(ObjectsError::NotFound) => return Err(ArtifactError::Missing),
            copied => copied?,
        }
        let mut body = objects.read(key, None).await?;
        let mut digest = Digesting::default();
        while let Some(piece) = body.stream.next().await {
            digest.take(&piece?);
        }
        let sha256 = digest.sha256();
        matches_announced(row, body.size, sha256)?;
        Ok((body.size, sha256))
    }

    /// How long what was announced now may be put into the store.
    pub fn upload_ttl_ms(&self) -> i64 {
        millis(self.parts().limits.url_ttl.min(self.parts().limits.upload))
    }
}
