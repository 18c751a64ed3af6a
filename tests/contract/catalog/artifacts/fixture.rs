//! Catalogs to test, and artifacts to put into them.

use std::sync::Arc;

use runcast::protocol::artifact::Method;
use runcast::protocol::{
    ArtifactId, ArtifactKind, ArtifactName, ArtifactState, ContentCoding, Pin, RunId, Sha256, Timestamp,
};
use runcast::storage::catalog::WholeCatalog;
use runcast::storage::catalog::artifacts::{ArtifactCatalog, ArtifactRow, DueFor, DueQuery, Finished, StoredForm};
use runcast::storage::catalog::postgres::PostgresCatalog;
use runcast::storage::catalog::sqlite::{CatalogUrl, SqliteCatalog};
use tempfile::TempDir;

use crate::support::Postgres;

/// Where a test's catalog is.
pub(crate) enum Backend {
    /// What is opened again is the same one.
    Memory(Arc<SqliteCatalog>),
    Sqlite(TempDir),
    Postgres(String),
}

impl Backend {
    pub(crate) async fn memory() -> Self {
        Self::Memory(Arc::new(SqliteCatalog::open(&CatalogUrl::Memory).await.unwrap()))
    }

    pub(crate) async fn sqlite() -> Self {
        Self::Sqlite(tempfile::tempdir().unwrap())
    }

    pub(crate) async fn postgres() -> Self {
        Self::Postgres(Postgres::shared().await.database().await)
    }

    pub(crate) async fn open(&self) -> Arc<dyn WholeCatalog> {
        match self {
            Self::Memory(catalog) => catalog.clone(),
            Self::Sqlite(dir) => {
                Arc::new(SqliteCatalog::open(&CatalogUrl::Sqlite(dir.path().join("c.db"))).await.unwrap())
            }
            Self::Postgres(url) => Arc::new(PostgresCatalog::open(url, "here").await.unwrap()),
        }
    }
}

/// Makes of each `async fn name(backend: Backend)` a test per backend.
macro_rules! contract {
    (in $($backend:ident)+: $names:tt) => { $(crate::catalog::artifacts::fixture::contract! { @ $backend $names })+ };
    (@ $backend:ident { $($name:ident)+ }) => {
        mod $backend {
            $(#[tokio::test] async fn $name() { super::$name(crate::catalog::artifacts::fixture::Backend::$backend().await).await })+
        }
    };
    ($($name:ident)+) => { crate::catalog::artifacts::fixture::contract! { in memory sqlite postgres: { $($name)+ } } };
}
pub(crate) use contract;

pub(crate) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

pub(crate) fn run(name: &str) -> RunId {
    RunId::parse(name).unwrap()
}

/// Ids in the order of their numbers.
pub(crate) fn id(number: u64) -> ArtifactId {
    ArtifactId::parse(&format!("01900000-0000-7000-8000-{number:012x}")).unwrap()
}

/// A pending artifact of the run `r`, created at its number.
pub(crate) fn pending(number: u64) -> ArtifactRow {
    ArtifactRow {
        id: id(number),
        run: run("r"),
        name: ArtifactName::parse("trace.zip").unwrap(),
        kind: ArtifactKind::Trace,
        content_type: "application/zip".into(),
        test: None,
        state: ArtifactState::Pending,
        key: format!("incoming/{number}"),
        direct: false,
        size: None,
        sha256: None,
        stored: None,
        failure: None,
        idempotency_key: None,
        created_at: at(number as i64),
        deleted_at: None,
    }
}

pub(crate) fn stored(size: u64) -> StoredForm {
    StoredForm {
        size,
        sha256: Sha256([size as u8; 32]),
        coding: ContentCoding::Zstd,
        method: Method::Rezipped,
        decoded: (!size.is_multiple_of(2)).then_some(3 * size),
    }
}

/// What [`pending`] becomes: an original of `10 * number` bytes, stored in as many as its number.
pub(crate) fn finished(number: u64) -> Finished {
    Finished {
        key: format!("runs/{number}"),
        size: 10 * number,
        sha256: Sha256([7; 32]),
        stored: stored(number),
        compress_at: None,
    }
}

/// The row of [`pending`] once it is [`finished`].
pub(crate) fn ready(number: u64) -> ArtifactRow {
    let Finished { key, size, sha256, stored, .. } = finished(number);
    let state = ArtifactState::Ready;
    ArtifactRow { state, key, size: Some(size), sha256: Some(sha256), stored: Some(stored), ..pending(number) }
}

/// Announces an artifact, and finishes it.
pub(crate) async fn put(catalog: &dyn ArtifactCatalog, row: &ArtifactRow, finished: &Finished) {
    assert!(catalog.announce(row, usize::MAX).await.unwrap());
    assert!(catalog.set_ready(&row.run, row.id, finished).await.unwrap());
}

/// Puts [`ready`] artifacts of these numbers.
pub(crate) async fn put_all(catalog: &dyn ArtifactCatalog, numbers: impl IntoIterator<Item = u64>) {
    for number in numbers {
        put(catalog, &pending(number), &finished(number)).await;
    }
}

pub(crate) fn pin(until: Option<Timestamp>) -> Pin {
    Pin { reason: "release 7".into(), until, since: at(1) }
}

/// All that is due at `now` for this; every kind that was created at `cutoff` or before has expired.
pub(crate) fn query(reason: DueFor, now: i64, cutoff: i64) -> DueQuery {
    DueQuery {
        reason,
        now: at(now),
        cutoffs: ArtifactKind::ALL.map(|kind| (kind, at(cutoff))),
        abandoned_before: at(cutoff),
        after: None,
        limit: usize::MAX,
    }
}

/// The ids of what is due, and the keys that are to go.
pub(crate) async fn due(catalog: &dyn ArtifactCatalog, query: &DueQuery) -> Vec<(ArtifactId, String)> {
    catalog.due(query).await.unwrap().into_iter().map(|due| (due.artifact.id, due.key)).collect()
}

/// The row of an artifact of the run `r`.
pub(crate) async fn row(catalog: &dyn ArtifactCatalog, number: u64) -> Option<ArtifactRow> {
    catalog.find(&run("r"), id(number)).await.unwrap().map(|kept| kept.artifact)
}

pub(crate) async fn state(catalog: &dyn ArtifactCatalog, number: u64) -> Option<ArtifactState> {
    row(catalog, number).await.map(|row| row.state)
}
