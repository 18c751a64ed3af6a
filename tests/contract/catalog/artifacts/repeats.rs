//! Uploads that are repeated: known by their key, or by their name and digest.

use runcast::protocol::{ArtifactName, ArtifactState, Sha256};
use runcast::storage::catalog::artifacts::{ArtifactCatalog, ArtifactRow, Finished};

use crate::catalog::artifacts::fixture::{Backend, at, contract, finished, id, pending, row, run, state};
use crate::support::Dice;

contract! {
    one_of_a_key_becomes_ready
    one_of_a_name_and_an_announced_digest_becomes_ready
    what_was_deleted_is_repeated_by_nobody
    however_many_finish_at_a_time_one_becomes_ready
}

fn keyed(number: u64, key: &str) -> ArtifactRow {
    ArtifactRow { idempotency_key: Some(key.into()), ..pending(number) }
}

async fn announce(catalog: &dyn ArtifactCatalog, rows: impl IntoIterator<Item = ArtifactRow>) {
    for row in rows {
        assert!(catalog.announce(&row, 999).await.unwrap());
    }
}

async fn finishes(catalog: &dyn ArtifactCatalog, of: &str, number: u64) -> bool {
    catalog.set_ready(&run(of), id(number), &finished(number)).await.unwrap()
}

async fn keys(catalog: &dyn ArtifactCatalog, of: &str, key: &str) -> Vec<u64> {
    let found = catalog.keyed(&run(of), key).await.unwrap();
    let number = |n: u64| found.iter().any(|kept| kept.artifact.id == id(n)).then_some(n);
    (0..100).filter_map(number).collect()
}

async fn one_of_a_key_becomes_ready(backend: Backend) {
    let catalog = &*backend.open().await;
    let other_run = ArtifactRow { run: run("other"), ..keyed(4, "k") };
    announce(catalog, [keyed(1, "k"), keyed(2, "k"), keyed(3, "K"), other_run, pending(5), pending(6)]).await;
    assert_eq!(keys(catalog, "r", "k").await, [1, 2]);
    assert!(finishes(catalog, "r", 2).await);
    assert!(!finishes(catalog, "r", 1).await, "another one has the key");
    assert_eq!(state(catalog, 1).await, Some(ArtifactState::Pending));
    assert!(!finishes(catalog, "r", 4).await, "it is of another run");
    assert!(finishes(catalog, "other", 4).await && finishes(catalog, "r", 3).await);
    assert!(finishes(catalog, "r", 5).await && finishes(catalog, "r", 6).await, "no key is nobody's");
    assert_eq!(row(catalog, 2).await.unwrap().idempotency_key.as_deref(), Some("k"));
    assert_eq!((keys(catalog, "r", "k").await, keys(catalog, "r", "x").await), (vec![1, 2], vec![]));
}

async fn one_of_a_name_and_an_announced_digest_becomes_ready(backend: Backend) {
    let catalog = &*backend.open().await;
    let sha256 = finished(1).sha256;
    let announced = |number| ArtifactRow { sha256: Some(sha256), ..pending(number) };
    let name = |name: &str| ArtifactName::parse(name).unwrap();
    let other_name = ArtifactRow { name: name("other"), ..announced(4) };
    let other_run = ArtifactRow { run: run("other"), ..announced(5) };
    announce(catalog, [announced(1), announced(2), pending(3), other_name, other_run]).await;
    let same = async |of: &str, called: &str, sha256| {
        let found = catalog.same(&run(of), &name(called), sha256).await.unwrap();
        found.map(|kept| kept.artifact.id)
    };
    assert_eq!(same("r", "trace.zip", sha256).await, None, "nothing is ready");
    assert!(finishes(catalog, "r", 2).await && !finishes(catalog, "r", 1).await);
    assert!(finishes(catalog, "r", 3).await, "it did not say its digest: it may be meant to be there twice");
    assert!(finishes(catalog, "r", 4).await && finishes(catalog, "other", 5).await);
    assert_eq!(same("r", "trace.zip", sha256).await, Some(id(2)));
    assert_eq!(
        (same("r", "other", sha256).await, same("other", "trace.zip", sha256).await),
        (Some(id(4)), Some(id(5)))
    );
    assert_eq!((same("r", "trace.zi", sha256).await, same("r", "trace.zip", Sha256([8; 32])).await), (None, None));
}

async fn what_was_deleted_is_repeated_by_nobody(backend: Backend) {
    let catalog = &*backend.open().await;
    let both = |number| ArtifactRow { sha256: Some(finished(1).sha256), ..keyed(number, "k") };
    announce(catalog, [both(1), both(2)]).await;
    assert!(finishes(catalog, "r", 1).await && !finishes(catalog, "r", 2).await);
    assert!(catalog.remove(&run("r"), id(1), at(9)).await.unwrap());
    assert_eq!(keys(catalog, "r", "k").await, [2]);
    assert!(finishes(catalog, "r", 2).await);
    announce(catalog, [both(3)]).await;
    assert!(catalog.fail(id(3), "no").await.unwrap());
    assert_eq!(keys(catalog, "r", "k").await, [2], "what has failed is no upload that is repeated");
}

async fn however_many_finish_at_a_time_one_becomes_ready(backend: Backend) {
    let (one, two) = (backend.open().await, backend.open().await);
    let mut dice = Dice::new(1);
    for round in 0..10 {
        let key = round.to_string();
        let numbers = round * 8..round * 8 + 8;
        let name = ArtifactName::parse(&key).unwrap();
        // Half of the rounds by key, half by digest.
        let row = |number| match round % 2 {
            0 => ArtifactRow { name: name.clone(), ..keyed(number, &key) },
            _ => ArtifactRow { name: name.clone(), sha256: Some(finished(1).sha256), ..pending(number) },
        };
        announce(&*one, numbers.clone().map(row)).await;
        let finish = numbers.clone().map(|number| {
            let catalog = if dice.below(2) == 0 { &one } else { &two };
            async move { catalog.set_ready(&run("r"), id(number), &Finished { ..finished(number) }).await.unwrap() }
        });
        let done = futures_util::future::join_all(finish).await;
        assert_eq!(done.iter().filter(|done| **done).count(), 1, "round {round}");
    }
}
