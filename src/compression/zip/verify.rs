//! Reads the target back from the disk, decodes it, walks through the zip file in it, and compares everything with the
//! original's directory. It shares no code with the writer, except the rule for which extra fields are kept.

use std::fs::File;
use std::io::Read;

use flate2::Crc;
use rawzip::extra_fields::{ExtraFieldId, ExtraFields};
use zstd::stream::read::Decoder;

use super::super::stored::WrittenFile;
use super::super::{CompressionHalt, KeptReason, ZSTD_WINDOW_LOG, go_on};
use super::entry::{CENTRAL, Entry, LOCAL};
use super::extra;
use super::original::Original;
use crate::protocol::artifact::Sha256;

/// Bytes between two checks of `stop`.
const CHUNK: usize = 128 * 1024;

pub(super) struct Verified {
    pub(super) size: u64,
    pub(super) sha256: Sha256,
    pub(super) decoded: u64,
}

pub(super) fn verify(
    original: &Original<'_>,
    target: &mut File,
    stop: &dyn Fn() -> bool,
) -> Result<Verified, CompressionHalt> {
    let mut decoder = Decoder::with_buffer(WrittenFile::from(target)?)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG)?;
    let mut found = Found { decoder, position: 0, chunk: vec![0; CHUNK] };

    let mut offsets = Vec::new();
    original.for_each(|entry| {
        let local = original.local(entry)?;
        offsets.push(found.position);
        found.local(entry, &extra::kept(&local.extra)?)?;
        found.content(entry, stop)
    })?;
    let directory = found.position;
    let mut offset = offsets.iter();
    original.for_each(|entry| {
        go_on(stop)?;
        found.central(entry, &extra::kept(entry.extra)?, offset.next().copied())
    })?;
    found.end(offsets.len() as u64, directory, &original.comment)?;
    let decoded = found.position;
    let (size, sha256) = found.decoder.finish().finish()?.ok_or(KeptReason::NotVerified)?;
    Ok(Verified { size, sha256, decoded })
}

/// The decoded target.
struct Found<'f> {
    decoder: Decoder<'static, WrittenFile<'f>>,
    position: u64,
    chunk: Vec<u8>,
}

/// An entry's numbers, from its header or from zip64's extra field.
struct Numbers {
    sizes: [u64; 2],
    offset: u64,
}

