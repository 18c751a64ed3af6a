//! The use cases of an upload that does not pass the server: announce it, put its bytes by a signed URL, complete it.

use futures_util::StreamExt as _;

use super::keys::final_key;
use super::receive::matches_announced;
use super::service::millis;
use super::store::{Completed, kept_as_it_is};
use super::upload::to_its_end;
use super::{ArtifactError, ArtifactLimits, ArtifactService, Digesting, NewArtifact, UploadBody, UploadPermit};
use crate::protocol::{ArtifactId, ArtifactState, ContentCoding, RunId, Sha256, Timestamp};
use crate::storage::catalog::artifacts::{ArtifactRow, Finished, KeptArtifact};
use crate::storage::objects::{ObjectWriter, ObjectsError};

/// How long a completion may take before another one may begin: 15 minutes.
const COMPLETION_MS: i64 = 900_000;

/// An artifact that is announced, or is there already.
#[derive(Debug)]
pub struct AnnouncedArtifact {
    /// The artifact, pending, or ready when the announcement repeats an upload.
    pub kept: KeptArtifact,
    /// Whether this announcement has added it.
    pub is_new: bool,
    /// Where its bytes go; `None` when nothing is to be sent.
    pub upload: Option<UploadUrl>,
}

/// Where and how the bytes of an announced artifact are put.
#[derive(Debug)]
pub struct UploadUrl {
    /// The HTTP method.
    pub method: &'static str,
    /// A URL of the store, or one of this server without a host.
    pub url: String,
    /// Headers that have to be sent.
    pub headers: Vec<(String, String)>,
    /// Until when it works.
    pub expires_at: Timestamp,
}

impl ArtifactService {
    /// Announces an artifact that is put into the store by its owner, and signs a URL for that. A repeated announcement
    /// is answered with the artifact that is there, or with a new URL for the one that still waits for its bytes.
    ///
    /// # Errors
    /// [`ArtifactError`].
    pub async fn announce_direct(&self, new: NewArtifact) -> Result<AnnouncedArtifact, ArtifactError> {
        self.refuse_expired(&new.run).await?;
        let (kept, is_new) = match self.repeated(new.repeat(), true).await? {
            Some(kept) => (kept, false),
            None => (KeptArtifact { artifact: self.announce_if_it_fits(new).await?, pin: None }, true),
        };
        let upload = match kept.artifact.state {
            ArtifactState::Ready => None,
            _ => Some(self.upload_url(&kept.artifact).await?),
        };
        Ok(AnnouncedArtifact { kept, is_new, upload })
    }

    async fn announce_if_it_fits(&self, new: NewArtifact) -> Result<ArtifactRow, ArtifactError> {
        // The space is given back at once, and reserved when the bytes come.
        self.parts().objects.reserve(new.size).await?;
        self.announce(new, b"", true).await
    }

    async fn upload_url(&self, row: &ArtifactRow) -> Result<UploadUrl, ArtifactError> {
        let ArtifactLimits { url_ttl, upload, .. } = self.parts().limits();
        let (objects, ttl) = (&self.parts().objects, url_ttl.min(upload));
        if !objects.serves_itself() {
            let expires_at = self.parts().clock.expected().plus_millis(millis(ttl));
            return Ok(UploadUrl {
                method: "PUT",
                url: self.put_url(row, expires_at),
                headers: Vec::new(),
                expires_at,
            });
        }
        let signed = objects.sign_put(&row.key, &self.meta(row, ContentCoding::Identity), ttl).await?;
        let headers = signed.headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Ok(UploadUrl { method: signed.method, url: signed.url.into(), headers, expires_at: signed.expires_at })
    }

    /// An announced artifact that waits for its bytes.
    ///
    /// # Errors
    /// As [`ArtifactService::find`]; [`ArtifactError::NotReady`] when its bytes are there, or it has failed.
    pub async fn find_pending(&self, run: &RunId, id: ArtifactId) -> Result<ArtifactRow, ArtifactError> {
        let row = self.find(run, id).await?.artifact;
        match row.state {
            ArtifactState::Pending => Ok(row),
            state => Err(ArtifactError::NotReady(state, row.failure)),
        }
    }

