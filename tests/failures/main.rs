//! Failures of what a node stands on, caused for real under a running node.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test says so by failing

mod expiry;
mod faulty_journal;
mod injured;
mod node;
mod poison;
mod store;
#[path = "../support/mod.rs"]
mod support;
mod sweep;
