//! Writes the zip file with stored entries, through zstd.

use std::fs::File;
use std::io::{BufReader, Read, Write};

use flate2::Crc;
use flate2::bufread::DeflateDecoder;
use rawzip::CompressionMethod;
use zstd::stream::write::Encoder;

use super::super::output::TargetFile;
use super::super::{CompressionHalt, ZSTD_WINDOW_LOG, ZipDoubt, go_on};
use super::entry::Entry;
use super::extra;
use super::original::{Local, Original};
use super::record::Record;
use crate::storage::space::Reservation;

/// Higher levels save a percent more and take several times as long.
const LEVEL: i32 = 9;
/// Bytes between two checks of `stop`, about 2 ms.
const CHUNK: usize = 128 * 1024;
/// Bytes read from the disk at once.
const READ: usize = 64 * 1024;

/// The new zip file while it is written.
struct Rebuilt<'f> {
    encoder: Encoder<'static, TargetFile<'f>>,
    /// Bytes written, before zstd.
    position: u64,
    chunk: Vec<u8>,
}

pub(super) fn rebuild(
    original: &Original<'_>,
    target: &mut File,
    most: u64,
    room: Option<&mut Reservation>,
    stop: &dyn Fn() -> bool,
) -> Result<(), CompressionHalt> {
    let mut encoder = Encoder::new(TargetFile::to(target, most, room)?, LEVEL)?;
    encoder.window_log(ZSTD_WINDOW_LOG)?;
    encoder.long_distance_matching(true)?;
    encoder.include_checksum(true)?;
    let mut rebuilt = Rebuilt { encoder, position: 0, chunk: vec![0; CHUNK] };

    let mut offsets = Vec::new();
    original.for_each(|entry| {
        let local = original.local(entry)?;
        offsets.push(rebuilt.position);
        let kept = extra::kept(&local.extra)?;
        rebuilt.record(|record| record.local(entry, &kept))?;
        rebuilt.content(original, entry, &local, stop)
    })?;

    let directory = rebuilt.position;
    let mut offset = offsets.iter();
    original.for_each(|entry| {
        go_on(stop)?;
        let offset = *offset.next().ok_or(ZipDoubt::Directory)?;
        let kept = extra::kept(entry.extra)?;
        rebuilt.record(|record| record.central(entry, &kept, offset))
    })?;
    let size = rebuilt.position - directory;
    rebuilt.record(|record| record.end(offsets.len() as u64, directory, size, &original.comment))?;
    rebuilt.encoder.finish()?.finish()?;
    Ok(())
}

impl Rebuilt<'_> {
    fn record(&mut self, write: impl FnOnce(&mut Record)) -> Result<(), CompressionHalt> {
        let mut record = Record::default();
        write(&mut record);
        self.encoder.write_all(&record.0)?;
        self.position += record.0.len() as u64;
        Ok(())
    }

    /// Unpacks an entry. Its size and CRC must be those of the directory, and its packed data must end where the
    /// directory says.
    fn content(
        &mut self,
        original: &Original<'_>,
        entry: &Entry<'_>,
        local: &Local,
        stop: &dyn Fn() -> bool,
    ) -> Result<(), CompressionHalt> {
        let packed = BufReader::with_capacity(READ, original.data(local, entry));
        if entry.method == CompressionMethod::STORE {
            return self.copy(packed, entry, stop);
        }
        let mut inflated = DeflateDecoder::new(packed);
        self.copy(&mut inflated, entry, stop)?;
        if inflated.total_in() == entry.packed { Ok(()) } else { Err(ZipDoubt::Corrupt.into()) }
    }

    fn copy(
        &mut self,
        mut content: impl Read,
        entry: &Entry<'_>,
        stop: &dyn Fn() -> bool,
    ) -> Result<(), CompressionHalt> {
        let mut crc = Crc::new();
        let mut size = 0;
        loop {
            go_on(stop)?;
            let count =
                content.read(&mut self.chunk).map_err(|error| CompressionHalt::of_decoder(error, ZipDoubt::Corrupt))?;
            if count == 0 {
                break;
            }
            size += count as u64;
            if size > entry.size {
                return Err(ZipDoubt::Corrupt.into());
            }
            crc.update(&self.chunk[..count]);
            self.encoder.write_all(&self.chunk[..count])?;
            self.encoder.get_ref().check()?;
        }
        self.position += size;
        if size == entry.size && crc.sum() == entry.crc { Ok(()) } else { Err(ZipDoubt::Corrupt.into()) }
    }
}
