//! The artifacts' part of the catalog: the description of each artifact, the location of its bytes, and the work that is
//! due.
//!
//! A row is written before its object and removed after it, so a row names whatever a crash leaves. A row's key is its
//! object's; while a direct upload is pending it is the key that the client writes to.
//!
//! The trait is implemented once, in `sql`, for every database that implements `Tables`.

use async_trait::async_trait;

use super::CatalogError;
use crate::protocol::artifact::Method;
use crate::protocol::{
    ArtifactId, ArtifactKind, ArtifactName, ArtifactState, ContentCoding, Pin, RunId, Sha256, Timestamp,
};

mod due;
mod rows;
mod sql;

/// An artifact's row in the catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArtifactRow {
    /// The artifact's id.
    pub id: ArtifactId,
    /// The run it belongs to.
    pub run: RunId,
    /// The name that its producer gave.
    pub name: ArtifactName,
    /// Its kind: trace, video, log ...
    pub kind: ArtifactKind,
    /// Media type of the original, also used for downloads.
    pub content_type: String,
    /// The producer's id of the test that it belongs to.
    pub test: Option<String>,
    /// Its state.
    pub state: ArtifactState,
    /// Key of its object in the store.
    pub key: String,
    /// Whether the client wrote its bytes straight into the store.
    pub direct: bool,
    /// Bytes of the original; while pending, the announced size if there is one.
    pub size: Option<u64>,
    /// Digest of the original; while pending, the announced digest if there is one.
    pub sha256: Option<Sha256>,
    /// The stored form; `None` until it is ready.
    pub stored: Option<StoredForm>,
    /// Reason of its failure.
    pub failure: Option<String>,
    /// The client's idempotency key, by which a repeated upload is recognised.
    pub idempotency_key: Option<String>,
    /// Time of its announcement.
    pub created_at: Timestamp,
    /// When it was deleted, or removed by the cleanup.
    pub deleted_at: Option<Timestamp>,
}

impl ArtifactRow {
    /// Bytes of its decoded object; `None` when that is not known before it is decoded.
    pub fn decoded_size(&self) -> Option<u64> {
        let stored = self.stored?;
        // Every object but a rebuilt zip file decodes to the original.
        stored.decoded.or(self.size.filter(|_| stored.method != Method::Rezipped))
    }

    /// Its position in the order of age, which is the order of removals.
    pub fn age(&self) -> (Timestamp, ArtifactId) {
        (self.created_at, self.id)
    }
}

#[cfg(test)]
impl ArtifactRow {
    /// A log of the run `r` that was announced at time 0, for tests.
    pub(crate) fn sample() -> Self {
        Self {
            id: ArtifactId::unique(),
            run: RunId::parse("r").unwrap(),
            name: ArtifactName::parse("a.log").unwrap(),
            kind: ArtifactKind::Log,
            content_type: "text/plain".into(),
            test: None,
            state: ArtifactState::Pending,
            key: "runs/r/a.log".into(),
            direct: false,
            size: None,
            sha256: None,
            stored: None,
            failure: None,
            idempotency_key: None,
            created_at: Timestamp::from_millis(0),
            deleted_at: None,
        }
    }
}

/// The form in which the store holds an artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredForm {
    /// Bytes of the object.
    pub size: u64,
    /// Digest of the object.
    pub sha256: Sha256,
    /// Content coding of the object.
    pub coding: ContentCoding,
    /// Method that made this form.
    pub method: Method,
    /// Bytes of the decoded object; `None` for rows from before this column existed.
    pub decoded: Option<u64>,
}

/// An artifact with the pin on its run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptArtifact {
    /// The artifact.
    pub artifact: ArtifactRow,
    /// The pin, which may have expired.
    pub pin: Option<Pin>,
}

/// The columns that are set when an upload is complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// The final key of its object.
    pub key: String,
    /// Bytes of the original.
    pub size: u64,
    /// Digest of the original.
    pub sha256: Sha256,
    /// The stored form.
    pub stored: StoredForm,
    /// When it may be compressed in the background; `None` when there is nothing to compress.
    pub compress_at: Option<Timestamp>,
}

