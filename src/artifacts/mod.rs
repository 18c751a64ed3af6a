//! The artifacts: artifacts as one thing, whose rows are in the catalog, whose bytes are in the store, and who are on their way
//! through the spool.
//!
//! A row is announced before a byte is stored and says where the bytes are until they are gone. Nothing is handed out
//! but what is ready: whole, checked, not expired.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::fs::File;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::protocol::artifact::safe_part;
use crate::protocol::retention::Expiry;
use crate::protocol::{
    ArtifactId, ArtifactKind, ArtifactName, ArtifactState, Clock, Pin, Retention, RunId, Sha256, Timestamp,
};
use crate::storage::catalog::CatalogError;
use crate::storage::catalog::artifacts::{ArtifactCatalog, ArtifactRow, DueFor, DueQuery, KeptArtifact};
use crate::storage::objects::{Body, Objects, ObjectsError, UrlKey};
use crate::storage::space::Reservation;
use crate::tasks;

mod digest;
mod direct;
mod disposition;
mod health;
mod permit_stream;
mod repeats;
mod spool;
mod store;
mod upload;

pub use digest::Digesting;
pub use direct::Completed;
pub use disposition::{content_disposition, is_shown};
pub use health::Health;
use permit_stream::PermitStream;
pub use repeats::Repeat;
pub use spool::{Spool, SpoolFile};
pub use store::SmallerFile;
pub use upload::{Received, Upload};

/// Bytes that go to the spool at a time.
const SPOOL_PIECE: usize = 512 * 1024;
/// Where finished artifacts are.
pub const RUNS: &str = "runs";
/// Where the bytes of pending direct uploads are.
pub const INCOMING: &str = "incoming";
/// Uploads that are completed, and artifacts that are deleted, at a time in a store that is elsewhere. They have their own
/// places: readers, who may take their time, can't hold them up.
pub const CHANGES_AT_A_TIME: usize = 16;
/// The catalog's note about the last cleanup of any node.
pub const LAST_CLEANUP: &str = "cleanup.last";

/// What the artifacts is made of. Clones are the same artifacts.
#[derive(Clone)]
pub struct ArtifactService(Arc<ArtifactParts>);

/// See [`ArtifactService`].
pub struct ArtifactParts {
    /// What artifacts there are.
    pub catalog: Arc<dyn ArtifactCatalog>,
    /// Their bytes.
    pub objects: Objects,
    /// How long they are kept.
    pub retention: Retention,
    /// Files on their way.
    pub spool: Spool,
    /// Signs our own URLs.
    pub urls: UrlKey,
    /// What is allowed.
    pub limits: ArtifactLimits,
    /// A permit for each of them that may begin.
    pub uploads: Arc<Semaphore>,
    /// A permit for each read from a store that is elsewhere, which its reader may hold up.
    pub downloads: Arc<Semaphore>,
    /// A permit for each change to a store that is elsewhere: [`CHANGES_AT_A_TIME`].
    pub changes: Arc<Semaphore>,
    /// Whether the store works.
    pub health: Health,
    /// The journal's clock, which all nodes share.
    pub clock: Clock,
}

/// What is allowed.
#[derive(Clone, Copy, Debug)]
pub struct ArtifactLimits {
    /// Most bytes of an artifact.
    pub bytes: u64,
    /// Most artifacts of a run.
    pub per_run: usize,
    /// How long a signed URL works.
    pub url_ttl: Duration,
    /// How long an upload may take.
    pub upload: Duration,
    /// Whether what passes the server is compressed.
    pub compress: bool,
    /// Whether what does not pass it is compressed afterwards.
    pub compress_direct: bool,
    /// Uploads through this node at a time.
    pub uploads: usize,
    /// Artifacts that this node reads at a time from a store that is elsewhere.
    pub downloads: usize,
}

/// Something that is to become an artifact.
#[derive(Clone, Debug)]
pub struct NewArtifact {
    /// Its run.
    pub run: RunId,
    /// What it is called.
    pub name: ArtifactName,
    /// What it is.
    pub kind: ArtifactKind,
    /// Its media type.
    pub content_type: String,
    /// The test it belongs to.
    pub test: Option<String>,
    /// Its bytes, if they were announced.
    pub size: Option<u64>,
    /// Its digest, if it was announced.
    pub sha256: Option<Sha256>,
    /// What its client calls the upload, if it has a name for it.
    pub idempotency_key: Option<String>,
}

