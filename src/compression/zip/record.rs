//! The records of a zip file with stored entries (APPNOTE.TXT 4.3). Sizes and CRC are in the local headers, so no
//! descriptor follows the data; zip64 is used for numbers that need it.

use super::entry::Entry;

/// Compression method of stored entries.
const METHOD: u16 = 0;
/// Version that a reader must support: 2.0, and 4.5 for zip64.
const VERSION: u16 = 20;
const VERSION_ZIP64: u16 = 45;

/// A record while it is built.
#[derive(Default)]
pub(super) struct Record(pub(super) Vec<u8>);

impl Record {
    fn u16(&mut self, number: u16) -> &mut Self {
        self.bytes(&number.to_le_bytes())
    }

    fn u32(&mut self, number: u32) -> &mut Self {
        self.bytes(&number.to_le_bytes())
    }

    fn u64(&mut self, number: u64) -> &mut Self {
        self.bytes(&number.to_le_bytes())
    }

    /// Appends a number as 32 bits; one that is too large becomes the marker for zip64.
    fn small(&mut self, number: u64) -> &mut Self {
        self.u32(u32::try_from(number).unwrap_or(u32::MAX))
    }

    fn few(&mut self, number: u64) -> &mut Self {
        self.u16(u16::try_from(number).unwrap_or(u16::MAX))
    }

    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Appends the fields that both kinds of header share, up to the length of the extra fields.
    fn common(&mut self, entry: &Entry<'_>, zip64: bool, extra: usize) -> &mut Self {
        self.u16(if zip64 { VERSION_ZIP64 } else { VERSION })
            .u16(entry.kept_flags())
            .u16(METHOD)
            .u16(entry.modified.0)
            .u16(entry.modified.1)
            .u32(entry.crc)
            .small(entry.size)
            .small(entry.size)
            .few(entry.name.len() as u64)
            .few(extra as u64)
    }

    /// A local header. `extra` are the extra fields without zip64's.
    pub(super) fn local(&mut self, entry: &Entry<'_>, extra: &[u8]) {
        let sizes = if is_large(entry.size) { field(&[entry.size, entry.size]) } else { Vec::new() };
        self.bytes(b"PK\x03\x04")
            .common(entry, !sizes.is_empty(), sizes.len() + extra.len())
            .bytes(entry.name)
            .bytes(&sizes)
            .bytes(extra);
    }

    /// A record of the directory, for an entry whose local header is at `offset`.
    pub(super) fn central(&mut self, entry: &Entry<'_>, extra: &[u8], offset: u64) {
        let mut large: Vec<u64> = Vec::new();
        if is_large(entry.size) {
            large.extend([entry.size, entry.size]);
        }
        if is_large(offset) {
            large.push(offset);
        }
        let zip64 = if large.is_empty() { Vec::new() } else { field(&large) };
        self.bytes(b"PK\x01\x02")
            .u16(entry.made_by)
            .common(entry, !zip64.is_empty(), zip64.len() + extra.len())
            .few(entry.comment.len() as u64)
            .u16(0)
            .u16(entry.internal)
            .u32(entry.external)
            .small(offset)
            .bytes(entry.name)
            .bytes(&zip64)
            .bytes(extra)
            .bytes(entry.comment);
    }

    /// The end of a directory of `entries` entries and `size` bytes at `offset`.
    pub(super) fn end(&mut self, entries: u64, offset: u64, size: u64, comment: &[u8]) {
        if entries >= u64::from(u16::MAX) || is_large(offset) || is_large(size) {
            self.bytes(b"PK\x06\x06").u64(44).u16(VERSION_ZIP64).u16(VERSION_ZIP64).u64(0);
            self.u64(entries).u64(entries).u64(size).u64(offset);
            self.bytes(b"PK\x06\x07").u32(0).u64(offset + size).u32(1);
        }
        self.bytes(b"PK\x05\x06").u32(0).few(entries).few(entries).small(size).small(offset);
        self.few(comment.len() as u64).bytes(comment);
    }
}

/// Whether a number needs zip64. The largest 32-bit number is the marker itself.
fn is_large(number: u64) -> bool {
    number >= u64::from(u32::MAX)
}

/// The extra field of zip64.
fn field(numbers: &[u64]) -> Vec<u8> {
    let mut field = Record::default();
    field.u16(1).few(8 * numbers.len() as u64);
    for number in numbers {
        field.u64(*number);
    }
    field.0
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Seek, SeekFrom, Write};

    use rawzip::{MAX_CENTRAL_DIRECTORY_RECORD_SIZE, ZipArchive};

    use super::*;

    const GIB: u64 = 1 << 30;

    /// A file that contains only a directory, at 20 GiB.
    fn directory(entries: &[(u64, u64)]) -> File {
        // A record of the directory, from which others are derived with other numbers.
        let plain = b"PK\x01\x02\x14\x03\x14\0\0\x08\0\0\x2f\x8c\x77\x5d\x01\x02\x03\x04\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0x";
        let end = b"PK\x05\x06\0\0\0\0\x01\0\x01\0\x2f\0\0\0\0\0\0\0\0\0";
        let bytes = [&plain[..], end].concat();
        let archive = ZipArchive::from_slice(&bytes).unwrap();
        let record = archive.entries().next_entry().unwrap().unwrap();
        let mut records = Record::default();
        for (index, (size, offset)) in entries.iter().enumerate() {
            let name = index.to_string();
            let entry = Entry { name: name.as_bytes(), size: *size, packed: *size, ..Entry::new(&record, 0, 7) };
            records.central(&entry, b"UT\x01\0z", *offset);
        }
        let size = records.0.len() as u64;
        records.end(entries.len() as u64, 20 * GIB, size, b"comment");
        let mut file = tempfile::tempfile().unwrap();
        file.seek(SeekFrom::Start(20 * GIB)).unwrap();
        file.write_all(&records.0).unwrap();
        file
    }

    #[test]
    fn numbers_beyond_32_bits_are_where_other_readers_look_for_them() {
        let limit = u64::from(u32::MAX);
        let entries =
            [(1, 2), (limit - 1, limit - 1), (limit, 3), (4, limit), (5 * GIB, 6 * GIB), (7, 19 * GIB), (8 * GIB, 0)];
        let file = directory(&entries);
        let mut buffer = vec![0; MAX_CENTRAL_DIRECTORY_RECORD_SIZE];
        let archive = ZipArchive::from_file(file.try_clone().unwrap(), &mut buffer).unwrap();
        assert_eq!(archive.entries_hint(), 7);
        assert_eq!(archive.directory_offset(), 20 * GIB);
        let mut read = archive.entries(&mut buffer);
        for (size, offset) in entries {
            let entry = read.next_entry().unwrap().unwrap();
            assert_eq!((entry.uncompressed_size_hint(), entry.compressed_size_hint()), (size, size));
            assert_eq!(entry.local_header_offset(), offset);
            let last = entry.extra_fields().last().unwrap();
            assert_eq!((last.0.as_u16(), last.1), (u16::from_le_bytes(*b"UT"), &b"z"[..]));
        }
        assert!(read.next_entry().unwrap().is_none());
        // A second, independent reader.
        let archive = zip::ZipArchive::new(file).unwrap();
        let sizes: u128 = entries.iter().map(|(size, _)| u128::from(*size)).sum();
        assert_eq!(archive.decompressed_size(), Some(sizes));
    }
}