/// The reason of a removal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DueFor {
    /// A ready artifact past its retention, on a run without a pin.
    Expired,
    /// An artifact that was pending for too long, or failed.
    Abandoned,
    /// A deleted artifact whose object still exists.
    Removed,
    /// A former object that a smaller one replaced, after its last URL has expired or its artifact was deleted.
    Replaced,
}

/// A query for due removals.
#[derive(Clone, Debug)]
pub struct DueQuery {
    /// The reason of the removals.
    pub reason: DueFor,
    /// The time of the query. Removals that were postponed beyond it are not due.
    pub now: Timestamp,
    /// For [`DueFor::Expired`]: for each kind, the latest creation time that has expired.
    pub cutoffs: [(ArtifactKind, Timestamp); ArtifactKind::ALL.len()],
    /// For [`DueFor::Abandoned`]: the latest creation time of pending artifacts that are due. Failed ones are always
    /// due.
    pub abandoned_before: Timestamp,
    /// The page begins after this [`ArtifactRow::age`].
    pub after: Option<(Timestamp, ArtifactId)>,
    /// Most entries of the page.
    pub limit: usize,
}

/// A due removal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueArtifact {
    /// The artifact.
    pub artifact: ArtifactRow,
    /// Key of the object to remove: the artifact's own, or for [`DueFor::Replaced`] its former one.
    pub key: String,
    /// The store's id of a multipart upload that may not have ended.
    pub upload: Option<String>,
    /// Number of failed attempts to remove it.
    pub failures: u32,
}

/// Totals of all artifacts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Number of ready artifacts.
    pub artifacts: u64,
    /// Bytes of their originals.
    pub bytes: u64,
    /// Bytes of their objects.
    pub stored_bytes: u64,
    /// Number of due removals of any kind.
    pub due: u64,
}

