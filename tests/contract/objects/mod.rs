//! The store of artifacts: a directory, an S3 server that verifies signatures, Azure's emulator, and what Google's
//! clients sign.

mod azure;
mod common;
mod directory;
mod gcs;
mod presigned;
mod probes;
mod retries;
mod s3;
mod tls;
