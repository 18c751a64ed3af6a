//! The target file while it is read back.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek};

use aws_lc_rs::digest::{Context, SHA256};

use crate::protocol::artifact::Sha256;

/// Bytes read from the disk at once.
const BUFFER: usize = 64 * 1024;

/// Reads a file from its start and computes the digest of the bytes read.
pub(super) struct WrittenFile<'f> {
    file: BufReader<&'f mut File>,
    digest: Context,
    size: u64,
}

impl<'f> WrittenFile<'f> {
    pub(super) fn from(file: &'f mut File) -> io::Result<Self> {
        file.rewind()?;
        Ok(Self { file: BufReader::with_capacity(BUFFER, file), digest: Context::new(&SHA256), size: 0 })
    }

    /// Returns the number of bytes read and their digest; `None` if the file has more bytes.
    pub(super) fn finish(mut self) -> io::Result<Option<(u64, Sha256)>> {
        if !self.file.fill_buf()?.is_empty() {
            return Ok(None);
        }
        let mut sha256 = Sha256([0; 32]);
        sha256.0.copy_from_slice(self.digest.finish().as_ref());
        Ok(Some((self.size, sha256)))
    }
}

impl Read for WrittenFile<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(buffer.len());
        buffer[..count].copy_from_slice(&available[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for WrittenFile<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.file.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.digest.update(&self.file.buffer()[..count]);
        self.size += count as u64;
        self.file.consume(count);
    }
}
