//! Zip files: the entries stored instead of deflated, the whole through zstd. The frames of a screencast resemble one another,
//! which deflate can't see: its window is 32 KiB, and it packs each entry by itself.
//!
//! What comes out is another zip file with the same entries in the same order: names, contents, times, attributes, comments and
//! extra fields are byte for byte those of the original; how they were packed, and the flags and sizes that belong to that, are
//! not. One whose entries are stored already is treated alike.
//!
//! 1. `survey`: is this a zip file in which every byte has its place, and no larger than allowed? Nothing is unpacked yet.
//! 2. `rebuild`: unpack and write. An entry yields what the directory says, or it ends here.
//! 3. `verify`: read back from the disk, by a reader that shares nothing with the writer, and compare with the original's directory.
//!
//! Everything goes over the original's directory anew and holds one entry at a time, so a directory of any length is as good
//! as a short one.

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