impl Found<'_> {
    fn bytes(&mut self, count: usize) -> Result<Vec<u8>, CompressionHalt> {
        let mut bytes = vec![0; count];
        self.decoder
            .read_exact(&mut bytes)
            .map_err(|error| CompressionHalt::of_decoder(error, KeptReason::NotVerified))?;
        self.position += count as u64;
        Ok(bytes)
    }

    fn local(&mut self, entry: &Entry<'_>, kept: &[u8]) -> Result<(), CompressionHalt> {
        let header = self.bytes(LOCAL)?;
        same(&header[..4], b"PK\x03\x04")?;
        let name = self.bytes(u16_at(&header, 26).into())?;
        let extra = self.bytes(u16_at(&header, 28).into())?;
        self.common(&header[6..26], entry, &name)?;
        let sizes = [u32_at(&header, 18), u32_at(&header, 22)];
        let numbers = numbers(&extra, sizes, 0)?;
        same(&numbers.sizes, &[entry.size; 2])?;
        same(&extra::kept(&extra)?[..], kept)
    }

    fn central(&mut self, entry: &Entry<'_>, kept: &[u8], offset: Option<u64>) -> Result<(), CompressionHalt> {
        let header = self.bytes(CENTRAL)?;
        same(&header[..4], b"PK\x01\x02")?;
        same(&u16_at(&header, 4), &entry.made_by)?;
        let name = self.bytes(u16_at(&header, 28).into())?;
        let extra = self.bytes(u16_at(&header, 30).into())?;
        let comment = self.bytes(u16_at(&header, 32).into())?;
        self.common(&header[8..28], entry, &name)?;
        same(&comment[..], entry.comment)?;
        same(&u16_at(&header, 34), &0)?;
        same(&u16_at(&header, 36), &entry.internal)?;
        same(&u32_at(&header, 38), &entry.external)?;
        let sizes = [u32_at(&header, 20), u32_at(&header, 24)];
        let numbers = numbers(&extra, sizes, u32_at(&header, 42))?;
        same(&numbers.sizes, &[entry.size; 2])?;
        same(&Some(numbers.offset), &offset)?;
        same(&extra::kept(&extra)?[..], kept)
    }

    /// Checks what both kinds of header have: flags, method, time, date, CRC; and the name.
    fn common(&self, fields: &[u8], entry: &Entry<'_>, name: &[u8]) -> Result<(), CompressionHalt> {
        same(&u16_at(fields, 0), &entry.kept_flags())?;
        same(&u16_at(fields, 2), &0)?;
        same(&(u16_at(fields, 4), u16_at(fields, 6)), &entry.modified)?;
        same(&u32_at(fields, 8), &entry.crc)?;
        same(name, entry.name)
    }

    fn content(&mut self, entry: &Entry<'_>, stop: &dyn Fn() -> bool) -> Result<(), CompressionHalt> {
        let mut crc = Crc::new();
        let mut left = entry.size;
        while left > 0 {
            go_on(stop)?;
            let wanted = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
            let chunk = &mut self.chunk[..wanted];
            self.decoder
                .read_exact(chunk)
                .map_err(|error| CompressionHalt::of_decoder(error, KeptReason::NotVerified))?;
            crc.update(chunk);
            left -= wanted as u64;
        }
        self.position += entry.size;
        same(&crc.sum(), &entry.crc)
    }

    /// Checks the end of the directory, including zip64's if there is one, and that nothing follows.
    fn end(&mut self, entries: u64, directory: u64, comment: &[u8]) -> Result<(), CompressionHalt> {
        let size = self.position - directory;
        let mut end = self.bytes(22)?;
        let mut numbers = [u16_at(&end, 10).into(), u32_at(&end, 12).into(), u32_at(&end, 16).into()];
        if end.starts_with(b"PK\x06\x06") {
            let at = self.position - 22;
            end.extend(self.bytes(56 - 22)?);
            numbers = [u64_at(&end, 32), u64_at(&end, 40), u64_at(&end, 48)];
            same(&u64_at(&end, 4), &44)?;
            let locator = self.bytes(20)?;
            same(&locator[..4], b"PK\x06\x07")?;
            same(&u64_at(&locator, 8), &at)?;
            end = self.bytes(22)?;
        }
        same(&end[..4], b"PK\x05\x06")?;
        same(&numbers, &[entries, size, directory])?;
        let length = u16_at(&end, 20).into();
        same(&self.bytes(length)?[..], comment)?;
        let more =
            self.decoder.read(&mut [0]).map_err(|error| CompressionHalt::of_decoder(error, KeptReason::NotVerified))?;
        same(&more, &0)
    }
}

/// Resolves the numbers that are too large for 32 bits from zip64's extra field.
fn numbers(extra: &[u8], sizes: [u32; 2], offset: u32) -> Result<Numbers, CompressionHalt> {
    let field = ExtraFields::new(extra).find(|(id, _)| *id == ExtraFieldId::ZIP64);
    let mut large = field.map_or(&[][..], |(_, value)| value).chunks_exact(8);
    let mut resolve = |number: u32| {
        if number == u32::MAX {
            large.next().map(|bytes| u64_at(bytes, 0)).ok_or(KeptReason::NotVerified)
        } else {
            Ok(number.into())
        }
    };
    // zip64 has the unpacked size before the packed one, the header has the reverse; here both sizes are equal.
    Ok(Numbers { sizes: [resolve(sizes[1])?, resolve(sizes[0])?], offset: resolve(offset)? })
}

fn same<T: PartialEq + ?Sized>(found: &T, expected: &T) -> Result<(), CompressionHalt> {
    if found == expected { Ok(()) } else { Err(KeptReason::NotVerified.into()) }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}
