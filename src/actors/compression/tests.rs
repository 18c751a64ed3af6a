use super::*;
use crate::artifacts::testing::{LIMITS, alone, parts_in};
use crate::protocol::{ArtifactState, ContentCoding, Sha256, artifact};
use crate::storage::objects::ObjectsError;
use crate::storage::space::free_bytes;

fn row(size: u64) -> ArtifactRow {
    let sha256 = Sha256([7; 32]);
    let (coding, method) = (ContentCoding::Identity, artifact::Method::Kept);
    ArtifactRow {
        state: ArtifactState::Ready,
        direct: true,
        size: Some(size),
        sha256: Some(sha256),
        stored: Some(StoredForm { size, sha256, coding, method, decoded: Some(size) }),
        ..ArtifactRow::sample()
    }
}

#[tokio::test]
async fn nothing_is_fetched_for_whose_smaller_form_there_is_no_space() {
    let home = tempfile::tempdir().unwrap();
    let free = free_bytes(home.path()).unwrap();
    // Of the free space, half is for the original; only a quarter is left for the smaller form.
    let keeping = async |keep| alone(parts_in(home.path(), LIMITS, keep).await.0);
    let recompressed = try_recompress(&keeping(free / 4).await, &row(free / 2), Arc::default()).await;
    assert_eq!(recompressed, Ok(KeptReason::NoSpace.as_str()));
    // With enough space it is fetched, and then the object is missing.
    let fetched = try_recompress(&keeping(free / 4).await, &row(free / 4), Arc::default()).await;
    assert_eq!(fetched, Err(ArtifactError::Objects(ObjectsError::NotFound)));
}
