//! The target file while it is written.

use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};

use super::{CompressionHalt, Why};
use crate::storage::space::Reservation;

/// Bytes that are written to the disk at once.
const BUFFER: usize = 64 * 1024;

/// Counts what it writes, so that a form which is not smaller is given up as soon as that is known.
pub(super) struct TargetFile<'f> {
    file: BufWriter<&'f mut File>,
    /// Space on the disk, taken before it is used.
    room: Option<&'f mut Reservation>,
    written: u64,
    most: u64,
}

impl<'f> TargetFile<'f> {
    /// Empties the file. More than `most` bytes are not worth being written.
    pub(super) fn to(file: &'f mut File, most: u64, room: Option<&'f mut Reservation>) -> io::Result<Self> {
        file.set_len(0)?;
        file.rewind()?;
        Ok(Self { file: BufWriter::with_capacity(BUFFER, file), room, written: 0, most })
    }

    /// Says so when it has become too large.
    pub(super) fn check(&self) -> Result<(), CompressionHalt> {
        if self.written > self.most { Err(Why::NotWorthIt.into()) } else { Ok(()) }
    }

    /// Writes what is in the buffer; the file is complete.
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
