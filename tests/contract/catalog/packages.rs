//! The packages that were handed out: what every catalog keeps of them.

use std::sync::Arc;

use crate::catalog::artifacts::fixture::{Backend, at, contract};
use futures_util::future::join_all;
use runcast::protocol::Sha256;
use runcast::storage::catalog::Catalog;
use runcast::storage::catalog::packages::PackageRow;

contract! { in sqlite postgres: {
    a_package_stays_with_all_of_its_bytes
    a_package_that_is_there_stays_as_it_is
    nodes_that_start_together_keep_a_package_once
} }

fn package(file: &str, byte: u8) -> PackageRow {
    let content: Vec<u8> = (0..300_000_u32).map(|n| n.to_le_bytes()[1] ^ byte).collect();
    PackageRow { file: file.to_owned(), sha256: Sha256([byte; 32]), content: content.into() }
}

async fn a_package_stays_with_all_of_its_bytes(backend: Backend) {
    let catalog = backend.open().await;
    let kept = package("runcast-client-1.0.0-00000001.tgz", 1);
    catalog.keep(&kept, at(1)).await.unwrap();
    Catalog::close(&*catalog).await;
    let catalog = backend.open().await;
    assert_eq!(catalog.package(&kept.file).await, Ok(Some(kept)));
    assert_eq!(catalog.package("runcast-client-1.0.0-00000002.tgz").await, Ok(None));
    Catalog::close(&*catalog).await;
    assert!(catalog.package("x").await.is_err() && catalog.keep(&package("x", 1), at(1)).await.is_err());
}

async fn a_package_that_is_there_stays_as_it_is(backend: Backend) {
    let catalog = backend.open().await;
    catalog.keep(&package("a", 1), at(1)).await.unwrap();
    catalog.keep(&package("a", 2), at(2)).await.unwrap();
    assert_eq!(catalog.package("a").await, Ok(Some(package("a", 1))));
}

async fn nodes_that_start_together_keep_a_package_once(backend: Backend) {
    let nodes = [backend.open().await, backend.open().await];
    let starts = (0..8).map(|n| {
        let catalog = Arc::clone(&nodes[n % 2]);
        async move { catalog.keep(&package("a", 1), at(n as i64)).await }
    });
    assert!(join_all(starts).await.into_iter().all(|kept| kept.is_ok()));
    assert_eq!(nodes[0].package("a").await, Ok(Some(package("a", 1))));
}
