//! The artifacts' part of the catalog: what each one is, where its bytes are, and what is due about it.
//!
//! Rows come before objects and go after them: whatever a crash leaves behind, a row says where it is. A row's key is its
//! object's; while a direct upload is pending it is where the bytes are being put.
//!
//! The trait is implemented once, for every database that has the tables: see `sql` and `tables`.

use async_trait::async_trait;

use super::CatalogError;
use crate::protocol::artifact::Method;
use crate::protocol::{
    ArtifactId, ArtifactKind, ArtifactName, ArtifactState, ContentCoding, Pin, RunId, Sha256, Timestamp,
};

mod due;
mod rows;
mod sql;
pub(super) mod tables;

/// An artifact as the catalog has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArtifactRow {
    /// Its id.
    pub id: ArtifactId,
    /// The run it belongs to.
    pub run: RunId,
    /// What it is called.
    pub name: ArtifactName,
    /// What it is.
    pub kind: ArtifactKind,
    /// Media type of the original, as it is handed out.
    pub content_type: String,
    /// The test it belongs to, in the producer's words.
    pub test: Option<String>,
    /// Where it is in its life.
    pub state: ArtifactState,
    /// Key of its object.
    pub key: String,
    /// Whether its bytes went to the store without passing the server.
    pub direct: bool,
    /// Bytes of the original; while pending what was announced, if it was.
    pub size: Option<u64>,
    /// Digest of the original; while pending what was announced, if it was.
    pub sha256: Option<Sha256>,
    /// What is stored; `None` until it is ready.
    pub stored: Option<StoredForm>,
    /// Why it failed.
    pub failure: Option<String>,
    /// What its client calls the upload, so that a repeated one is known by it.
    pub idempotency_key: Option<String>,
    /// When it was announced.
    pub created_at: Timestamp,
}

impl ArtifactRow {
    /// To how many bytes its object decodes; `None`: nobody knows before it is decoded.
    pub fn decoded_size(&self) -> Option<u64> {
        let stored = self.stored?;
        // All but a rebuilt zip file decode to what came.
        stored.decoded.or(self.size.filter(|_| stored.method != Method::Rezipped))
    }

    /// Its place in the order of age, in which removals are due.
    pub fn age(&self) -> (Timestamp, ArtifactId) {
        (self.created_at, self.id)
    }
}

/// What the store has of an artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredForm {
    /// Bytes of the object.
    pub size: u64,
    /// Digest of the object.
    pub sha256: Sha256,
    /// How the object is encoded.
    pub coding: ContentCoding,
    /// How it came to be.
    pub method: Method,
    /// To how many bytes it decodes; `None`: it was stored before that was kept.
    pub decoded: Option<u64>,
}

/// An artifact and the pin on its run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptArtifact {
    /// The artifact.
    pub artifact: ArtifactRow,
    /// The pin, whether it still holds or not.
    pub pin: Option<Pin>,
}

/// What is known of an artifact once it is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// Key of its object from now on.
    pub key: String,
    /// Bytes of the original.
    pub size: u64,
    /// Digest of the original.
    pub sha256: Sha256,
    /// What is stored.
    pub stored: StoredForm,
    /// When it may be compressed in the background; `None`: nothing is to be done.
    pub compress_at: Option<Timestamp>,
}

/// Why something is due for removal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DueFor {
    /// Ready, past its retention, not pinned.
    Expired,
    /// Pending for too long, or failed: whatever there is of it goes.
    Abandoned,
    /// Deleted by somebody, its object still there.
    Removed,
    /// Its object was replaced by a smaller one, and nobody has a URL of the former any more, or the artifact was deleted.
    Replaced,
}

/// Which removals are due.
#[derive(Clone, Debug)]
pub struct DueQuery {
    /// Why.
    pub why: DueFor,
    /// The time. What was put off until later is not due.
    pub now: Timestamp,
    /// For [`DueFor::Expired`]: per kind, what was created at this time or before.
    pub cutoffs: [(ArtifactKind, Timestamp); ArtifactKind::ALL.len()],
    /// For [`DueFor::Abandoned`]: pending ones created at this time or before; failed ones whenever.
    pub abandoned_before: Timestamp,
    /// Go on behind the one of this [`ArtifactRow::age`].
    pub after: Option<(Timestamp, ArtifactId)>,
    /// At most this many.
    pub limit: usize,
}

/// A removal that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueArtifact {
    /// The artifact.
    pub artifact: ArtifactRow,
    /// Key of the object that is to go: the artifact's own, or for [`DueFor::Replaced`] its former one.
    pub key: String,
    /// The store's name of an upload in parts that may never have ended.
    pub upload: Option<String>,
    /// How often its removal has failed.
    pub failures: u32,
}

/// What there is altogether.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Artifacts that are ready.
    pub artifacts: u64,
    /// Bytes of their originals.
    pub bytes: u64,
    /// Bytes of their objects.
    pub stored_bytes: u64,
    /// Removals that are due, of any kind.
    pub due: u64,
}

