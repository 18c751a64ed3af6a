//! Repeated uploads: they are answered with the artifact that is there.
//!
//! An idempotency key names one upload of a run; so does a name together with an announced digest. Uploads that repeat
//! each other at the same time do not wait for one another, because nobody knows whether the other's connection still
//! works: the first whose bytes are all here becomes the artifact, and the others are answered with it.

use super::new_artifact::Repeat;
use super::{ArtifactError, ArtifactService};
use crate::protocol::ArtifactState;
use crate::storage::catalog::artifacts::{ArtifactRow, Finished, KeptArtifact};

impl Repeat<'_> {
    /// How an artifact with the same key differs from this upload, in words; `None` when it does not.
    fn difference(&self, row: &ArtifactRow) -> Option<String> {
        let differ = |what: &str, theirs: String, ours: String| Some(format!("{what} was {ours}, and is {theirs}"));
        if row.name != *self.name {
            return differ("name", format!("{:?}", self.name.as_str()), format!("{:?}", row.name.as_str()));
        }
        match (self.sha256, row.sha256, self.size, row.size) {
            (Some(theirs), Some(ours), ..) if theirs != ours => differ("sha-256", theirs.to_string(), ours.to_string()),
            (_, _, Some(theirs), Some(ours)) if theirs != ours => differ("size", theirs.to_string(), ours.to_string()),
            _ => None,
        }
    }
}

impl ArtifactService {
    /// The artifact that this upload repeats: a ready one, or, for an upload that does not pass the server (`direct`),
    /// an announced one that still waits for its bytes.
    ///
    /// # Errors
    /// [`ArtifactError::Reused`] when the key names another upload; [`ArtifactError::Catalog`].
    pub(super) async fn repeated(
        &self,
        upload: Repeat<'_>,
        direct: bool,
    ) -> Result<Option<KeptArtifact>, ArtifactError> {
        let catalog = &self.parts().catalog;
        let mut announced = None;
        let keyed = match upload.key {
            Some(key) => catalog.keyed(upload.run, key).await?,
            None => Vec::new(),
        };
        for kept in keyed {
            if !self.still_holds(&kept).await? {
                continue;
            }
            if let Some(difference) = upload.difference(&kept.artifact) {
                return Err(ArtifactError::Reused(difference));
            }
            match kept.artifact.state {
                ArtifactState::Ready => return Ok(Some(kept)),
                _ if direct && kept.artifact.direct => announced = announced.or(Some(kept)),
                _ => {}
            }
        }
        if let Some(sha256) = upload.sha256
            && let Some(kept) = catalog.same(upload.run, upload.name, sha256).await?
            && upload.size.is_none_or(|size| kept.artifact.size == Some(size))
            && self.still_holds(&kept).await?
        {
            return Ok(Some(kept));
        }
        Ok(announced)
    }

    /// The artifact that `row` repeats, now that its size and digest are known.
    pub(super) async fn find_repeated(
        &self,
        row: &ArtifactRow,
        finished: &Finished,
    ) -> Result<Option<KeptArtifact>, ArtifactError> {
        let upload = Repeat {
            run: &row.run,
            name: &row.name,
            size: Some(finished.size),
            sha256: Some(finished.sha256),
            key: row.idempotency_key.as_deref(),
        };
        let found = self.repeated(upload, false).await;
        if let Err(error @ ArtifactError::Reused(_)) = &found {
            self.discard(row, &finished.key).await;
            self.abandon(row, &error.to_string()).await;
        }
        found
    }

    /// Whether an artifact still answers repeated uploads. An expired one is deleted first, so that a new upload can
    /// take its place; while the clock has jumped nothing is deleted, and the artifact answers.
    async fn still_holds(&self, kept: &KeptArtifact) -> Result<bool, ArtifactError> {
        let row = &kept.artifact;
        let Ok(now) = self.parts().clock.check() else { return Ok(true) };
        let expired = row.state == ArtifactState::Ready && self.expiry(kept).at.is_some_and(|at| at <= now);
        if expired {
            self.delete(&row.run, row.id).await?;
        }
        Ok(!expired)
    }
}
