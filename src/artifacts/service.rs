//! The service itself: its parts, its bounds, and the use cases that need only the catalog.

use std::sync::Arc;
use std::time::Duration;

use tokio::fs::File;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::keys::{final_key, incoming_key};
use super::{ArtifactError, ArtifactPorts, Departure, Health, LiveTraces, NewArtifact, Spool, SpoolFile};
use crate::protocol::retention::Expiry;
use crate::protocol::{ArtifactId, ArtifactState, Clock, Pin, Retention, RunId, Timestamp};
use crate::storage::catalog::artifacts::{ArtifactCatalog, ArtifactRow, KeptArtifact};
use crate::storage::objects::{Objects, ObjectsError, UrlKey};
use crate::storage::space::Reservation;
use crate::tasks;

/// Bytes that go to the spool at a time.
const SPOOL_PIECE: usize = 512 * 1024;

/// The use cases of artifacts. Clones share everything.
#[derive(Clone)]
pub struct ArtifactService {
    parts: Arc<ArtifactParts>,
    ports: ArtifactPorts,
}

/// What artifacts are kept with on this node.
pub struct ArtifactParts {
    /// The rows of artifacts.
    pub catalog: Arc<dyn ArtifactCatalog>,
    /// The bytes of artifacts.
    pub objects: Objects,
    /// How long artifacts are kept; it may change while the node runs.
    pub retention: watch::Sender<Retention>,
    /// Files that become artifacts.
    pub spool: Spool,
    /// Signs URLs of this server.
    pub urls: UrlKey,
    /// Bounds, and whether artifacts are made smaller; they may change while the node runs.
    pub limits: watch::Sender<ArtifactLimits>,
    /// A permit for each upload that may pass this node.
    pub uploads: Arc<Semaphore>,
    /// A permit for each read from a store that is elsewhere; a slow reader holds it for as long as it reads.
    pub downloads: Arc<Semaphore>,
    /// A permit for each change to a store that is elsewhere: [`super::CHANGES_AT_A_TIME`].
    pub changes: Arc<Semaphore>,
    /// What the node remembers of live traces.
    pub live: LiveTraces,
    /// Whether the store worked when last probed.
    pub health: Health,
    /// The journal's clock, which all nodes share.
    pub clock: Clock,
}

impl ArtifactParts {
    /// The bounds as they are now.
    pub fn limits(&self) -> ArtifactLimits {
        *self.limits.borrow()
    }
}

/// The bounds of artifacts, and whether they are made smaller.
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

/// A permit to be one of the uploads that pass this node at a time, held until the artifact is ready. See
/// [`ArtifactService::admit`].
#[derive(Debug)]
pub struct UploadPermit {
    _held: OwnedSemaphorePermit,
}

/// A page of a run's artifacts.
#[derive(Debug)]
pub struct ListedArtifacts {
    /// In the order of their ids.
    pub artifacts: Vec<KeptArtifact>,
    /// Whether others follow.
    pub more: bool,
    /// The pin of the run.
    pub pin: Option<Pin>,
}

impl ArtifactService {
    /// The artifacts of a node with these parts, which these ports tie to the rest of it.
    pub fn new(parts: Arc<ArtifactParts>, ports: ArtifactPorts) -> Self {
        Self { parts, ports }
    }

    /// What it is made of.
    pub fn parts(&self) -> &ArtifactParts {
        &self.parts
    }

    pub(super) fn ports(&self) -> &ArtifactPorts {
        &self.ports
    }

    /// Whether the store worked within the last half minute. One probe at a time; whoever asks meanwhile waits for it.
    ///
    /// # Errors
    /// What is wrong with the store, in words for operators.
    pub async fn health(&self) -> Result<(), ObjectsError> {
        self.parts.health.of(&self.parts.objects).await
    }

