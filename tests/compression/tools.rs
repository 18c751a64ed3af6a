//! What the tests of compression share: compressing bytes, and reading zip files by another reader than ours.

use std::fs::File;
use std::io::{Cursor, Read, Seek, Write};

use runcast::compression::{CompressionLimits, CompressionOutcome, KeptReason, Smaller, compress};

pub(crate) fn file(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}

pub(crate) fn contents(file: &mut File) -> Vec<u8> {
    let mut bytes = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut bytes).unwrap();
    bytes
}

/// The outcome, and what the target then holds.
pub(crate) fn compressed(
    bytes: &[u8],
    content_type: &str,
    limits: &CompressionLimits,
) -> (CompressionOutcome, Vec<u8>) {
    let mut target = file(b"what was here before");
    let outcome = compress(&file(bytes), &mut target, content_type, limits, &|| false).unwrap();
    (outcome, contents(&mut target))
}

/// The smaller form of a zip file and what it decodes to, or why there is none.
pub(crate) fn rezipped(bytes: &[u8]) -> Result<(Smaller, Vec<u8>), KeptReason> {
    match compressed(bytes, "application/zip", &CompressionLimits::default()) {
        (CompressionOutcome::Smaller(smaller), target) => Ok((smaller, zstd::decode_all(&target[..]).unwrap())),
        (CompressionOutcome::Kept(reason), _) => Err(reason),
    }
}

/// Bytes that no packer makes smaller; others for each `seed`.
pub(crate) fn noise(seed: u64, count: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..count).map(|_| next()).collect()
}

/// All that the zip reader of other people sees of an entry.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) name: Vec<u8>,
    pub(crate) content: Vec<u8>,
    pub(crate) crc: u32,
    pub(crate) modified: Option<String>,
    pub(crate) mode: Option<u32>,
    pub(crate) comment: Vec<u8>,
    pub(crate) is_dir: bool,
}

/// What the zip reader of other people sees, in its order.
pub(crate) fn seen(bytes: &[u8]) -> Vec<Seen> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    (0..archive.len())
        .map(|index| {
            let mut entry = archive.by_index(index).unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            Seen {
                content,
                name: entry.name_raw().to_vec(),
                crc: entry.crc32(),
                modified: entry.last_modified().map(|time| time.to_string()),
                mode: entry.unix_mode(),
                comment: entry.comment_raw().to_vec(),
                is_dir: entry.is_dir(),
            }
        })
        .collect()
}

/// The records of a central directory in raw bytes, for files without zip64: what is to be kept of them.
pub(crate) fn kept_of_directory(bytes: &[u8]) -> Vec<Vec<u8>> {
    let u16_at = |at: usize| usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
    let end = bytes.windows(4).rposition(|window| window == b"PK\x05\x06").unwrap();
    let mut at = u16_at(end + 16) | u16_at(end + 18) << 16;
    let mut records = Vec::new();
    while at < end {
        assert_eq!(&bytes[at..at + 4], b"PK\x01\x02");
        let length = 46 + u16_at(at + 28) + u16_at(at + 30) + u16_at(at + 32);
        let record = &bytes[at..at + length];
        // Made by; UTF-8 or not; time, date, CRC; unpacked size; lengths, volume, attributes; name, extra fields,
        // comment.
        records.push([&record[4..6], &[record[9] & 8], &record[12..20], &record[24..42], &record[46..]].concat());
        at += length;
    }
    records
}
