//! Recompresses zip files: their entries are stored instead of deflated, and the whole is compressed with zstd. The
//! frames of a screencast resemble one another, which deflate can't use: its window is 32 KiB, and it packs each entry
//! separately.
//!
//! The result is another zip file with the same entries in the same order. Names, contents, times, attributes, comments
//! and extra fields are byte for byte those of the original; compression methods, and the flags and sizes that depend
//! on them, are not. A file whose entries are stored already is treated in the same way.
//!
//! 1. `survey` checks that the file is a zip file in which every byte has its position, and within the limits. It unpacks
//!    nothing.
//! 2. `rebuild` unpacks and writes. It stops if an entry does not yield what the directory says.
//! 3. `verify` reads the result back from the disk, with a reader that shares no code with the writer, and compares it
//!    with the original's directory.
//!
//! Each step reads the original's directory again and holds one entry at a time, so memory does not depend on its
//! length.

use std::fs::File;

use super::{CompressionHalt, CompressionLimits, Smaller};
use crate::protocol::artifact::Method;
use crate::protocol::coding::ContentCoding;
use crate::storage::space::Reservation;

mod entry;
mod extra;
mod original;
mod rebuild;
mod record;
mod survey;
mod verify;

use original::Original;

pub(super) fn compress(
    source: &File,
    size: u64,
    target: &mut File,
    most: u64,
    room: Option<&mut Reservation>,
    limits: &CompressionLimits,
    stop: &dyn Fn() -> bool,
) -> Result<Smaller, CompressionHalt> {
    let original = Original::open(source, size)?;
    let entries = survey::survey(&original, limits, stop)?;
    rebuild::rebuild(&original, target, most, room, stop)?;
    let verified = verify::verify(&original, target, stop)?;
    Ok(Smaller {
        method: Method::Rezipped,
        coding: ContentCoding::Zstd,
        size: verified.size,
        sha256: verified.sha256,
        decoded: verified.decoded,
        entries,
    })
}
