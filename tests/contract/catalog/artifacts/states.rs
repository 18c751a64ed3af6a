//! From the announcement of an artifact until it is forgotten.

use runcast::protocol::{ArtifactKind, ArtifactName, ArtifactState, Sha256};
use runcast::storage::catalog::artifacts::{ArtifactRow, DueFor, KeptArtifact};

use crate::catalog::artifacts::fixture::{
    Backend, at, contract, due, finished, id, pending, pin, put_all, query, ready, row, run, state, stored,
};

contract! {
    an_announced_artifact_is_found_as_it_was_announced_and_only_in_its_run
    a_run_has_as_many_artifacts_as_it_may_and_deleted_ones_do_not_count
    a_pending_artifact_becomes_ready_once
    a_pending_artifact_fails_once_and_is_not_finished_any_more
    whatever_an_artifact_was_it_is_removed_once
    what_is_gone_is_deleted_whatever_it_was
    the_artifacts_of_a_run_come_page_by_page_without_the_deleted_ones
    what_has_been_gone_for_long_is_forgotten_and_nothing_else
}

async fn an_announced_artifact_is_found_as_it_was_announced_and_only_in_its_run(backend: Backend) {
    let catalog = backend.open().await;
    let full = ArtifactRow {
        name: ArtifactName::parse("видео 1%.webm").unwrap(),
        kind: ArtifactKind::Video,
        content_type: "video/webm".into(),
        test: Some("a > b".into()),
        direct: true,
        size: Some(1 << 40),
        sha256: Some(Sha256([0xab; 32])),
        idempotency_key: Some("8e03978e".into()),
        ..pending(2)
    };
    for announced in [pending(1), full] {
        assert!(catalog.announce(&announced, 9).await.unwrap());
        let kept = catalog.find(&announced.run, announced.id).await.unwrap();
        assert_eq!(kept, Some(KeptArtifact { artifact: announced.clone(), pin: None }));
        assert_eq!(catalog.find(&run("other"), announced.id).await.unwrap(), None);
    }
    assert_eq!(row(&*catalog, 3).await, None);
    assert!(catalog.announce(&pending(1), 9).await.is_err(), "an id is given once");
}

async fn a_run_has_as_many_artifacts_as_it_may_and_deleted_ones_do_not_count(backend: Backend) {
    let catalog = backend.open().await;
    assert!(!catalog.announce(&pending(1), 0).await.unwrap());
    put_all(&*catalog, [1]).await;
    assert!(catalog.announce(&pending(2), 3).await.unwrap());
    assert!(catalog.fail(id(2), "no").await.unwrap());
    assert!(catalog.announce(&pending(3), 3).await.unwrap());
    assert!(!catalog.announce(&pending(4), 3).await.unwrap());
    assert_eq!(row(&*catalog, 4).await, None);
    assert!(catalog.announce(&ArtifactRow { run: run("other"), ..pending(5) }, 1).await.unwrap());
    assert!(catalog.remove(&run("r"), id(1), at(9)).await.unwrap());
    assert!(catalog.announce(&pending(4), 3).await.unwrap());
    assert!(!catalog.announce(&pending(6), 3).await.unwrap());
}

async fn a_pending_artifact_becomes_ready_once(backend: Backend) {
    let catalog = backend.open().await;
    assert!(!catalog.set_ready(&run("r"), id(1), &finished(1)).await.unwrap(), "unknown");
    catalog.announce(&pending(1), 9).await.unwrap();
    catalog.note_upload(id(1), "upload-7").await.unwrap();
    assert!(catalog.set_ready(&run("r"), id(1), &finished(1)).await.unwrap());
    assert_eq!(row(&*catalog, 1).await, Some(ready(1)));
    assert!(!catalog.set_ready(&run("r"), id(1), &finished(2)).await.unwrap());
    assert!(!catalog.fail(id(1), "late").await.unwrap());
    assert_eq!(row(&*catalog, 1).await, Some(ready(1)));
    catalog.remove(&run("r"), id(1), at(9)).await.unwrap();
    assert!(!catalog.set_ready(&run("r"), id(1), &finished(1)).await.unwrap());
    let left = catalog.due(&query(DueFor::Removed, 9, 0)).await.unwrap();
    assert_eq!((left.len(), &left[0].upload), (1, &None), "the upload in parts has ended");
}

async fn a_pending_artifact_fails_once_and_is_not_finished_any_more(backend: Backend) {
    let catalog = backend.open().await;
    assert!(!catalog.fail(id(1), "unknown").await.unwrap());
    catalog.announce(&pending(1), 9).await.unwrap();
    assert!(catalog.fail(id(1), "its size is 3, not 4").await.unwrap());
    assert!(!catalog.fail(id(1), "again").await.unwrap());
    assert!(!catalog.set_ready(&run("r"), id(1), &finished(1)).await.unwrap());
    let failure = Some("its size is 3, not 4".to_owned());
    let failed = ArtifactRow { state: ArtifactState::Failed, failure, ..pending(1) };
    assert_eq!(row(&*catalog, 1).await, Some(failed.clone()));
    // What the cleanup takes away is deleted like all others, and still says why.
    catalog.gone(&[id(1)], at(5)).await.unwrap();
    let deleted = ArtifactRow { state: ArtifactState::Deleted, deleted_at: Some(at(5)), ..failed };
    assert_eq!(row(&*catalog, 1).await, Some(deleted));
    assert_eq!(due(&*catalog, &query(DueFor::Abandoned, 9, 9)).await, []);
    assert_eq!(catalog.purge(at(6), 9).await.unwrap(), 1);
}