/// The artifacts of all runs, their pins, and what their cleanup has to remember.
///
/// A change names the state that it starts from: `false` means that the artifact was not in it, or is not there, and that
/// nothing was changed. Every method is one transaction.
#[async_trait]
pub trait ArtifactCatalog: Send + Sync + 'static {
    /// Adds a pending artifact, unless its run has `most` that are not deleted (`false`). Of the row it takes what can be
    /// known by then: neither a state nor what is stored nor a failure.
    async fn announce(&self, artifact: &ArtifactRow, most: usize) -> Result<bool, CatalogError>;
    /// An artifact of this run, whatever its state.
    async fn find(&self, run: &RunId, id: ArtifactId) -> Result<Option<KeptArtifact>, CatalogError>;
    /// The artifacts of a run that are not deleted, in the order of their ids, at most `limit` behind `after`.
    async fn of_run(
        &self,
        run: &RunId,
        after: Option<ArtifactId>,
        limit: usize,
    ) -> Result<Vec<KeptArtifact>, CatalogError>;
    /// Keeps the store's name of an upload in parts, so that what a crash leaves of it can be removed.
    async fn note_upload(&self, id: ArtifactId, upload: &str) -> Result<(), CatalogError>;
    /// Artifacts of this run with this idempotency key that are pending or ready, the oldest first.
    async fn keyed(&self, run: &RunId, key: &str) -> Result<Vec<KeptArtifact>, CatalogError>;
    /// The oldest ready artifact of this run that has this name and this digest.
    async fn same(
        &self,
        run: &RunId,
        name: &ArtifactName,
        sha256: Sha256,
    ) -> Result<Option<KeptArtifact>, CatalogError>;
    /// Pending -> ready, unless a ready one of its run has its idempotency key, or, when its digest was announced, its name
    /// and digest: then it stays pending (`false`).
    async fn set_ready(&self, run: &RunId, id: ArtifactId, finished: &Finished) -> Result<bool, CatalogError>;
    /// Pending -> failed.
    async fn fail(&self, id: ArtifactId, why: &str) -> Result<bool, CatalogError>;
    /// Anything -> deleted, its object still there; `false` when it is deleted already or unknown. Its former object, if
    /// there is one, is due at once.
    async fn remove(&self, run: &RunId, id: ArtifactId, at: Timestamp) -> Result<bool, CatalogError>;
    /// Deleted, their objects gone; whatever they were. Former objects are due at once.
    async fn gone(&self, ids: &[ArtifactId], at: Timestamp) -> Result<(), CatalogError>;

    /// Takes up to `limit` ready artifacts that may be compressed at `now`; nobody else gets them before `again`, and
    /// after `tries` of these nobody at all.
    async fn claim(
        &self,
        now: Timestamp,
        again: Timestamp,
        tries: u32,
        limit: usize,
    ) -> Result<Vec<ArtifactRow>, CatalogError>;
    /// Ready at `from`, no former object being left -> ready at `key`; the object at `from` is due at `until`. Nothing is
    /// left to be compressed.
    async fn replace(
        &self,
        id: ArtifactId,
        from: &str,
        key: &str,
        stored: &StoredForm,
        until: Timestamp,
    ) -> Result<bool, CatalogError>;
    /// There is nothing left to be compressed.
    async fn spare(&self, id: ArtifactId) -> Result<(), CatalogError>;

    /// Removals that are due, the oldest artifacts first.
    async fn due(&self, query: &DueQuery) -> Result<Vec<DueArtifact>, CatalogError>;
    /// A removal failed (once more): it is not due before `until`.
    async fn put_off(&self, id: ArtifactId, until: Timestamp) -> Result<(), CatalogError>;
    /// The former objects of these are gone.
    async fn forget_replaced(&self, ids: &[ArtifactId]) -> Result<(), CatalogError>;
    /// Forgets deleted artifacts whose objects were gone before `before`, former ones too, at most `limit`; how many they
    /// were.
    async fn purge(&self, before: Timestamp, limit: usize) -> Result<usize, CatalogError>;
    /// What there is; removals are counted as [`ArtifactCatalog::due`] finds them, `why`, `after` and `limit` apart.
    async fn totals(&self, query: &DueQuery) -> Result<Totals, CatalogError>;

    /// Which of these keys belong to a row, whatever its state, as its object or its former one; those rows are marked as
    /// seen by `audit`. For some thousand keys at a time.
    async fn see(&self, keys: &[String], audit: Timestamp) -> Result<Vec<bool>, CatalogError>;
    /// Ready artifacts, created before it began, that `audit` has not seen; in the order of their ids. What became ready
    /// meanwhile may be among them: its object may have come behind the audit's back.
    async fn unseen(
        &self,
        audit: Timestamp,
        after: Option<ArtifactId>,
        limit: usize,
    ) -> Result<Vec<ArtifactRow>, CatalogError>;

    /// Sets the pin of a run.
    async fn pin(&self, run: &RunId, pin: &Pin) -> Result<(), CatalogError>;
    /// Takes the pin of a run away; `false` when there was none.
    async fn unpin(&self, run: &RunId) -> Result<bool, CatalogError>;
    /// The pin of a run, whether it still holds or not.
    async fn pinned(&self, run: &RunId) -> Result<Option<Pin>, CatalogError>;

    /// Takes or extends a lease: `false` when somebody else has it at `now`, unless for longer than twice the time asked for.
    async fn lease(&self, name: &str, holder: &str, now: Timestamp, until: Timestamp) -> Result<bool, CatalogError>;
    /// Gives a lease back, if `holder` has it.
    async fn release(&self, name: &str, holder: &str) -> Result<(), CatalogError>;
    /// Keeps a text under a name.
    async fn note(&self, name: &str, text: &str) -> Result<(), CatalogError>;
    /// The text last kept under a name.
    async fn noted(&self, name: &str) -> Result<Option<String>, CatalogError>;
}
