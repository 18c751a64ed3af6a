//! Format versions: what a newer build wrote is refused by name and left alone, what an older one wrote is taken over.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test says so by failing

#[path = "../support/mod.rs"]
mod support;
#[path = "../contract/journal/words.rs"]
#[allow(dead_code, reason = "the contract's words, of which some are used here")]
mod words;

mod catalogs;
mod cluster;
mod commands;
mod redis_journal;
mod sqlite_journal;
