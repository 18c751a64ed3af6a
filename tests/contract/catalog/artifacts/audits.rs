//! Whether store and catalog agree.

use crate::catalog::artifacts::fixture::{Backend, at, contract, id, pending, put_all, run, stored};

contract! {
    an_audit_knows_the_keys_of_all_rows_and_no_others
    what_an_audit_did_not_see_is_found_page_by_page
    an_older_audit_takes_nothing_from_a_newer_one
    a_thousand_keys_are_seen_at_once
}

fn keys(keys: &[&str]) -> Vec<String> {
    keys.iter().map(|key| key.to_string()).collect()
}

async fn an_audit_knows_the_keys_of_all_rows_and_no_others(backend: Backend) {
    let catalog = backend.open().await;
    put_all(&*catalog, [1, 2, 3]).await;
    catalog.announce(&pending(4), 9).await.unwrap();
    assert!(catalog.replace(id(1), "runs/1", "small/1", &stored(1), at(9)).await.unwrap());
    catalog.remove(&run("r"), id(2), at(9)).await.unwrap();
    catalog.gone(&[id(3)], at(9)).await.unwrap();
    let asked = keys(&["runs/1", "stray", "small/1", "runs/2", "runs/3", "incoming/4", "incoming/1", "%", "runs/1"]);
    let known = catalog.see(&asked, at(100)).await.unwrap();
    assert_eq!(known, [true, false, true, true, true, true, false, false, true]);
    assert!(catalog.see(&[], at(100)).await.unwrap().is_empty());
    catalog.forget_replaced(&[id(1)]).await.unwrap();
    assert_eq!(catalog.see(&asked[..1], at(100)).await.unwrap(), [false]);
}

async fn what_an_audit_did_not_see_is_found_page_by_page(backend: Backend) {
    let catalog = backend.open().await;
    put_all(&*catalog, 1..=10).await;
    catalog.announce(&pending(11), 99).await.unwrap();
    catalog.remove(&run("r"), id(2), at(9)).await.unwrap();
    assert!(catalog.replace(id(4), "runs/4", "small/4", &stored(1), at(9)).await.unwrap());
    catalog.see(&keys(&["runs/1", "runs/4", "runs/7"]), at(10)).await.unwrap();
    let unseen = async |audit, after, limit| {
        let rows = catalog.unseen(at(audit), after, limit).await.unwrap();
        rows.iter().map(|row| row.id).collect::<Vec<_>>()
    };
    // 10 came when the audit had begun.
    assert_eq!(unseen(10, None, 9).await, [3, 5, 6, 8, 9].map(id));
    assert_eq!(unseen(10, None, 2).await, [3, 5].map(id));
    assert_eq!(unseen(10, Some(id(5)), 2).await, [6, 8].map(id));
    assert_eq!(unseen(10, Some(id(9)), 2).await, []);
    assert_eq!(unseen(11, None, 99).await, [1, 3, 4, 5, 6, 7, 8, 9, 10].map(id), "another audit");
    assert_eq!(unseen(0, None, 99).await, []);
}

async fn an_older_audit_takes_nothing_from_a_newer_one(backend: Backend) {
    let catalog = backend.open().await;
    put_all(&*catalog, [1]).await;
    catalog.see(&keys(&["runs/1"]), at(100)).await.unwrap();
    assert_eq!(catalog.see(&keys(&["runs/1"]), at(50)).await.unwrap(), [true]);
    assert_eq!(catalog.unseen(at(100), None, 9).await.unwrap(), []);
    assert_eq!(catalog.unseen(at(101), None, 9).await.unwrap().len(), 1);
}

async fn a_thousand_keys_are_seen_at_once(backend: Backend) {
    let catalog = backend.open().await;
    put_all(&*catalog, 1..=50).await;
    let asked: Vec<String> = (0..1_000).map(|number| format!("runs/{number}")).collect();
    let known = catalog.see(&asked, at(1_000)).await.unwrap();
    assert_eq!(known, (0..1_000).map(|number| (1..=50).contains(&number)).collect::<Vec<_>>());
    assert_eq!(catalog.unseen(at(1_000), None, 9).await.unwrap(), []);
}
