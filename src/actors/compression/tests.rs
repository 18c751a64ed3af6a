use tokio::sync::Semaphore;

use super::*;
use crate::artifacts::{ArtifactLimits, ArtifactParts, Spool};
use crate::protocol::{
    ArtifactId, ArtifactKind, ArtifactName, ArtifactState, Clock, ContentCoding, Retention, RunId, Sha256, Timestamp,
    artifact,
};
use crate::storage::catalog::sqlite::{CatalogUrl, SqliteCatalog};
use crate::storage::objects::{Objects, ObjectsError, ObjectsOptions, StorePlace, UrlKey};
use crate::storage::space::free_bytes;

/// A artifacts whose store has nothing, and of whose spool's disk so many bytes stay free.
async fn artifacts(home: &Path, keep: u64) -> ArtifactService {
    let path = home.join("objects");
    std::fs::create_dir_all(&path).unwrap();
    let second = Duration::from_secs(1);
    let place = StorePlace::Directory { path, min_free_bytes: 0 };
    ArtifactService::new(ArtifactParts {
        catalog: Arc::new(SqliteCatalog::open(&CatalogUrl::Memory).await.unwrap()),
        objects: Objects::open(&ObjectsOptions { place, request: second, retry: second }).unwrap(),
        retention: Retention::new(30, []),
        spool: Spool::open(&home.join("spool"), keep).unwrap(),
        urls: UrlKey::from_text("a key of some length............"),
        limits: ArtifactLimits {
            bytes: u64::MAX,
            per_run: 1,
            url_ttl: second,
            upload: second,
            compress: true,
            compress_direct: true,
            uploads: 1,
            downloads: 1,
        },
        uploads: Arc::new(Semaphore::new(1)),
        downloads: Arc::new(Semaphore::new(1)),
        changes: Arc::new(Semaphore::new(1)),
        health: Default::default(),
        clock: Clock::default(),
    })
}

fn row(size: u64) -> ArtifactRow {
    let sha256 = Sha256([7; 32]);
    let (coding, method) = (ContentCoding::Identity, artifact::Method::Kept);
    ArtifactRow {
        id: ArtifactId::unique(),
        run: RunId::parse("r").unwrap(),
        name: ArtifactName::parse("a.log").unwrap(),
        kind: ArtifactKind::Log,
        content_type: "text/plain".into(),
        test: None,
        state: ArtifactState::Ready,
        key: "runs/r/a.log".into(),
        direct: true,
        size: Some(size),
        sha256: Some(sha256),
        stored: Some(StoredForm { size, sha256, coding, method, decoded: Some(size) }),
        failure: None,
        idempotency_key: None,
        created_at: Timestamp::from_millis(0),
    }
}

#[tokio::test]
async fn nothing_is_fetched_for_whose_smaller_form_there_is_no_space() {
    let home = tempfile::tempdir().unwrap();
    let free = free_bytes(home.path()).unwrap();
    // Half of the disk is for the original, and only a quarter of it is left for the smaller form.
    let depot_of = async |keep| artifacts(home.path(), keep).await;
    let recompressed = try_recompress(&depot_of(free / 4).await, &row(free / 2), Arc::default()).await;
    assert_eq!(recompressed, Ok(Why::NoSpace.as_str()));
    // What finds space is fetched: nothing is there.
    let fetched = try_recompress(&depot_of(free / 4).await, &row(free / 4), Arc::default()).await;
    assert_eq!(fetched, Err(ArtifactError::Objects(ObjectsError::NotFound)));
}
