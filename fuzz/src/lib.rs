//! The words of runcast, and how it stores what is uploaded, for the fuzz targets.

use std::fs::File;
use std::io::{Read, Seek, Write};

pub use runcast::{compression, protocol};

#[path = "../../src/protocol/event/oracle.rs"]
mod oracle;

use compression::{CompressionLimits, CompressionOutcome, Smaller, compress};
use protocol::artifact::Method;

/// Reads a body with the reader and with serde_json; panics when they differ.
pub fn check_ingest(kind: protocol::event::BodyKind, body: &[u8]) {
    oracle::check(kind, body);
}

const LIMITS: CompressionLimits = CompressionLimits { max_entries: 100, max_unpacked: 1 << 20, max_ratio: 200 };

/// Stores an upload; panics when a smaller form is not what is told of it. A rebuilt zip file must be beyond doubt
/// itself, and be rebuilt to the same bytes.
pub fn check_compression(upload: &[u8]) {
    let Some((smaller, decoded)) = stored(upload) else { return };
    assert!(smaller.size + 1024 <= upload.len() as u64);
    assert_eq!(smaller.decoded, decoded.len() as u64);
    if smaller.method == Method::Gzip {
        assert_eq!(decoded, upload);
        return;
    }
    assert!(smaller.entries <= LIMITS.max_entries);
    let (again, rebuilt) = stored(&decoded).expect("what was rebuilt can be rebuilt");
    assert_eq!((again.size, again.sha256, again.entries), (smaller.size, smaller.sha256, smaller.entries));
    assert_eq!(rebuilt, decoded);
}

/// What an upload is stored as, and what that decodes to; `None` when it is kept.
fn stored(upload: &[u8]) -> Option<(Smaller, Vec<u8>)> {
    let mut source = tempfile::tempfile().expect("a file");
    source.write_all(upload).expect("room on the disk");
    let mut target: File = tempfile::tempfile().expect("a file");
    let outcome = compress(&source, &mut target, "", &LIMITS, &|| false).expect("a disk that works");
    let CompressionOutcome::Smaller(smaller) = outcome else { return None };
    target.rewind().expect("a disk that works");
    let mut decoded = Vec::new();
    let read = match smaller.method {
        Method::Gzip => flate2::read::GzDecoder::new(target).read_to_end(&mut decoded),
        _ => zstd::Decoder::new(target).and_then(|mut decoder| decoder.read_to_end(&mut decoded)),
    };
    read.expect("what was written can be decoded");
    Some((smaller, decoded))
}