async fn whatever_an_artifact_was_it_is_removed_once(backend: Backend) {
    let catalog = backend.open().await;
    put_all(&*catalog, [1]).await;
    catalog.announce(&pending(2), 9).await.unwrap();
    catalog.announce(&pending(3), 9).await.unwrap();
    catalog.fail(id(3), "no").await.unwrap();
    for number in 1..=3 {
        assert!(!catalog.remove(&run("other"), id(number), at(9)).await.unwrap(), "another run's");
        assert_ne!(state(&*catalog, number).await, Some(ArtifactState::Deleted));
        assert!(catalog.remove(&run("r"), id(number), at(9)).await.unwrap());
        assert!(!catalog.remove(&run("r"), id(number), at(9)).await.unwrap());
        assert_eq!(state(&*catalog, number).await, Some(ArtifactState::Deleted));
    }
    assert!(!catalog.remove(&run("r"), id(4), at(9)).await.unwrap(), "unknown");
    let keys = ["runs/1", "incoming/2", "incoming/3"];
    let left: Vec<_> = keys.iter().zip(1..).map(|(key, number)| (id(number), key.to_string())).collect();
    assert_eq!(due(&*catalog, &query(DueFor::Removed, 9, 0)).await, left);
}

async fn what_is_gone_is_deleted_whatever_it_was(backend: Backend) {
    let catalog = backend.open().await;
    put_all(&*catalog, [1, 2]).await;
    catalog.announce(&pending(3), 9).await.unwrap();
    catalog.remove(&run("r"), id(2), at(5)).await.unwrap();
    catalog.gone(&[id(3), id(1), id(99), id(2), id(1)], at(6)).await.unwrap();
    catalog.gone(&[], at(6)).await.unwrap();
    for number in 1..=3 {
        assert_eq!(state(&*catalog, number).await, Some(ArtifactState::Deleted));
    }
    for reason in [DueFor::Expired, DueFor::Abandoned, DueFor::Removed, DueFor::Replaced] {
        assert_eq!(due(&*catalog, &query(reason, 99, 99)).await, []);
    }
    // Told again, it has still been gone since the first time.
    catalog.gone(&[id(1)], at(50)).await.unwrap();
    assert_eq!(catalog.purge(at(7), 9).await.unwrap(), 3);
}

async fn the_artifacts_of_a_run_come_page_by_page_without_the_deleted_ones(backend: Backend) {
    let catalog = backend.open().await;
    put_all(&*catalog, (1..=25).rev()).await;
    catalog.announce(&ArtifactRow { run: run("R"), ..pending(26) }, 9).await.unwrap();
    catalog.announce(&ArtifactRow { run: run("r-2"), ..pending(27) }, 9).await.unwrap();
    catalog.remove(&run("r"), id(4), at(9)).await.unwrap();
    catalog.gone(&[id(11)], at(9)).await.unwrap();
    catalog.pin(&run("r"), &pin(None)).await.unwrap();
    catalog.pin(&run("R"), &pin(Some(at(3)))).await.unwrap();

    let mut seen = Vec::new();
    while let page = catalog.of_run(&run("r"), seen.last().copied(), 10).await.unwrap()
        && !page.is_empty()
    {
        assert!(page.len() <= 10 && page.iter().all(|kept| kept.pin == Some(pin(None))));
        seen.extend(page.iter().map(|kept| kept.artifact.id));
    }
    assert_eq!(seen, (1..=25).filter(|number| ![4, 11].contains(number)).map(id).collect::<Vec<_>>());
    let all = catalog.of_run(&run("R"), None, usize::MAX).await.unwrap();
    let kept = KeptArtifact { artifact: ArtifactRow { run: run("R"), ..pending(26) }, pin: Some(pin(Some(at(3)))) };
    assert_eq!(all, [kept]);
    assert_eq!(catalog.of_run(&run("r"), None, 0).await.unwrap(), []);
    assert_eq!(catalog.of_run(&run("nobody"), None, 9).await.unwrap(), []);
}

async fn what_has_been_gone_for_long_is_forgotten_and_nothing_else(backend: Backend) {
    let catalog = backend.open().await;
    put_all(&*catalog, 1..=9).await;
    catalog.remove(&run("r"), id(1), at(1)).await.unwrap();
    assert!(catalog.replace(id(2), "runs/2", "small/2", &stored(1), at(80)).await.unwrap());
    for number in 2..=7 {
        catalog.gone(&[id(number)], at(10 * number as i64)).await.unwrap();
    }
    assert_eq!(catalog.purge(at(20), 9).await.unwrap(), 0, "gone at that time is not gone before");
    assert_eq!(catalog.purge(at(61), 3).await.unwrap(), 3);
    assert_eq!(row(&*catalog, 5).await, None);
    assert!(row(&*catalog, 6).await.is_some(), "the longest gone go first");
    assert_eq!(catalog.purge(at(61), 3).await.unwrap(), 1);
    // 1 waits for its object, 2 for its former one, 7 was gone later, 8 and 9 are there.
    for number in [1, 2, 7, 8, 9] {
        assert!(row(&*catalog, number).await.is_some(), "{number}");
    }
    assert_eq!(due(&*catalog, &query(DueFor::Replaced, 20, 0)).await, [(id(2), "runs/2".to_owned())]);
    catalog.forget_replaced(&[id(2)]).await.unwrap();
    assert_eq!(catalog.purge(at(61), 3).await.unwrap(), 1);
}