    /// Puts the bytes of an announced artifact where its completion looks for them. That is for a directory; other
    /// stores take them by themselves. `permit` is held until they are there.
    ///
    /// # Errors
    /// [`ArtifactError`], or what the body says; nothing is there then.
    pub async fn put_pending<B: UploadBody>(
        &self,
        permit: UploadPermit,
        row: &ArtifactRow,
        mut body: B,
    ) -> Result<(), B::Error> {
        let objects = &self.parts().objects;
        let room = objects.reserve(row.size).await.map_err(ArtifactError::from)?;
        let meta = self.meta(row, ContentCoding::Identity);
        let mut writer = objects.writer_in(&row.key, &meta, room).map_err(ArtifactError::from)?;
        let most = row.size.unwrap_or(self.parts().limits().bytes);
        if let Err(error) = write_at_most(&mut writer, &mut body, most).await {
            if let Err(error) = writer.abort().await {
                tracing::info!(artifact = %row.id, %error, "what is left of an upload is left to the cleanup");
            }
            return Err(error);
        }
        writer.commit().await.map_err(ArtifactError::from)?;
        // It may have been completed or deleted meanwhile: nobody would come for these bytes.
        let refusal = match self.find_pending(&row.run, row.id).await {
            Ok(_) => return Ok(()),
            Err(refusal @ (ArtifactError::Gone(_) | ArtifactError::NotReady(..))) => refusal,
            Err(error) => return Err(error.into()),
        };
        self.delete_object(&row.key).await.map_err(ArtifactError::from)?;
        drop(permit);
        Err(refusal.into())
    }

    /// Checks what was put into the store, makes it ready, and tells the run. Again for one that is ready it changes
    /// nothing. What is not as announced is removed, and the artifact has failed. It holds a lease, and goes on by
    /// itself.
    ///
    /// # Errors
    /// [`ArtifactError`]: [`ArtifactError::Missing`] before anything came, [`ArtifactError::Mismatch`],
    /// [`ArtifactError::NotReady`] when it has failed, or while somebody else is at it, [`ArtifactError::Changing`].
    pub async fn complete(&self, run: &RunId, id: ArtifactId) -> Result<Completed, ArtifactError> {
        let (service, run) = (self.clone(), run.clone());
        let completed = async move {
            let completed = service.complete_once(&run, id).await?;
            service.tell(&completed).await;
            Ok(completed)
        };
        to_its_end(completed).await
    }

    async fn complete_once(&self, run: &RunId, id: ArtifactId) -> Result<Completed, ArtifactError> {
        let kept = self.find(run, id).await?;
        let artifact = &kept.artifact;
        match artifact.state {
            ArtifactState::Ready => return Ok(Completed { kept, is_new: false }),
            ArtifactState::Pending if artifact.direct => {}
            state => return Err(ArtifactError::NotReady(state, artifact.failure.clone())),
        }
        let _permit = self.change()?;
        // Of two completions at a time one could check bytes that the other replaces before they are handed out.
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
        let key = final_key(&row.run, row.id, &row.name);
        let checked = self.take_in(&row, &key).await;
        match checked {
            Ok((size, sha256)) => {
                let incoming = row.key.clone();
                let compress_at = self.parts().limits().compress_direct.then(|| self.now());
                let stored = kept_as_it_is(size, sha256);
                let completed = self.make_ready(row, Finished { key, size, sha256, stored, compress_at }).await?;
                if let Err(error) = self.delete_object(&incoming).await {
                    tracing::info!(key = incoming, %error, "what was completed stays twice until the cleanup");
                }
                Ok(completed)
            }
            Err(ArtifactError::Missing) => {
                // Another completion may just have taken the bytes away.
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

    /// Copies what was put into the store to a key where nobody else can write, and reads it there: its size and its
    /// digest.
    async fn take_in(&self, row: &ArtifactRow, key: &str) -> Result<(u64, Sha256), ArtifactError> {
        let objects = &self.parts().objects;
        let size = objects.head(&row.key).await?.ok_or(ArtifactError::Missing)?;
        let most = self.parts().limits().bytes;
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
}

async fn write_at_most<B: UploadBody>(writer: &mut ObjectWriter, body: &mut B, most: u64) -> Result<(), B::Error> {
    let mut size = 0;
    while let Some(bytes) = body.next().await? {
        size += bytes.len() as u64;
        if size > most {
            return Err(ArtifactError::MoreThanAnnounced(most).into());
        }
        writer.write(&bytes).await.map_err(ArtifactError::from)?;
    }
    Ok(())
}
