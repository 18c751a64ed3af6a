//! The store of artifacts: a directory, an S3 server that verifies signatures, Azure's emulator, and what Google's clients
//! sign.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test says so by failing

mod azure;
mod common;
mod directory;
mod gcs;
mod presigned;
mod probes;
mod retries;
mod s3;
#[path = "../support/mod.rs"]
mod support;
mod tls;
