//! The use case of an upload through this node, from its first byte to the event that tells of it.

use std::fmt;

use bytes::Bytes;

use super::receive::{Received, Upload};
use super::{ArtifactError, ArtifactService, Completed, NewArtifact, UploadPermit};
use crate::tasks;

/// The bytes of an upload, piece by piece.
pub trait UploadBody {
    /// Why they end early; a refusal of ours can be said in the same words.
    type Error: From<ArtifactError> + fmt::Display;

    /// The next bytes; `None` at their end.
    fn next(&mut self) -> impl Future<Output = Result<Option<Bytes>, Self::Error>>;
}

impl ArtifactService {
    /// Makes an artifact of the bytes of `body`: checks that the run is open and that this is not a repeated upload,
    /// announces the artifact, takes its bytes in, looks for a smaller form, stores it, makes it ready, and tells the
    /// run. A repeated upload is answered with the artifact that is there, once its bytes have been read and thrown
    /// away: most clients read the answer only then.
    ///
    /// Dropped while bytes come, it leaves a pending row and nothing else. Once they are all here it goes on by itself,
    /// and `permit` with it.
    ///
    /// # Errors
    /// [`ArtifactError`], or what the body says; there is no artifact then, but perhaps a row of a failed one.
    pub async fn upload<B: UploadBody>(
        &self,
        permit: UploadPermit,
        new: NewArtifact,
        mut body: B,
    ) -> Result<Completed, B::Error> {
        self.refuse_expired(&new.run).await?;
        if let Some(kept) = self.repeated(new.repeat(), false).await? {
            self.throw_away(&mut body).await?;
            return Ok(Completed { kept, is_new: false });
        }
        let first = body.next().await?.unwrap_or_default();
        let mut upload = self.receive(new, &first).await?;
        if let Err(error) = fill(&mut upload, first, &mut body).await {
            upload.fail(&error.to_string()).await;
            return Err(error);
        }
        drop(body);
        let received = upload.into_received().await?;
        let service = self.clone();
        let completed = to_its_end(async move {
            let completed = service.store_smallest(received).await;
            drop(permit);
            completed
        });
        Ok(completed.await?)
    }

    async fn throw_away<B: UploadBody>(&self, body: &mut B) -> Result<(), B::Error> {
        let (mut size, most) = (0, self.parts().limits().bytes);
        while let Some(bytes) = body.next().await? {
            size += bytes.len() as u64;
            if size > most {
                return Err(ArtifactError::TooLarge(most).into());
            }
        }
        Ok(())
    }

    /// Stores what was received in the smallest form that is found for it, and tells the run.
    async fn store_smallest(&self, received: Received) -> Result<Completed, ArtifactError> {
        let smaller = match received.spooled() {
            Some(file) => {
                let source = file.path().to_owned();
                let asked = self.ports().compressor.compress(source, received.row.content_type.clone());
                asked.await.unwrap_or_else(|refused| {
                    metrics::counter!("runcast_compressions_total", "outcome" => "refused").increment(1);
                    tracing::info!(%refused, "an artifact is stored as it came");
                    None
                })
            }
            None => None,
        };
        let completed = self.store(received, smaller).await?;
        self.tell(&completed).await;
        Ok(completed)
    }
}

async fn fill<B: UploadBody>(upload: &mut Upload, first: Bytes, body: &mut B) -> Result<(), B::Error> {
    upload.write(&first).await?;
    while let Some(bytes) = body.next().await? {
        upload.write(&bytes).await?;
    }
    Ok(())
}

/// Does work that goes on when whoever asked for it goes.
pub(super) async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, ArtifactError>> + Send + 'static,
) -> Result<T, ArtifactError> {
    // A panic is logged where the task runs.
    tasks::spawn("artifact_store", work).await.unwrap_or(Err(ArtifactError::Interrupted))
}