    /// Now, by the clock that all nodes share.
    pub fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }

    /// A permit to be one of the uploads that pass this node at a time.
    ///
    /// # Errors
    /// [`ArtifactError::Saturated`].
    pub fn admit(&self) -> Result<UploadPermit, ArtifactError> {
        match self.parts.uploads.clone().try_acquire_owned() {
            Ok(permit) => Ok(UploadPermit { _held: permit }),
            Err(_) => Err(ArtifactError::Saturated(self.parts.limits().uploads)),
        }
    }

    /// A permit to change something in the store; a directory needs none.
    ///
    /// # Errors
    /// [`ArtifactError::Changing`].
    pub(super) fn change(&self) -> Result<Option<OwnedSemaphorePermit>, ArtifactError> {
        self.connect(&self.parts.changes, ArtifactError::Changing)
    }

    /// A permit, of these, for a connection to the store; a directory needs none.
    pub(super) fn connect(
        &self,
        permits: &Arc<Semaphore>,
        full: ArtifactError,
    ) -> Result<Option<OwnedSemaphorePermit>, ArtifactError> {
        if !self.parts.objects.serves_itself() {
            return Ok(None);
        }
        permits.clone().try_acquire_owned().map(Some).map_err(|_| full)
    }

    /// Refuses what is for a run that has expired.
    ///
    /// # Errors
    /// [`ArtifactError::RunGone`], [`ArtifactError::Runs`].
    pub(super) async fn refuse_expired(&self, run: &RunId) -> Result<(), ArtifactError> {
        match self.ports.runs.is_open(run).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(ArtifactError::RunGone),
            Err(reason) => Err(ArtifactError::Runs(reason)),
        }
    }

    /// Whether there is, or was, such a run: it has events, artifacts or a pin, or has expired.
    ///
    /// # Errors
    /// [`ArtifactError::Runs`], [`ArtifactError::Catalog`].
    pub async fn knows(&self, run: &RunId) -> Result<bool, ArtifactError> {
        if self.ports.runs.is_known(run).await.map_err(ArtifactError::Runs)? {
            return Ok(true);
        }
        let catalog = &self.parts.catalog;
        Ok(!catalog.of_run(run, None, 1).await?.is_empty() || catalog.pinned(run).await?.is_some())
    }

    /// Makes a new, empty file in the spool, in space that was reserved on the spool's disk.
    pub(super) async fn spool_file(&self, room: Reservation) -> Result<(File, SpoolFile), ArtifactError> {
        let spool = self.parts.spool.clone();
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
        self.parts.retention.borrow().expiry(artifact.kind, artifact.created_at, pin.as_ref())
    }

    /// An artifact of a run, unless it is gone. An expired one counts as gone before it is removed.
    ///
    /// # Errors
    /// [`ArtifactError::Unknown`], [`ArtifactError::Gone`], [`ArtifactError::Catalog`].
    pub async fn find(&self, run: &RunId, id: ArtifactId) -> Result<KeptArtifact, ArtifactError> {
        let kept = self.parts.catalog.find(run, id).await?.ok_or(ArtifactError::Unknown(id))?;
        // The expected time, not that of a clock that has jumped: nothing was removed by that one either.
        let expiry = self.expiry(&kept);
        let is_gone = match kept.artifact.state {
            ArtifactState::Deleted => true,
            ArtifactState::Ready => expiry.at.is_some_and(|at| at <= self.parts.clock.expected()),
            ArtifactState::Pending | ArtifactState::Failed => false,
        };
        if is_gone { Err(ArtifactError::Gone(Departure::of(&kept.artifact, expiry))) } else { Ok(kept) }
    }

    /// An artifact of a run that can be handed out.
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

    /// The artifacts of a run behind `after`, at most `limit`.
    ///
    /// # Errors
    /// [`ArtifactError::Catalog`].
    pub async fn list(
        &self,
        run: &RunId,
        after: Option<ArtifactId>,
        limit: usize,
    ) -> Result<ListedArtifacts, ArtifactError> {
        let catalog = &self.parts.catalog;
        let mut artifacts = catalog.of_run(run, after, limit + 1).await?;
        let more = artifacts.len() > limit;
        artifacts.truncate(limit);
        Ok(ListedArtifacts { artifacts, more, pin: catalog.pinned(run).await? })
    }

    /// Adds a pending artifact whose bytes begin with `head`, as far as that is known.
    ///
    /// # Errors
    /// [`ArtifactError::TooMany`], [`ArtifactError::TooLarge`], [`ArtifactError::Catalog`].
    pub(super) async fn announce(
        &self,
        new: NewArtifact,
        head: &[u8],
        direct: bool,
    ) -> Result<ArtifactRow, ArtifactError> {
        let limits = self.parts.limits();
        if new.size.is_some_and(|size| size > limits.bytes) {
            return Err(ArtifactError::TooLarge(limits.bytes));
        }
        let id = ArtifactId::unique();
        let key = if direct { incoming_key(id, &new.name) } else { final_key(&new.run, id, &new.name) };
        let (kind, content_type) = new.described(head);
        let NewArtifact { run, name, test, size, sha256, idempotency_key, .. } = new;
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
            deleted_at: None,
        };
        match self.parts.catalog.announce(&row, limits.per_run).await? {
            true => Ok(row),
            false => Err(ArtifactError::TooMany(limits.per_run)),
        }
    }

    /// Keeps all artifacts of a run, until `until` or for good.
    ///
    /// # Errors
    /// [`ArtifactError::Catalog`].
    pub async fn pin(&self, run: &RunId, reason: &str, until: Option<Timestamp>) -> Result<Pin, ArtifactError> {
        let pin = Pin { reason: reason.to_owned(), until, since: self.now() };
        self.parts.catalog.pin(run, &pin).await?;
        Ok(pin)
    }
    /// Lets the artifacts of a run expire again; without a pin it changes nothing.
    ///
    /// # Errors
    /// [`ArtifactError::Catalog`].
    pub async fn unpin(&self, run: &RunId) -> Result<(), ArtifactError> {
        self.parts.catalog.unpin(run).await?;
        Ok(())
    }
}

/// A duration in the unit of timestamps.
pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
