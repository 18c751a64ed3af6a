//! Compresses text with gzip at its highest level, as one member.

use std::fs::File;
use std::io::{BufReader, Read, Write};

use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;

use super::output::TargetFile;
use super::source::OriginalFile;
use super::stored::WrittenFile;
use super::{CompressionHalt, KeptReason, Smaller, go_on};
use crate::protocol::artifact::Method;
use crate::protocol::coding::ContentCoding;
use crate::storage::space::Reservation;

/// Bytes between two checks of `stop`, about 2 ms.
const CHUNK: usize = 128 * 1024;

pub(super) fn compress(
    source: &File,
    size: u64,
    target: &mut File,
    most: u64,
    room: Option<&mut Reservation>,
    stop: &dyn Fn() -> bool,
) -> Result<Smaller, CompressionHalt> {
    let mut chunk = vec![0; CHUNK];
    let mut encoder = GzEncoder::new(TargetFile::to(target, most, room)?, Compression::best());
    let mut original = OriginalFile(source).range(0, size);
    loop {
        go_on(stop)?;
        let count = original.read(&mut chunk)?;
        if count == 0 {
            break;
        }
        encoder.write_all(&chunk[..count])?;
        encoder.get_ref().check()?;
    }
    encoder.finish()?.finish()?;
    verify(source, size, target, &mut chunk, stop)
}

/// Reads back the written file and compares it with the original.
fn verify(
    source: &File,
    size: u64,
    target: &mut File,
    chunk: &mut [u8],
    stop: &dyn Fn() -> bool,
) -> Result<Smaller, CompressionHalt> {
    let mut original = BufReader::with_capacity(chunk.len(), OriginalFile(source).range(0, size));
    let mut expected = vec![0; chunk.len()];
    let mut decoder = GzDecoder::new(WrittenFile::from(target)?);
    let mut decoded = 0;
    loop {
        go_on(stop)?;
        let count = decoder.read(chunk).map_err(|error| CompressionHalt::of_decoder(error, KeptReason::NotVerified))?;
        if count == 0 {
            break;
        }
        original
            .read_exact(&mut expected[..count])
            .map_err(|error| CompressionHalt::of_decoder(error, KeptReason::NotVerified))?;
        if expected[..count] != chunk[..count] {
            return Err(KeptReason::NotVerified.into());
        }
        decoded += count as u64;
    }
    if original.read(&mut expected)? != 0 {
        return Err(KeptReason::NotVerified.into());
    }
    let (size, sha256) = decoder.into_inner().finish()?.ok_or(KeptReason::NotVerified)?;
    Ok(Smaller { method: Method::Gzip, coding: ContentCoding::Gzip, size, sha256, decoded, entries: 0 })
}
