//! The original zip file: its directory, entry by entry, and the entries' local headers.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;

use rawzip::{CompressionMethod, Error, ErrorKind, MAX_CENTRAL_DIRECTORY_RECORD_SIZE, ZipArchive, ZipLocator};

use super::super::source::OriginalFile;
use super::super::{CompressionHalt, ZipDoubt};
use super::entry::{Entry, LOCAL};

/// Offset of the volume and the internal attributes in a central record.
const VOLUME: u64 = 34;

pub(super) struct Original<'f> {
    archive: ZipArchive<OriginalFile<'f>>,
    file: &'f File,
    pub(super) size: u64,
    pub(super) comment: Vec<u8>,
}

/// The local header of an entry.
pub(super) struct Local {
    pub(super) flags: u16,
    pub(super) method: CompressionMethod,
    pub(super) modified: (u16, u16),
    pub(super) crc: u32,
    pub(super) packed: u64,
    pub(super) size: u64,
    pub(super) name: Vec<u8>,
    pub(super) extra: Vec<u8>,
    /// Offset of the entry's data.
    pub(super) data: u64,
}

impl<'f> Original<'f> {
    pub(super) fn open(file: &'f File, size: u64) -> Result<Self, CompressionHalt> {
        let archive = ZipLocator::new()
            .locate_in_reader(OriginalFile(file), &mut buffer(), size)
            .map_err(|(_, error)| unreadable(error, ZipDoubt::Directory))?;
        let mut comment = Vec::new();
        archive.comment().read_to_end(&mut comment)?;
        Ok(Self { archive, file, size, comment })
    }

    /// The number of entries that the end of the directory claims.
    pub(super) fn claimed_entries(&self) -> u64 {
        self.archive.entries_hint()
    }

    /// Offsets of the directory and of its end record.
    pub(super) fn directory(&self) -> (u64, u64) {
        (self.archive.directory_offset(), self.archive.eocd_offset())
    }

    /// Reads exactly the bytes at `offset`.
    pub(super) fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<(), CompressionHalt> {
        if offset.checked_add(bytes.len() as u64).is_none_or(|end| end > self.size) {
            return Err(ZipDoubt::Directory.into());
        }
        Ok(self.file.read_exact_at(bytes, offset)?)
    }

    /// Returns the bytes at `offset`.
    pub(super) fn bytes<const N: usize>(&self, offset: u64) -> Result<[u8; N], CompressionHalt> {
        let mut bytes = [0; N];
        self.read(offset, &mut bytes)?;
        Ok(bytes)
    }

    /// The packed bytes of an entry.
    pub(super) fn data(&self, local: &Local, entry: &Entry<'_>) -> impl Read + use<'f> {
        OriginalFile(self.file).range(local.data, local.data + entry.packed)
    }

    /// Calls `each` with every entry, in the directory's order.
    pub(super) fn for_each(
        &self,
        mut each: impl FnMut(&Entry<'_>) -> Result<(), CompressionHalt>,
    ) -> Result<(), CompressionHalt> {
        let mut records = buffer();
        let mut entries = self.archive.entries(&mut records);
        while let Some(record) = entries.next_entry().map_err(|error| unreadable(error, ZipDoubt::Directory))? {
            let rest = self.bytes::<4>(record.central_directory_offset() + VOLUME)?;
            let [volume, internal] = [[rest[0], rest[1]], [rest[2], rest[3]]].map(u16::from_le_bytes);
            each(&Entry::new(&record, volume, internal))?;
        }
        Ok(())
    }

    /// The local header of an entry.
    pub(super) fn local(&self, entry: &Entry<'_>) -> Result<Local, CompressionHalt> {
        let contradiction = |error| unreadable(error, ZipDoubt::Contradiction);
        let location = self.archive.get_entry(entry.location).map_err(contradiction)?;
        let (data, _) = location.compressed_data_range();
        let mut names = vec![0; usize::try_from(data - entry.offset).unwrap_or(usize::MAX) - LOCAL];
        let header = location.local_header(&mut names).map_err(contradiction)?;
        let modified = header.last_modified_dos();
        Ok(Local {
            flags: header.flags().bits(),
            method: header.compression_method(),
            modified: (modified.packed_time(), modified.packed_date()),
            crc: header.crc32(),
            packed: header.compressed_size_hint(),
            size: header.uncompressed_size_hint(),
            name: header.file_path().as_bytes().to_vec(),
            extra: header.extra_fields().remaining_bytes().to_vec(),
            data,
        })
    }
}

fn buffer() -> Vec<u8> {
    vec![0; MAX_CENTRAL_DIRECTORY_RECORD_SIZE]
}

/// Classifies the zip reader's error: a system error is one of the disk, any other is a doubt.
fn unreadable(error: Error, doubt: ZipDoubt) -> CompressionHalt {
    match error.into_kind() {
        ErrorKind::IO(error) => CompressionHalt::of_decoder(error, doubt),
        _ => doubt.into(),
    }
}
