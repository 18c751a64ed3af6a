use super::*;
use crate::protocol::ArtifactId;
use crate::storage::catalog::artifacts::DueFor;

const BYTES: &[u8] = b"bytes that do not pass the server";

fn announced() -> NewArtifact {
    let sha256 = Some(digest(BYTES));
    NewArtifact { size: Some(BYTES.len() as u64), sha256, idempotency_key: Some("k".into()), ..new("a.log") }
}

async fn announce(bed: &TestBed) -> ArtifactId {
    bed.service.announce_direct(announced()).await.unwrap().kept.artifact.id
}

async fn put(bed: &TestBed, id: ArtifactId, bytes: &'static [u8]) -> Result<(), Refusal> {
    let row = bed.service.find_pending(&run(), id).await?;
    bed.service.put_pending(bed.service.admit().unwrap(), &row, bed.body([Ok(bytes.into())])).await
}

#[tokio::test]
async fn what_is_announced_and_put_is_checked_made_ready_and_told_once() {
    let bed = TestBed::new().await;
    let id = announce(&bed).await;
    put(&bed, id, BYTES).await.unwrap();
    assert!(bed.service.complete(&run(), id).await.unwrap().is_new);
    assert!(!bed.service.complete(&run(), id).await.unwrap().is_new);
    assert_eq!(
        bed.steps(),
        ["run: no row, 0 objects", "piece: pending, 0 objects", "end: pending, 0 objects", "event: ready, 1 objects",]
    );
    assert!(bed.service.admit().is_ok());
}

#[tokio::test]
async fn a_repeated_announcement_gets_a_url_until_the_bytes_are_there() {
    let bed = TestBed::new().await;
    let first = bed.service.announce_direct(announced()).await.unwrap();
    let again = bed.service.announce_direct(announced()).await.unwrap();
    assert_eq!((first.is_new, again.is_new, &again.kept), (true, false, &first.kept));
    let url = again.upload.unwrap().url;
    let (path, query) = url.split_once('?').unwrap();
    assert!(bed.service.granted("PUT", path, query).is_ok());
    assert!(bed.service.granted("GET", path, query).is_err());
    let id = first.kept.artifact.id;
    put(&bed, id, BYTES).await.unwrap();
    bed.service.complete(&run(), id).await.unwrap();
    assert!(bed.service.announce_direct(announced()).await.unwrap().upload.is_none());
}

#[tokio::test]
async fn a_run_that_has_expired_gets_no_announcement() {
    let bed = TestBed::new().await;
    *bed.node.runs.lock().unwrap() = Runs::Expired;
    assert_eq!(bed.service.announce_direct(announced()).await.unwrap_err(), ArtifactError::RunGone);
    assert!(bed.rows().await.is_empty());
}

#[tokio::test]
async fn completed_before_anything_came_it_still_waits_and_nobody_is_told() {
    let bed = TestBed::new().await;
    let id = announce(&bed).await;
    assert_eq!(bed.service.complete(&run(), id).await.unwrap_err(), ArtifactError::Missing);
    assert_eq!(bed.row().await, (ArtifactState::Pending, None));
    put(&bed, id, BYTES).await.unwrap();
    assert!(bed.service.complete(&run(), id).await.unwrap().is_new, "the lease was given back");
}

#[tokio::test]
async fn more_bytes_than_announced_are_not_put_and_the_artifact_still_waits() {
    let bed = TestBed::new().await;
    let id = announce(&bed).await;
    let refused = put(&bed, id, b"more bytes than were announced, so they are not taken at all").await.unwrap_err();
    assert_eq!(refused, Refusal::Artifact(ArtifactError::MoreThanAnnounced(BYTES.len() as u64)));
    assert_eq!(bed.row().await, (ArtifactState::Pending, None));
    bed.nothing_is_left();
}

#[tokio::test]
async fn other_bytes_than_announced_fail_the_artifact_and_are_removed() {
    let bed = TestBed::new().await;
    let id = announce(&bed).await;
    put(&bed, id, b"other ones, just as many as those").await.unwrap();
    let refused = bed.service.complete(&run(), id).await.unwrap_err();
    assert!(matches!(refused, ArtifactError::Mismatch(_)), "{refused}");
    assert_eq!(bed.row().await.0, ArtifactState::Failed);
    assert!(bed.node.events.lock().unwrap().is_empty());
    bed.nothing_is_left();
}

#[tokio::test]
async fn bytes_for_what_was_deleted_meanwhile_are_removed() {
    let bed = TestBed::new().await;
    let id = announce(&bed).await;
    let row = bed.service.find_pending(&run(), id).await.unwrap();
    bed.service.delete(&run(), id).await.unwrap();
    let put = bed.service.put_pending(bed.service.admit().unwrap(), &row, bed.body([Ok(BYTES.into())])).await;
    assert!(matches!(put, Err(Refusal::Artifact(ArtifactError::Gone(_)))), "{put:?}");
    bed.nothing_is_left();
}

#[tokio::test]
async fn what_expires_is_removed_object_first() {
    let bed = TestBed::new().await;
    let kept = bed.upload(new("a.log"), &text()).await.unwrap().kept;
    assert!(bed.service.parts().catalog.due(&bed.service.due(DueFor::Expired, 10)).await.unwrap().is_empty());
    bed.clock.fetch_add(31 * 86_400_000, Ordering::Relaxed);
    let [due] =
        bed.service.parts().catalog.due(&bed.service.due(DueFor::Expired, 10)).await.unwrap().try_into().unwrap();
    assert_eq!(due.artifact.id, kept.artifact.id);
    bed.service.remove_object(DueFor::Expired, &due).await.unwrap();
    assert_eq!((files(&bed.node.objects), bed.rows().await.len()), (0, 1));
    bed.service.note_removed(DueFor::Expired, &[due.artifact.id]).await.unwrap();
    assert!(bed.rows().await.is_empty());
}
