//! Holds the tree to what ARCHITECTURE.md and CONTRIBUTING.md say of it, so that the picture can't rot.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test says so by failing

mod circles;
mod citations;
mod layers;
mod modules;
mod purity;
mod shape;
mod source;

use source::sources;

#[test]
fn words_and_storage_know_neither_actors_nor_http() {
    for (folder, banned) in [("protocol", &["actix", "tokio", "sqlx"][..]), ("storage", &["actix", "actix_web"])] {
        for source in sources(&format!("src/{folder}")) {
            for name in banned {
                assert!(!source.text.contains(&format!("{name}::")), "src/{folder}/{} uses {name}", source.path);
            }
        }
    }
}

#[test]
fn only_the_handshake_names_the_deprecated_crate() {
    for source in sources("src") {
        assert!(
            source.path == "http/watch/websocket.rs" || !source.text.contains("actix_web_actors"),
            "src/{}",
            source.path
        );
    }
}
