//! Holds the code to the layers of ARCHITECTURE.md, so that the picture can't rot.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test says so by failing

mod circles;
mod modules;
mod source;

use std::fs;
use std::path::{Path, PathBuf};

/// A layer, where it lives, and what it may use of the crate. A longer prefix is more specific and wins.
const LAYERS: &[(&str, &[&str])] = &[
    // Words: pure.
    ("protocol", &["protocol", "run_state"]),
    ("backoff", &[]),
    ("budget", &["budget"]),
    ("tasks", &["backoff"]),
    // Setting.
    ("config", &["config", "protocol"]),
    ("telemetry", &["config", "protocol", "telemetry"]),
    ("descriptors", &["config"]),
    ("thread_metrics", &["protocol"]),
    ("node", &[]),
    ("run_state", &["protocol", "run_state"]),
    // Storage: knows no actor and no HTTP.
    ("storage", &["backoff", "budget", "protocol", "run_state", "storage", "tasks"]),
    ("compression", &["compression", "protocol", "storage"]),
    ("artifacts", &["artifacts", "budget", "compression", "protocol", "storage", "tasks"]),
    // Speech: the vocabulary of the actors, and what supervises them. No concrete actor.
    (
        "actors/messages",
        &[
            "actors::messages",
            "actors::shared",
            "actors::supervision",
            "artifacts",
            "budget",
            "protocol",
            "run_state",
            "storage",
        ],
    ),
    ("actors/shared", &["actors::shared", "actors::messages", "protocol", "storage"]),
    ("actors/supervision", &["actors::supervision", "protocol", "tasks"]),
    // What the actors of one thread share: sessions and broadcasters meet here, by trait.
    ("actors/hub", &["actors::hub", "actors::messages", "actors::supervision", "budget", "thread_metrics", "protocol"]),
    // Each actor: words, storage, speech, and itself. They talk by messages.
    (
        "actors/room",
        &[
            "actors::room",
            "run_state",
            "actors::messages",
            "actors::shared",
            "actors::supervision",
            "budget",
            "protocol",
            "storage",
            "tasks",
        ],
    ),
    (
        "actors/session",
        &[
            "actors::session",
            "actors::hub",
            "actors::messages",
            "actors::supervision",
            "budget",
            "thread_metrics",
            "node",
            "protocol",
            "storage",
        ],
    ),
    (
        "actors/registry",
        &["actors::registry", "actors::messages", "actors::shared", "actors::supervision", "protocol", "tasks"],
    ),
    (
        "actors/bridge",
        &[
            "actors::bridge",
            "actors::messages",
            "actors::shared",
            "actors::supervision",
            "backoff",
            "budget",
            "protocol",
            "storage",
            "tasks",
        ],
    ),
    (
        "actors/presence",
        &["actors::presence", "actors::shared", "actors::messages", "actors::supervision", "protocol", "storage"],
    ),
    ("actors/heartbeat", &["actors::heartbeat", "actors::messages", "actors::shared", "actors::supervision"]),
    (
        "actors/catalog_writer",
        &["actors::catalog_writer", "actors::messages", "actors::supervision", "protocol", "storage"],
    ),
    (
        "actors/lifecycle",
        &["actors::lifecycle", "run_state", "actors::messages", "actors::supervision", "budget", "protocol", "storage"],
    ),
    (
        "actors/compression",
        &[
            "actors::compression",
            "artifacts",
            "compression",
            "actors::messages",
            "actors::supervision",
            "protocol",
            "storage",
            "tasks",
        ],
    ),
    (
        "actors/cleanup",
        &["actors::cleanup", "artifacts", "actors::messages", "actors::supervision", "protocol", "storage"],
    ),
    ("actors/supervisor", &["actors::supervisor", "actors::messages", "actors::supervision", "protocol", "tasks"]),
    // Edge: speaks to actors by their vocabulary; starts sessions.
    (
        "http",
        &[
            "http",
            "actors::messages",
            "actors::supervision",
            "actors::session",
            "actors::shared",
            "artifacts",
            "budget",
            "compression",
            "config",
            "thread_metrics",
            "node",
            "protocol",
            "run_state",
            "storage",
            "tasks",
            "telemetry",
        ],
    ),
    // Root.
    ("app", &[""]),
    ("cli", &[""]),
    ("demo", &["cli", "protocol"]),
    ("main", &[""]),
    ("lib", &[""]),
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

fn layer_of(file: &str) -> Option<&'static (&'static str, &'static [&'static str])> {
    let inside =
        |prefix: &str| file.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/') || rest.starts_with('.'));
    LAYERS.iter().filter(|(prefix, _)| inside(prefix)).max_by_key(|(prefix, _)| prefix.len())
}

/// What a file uses of the crate: `use crate::a::b`, and the siblings that `use super::x` means, as paths from the root.
fn uses(file: &str, text: &str) -> Vec<String> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let mut module: Vec<&str> = file.trim_end_matches(".rs").split('/').collect();
    if module.last() == Some(&"mod") {
        module.pop();
    }
    let mut found = Vec::new();
    for line in code.lines().map(|line| line.trim().trim_end_matches(';')) {
        let Some(path) = line.strip_prefix("use ").or_else(|| line.strip_prefix("pub use ")) else { continue };
        if let Some(path) = path.strip_prefix("crate::") {
            found.push(path.to_owned());
        }
        let ups = path.matches("super::").count();
        if ups > 0 && path.starts_with("super::") && ups <= module.len() {
            let base = module[..module.len() - ups].join("::");
            let rest = path.trim_start_matches("super::");
            found.push(if base.is_empty() { rest.to_owned() } else { format!("{base}::{rest}") });
        }
    }
    found
}

#[test]
fn every_layer_uses_only_what_it_may() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut broken = Vec::new();
    for path in sources(&root) {
        let file = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        if file == "actors/mod.rs" {
            continue; // names the actors, uses none
        }
        let Some((_, allowed)) = layer_of(&file) else {
            broken.push(format!("{file} belongs to no layer: name it in tests/architecture.rs"));
            continue;
        };
        for used in uses(&file, &fs::read_to_string(&path).unwrap()) {
            let fits =
                |prefix: &&str| prefix.is_empty() || used == **prefix || used.starts_with(&format!("{prefix}::"));
            if !allowed.iter().any(fits) {
                broken.push(format!("{file} must not use crate::{used}"));
            }
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn words_and_storage_know_neither_actors_nor_http() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for (folder, banned) in [("protocol", &["actix", "tokio", "sqlx"][..]), ("storage", &["actix", "actix_web"])] {
        for path in sources(&root.join(folder)) {
            let text = fs::read_to_string(&path).unwrap();
            for name in banned {
                assert!(!text.contains(&format!("{name}::")), "{} uses {name}", path.display());
            }
        }
    }
}

#[test]
fn only_the_handshake_names_the_deprecated_crate() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for path in sources(&root) {
        let file = path.strip_prefix(&root).unwrap().to_str().unwrap();
        if file != "http/watch/mod.rs" {
            assert!(!fs::read_to_string(&path).unwrap().contains("actix_web_actors"), "{file}");
        }
    }
}

#[test]
fn no_file_has_more_than_400_lines() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["src", "tests", "benches"] {
        for path in sources(&root.join(folder)) {
            let lines = fs::read_to_string(&path).unwrap().lines().count();
            assert!(lines <= 400, "{} has {lines} lines: which second concept lives in it?", path.display());
        }
    }
}