/// Why something could not be done with an artifact.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArtifactError {
    /// The catalog did not answer. Nothing was changed.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The store did not do it.
    #[error(transparent)]
    Objects(#[from] ObjectsError),
    /// The disk of the spool did not.
    #[error("the disk for uploads on their way: {0}")]
    Spool(String),
    /// The node has as many uploads in hand as it may.
    #[error("{0} uploads are on their way, as many as the node takes at a time (artifacts.max_uploads)")]
    Saturated(usize),
    /// The node reads as much as it may.
    #[error("{0} artifacts are read from the store, as many as the node reads at a time (artifacts.max_downloads)")]
    Busy(usize),
    /// The node changes as much as it may.
    #[error("{CHANGES_AT_A_TIME} uploads are being completed or deleted, as many as the node does at a time")]
    Changing,
    /// The run has as many artifacts as it may.
    #[error("the run has {0} artifacts, as many as it may (artifacts.max_per_run)")]
    TooMany(usize),
    /// More bytes than an artifact may have.
    #[error("the artifact has more than {0} bytes (artifacts.max_bytes)")]
    TooLarge(u64),
    /// What came is not what was announced.
    #[error("what came is not what was announced: {0}")]
    Mismatch(String),
    /// An idempotency key names another upload already.
    #[error("the Idempotency-Key is that of another upload to this run: {0}")]
    Reused(String),
    /// Nothing came to be completed.
    #[error("nothing was uploaded yet")]
    Missing,
    /// There is no such artifact in this run.
    #[error("the run has no artifact {0}")]
    Unknown(ArtifactId),
    /// It is there, but not to be had.
    #[error("the artifact is {}", .0.as_str())]
    NotReady(ArtifactState, Option<String>),
    /// It was there, and expired or was deleted.
    #[error("the artifact is gone: it has expired, or was deleted")]
    Gone,
}

impl ArtifactError {
    fn of_spool(error: impl fmt::Display) -> Self {
        Self::Spool(error.to_string())
    }
}

impl ArtifactService {
    /// A artifacts of these parts.
    pub fn new(parts: ArtifactParts) -> Self {
        Self(Arc::new(parts))
    }

    /// What it is made of.
    pub fn parts(&self) -> &ArtifactParts {
        &self.0
    }

    /// Now, by the clock that all nodes share.
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// A place among the uploads that pass this node at a time.
    ///
    /// # Errors
    /// [`ArtifactError::Saturated`].
    pub fn admit(&self) -> Result<OwnedSemaphorePermit, ArtifactError> {
        let taken = self.0.uploads.clone().try_acquire_owned();
        taken.map_err(|_| ArtifactError::Saturated(self.0.limits.uploads))
    }

    /// A place among those who have a connection to the store, of these; a directory needs none.
    fn connect(
        &self,
        places: &Arc<Semaphore>,
        full: ArtifactError,
    ) -> Result<Option<OwnedSemaphorePermit>, ArtifactError> {
        if !self.0.objects.serves_itself() {
            return Ok(None);
        }
        places.clone().try_acquire_owned().map(Some).map_err(|_| full)
    }

    /// A place for a change to the store.
    ///
    /// # Errors
    /// [`ArtifactError::Changing`].
    fn change(&self) -> Result<Option<OwnedSemaphorePermit>, ArtifactError> {
        self.connect(&self.0.changes, ArtifactError::Changing)
    }

    /// Reads an artifact's object, or a range of it, for somebody who may take his time.
    ///
    /// # Errors
    /// [`ArtifactError::Busy`], [`ArtifactError::Objects`].
    pub async fn read(&self, row: &ArtifactRow, range: Option<Range<u64>>) -> Result<Body, ArtifactError> {
        let place = self.connect(&self.0.downloads, ArtifactError::Busy(self.0.limits.downloads))?;
        let mut body = self.0.objects.read(&row.key, range).await?;
        body.stream = PermitStream::new(body.stream, place).boxed();
        Ok(body)
    }

    /// A new, empty file in the spool, to be written piece by piece, in space that was reserved on the spool's disk.
    async fn spool_file(&self, room: Reservation) -> Result<(File, SpoolFile), ArtifactError> {
        let spool = self.0.spool.clone();
        let made =
            tasks::spawn_blocking("spool_file", move || spool.file_in(room)).await.map_err(ArtifactError::of_spool)?;
        let (file, spooled) = made.map_err(ArtifactError::of_spool)?;
        let mut file = File::from_std(file);
        file.set_max_buf_size(SPOOL_PIECE);
        Ok((file, spooled))
    }

    /// When an artifact expires.
    pub fn expiry(&self, kept: &KeptArtifact) -> Expiry {
        let KeptArtifact { artifact, pin } = kept;
        self.0.retention.expiry(artifact.kind, artifact.created_at, pin.as_ref())
    }

