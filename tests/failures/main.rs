//! Failures of what a node stands on, caused for real under a running node.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test says so by failing

mod expiry;
mod faulty_journal;
mod node;
mod poison;
mod store;
mod sweep;
