//! Checks that a file is a zip file in which every byte has its position. The checks take two short reads per entry and
//! unpack nothing.
//!
//! Entries must follow one another without gaps in the order of the directory, from the first byte of the file to the
//! directory. All common writers produce such files. The rule excludes overlapping entries, data hidden before, between
//! or after them, and anything that two readers could interpret differently.

use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use rawzip::CompressionMethod;

use super::super::{CompressionHalt, CompressionLimits, ZipDoubt, go_on};
use super::entry::{Entry, UTF8};
use super::extra;
use super::original::{Local, Original};

/// Flag bits 0, 6 and 13: encryption.
const ENCRYPTED: u16 = 1 | 1 << 6 | 1 << 13;
/// Flag bit 3: sizes and CRC follow the data in a descriptor.
const DESCRIPTOR: u16 = 1 << 3;
/// Flag bits 1 and 2: the effort of the packer.
const EFFORT: u16 = 1 << 1 | 1 << 2;

/// Bytes of the end record without its comment, and of zip64's end record and locator.
const END: u64 = 22;
const END64: u64 = 56 + 20;

/// Longest name, extra fields or comment of a record, less what zip64 may add to the extra fields.
const MAX_EXTRA: usize = u16::MAX as usize - 28;

/// Returns the first doubt, or the number of entries.
pub(super) fn survey(
    original: &Original<'_>,
    limits: &CompressionLimits,
    stop: &dyn Fn() -> bool,
) -> Result<u64, CompressionHalt> {
    if original.claimed_entries() > limits.max_entries {
        return Err(ZipDoubt::TooManyEntries.into());
    }
    let (directory, _) = original.directory();
    // Only hashes are kept, because a name may have 64 KiB. A collision only leaves one more file unchanged.
    let hasher = RandomState::new();
    let mut names = HashSet::new();
    let mut entries = 0;
    let mut unpacked = 0_u64;
    let mut end = End { at: 0, descriptor: None };
    let mut directory_end = directory;
    original.for_each(|entry| {
        go_on(stop)?;
        entries += 1;
        unpacked = unpacked.saturating_add(entry.size);
        if entries > limits.max_entries {
            return Err(ZipDoubt::TooManyEntries.into());
        }
        if unpacked > limits.max_unpacked {
            return Err(ZipDoubt::TooLarge.into());
        }
        if unpacked / limits.max_ratio.max(1) > original.size {
            return Err(ZipDoubt::TooDense.into());
        }
        if !names.insert(hasher.hash_one(entry.name)) {
            return Err(ZipDoubt::DuplicateName.into());
        }
        check_entry(entry)?;
        let local = original.local(entry)?;
        check_local(entry, &local)?;
        end.meets(original, entry.offset)?;
        end = End::of(entry, &local).ok_or(ZipDoubt::Displaced)?;
        directory_end = entry.record_end;
        Ok(())
    })?;
    if entries != original.claimed_entries() {
        return Err(ZipDoubt::Directory.into());
    }
    end.meets(original, directory)?;
    check_end(original, directory, directory_end)?;
    Ok(entries)
}

/// Checks an entry's record in the directory.
fn check_entry(entry: &Entry<'_>) -> Result<(), ZipDoubt> {
    if entry.flags & ENCRYPTED != 0 {
        return Err(ZipDoubt::Encrypted);
    }
    if entry.flags & !(DESCRIPTOR | EFFORT | UTF8) != 0 {
        return Err(ZipDoubt::UnknownFlags);
    }
    match entry.method {
        CompressionMethod::DEFLATE => {}
        CompressionMethod::STORE if entry.packed == entry.size => {}
        CompressionMethod::STORE => return Err(ZipDoubt::Contradiction),
        _ => return Err(ZipDoubt::UnknownMethod),
    }
    if entry.volume != 0 {
        return Err(ZipDoubt::Spanned);
    }
    if extra::kept(entry.extra)?.len() > MAX_EXTRA {
        return Err(ZipDoubt::ExtraField);
    }
    Ok(())
}

