//! Compresses artifacts for storage, or keeps the original. A compressed form is used only if it is smaller and was
//! read back from the disk and compared; in any doubt the original is kept, and the reason is counted.
//!
//! | content | stored as |
//! |---|---|
//! | a zip file (a trace) | its entries stored instead of deflated, the whole through zstd with a window of 8 MiB: `zip/` |
//! | text | gzip: `gzip.rs` |
//! | pictures, video, archives, anything else | unchanged, so that clients can request ranges |
//!
//! The functions block, and use bounded memory: two files, buffers of 192 KiB and less, a number per entry of a zip
//! file, and zstd's tables.

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
pub use reason::{KeptReason, ZipDoubt};

/// The largest zstd window, as a power of two: browsers refuse larger ones (RFC 9659).
pub const ZSTD_WINDOW_LOG: u32 = 23;

/// Limits of a zip file that is recompressed; a larger one is kept unchanged.
#[derive(Clone, Copy, Debug)]
pub struct CompressionLimits {
    /// Most entries.
    pub max_entries: u64,
    /// Most unpacked bytes of all entries.
    pub max_unpacked: u64,
    /// Most unpacked bytes of all entries per byte of the file.
    pub max_ratio: u64,
}

impl Default for CompressionLimits {
    fn default() -> Self {
        Self { max_entries: 100_000, max_unpacked: 8 << 30, max_ratio: 200 }
    }
}

/// The form in which an artifact is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompressionOutcome {
    /// The compressed form, which is in the target file.
    Smaller(Smaller),
    /// The original, and the reason.
    Kept(KeptReason),
}

/// The compressed form in the target file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Smaller {
    /// The method of compression.
    pub method: Method,
    /// The encoding of the target.
    pub coding: ContentCoding,
    /// Bytes of the target.
    pub size: u64,
    /// Digest of the target, as read back.
    pub sha256: Sha256,
    /// Bytes of the decoded target. For a zip file that is one with stored entries.
    pub decoded: u64,
    /// Entries of the zip file; 0 for other files.
    pub entries: u64,
}

/// Bytes that [`may_shrink`] needs.
pub const HEAD: usize = 8 * 1024;

/// Whether [`compress`] may find a smaller form of a file with this beginning. If not, the file can be stored while it
/// is still arriving.
pub fn may_shrink(head: &[u8], content_type: &str) -> bool {
    kind::may_shrink(head, content_type)
}

/// Compresses `source` into `target` if that is worthwhile. `target` must be open for reading, too; if the outcome is
/// [`CompressionOutcome::Kept`], its content is undefined. `stop` is called every few milliseconds; once it returns
/// true, the original is kept.
///
/// # Errors
/// Errors of the disk. The original is unchanged.
pub fn compress(
    source: &File,
    target: &mut File,
    content_type: &str,
    limits: &CompressionLimits,
    stop: &dyn Fn() -> bool,
) -> io::Result<CompressionOutcome> {
    compress_in(None, source, target, content_type, limits, stop)
}

/// [`compress`], but the target's space is taken from `room` before it is written.
///
/// # Errors
/// Errors of the disk. The original is unchanged.
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
        Err(CompressionHalt::Kept(reason)) => Ok(CompressionOutcome::Kept(reason)),
        Err(CompressionHalt::Disk(error)) if error.kind() == io::ErrorKind::StorageFull => {
            Ok(CompressionOutcome::Kept(KeptReason::NoSpace))
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
    let most = most_worth_storing(size).ok_or(KeptReason::NotWorthIt)?;
    match kind::of(source, size, content_type)? {
        FileKind::Zip => zip::compress(source, size, target, most, room, limits, stop),
        FileKind::Text => gzip::compress(source, size, target, most, room, stop),
        FileKind::Compressed => Err(KeptReason::AlreadyCompressed.into()),
        FileKind::Unknown => Err(KeptReason::UnknownContent.into()),
    }
}

/// The largest form that is worth storing in place of an original of `size` bytes: it must be 2 % and 1 KiB smaller. A
/// smaller saving would not make up for the loss of range requests.
fn most_worth_storing(size: u64) -> Option<u64> {
    size.checked_sub((size / 50).max(1024)).filter(|most| *most > 0)
}

/// The reason why compression has ended without a result.
#[derive(Debug)]
enum CompressionHalt {
    Kept(KeptReason),
    Disk(io::Error),
}

impl From<KeptReason> for CompressionHalt {
    fn from(reason: KeptReason) -> Self {
        Self::Kept(reason)
    }
}

impl From<ZipDoubt> for CompressionHalt {
    fn from(doubt: ZipDoubt) -> Self {
        Self::Kept(KeptReason::Zip(doubt))
    }
}

impl From<io::Error> for CompressionHalt {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

impl CompressionHalt {
    /// Classifies a decoder's error: a system error is one of the disk, any other is `why`.
    fn of_decoder(error: io::Error, reason: impl Into<Self>) -> Self {
        if error.raw_os_error().is_some() { Self::Disk(error) } else { reason.into() }
    }
}

/// Returns an error once `stop` returns true.
fn go_on(stop: &dyn Fn() -> bool) -> Result<(), CompressionHalt> {
    if stop() { Err(KeptReason::Stopped.into()) } else { Ok(()) }
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
