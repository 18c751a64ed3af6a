//! What is compressed in the background: who takes it, what becomes of it.

use runcast::protocol::ArtifactId;
use runcast::storage::catalog::artifacts::{ArtifactCatalog, ArtifactRow, Finished};

use crate::catalog::artifacts::fixture::{Backend, at, contract, finished, id, pending, put, ready, row, run, stored};

contract! {
    what_may_be_compressed_is_taken_once_and_again_when_its_time_is_over
    after_so_many_tries_nobody_gets_it_any_more
    what_was_tried_more_often_than_it_may_be_now_is_not_handed_out
    what_is_spared_replaced_or_deleted_is_not_handed_out
    an_object_is_replaced_only_as_it_was
}

async fn queued(catalog: &dyn ArtifactCatalog, number: u64, compress_at: i64) {
    let finished = Finished { compress_at: Some(at(compress_at)), ..finished(number) };
    put(catalog, &pending(number), &finished).await;
}

async fn claim(catalog: &dyn ArtifactCatalog, now: i64, tries: u32, limit: usize) -> Vec<ArtifactId> {
    let mut claimed: Vec<_> = catalog.claim(at(now), at(now + 100), tries, limit).await.unwrap();
    claimed.sort_by_key(|row| row.id);
    claimed.iter().map(|row| row.id).collect()
}

async fn what_may_be_compressed_is_taken_once_and_again_when_its_time_is_over(backend: Backend) {
    let catalog = backend.open().await;
    for (number, compress_at) in [(1, 30), (2, 20), (3, 10), (4, 31)] {
        queued(&*catalog, number, compress_at).await;
    }
    put(&*catalog, &pending(5), &finished(5)).await;
    assert_eq!(claim(&*catalog, 9, 3, 9).await, []);
    assert_eq!(claim(&*catalog, 30, 3, 0).await, []);
    assert_eq!(claim(&*catalog, 30, 3, 2).await, [id(2), id(3)], "who waits longest comes first");
    let claimed = catalog.claim(at(30), at(130), 3, 9).await.unwrap();
    assert_eq!(claimed, [ready(1)]);
    assert_eq!(claim(&*catalog, 129, 3, 9).await, [id(4)]);
    assert_eq!(claim(&*catalog, 130, 3, 9).await, [id(1), id(2), id(3)]);
}

async fn after_so_many_tries_nobody_gets_it_any_more(backend: Backend) {
    let catalog = backend.open().await;
    queued(&*catalog, 1, 0).await;
    queued(&*catalog, 2, 0).await;
    assert_eq!(claim(&*catalog, 0, 1, 1).await, [id(1)]);
    assert_eq!(claim(&*catalog, 1_000, 3, 9).await, [id(2)], "one try was enough for the first");
    assert_eq!(claim(&*catalog, 2_000, 3, 9).await, [id(2)]);
    assert_eq!(claim(&*catalog, 3_000, 3, 9).await, [id(2)]);
    assert_eq!(claim(&*catalog, 4_000, 3, 9).await, []);
    assert_eq!(claim(&*catalog, 5_000, 9, 9).await, [], "it is not queued any more");
}

async fn what_was_tried_more_often_than_it_may_be_now_is_not_handed_out(backend: Backend) {
    let catalog = backend.open().await;
    queued(&*catalog, 1, 0).await;
    for turn in 0..3 {
        assert_eq!(claim(&*catalog, 1_000 * turn, 9, 9).await, [id(1)]);
    }
    assert_eq!(claim(&*catalog, 5_000, 2, 9).await, []);
    assert_eq!(claim(&*catalog, 6_000, 9, 9).await, []);
}

async fn what_is_spared_replaced_or_deleted_is_not_handed_out(backend: Backend) {
    let catalog = backend.open().await;
    for number in 1..=5 {
        queued(&*catalog, number, 0).await;
    }
    catalog.spare(id(1)).await.unwrap();
    catalog.spare(id(99)).await.unwrap();
    assert!(catalog.replace(id(2), "runs/2", "small/2", &stored(1), at(9)).await.unwrap());
    catalog.remove(&run("r"), id(3), at(9)).await.unwrap();
    catalog.gone(&[id(4)], at(9)).await.unwrap();
    assert_eq!(claim(&*catalog, 0, 3, 9).await, [id(5)]);
}

async fn an_object_is_replaced_only_as_it_was(backend: Backend) {
    let catalog = backend.open().await;
    let replace =
        async |number, from: &str, key: &str| catalog.replace(id(number), from, key, &stored(3), at(9)).await.unwrap();
    assert!(!replace(1, "incoming/1", "small/1").await, "unknown");
    catalog.announce(&pending(1), 9).await.unwrap();
    assert!(!replace(1, "incoming/1", "small/1").await, "pending");
    assert!(catalog.set_ready(&run("r"), id(1), &finished(1)).await.unwrap());
    assert!(!replace(1, "incoming/1", "small/1").await, "elsewhere");
    assert_eq!(row(&*catalog, 1).await, Some(ready(1)));
    assert!(replace(1, "runs/1", "small/1").await);
    let small = ArtifactRow { key: "small/1".into(), stored: Some(stored(3)), ..ready(1) };
    assert_eq!(row(&*catalog, 1).await, Some(small.clone()));
    assert!(!replace(1, "runs/1", "small/2").await, "once");
    assert!(!replace(1, "small/1", "small/2").await, "the first object is still there");
    assert_eq!(row(&*catalog, 1).await, Some(small));
    catalog.forget_replaced(&[id(1)]).await.unwrap();
    assert!(replace(1, "small/1", "small/2").await);
    catalog.forget_replaced(&[id(1)]).await.unwrap();
    catalog.remove(&run("r"), id(1), at(9)).await.unwrap();
    assert!(!replace(1, "small/2", "small/3").await, "deleted");
}
