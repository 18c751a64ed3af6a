//! One catalog with two parts, which is closed once.

use std::sync::Arc;

use runcast::storage::catalog::Catalog;
use runcast::storage::catalog::artifacts::{ArtifactCatalog, DueFor};

use crate::catalog::artifacts::fixture::{
    Backend, at, contract, finished, id, pending, put_all, query, ready, row, run, stored,
};

contract! {
    a_closed_catalog_says_so
    a_catalog_is_shared_as_both_of_its_parts
}

async fn a_closed_catalog_says_so(backend: Backend) {
    let catalog = backend.open().await;
    put_all(&*catalog, [1]).await;
    Catalog::close(&*catalog).await;
    let query = query(DueFor::Expired, 9, 9);
    assert!(catalog.announce(&pending(2), 9).await.is_err());
    assert!(catalog.find(&run("r"), id(1)).await.is_err());
    assert!(catalog.set_ready(&run("r"), id(1), &finished(1)).await.is_err());
    assert!(catalog.replace(id(1), "runs/1", "x", &stored(1), at(1)).await.is_err());
    assert!(catalog.gone(&[id(1)], at(1)).await.is_err());
    assert!(catalog.due(&query).await.is_err());
    assert!(catalog.totals(&query).await.is_err());
    assert!(catalog.see(&["x".into()], at(1)).await.is_err());
    assert!(catalog.lease("l", "a", at(0), at(9)).await.is_err());
    assert!(catalog.noted("n").await.is_err());
}

async fn a_catalog_is_shared_as_both_of_its_parts(backend: Backend) {
    let whole = backend.open().await;
    let (runs, artifacts): (Arc<dyn Catalog>, Arc<dyn ArtifactCatalog>) = (whole.clone(), whole);
    put_all(&*artifacts, [1]).await;
    assert_eq!(row(&*artifacts, 1).await, Some(ready(1)));
    runs.probe().await.unwrap();
    runs.close().await;
    assert!(artifacts.noted("n").await.is_err(), "one catalog, closed once");
}
