//! An entry of a zip file, as in the central directory.

use rawzip::{CompressionMethod, ZipArchiveEntryWayfinder, ZipFileHeaderRecord};

/// General purpose bit 11: name and comment are UTF-8.
pub(super) const UTF8: u16 = 1 << 11;

/// An entry's record in the central directory; all that is kept of the entry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a> {
    pub(super) name: &'a [u8],
    pub(super) comment: &'a [u8],
    /// Extra fields, unparsed.
    pub(super) extra: &'a [u8],
    pub(super) flags: u16,
    pub(super) method: CompressionMethod,
    /// MS-DOS time and date.
    pub(super) modified: (u16, u16),
    pub(super) crc: u32,
    /// Size in the original file.
    pub(super) packed: u64,
    /// Unpacked size.
    pub(super) size: u64,
    pub(super) made_by: u16,
    /// The volume on which the entry begins.
    pub(super) volume: u16,
    pub(super) internal: u16,
    pub(super) external: u32,
    /// Offset of the local header.
    pub(super) offset: u64,
    /// Position of the entry, for the zip reader.
    pub(super) location: ZipArchiveEntryWayfinder,
    /// Offset of the end of this record in the directory.
    pub(super) record_end: u64,
}

/// Bytes of a central record before the name.
pub(super) const CENTRAL: usize = 46;
/// Bytes of a local header before the name.
pub(super) const LOCAL: usize = 30;

impl<'a> Entry<'a> {
    /// `volume` and `internal` are missing in the directory reader's record.
    pub(super) fn new(record: &'a ZipFileHeaderRecord<'a>, volume: u16, internal: u16) -> Self {
        let name = record.file_path().as_bytes();
        let comment = record.comment().as_bytes();
        let extra = record.extra_fields().remaining_bytes();
        let length = CENTRAL + name.len() + extra.len() + comment.len();
        let modified = record.last_modified_dos();
        Self {
            name,
            comment,
            extra,
            flags: record.flags().bits(),
            method: record.compression_method(),
            modified: (modified.packed_time(), modified.packed_date()),
            crc: record.crc32(),
            packed: record.compressed_size_hint(),
            size: record.uncompressed_size_hint(),
            made_by: record.version_made_by().as_u16(),
            volume,
            internal,
            external: record.external_attributes(),
            offset: record.local_header_offset(),
            location: record.wayfinder(),
            record_end: record.central_directory_offset() + length as u64,
        }
    }

    /// The flags that apply to a stored entry of known size.
    pub(super) fn kept_flags(&self) -> u16 {
        self.flags & UTF8
    }
}
