//! Tokens that are good for one exchange: every catalog lets one of several nodes be the first.

use std::sync::Arc;

use crate::catalog::artifacts::fixture::{Backend, at, contract};
use futures_util::future::join_all;
use runcast::protocol::Sha256;

contract! { in sqlite postgres: {
    one_of_several_nodes_is_the_first_to_use_a_token
    the_use_of_a_token_is_forgotten_when_it_is_time
} }

async fn one_of_several_nodes_is_the_first_to_use_a_token(backend: Backend) {
    let nodes = [backend.open().await, backend.open().await];
    let uses = (0..16).map(|n| {
        let catalog = Arc::clone(&nodes[n % 2]);
        async move { catalog.use_once(Sha256([(n / 8) as u8; 32]), at(1_000)).await.unwrap() }
    });
    let first = join_all(uses).await.into_iter().filter(|is_first| *is_first).count();
    assert_eq!(first, 2, "two tokens, each of which eight have tried");
}

async fn the_use_of_a_token_is_forgotten_when_it_is_time(backend: Backend) {
    let catalog = backend.open().await;
    let token = Sha256([1; 32]);
    assert_eq!(catalog.use_once(token, at(1_000)).await, Ok(true));
    catalog.forget_access(at(999), at(0)).await.unwrap();
    assert_eq!(catalog.use_once(token, at(2_000)).await, Ok(false), "the first time stays");
    catalog.forget_access(at(1_000), at(0)).await.unwrap();
    assert_eq!(catalog.use_once(token, at(2_000)).await, Ok(true));
}
