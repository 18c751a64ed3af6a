//! The words of runcast, for the fuzz targets.

#[path = "../../src/protocol/event/oracle.rs"]
mod oracle;
#[path = "../../src/protocol/mod.rs"]
pub mod protocol;

/// Reads a body with the reader and with serde_json; panics when they differ.
pub fn check_ingest(kind: protocol::event::BodyKind, body: &[u8]) {
    oracle::check(kind, body);
}