/// Checks the local header against the directory. It may leave sizes and CRC to the descriptor after the data.
fn check_local(entry: &Entry<'_>, local: &Local) -> Result<(), ZipDoubt> {
    if extra::kept(&local.extra)?.len() > MAX_EXTRA {
        return Err(ZipDoubt::ExtraField);
    }
    let later = entry.flags & DESCRIPTOR != 0;
    let number = |local: u64, central: u64| local == central || (later && local == 0);
    let agree = local.name == entry.name
        && local.flags == entry.flags
        && local.method == entry.method
        && local.modified == entry.modified
        && number(local.crc.into(), entry.crc.into())
        && number(local.packed, entry.packed)
        && number(local.size, entry.size);
    if agree { Ok(()) } else { Err(ZipDoubt::Contradiction) }
}

/// The end of an entry's data, and the descriptor that must follow it.
struct End {
    at: u64,
    /// CRC, packed size, size.
    descriptor: Option<(u32, u64, u64)>,
}

impl End {
    /// `None` if the end would exceed the largest offset.
    fn of(entry: &Entry<'_>, local: &Local) -> Option<Self> {
        let at = local.data.checked_add(entry.packed)?;
        let descriptor = (entry.flags & DESCRIPTOR != 0).then_some((entry.crc, entry.packed, entry.size));
        Some(Self { at, descriptor })
    }

    /// Checks that `next` begins directly after this entry.
    fn meets(&self, original: &Original<'_>, next: u64) -> Result<(), CompressionHalt> {
        let gap = next.checked_sub(self.at).ok_or(ZipDoubt::Displaced)?;
        let Some((crc, packed, size)) = self.descriptor else {
            return if gap == 0 { Ok(()) } else { Err(ZipDoubt::Displaced.into()) };
        };
        let mut expected = Vec::with_capacity(24);
        if matches!(gap, 16 | 24) {
            expected.extend_from_slice(b"PK\x07\x08");
        }
        expected.extend_from_slice(&crc.to_le_bytes());
        for number in [packed, size] {
            match u32::try_from(number) {
                Ok(number) if gap <= 16 => expected.extend_from_slice(&number.to_le_bytes()),
                _ => expected.extend_from_slice(&number.to_le_bytes()),
            }
        }
        if expected.len() as u64 != gap {
            return Err(ZipDoubt::Displaced.into());
        }
        let mut found = [0; 24];
        let found = &mut found[..expected.len()];
        original.read(self.at, found)?;
        if *found == expected { Ok(()) } else { Err(ZipDoubt::Contradiction.into()) }
    }
}

/// Checks that only the directory, its end records and the comment follow the entries.
fn check_end(original: &Original<'_>, directory: u64, directory_end: u64) -> Result<(), CompressionHalt> {
    let (_, end) = original.directory();
    if end + END + original.comment.len() as u64 != original.size {
        return Err(ZipDoubt::Displaced.into());
    }
    match end.checked_sub(directory_end) {
        Some(0) => {}
        Some(END64) => {
            let record = original.bytes::<56>(directory_end)?;
            if !record.starts_with(b"PK\x06\x06") || record[4..12] != 44_u64.to_le_bytes() {
                return Err(ZipDoubt::Displaced.into());
            }
            if record[16..24] != [0; 8] || record[24..32] != record[32..40] {
                return Err(ZipDoubt::Spanned.into());
            }
            let size = (directory_end - directory).to_le_bytes();
            if record[40..48] != size || record[48..56] != directory.to_le_bytes() {
                return Err(ZipDoubt::Directory.into());
            }
            return Ok(());
        }
        _ => return Err(ZipDoubt::Displaced.into()),
    }
    let record = original.bytes::<20>(end)?;
    if record[4..8] != [0; 4] || record[8..10] != record[10..12] {
        return Err(ZipDoubt::Spanned.into());
    }
    let [size, offset] = [directory_end - directory, directory].map(|number| (number as u32).to_le_bytes());
    if record[12..16] != size || record[16..20] != offset {
        return Err(ZipDoubt::Directory.into());
    }
    Ok(())
}
