//! What every implementation of a store promises, tried on each of them: the journal, the catalog, the objects.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    missing_docs
)]

#[path = "../support/mod.rs"]
mod support;

mod catalog;
mod formats;
mod journal;
mod objects;
