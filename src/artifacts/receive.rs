//! An upload through the server while its bytes come: they go straight to the store, or to the spool if they may become
//! smaller.

use std::io;

use tokio::io::AsyncWriteExt as _;

use super::{ArtifactError, ArtifactService, Digesting, NewArtifact, SpoolFile, content_disposition, is_shown};
use crate::compression::{self, KeptReason};
use crate::protocol::{ContentCoding, Sha256};
use crate::storage::catalog::artifacts::ArtifactRow;
use crate::storage::objects::{ObjectMeta, ObjectWriter};
use crate::storage::space::Reservation;

/// Bytes by which it is judged whether more can be saved.
const HEAD: usize = compression::HEAD;

/// See the module. Dropped before all bytes are received, it leaves a pending row and nothing else.
pub(super) struct Upload {
    artifacts: ArtifactService,
    row: ArtifactRow,
    /// Its space where objects are, until it is written there, or known to go through the spool of the same disk.
    room: Option<Reservation>,
    /// The first bytes, until the way is chosen.
    head: Vec<u8>,
    way: Option<Way>,
    digest: Digesting,
    size: u64,
    /// The store's name of the upload is in the catalog.
    noted: bool,
}

/// Where the bytes go.
enum Way {
    Straight(Box<ObjectWriter>),
    Spooled { file: tokio::fs::File, spooled: SpoolFile },
}

/// An upload whose bytes are all here, and are what was announced.
pub(super) struct Received {
    /// Its row, still pending.
    pub(super) row: ArtifactRow,
    /// Its bytes.
    pub(super) size: u64,
    /// Their digest.
    pub(super) sha256: Sha256,
    pub(super) target: UploadTarget,
    /// Its space where objects are, if that is another disk than the spool's.
    pub(super) room: Option<Reservation>,
}

/// Where the received bytes are.
pub(super) enum UploadTarget {
    /// On the way into the store, not yet to be seen there.
    Straight(Box<ObjectWriter>),
    Spooled(SpoolFile),
}

impl Received {
    /// The file that it is in, if it is in one: it may become smaller.
    pub(super) fn spooled(&self) -> Option<&SpoolFile> {
        match &self.target {
            UploadTarget::Spooled(file) => Some(file),
            UploadTarget::Straight(_) => None,
        }
    }
}

impl ArtifactService {
    /// Announces an artifact whose bytes come through this node and begin with `head`.
    ///
    /// # Errors
    /// [`ArtifactError`]; nothing was begun.
    pub(super) async fn receive(&self, new: NewArtifact, head: &[u8]) -> Result<Upload, ArtifactError> {
        let room = self.parts().objects.reserve(new.size).await?;
        let row = self.announce(new, head, false).await?;
        let (artifacts, digest) = (self.clone(), Digesting::default());
        Ok(Upload { artifacts, row, room, head: Vec::new(), way: None, digest, size: 0, noted: false })
    }

    /// What the store has to know of an artifact that it holds in this coding.
    pub(super) fn meta(&self, row: &ArtifactRow, coding: ContentCoding) -> ObjectMeta {
        let disposition = content_disposition(row.name.as_str(), is_shown(&row.content_type));
        ObjectMeta { content_type: row.content_type.clone(), coding, disposition }
    }
}

