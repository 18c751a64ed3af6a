//! The target file while it is written.

use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};

use super::{CompressionHalt, KeptReason};
use crate::storage::space::Reservation;

/// Bytes written to the disk at once.
const BUFFER: usize = 64 * 1024;

/// Counts the bytes written, so that compression stops as soon as the form is known to be too large.
pub(super) struct TargetFile<'f> {
    file: BufWriter<&'f mut File>,
    /// The reservation of disk space, charged before each write.
    room: Option<&'f mut Reservation>,
    written: u64,
    most: u64,
}

impl<'f> TargetFile<'f> {
    /// Truncates the file. More than `most` bytes are not worth writing.
    pub(super) fn to(file: &'f mut File, most: u64, room: Option<&'f mut Reservation>) -> io::Result<Self> {
        file.set_len(0)?;
        file.rewind()?;
        Ok(Self { file: BufWriter::with_capacity(BUFFER, file), room, written: 0, most })
    }

    /// Returns an error once the file has become too large.
    pub(super) fn check(&self) -> Result<(), CompressionHalt> {
        if self.written > self.most { Err(KeptReason::NotWorthIt.into()) } else { Ok(()) }
    }

    /// Flushes the buffer and completes the file; returns its bytes.
    pub(super) fn finish(mut self) -> Result<u64, CompressionHalt> {
        self.check()?;
        self.file.flush()?;
        Ok(self.written)
    }
}

impl Write for TargetFile<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(room) = &mut self.room {
            room.write_now(bytes.len() as u64)?;
        }
        let count = self.file.write(bytes)?;
        self.written += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