/// The artifacts of all runs, their pins, and the records of their cleanup.
///
/// A change names the state that it starts from. `false` means that the artifact does not exist or was in another
/// state, and that nothing was changed. Every method is one transaction.
#[async_trait]
pub trait ArtifactCatalog: Send + Sync + 'static {
    /// Adds a pending artifact, unless its run has `most` that are not deleted (`false`). It stores the columns that
    /// are known by then: not the state, the stored form or the failure.
    async fn announce(&self, artifact: &ArtifactRow, most: usize) -> Result<bool, CatalogError>;
    /// Finds an artifact of this run, in any state.
    async fn find(&self, run: &RunId, id: ArtifactId) -> Result<Option<KeptArtifact>, CatalogError>;
    /// Lists the artifacts of a run that are not deleted, ordered by id, at most `limit` after the id `after`.
    async fn of_run(
        &self,
        run: &RunId,
        after: Option<ArtifactId>,
        limit: usize,
    ) -> Result<Vec<KeptArtifact>, CatalogError>;
    /// Stores the id of a multipart upload, so that its parts can be removed after a crash.
    async fn note_upload(&self, id: ArtifactId, upload: &str) -> Result<(), CatalogError>;
    /// Finds the pending and ready artifacts of this run with this idempotency key, the oldest first.
    async fn keyed(&self, run: &RunId, key: &str) -> Result<Vec<KeptArtifact>, CatalogError>;
    /// Finds the oldest ready artifact of this run with this name and this digest.
    async fn same(
        &self,
        run: &RunId,
        name: &ArtifactName,
        sha256: Sha256,
    ) -> Result<Option<KeptArtifact>, CatalogError>;
    /// Pending -> ready, unless a ready artifact of its run has its idempotency key, or, when its digest was announced,
    /// its name and digest: then it stays pending (`false`).
    async fn set_ready(&self, run: &RunId, id: ArtifactId, finished: &Finished) -> Result<bool, CatalogError>;
    /// Pending -> failed.
    async fn fail(&self, id: ArtifactId, reason: &str) -> Result<bool, CatalogError>;
    /// Any state -> deleted; its object still exists. `false` when it is unknown or deleted already. A former object
    /// is due at once.
    async fn remove(&self, run: &RunId, id: ArtifactId, at: Timestamp) -> Result<bool, CatalogError>;
    /// All artifacts of a run -> deleted; how many there were.
    async fn remove_all(&self, run: &RunId, at: Timestamp) -> Result<usize, CatalogError>;
    /// Any state -> deleted, their objects removed. Former objects are due at once.
    async fn gone(&self, ids: &[ArtifactId], at: Timestamp) -> Result<(), CatalogError>;

    /// Claims up to `limit` ready artifacts that may be compressed at `now`. No other node gets them before `again`,
    /// and they are not given out again after `tries` claims.
    async fn claim(
        &self,
        now: Timestamp,
        again: Timestamp,
        tries: u32,
        limit: usize,
    ) -> Result<Vec<ArtifactRow>, CatalogError>;
    /// Ready at key `from` without a former object -> ready at `key`; the object at `from` is due at `until`. Nothing
    /// is left to be compressed.
    async fn replace(
        &self,
        id: ArtifactId,
        from: &str,
        key: &str,
        stored: &StoredForm,
        until: Timestamp,
    ) -> Result<bool, CatalogError>;
    /// Records that there is nothing left to compress.
    async fn spare(&self, id: ArtifactId) -> Result<(), CatalogError>;

    /// Lists due removals, the oldest artifacts first.
    async fn due(&self, query: &DueQuery) -> Result<Vec<DueArtifact>, CatalogError>;
    /// Records a failed removal; it is not due again before `until`.
    async fn put_off(&self, id: ArtifactId, until: Timestamp) -> Result<(), CatalogError>;
    /// Records that the former objects of these artifacts are removed.
    async fn forget_replaced(&self, ids: &[ArtifactId]) -> Result<(), CatalogError>;
    /// Removes the rows of at most `limit` deleted artifacts whose objects, former ones too, were removed before
    /// `before`; returns their number.
    async fn purge(&self, before: Timestamp, limit: usize) -> Result<usize, CatalogError>;
    /// Returns the totals. Removals are counted as [`ArtifactCatalog::due`] finds them; `why`, `after` and `limit` are
    /// ignored.
    async fn totals(&self, query: &DueQuery) -> Result<Totals, CatalogError>;

    /// Returns which of these keys belong to a row in any state, as its object or its former one, and marks those rows
    /// as seen by `audit`. Takes some thousand keys at a time.
    async fn see(&self, keys: &[String], audit: Timestamp) -> Result<Vec<bool>, CatalogError>;
    /// Lists the ready artifacts, created before the audit began, that `audit` has not seen, ordered by id. An artifact
    /// that became
    /// ready meanwhile may be among them, because its object was written after the audit had passed its key.
    async fn unseen(
        &self,
        audit: Timestamp,
        after: Option<ArtifactId>,
        limit: usize,
    ) -> Result<Vec<ArtifactRow>, CatalogError>;

    /// Sets the pin of a run.
    async fn pin(&self, run: &RunId, pin: &Pin) -> Result<(), CatalogError>;
    /// Removes the pin of a run; `false` when there was none.
    async fn unpin(&self, run: &RunId) -> Result<bool, CatalogError>;
    /// Finds the pin of a run, which may have expired.
    async fn pinned(&self, run: &RunId) -> Result<Option<Pin>, CatalogError>;

    /// Takes or extends a lease; `false` when another holder has it at `now`. A lease of more than twice the requested
    /// time is ignored.
    async fn lease(&self, name: &str, holder: &str, now: Timestamp, until: Timestamp) -> Result<bool, CatalogError>;
    /// Ends a lease if `holder` has it.
    async fn release(&self, name: &str, holder: &str) -> Result<(), CatalogError>;
    /// Stores a text under a name.
    async fn note(&self, name: &str, text: &str) -> Result<(), CatalogError>;
    /// Finds the text last stored under a name.
    async fn noted(&self, name: &str) -> Result<Option<String>, CatalogError>;
}