    /// An artifact of a run, unless it is gone; expired ones are, also before they are removed.
    ///
    /// # Errors
    /// [`ArtifactError::Unknown`], [`ArtifactError::Gone`], [`ArtifactError::Catalog`].
    pub async fn find(&self, run: &RunId, id: ArtifactId) -> Result<KeptArtifact, ArtifactError> {
        let kept = self.0.catalog.find(run, id).await?.ok_or(ArtifactError::Unknown(id))?;
        // Not by a clock that has jumped: nothing has been removed by it.
        let expired = || self.expiry(&kept).at.is_some_and(|at| at <= self.0.clock.expected());
        match kept.artifact.state {
            ArtifactState::Deleted => Err(ArtifactError::Gone),
            ArtifactState::Ready if expired() => Err(ArtifactError::Gone),
            _ => Ok(kept),
        }
    }

    /// The same for one that can be handed out.
    ///
    /// # Errors
    /// As [`ArtifactService::find`]; [`ArtifactError::NotReady`].
    pub async fn find_ready(&self, run: &RunId, id: ArtifactId) -> Result<KeptArtifact, ArtifactError> {
        let kept = self.find(run, id).await?;
        match kept.artifact.state {
            ArtifactState::Ready => Ok(kept),
            state => Err(ArtifactError::NotReady(state, kept.artifact.failure)),
        }
    }

    /// Which removals are due now, for this reason.
    pub fn due(&self, why: DueFor, limit: usize) -> DueQuery {
        let now = self.now();
        DueQuery {
            why,
            now,
            cutoffs: self.0.retention.cutoffs(now),
            abandoned_before: now.plus_millis(-millis(self.0.limits.upload)),
            after: None,
            limit,
        }
    }

    /// Adds a pending artifact.
    ///
    /// # Errors
    /// [`ArtifactError::TooMany`], [`ArtifactError::TooLarge`], [`ArtifactError::Catalog`].
    async fn announce(&self, new: NewArtifact, direct: bool) -> Result<ArtifactRow, ArtifactError> {
        let limits = &self.0.limits;
        if new.size.is_some_and(|size| size > limits.bytes) {
            return Err(ArtifactError::TooLarge(limits.bytes));
        }
        let id = ArtifactId::unique();
        let key = if direct { incoming_key(id, &new.name) } else { final_key(&new.run, id, &new.name) };
        let NewArtifact { run, name, kind, content_type, test, size, sha256, idempotency_key } = new;
        let row = ArtifactRow {
            id,
            run,
            name,
            kind,
            content_type,
            test,
            state: ArtifactState::Pending,
            key,
            direct,
            size,
            sha256,
            stored: None,
            failure: None,
            idempotency_key,
            created_at: self.now(),
        };
        match self.0.catalog.announce(&row, limits.per_run).await? {
            true => Ok(row),
            false => Err(ArtifactError::TooMany(limits.per_run)),
        }
    }

    /// Deletes an artifact: it is gone at once; its object goes now, or with the next cleanup if the store is away.
    ///
    /// # Errors
    /// [`ArtifactError::Unknown`], [`ArtifactError::Catalog`]. One that is deleted already is no error.
    pub async fn delete(&self, run: &RunId, id: ArtifactId) -> Result<(), ArtifactError> {
        let ArtifactParts { catalog, objects, .. } = self.parts();
        let kept = catalog.find(run, id).await?.ok_or(ArtifactError::Unknown(id))?;
        if catalog.remove(run, id, self.now()).await? && kept.artifact.state == ArtifactState::Ready {
            let deleted = match self.change() {
                Ok(_place) => objects.delete(&kept.artifact.key).await.map_err(ArtifactError::from),
                Err(busy) => Err(busy),
            };
            match deleted {
                Ok(()) => catalog.gone(&[id], self.now()).await?,
                Err(error) => tracing::info!(%run, artifact = %id, %error, "its object is left to the cleanup"),
            }
        }
        Ok(())
    }

    /// Keeps all artifacts of a run.
    ///
    /// # Errors
    /// [`ArtifactError::Catalog`].
    pub async fn pin(&self, run: &RunId, reason: &str, until: Option<Timestamp>) -> Result<Pin, ArtifactError> {
        let pin = Pin { reason: reason.to_owned(), until, since: self.now() };
        self.0.catalog.pin(run, &pin).await?;
        Ok(pin)
    }
}

/// Where an artifact is to stay.
fn final_key(run: &RunId, id: ArtifactId, name: &ArtifactName) -> String {
    format!("{RUNS}/{}/{id}/{}", safe_part(run.as_str()), name.in_key())
}

/// Where the bytes of an upload that does not pass the server go until they are checked: whoever has its signed URL can
/// write there for as long as that works, and must not be able to change what was checked.
fn incoming_key(id: ArtifactId, name: &ArtifactName) -> String {
    format!("{INCOMING}/{id}/{}", name.in_key())
}

/// A duration in the unit of timestamps.
fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
