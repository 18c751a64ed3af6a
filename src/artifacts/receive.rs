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

/// Bytes of the beginning of an upload that decide whether it may become smaller.
const HEAD: usize = compression::HEAD;

/// An upload on its way. Dropped before all bytes are received, it leaves a pending row and nothing else.
pub(super) struct Upload {
    artifacts: ArtifactService,
    row: ArtifactRow,
    /// The space reserved on the disk of objects; taken by the writer, or by the spool if that is on the same disk.
    room: Option<Reservation>,
    /// The first bytes, kept until it is decided where all of them go.
    head: Vec<u8>,
    way: Option<Destination>,
    digest: Digesting,
    size: u64,
    /// Whether the store's name of the upload is in the catalog already.
    noted: bool,
}

/// Where the bytes go.
enum Destination {
    /// To the store, as they come.
    Straight(Box<ObjectWriter>),
    /// To a file, which may become smaller before it is stored.
    Spooled { file: tokio::fs::File, spooled: SpoolFile },
}

/// An upload whose bytes are all here and are what was announced.
pub(super) struct Received {
    /// The row, still pending.
    pub(super) row: ArtifactRow,
    /// How many bytes came.
    pub(super) size: u64,
    /// The digest of these bytes.
    pub(super) sha256: Sha256,
    pub(super) target: UploadTarget,
    /// The space reserved on the disk of objects, if that is another disk than the spool's.
    pub(super) room: Option<Reservation>,
}

/// Where the received bytes are.
pub(super) enum UploadTarget {
    /// In an object that is not committed: nobody can see it yet.
    Straight(Box<ObjectWriter>),
    /// In a file.
    Spooled(SpoolFile),
}

impl Received {
    /// The file with its bytes, if they are in one; such an upload may become smaller.
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

    /// What a store is told about an artifact's object in this coding, so that it hands it out rightly by itself.
    pub(super) fn meta(&self, row: &ArtifactRow, coding: ContentCoding) -> ObjectMeta {
        let disposition = content_disposition(row.name.as_str(), is_shown(&row.content_type));
        ObjectMeta { content_type: row.content_type.clone(), coding, disposition }
    }
}

impl Upload {
    /// Takes the next bytes; waits until those before have been passed on.
    ///
    /// # Errors
    /// [`ArtifactError`]; the caller then calls [`Upload::fail`].
    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), ArtifactError> {
        self.size += bytes.len() as u64;
        let most = self.artifacts.parts().limits().bytes;
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

    /// Decides by the first bytes where the upload goes, and passes them on.
    async fn choose(&mut self) -> Result<(), ArtifactError> {
        let Self { artifacts, row, head, .. } = self;
        let may_shrink = artifacts.parts().limits().compress && compression::may_shrink(head, &row.content_type);
        let spool = if may_shrink { self.room_in_the_spool().await? } else { None };
        let Self { artifacts, row, room, .. } = self;
        let way = match spool {
            Some(spool) => {
                let (file, spooled) = artifacts.spool_file(spool).await?;
                Destination::Spooled { file, spooled }
            }
            None => {
                let meta = artifacts.meta(row, ContentCoding::Identity);
                Destination::Straight(Box::new(artifacts.parts().objects.writer_in(&row.key, &meta, room.take())?))
            }
        };
        self.way = Some(way);
        let head = std::mem::take(&mut self.head);
        self.pass(&head).await
    }

    /// Reserves space in the spool. `None` when the spool's disk has too little: the bytes then go straight to the
    /// store, which is elsewhere and has its own.
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
            Some(Destination::Straight(writer)) => {
                writer.write(bytes).await?;
                if let Some(upload) = writer.upload().filter(|_| !self.noted) {
                    self.artifacts.parts().catalog.note_upload(self.row.id, upload).await?;
                    self.noted = true;
                }
                Ok(())
            }
            Some(Destination::Spooled { file, spooled }) => {
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
            Some(Destination::Straight(writer)) => Ok((sha256, UploadTarget::Straight(writer))),
            Some(Destination::Spooled { mut file, mut spooled }) => {
                file.flush().await.map_err(ArtifactError::of_spool)?;
                spooled.room().end();
                Ok((sha256, UploadTarget::Spooled(spooled)))
            }
            None => Err(ArtifactError::Spool("the upload has no way".into())),
        }
    }

    /// Ends the upload: removes whatever came, and writes into the row why it failed.
    pub(super) async fn fail(self, reason: &str) {
        if let Some(Destination::Straight(writer)) = self.way
            && let Err(error) = writer.abort().await
        {
            tracing::info!(artifact = %self.row.id, %error, "what is left of an upload is left to the cleanup");
        }
        if let Err(error) = self.artifacts.parts().catalog.fail(self.row.id, reason).await {
            tracing::info!(artifact = %self.row.id, %error, "a failed upload counts as pending until the cleanup");
        }
    }
}

/// Compares what came with what was announced.
///
/// # Errors
/// [`ArtifactError::Mismatch`].
pub(super) fn matches_announced(row: &ArtifactRow, size: u64, sha256: Sha256) -> Result<(), ArtifactError> {
    if let Some(announced) = row.size.filter(|announced| *announced != size) {
        return Err(ArtifactError::Mismatch(format!("{size} bytes instead of {announced}")));
    }
    if let Some(announced) = row.sha256.filter(|announced| *announced != sha256) {
        return Err(ArtifactError::Mismatch(format!("sha-256 {sha256} instead of {announced}")));
    }
    Ok(())
}
