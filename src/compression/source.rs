//! Reads the original by offset, without moving its file cursor.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use rawzip::{RangeReader, ReaderAt};

#[derive(Clone, Copy, Debug)]
pub(super) struct OriginalFile<'f>(pub(super) &'f File);

impl<'f> OriginalFile<'f> {
    /// A reader of the bytes of a range.
    pub(super) fn range(self, start: u64, end: u64) -> RangeReader<Self> {
        RangeReader::new(self, start..end)
    }
}

impl ReaderAt for OriginalFile<'_> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }
}
