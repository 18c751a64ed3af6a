//! Rules are apart from what applies them: no actor, no runtime, no clock, no chance.

use crate::source::{Source, shipped};

/// Files and folders of `src` that hold rules alone. Whatever is called `core` belongs to them too.
const PURE: &[&str] = &[
    "actors/bridge/looking.rs",
    "actors/bridge/screens/bucket.rs",
    "actors/bridge/screens/pacing",
    "actors/bridge/topics.rs",
    "actors/session/liveness.rs",
    "actors/session/outbox.rs",
    "actors/supervision/policy",
    "compression/zip",
    "control",
    "protocol",
    "run_state",
    "storage/journal/append_rules",
    "storage/objects/signing.rs",
];

/// What would make a rule depend on when and where it is applied.
const BANNED: &[&str] = &[
    "actix",
    "tokio",
    "Instant::now",
    "SystemTime::now",
    "Timestamp::now",
    "since_boot",
    "rand::",
    "now_v7",
    "new_v4",
];

/// Files within the pure ones that may name these, and why.
const EXCEPTIONS: &[(&str, &[&str])] = &[
    // The one place that reads the wall clock, and the clock that watches it; both are handed on as values.
    ("protocol/timestamp.rs", &["Timestamp::now"]),
    ("protocol/clock/mod.rs", &["Timestamp::now", "since_boot"]),
    // Names of new things: nobody decides by them.
    ("protocol/artifact/mod.rs", &["now_v7"]),
    ("protocol/connection.rs", &["now_v7", "Timestamp::now"]),
];

fn is_pure(path: &str) -> bool {
    let listed = |pure: &str| path.strip_prefix(pure).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    PURE.iter().any(|pure| listed(pure)) || path.split('/').any(|part| part == "core" || part == "core.rs")
}

#[test]
fn rules_need_neither_actors_nor_a_runtime_nor_a_clock_nor_chance() {
    let mut broken = Vec::new();
    for Source { path, code, .. } in shipped().iter().filter(|source| is_pure(&source.path)) {
        let excused = EXCEPTIONS.iter().find(|(file, _)| file == path).map_or(&[][..], |(_, names)| names);
        for name in BANNED.iter().filter(|name| code.contains(**name) && !excused.contains(name)) {
            broken.push(format!("src/{path} uses {name}"));
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn every_file_that_is_called_pure_exists() {
    let sources = shipped();
    for pure in PURE {
        let there = |source: &Source| source.path == *pure || source.path.starts_with(&format!("{pure}/"));
        assert!(sources.iter().any(there), "src/{pure} is not there");
    }
    for (file, names) in EXCEPTIONS {
        let source =
            sources.iter().find(|source| source.path == *file).unwrap_or_else(|| panic!("src/{file} is not there"));
        for name in *names {
            assert!(source.code.contains(name), "src/{file} does not use {name} any more: it needs no exception");
        }
    }
}