impl Upload {
    /// Takes the next bytes; waits while those before are on their way.
    ///
    /// # Errors
    /// [`ArtifactError`]; [`Upload::fail`] is what is left to do.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), ArtifactError> {
        self.size += bytes.len() as u64;
        let most = self.artifacts.parts().limits.bytes;
        if self.size > most {
            return Err(ArtifactError::TooLarge(most));
        }
        self.digest.take(bytes);
        if self.way.is_some() {
            return self.pass(bytes).await;
        }
        self.head.extend_from_slice(bytes);
        if self.head.len() >= HEAD { self.choose().await } else { Ok(()) }
    }

    async fn choose(&mut self) -> Result<(), ArtifactError> {
        let Self { artifacts, row, head, .. } = self;
        let may_shrink = artifacts.parts().limits.compress && compression::may_shrink(head, &row.content_type);
        let spool = if may_shrink { self.room_in_the_spool().await? } else { None };
        let Self { artifacts, row, room, .. } = self;
        let way = match spool {
            Some(spool) => {
                let (file, spooled) = artifacts.spool_file(spool).await?;
                Way::Spooled { file, spooled }
            }
            None => {
                let meta = artifacts.meta(row, ContentCoding::Identity);
                Way::Straight(Box::new(artifacts.parts().objects.writer_in(&row.key, &meta, room.take())?))
            }
        };
        self.way = Some(way);
        let head = std::mem::take(&mut self.head);
        self.pass(&head).await
    }

    /// Space in the spool; `None` when it has too little, but the place of objects, which is elsewhere, has not: then what
    /// comes is stored as it comes.
    async fn room_in_the_spool(&mut self) -> Result<Option<Reservation>, ArtifactError> {
        let disk = self.artifacts.parts().spool.disk();
        if let Some(room) = self.room.take_if(|room| room.disk().is_before_the_same_as(disk)) {
            return Ok(Some(room));
        }
        match disk.reserve(self.row.size.unwrap_or(0)).await {
            Ok(room) => Ok(Some(room)),
            Err(error) if error.kind() == io::ErrorKind::StorageFull => {
                metrics::counter!("runcast_compressions_total", "outcome" => KeptReason::NoSpace.as_str()).increment(1);
                tracing::info!(artifact = %self.row.id, %error, "an artifact is stored as it came");
                Ok(None)
            }
            Err(error) => Err(ArtifactError::of_spool(error)),
        }
    }

    async fn pass(&mut self, bytes: &[u8]) -> Result<(), ArtifactError> {
        match &mut self.way {
            Some(Way::Straight(writer)) => {
                writer.write(bytes).await?;
                if let Some(upload) = writer.upload().filter(|_| !self.noted) {
                    self.artifacts.parts().catalog.note_upload(self.row.id, upload).await?;
                    self.noted = true;
                }
                Ok(())
            }
            Some(Way::Spooled { file, spooled }) => {
                spooled.room().write(bytes.len() as u64).await.map_err(ArtifactError::of_spool)?;
                file.write_all(bytes).await.map_err(ArtifactError::of_spool)
            }
            None => Ok(()),
        }
    }

    /// All bytes have come: checks that they are what was announced. If not, nothing but a failed row is left.
    ///
    /// # Errors
    /// [`ArtifactError`].
    pub(super) async fn into_received(mut self) -> Result<Received, ArtifactError> {
        match self.check().await {
            Ok((sha256, target)) => Ok(Received { row: self.row, size: self.size, sha256, target, room: self.room }),
            Err(error) => {
                self.fail(&error.to_string()).await;
                Err(error)
            }
        }
    }

    async fn check(&mut self) -> Result<(Sha256, UploadTarget), ArtifactError> {
        if self.way.is_none() {
            self.choose().await?;
        }
        let sha256 = self.digest.clone().sha256();
        matches_announced(&self.row, self.size, sha256)?;
        match self.way.take() {
            Some(Way::Straight(writer)) => Ok((sha256, UploadTarget::Straight(writer))),
            Some(Way::Spooled { mut file, mut spooled }) => {
                file.flush().await.map_err(ArtifactError::of_spool)?;
                spooled.room().end();
                Ok((sha256, UploadTarget::Spooled(spooled)))
            }
            None => Err(ArtifactError::Spool("the upload has no way".into())),
        }
    }

    /// It does not go on: whatever came is removed, and the row says why.
    pub(super) async fn fail(self, why: &str) {
        if let Some(Way::Straight(writer)) = self.way
            && let Err(error) = writer.abort().await
        {
            tracing::info!(artifact = %self.row.id, %error, "what is left of an upload is left to the cleanup");
        }
        if let Err(error) = self.artifacts.parts().catalog.fail(self.row.id, why).await {
            tracing::info!(artifact = %self.row.id, %error, "a failed upload counts as pending until the cleanup");
        }
    }
}

/// Whether what came is what was announced.
pub(super) fn matches_announced(row: &ArtifactRow, size: u64, sha256: Sha256) -> Result<(), ArtifactError> {
    if let Some(announced) = row.size.filter(|announced| *announced != size) {
        return Err(ArtifactError::Mismatch(format!("{size} bytes instead of {announced}")));
    }
    if let Some(announced) = row.sha256.filter(|announced| *announced != sha256) {
        return Err(ArtifactError::Mismatch(format!("sha-256 {sha256} instead of {announced}")));
    }
    Ok(())
}
