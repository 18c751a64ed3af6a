//! In what form an artifact is stored: as it came, or smaller. Only what is smaller, and was read back from the disk and
//! compared, is called smaller; on any doubt the original is kept, and the reason is counted.
//!
//! | content | stored as |
//! |---|---|
//! | a zip file (a trace) | its entries stored instead of deflated, the whole through zstd with a window of 8 MiB: `zip/` |
//! | text | gzip: `gzip.rs` |
//! | pictures, video, archives, anything else | as it came, so that ranges of it can be asked for |
//!
//! Blocking, with bounded memory: two files, buffers of 192 KiB and less, a number per entry of a zip file, and zstd's tables.

use std::fs::File;
use std::io;

use crate::protocol::artifact::{Method, Sha256};
use crate::protocol::coding::ContentCoding;
use crate::storage::space::Reservation;

mod gzip;
mod kind;
mod output;
mod reason;
mod source;
mod stored;
mod zip;

pub mod decode;

use kind::FileKind;
pub use reason::{Why, ZipDoubt};

/// The largest window that zstd may use, as a power of two: browsers refuse more (RFC 9659).
pub const ZSTD_WINDOW_LOG: u32 = 23;

/// What a zip file may be for it to be taken apart. Beyond: it is kept as it came.
#[derive(Clone, Copy, Debug)]
pub struct CompressionLimits {
    /// Entries.
    pub max_entries: u64,
    /// Bytes of all entries, unpacked.
    pub max_unpacked: u64,
    /// Bytes of all entries, unpacked, for each byte of the file.
    pub max_ratio: u64,
}

impl Default for CompressionLimits {
    fn default() -> Self {
        Self { max_entries: 100_000, max_unpacked: 8 << 30, max_ratio: 200 }
    }
}

/// How an artifact is to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompressionOutcome {
    /// As it was written to the target.
    Smaller(Smaller),
    /// As it came.
    Kept(Why),
}

/// The smaller form, which the target holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Smaller {
    /// What was done.
    pub method: Method,
    /// How the target is encoded.
    pub coding: ContentCoding,
    /// Bytes of the target.
    pub size: u64,
    /// Digest of the target, as it was read back.
    pub sha256: Sha256,
    /// Bytes that the target decodes to: for a zip file those of the one with stored entries.
    pub decoded: u64,
    /// Entries of the zip file; 0 for anything else.
    pub entries: u64,
}

/// Bytes by which [`may_shrink`] judges.
pub const HEAD: usize = 8 * 1024;

/// Whether [`compress`] may find something smaller for what begins like this. The rest need not wait for its end before it is
/// stored.
pub fn may_shrink(head: &[u8], content_type: &str) -> bool {
    kind::may_shrink(head, content_type)
}

/// Finds out how `source` is best stored, and writes the smaller form to `target` if there is one. `target` must be open for
/// reading, too; when the outcome is [`CompressionOutcome::Kept`], what it then holds means nothing. `stop` is asked every few
/// milliseconds; once it says yes, the original is kept.
///
/// # Errors
/// Those of the disk. The original is as it was.
pub fn compress(
    source: &File,
    target: &mut File,
    content_type: &str,
    limits: &CompressionLimits,
    stop: &dyn Fn() -> bool,
) -> io::Result<CompressionOutcome> {
    compress_in(None, source, target, content_type, limits, stop)
}

/// The same, which takes the target's space from `room` before it writes there.
///
/// # Errors
/// Those of the disk. The original is as it was.
pub fn compress_in(
    room: Option<&mut Reservation>,
    source: &File,
    target: &mut File,
    content_type: &str,
    limits: &CompressionLimits,
    stop: &dyn Fn() -> bool,
) -> io::Result<CompressionOutcome> {
    match smaller(room, source, target, content_type, limits, stop) {
        Ok(smaller) => Ok(CompressionOutcome::Smaller(smaller)),
        Err(CompressionHalt::Kept(why)) => Ok(CompressionOutcome::Kept(why)),
        Err(CompressionHalt::Disk(error)) if error.kind() == io::ErrorKind::StorageFull => {
            Ok(CompressionOutcome::Kept(Why::NoSpace))
        }
        Err(CompressionHalt::Disk(error)) => Err(error),
    }
}

fn smaller(
    room: Option<&mut Reservation>,
    source: &File,
    target: &mut File,
    content_type: &str,
    limits: &CompressionLimits,
    stop: &dyn Fn() -> bool,
) -> Result<Smaller, CompressionHalt> {
    let size = source.metadata()?.len();
    let most = most_worth_storing(size).ok_or(Why::NotWorthIt)?;
    match kind::of(source, size, content_type)? {
        FileKind::Zip => zip::compress(source, size, target, most, room, limits, stop),
        FileKind::Text => gzip::compress(source, size, target, most, room, stop),
        FileKind::Compressed => Err(Why::AlreadyCompressed.into()),
        FileKind::Unknown => Err(Why::UnknownContent.into()),
    }
}

/// The largest form that is worth being stored instead of an original of `size` bytes: 2 % and 1 KiB smaller. Less would not
/// pay for the ranges that can no longer be asked for.
fn most_worth_storing(size: u64) -> Option<u64> {
    size.checked_sub((size / 50).max(1024)).filter(|most| *most > 0)
}

/// Why there is no smaller form.
#[derive(Debug)]
enum CompressionHalt {
    Kept(Why),
    Disk(io::Error),
}

impl From<Why> for CompressionHalt {
    fn from(why: Why) -> Self {
        Self::Kept(why)
    }
}

impl From<ZipDoubt> for CompressionHalt {
    fn from(doubt: ZipDoubt) -> Self {
        Self::Kept(Why::Zip(doubt))
    }
}

impl From<io::Error> for CompressionHalt {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

impl CompressionHalt {
    /// What an error of a decoder means: the system's are the disk's, the decoder's own are `why`.
    fn of_decoder(error: io::Error, why: impl Into<Self>) -> Self {
        if error.raw_os_error().is_some() { Self::Disk(error) } else { why.into() }
    }
}

/// Says so when it is time to stop.
fn go_on(stop: &dyn Fn() -> bool) -> Result<(), CompressionHalt> {
    if stop() { Err(Why::Stopped.into()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_saving_has_to_be_worth_it() {
        for (size, most) in [(0, None), (1024, None), (1025, Some(1)), (51_200, Some(50_176)), (100_000, Some(98_000))]
        {
            assert_eq!(most_worth_storing(size), most, "{size}");
        }
    }
}
