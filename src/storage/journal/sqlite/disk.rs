//! Checks that the disk has room for more. Appends are refused early, so that expiry still has space to work in.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::storage::journal::JournalError;
use crate::storage::space::free_bytes;

/// The free space is read at most this often.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// The file system of a directory and the space that must stay free on it.
#[derive(Debug)]
pub(super) struct DiskCheck {
    directory: PathBuf,
    min_free_bytes: u64,
    /// When the free space was read, and how many bytes were free.
    last: Option<(Instant, u64)>,
}

impl DiskCheck {
    /// A check of `directory`. With `min_free_bytes` 0 nothing is checked.
    pub(super) fn new(directory: PathBuf, min_free_bytes: u64) -> Self {
        Self { directory, min_free_bytes, last: None }
    }

    /// An error when too little is free.
    pub(super) fn check(&mut self) -> Result<(), JournalError> {
        if self.min_free_bytes == 0 {
            return Ok(());
        }
        let free = match self.last {
            Some((at, free)) if at.elapsed() < CHECK_EVERY => free,
            _ => {
                let free = free_bytes(&self.directory)
                    .map_err(|error| JournalError::Unavailable(format!("{}: {error}", self.directory.display())))?;
                self.last = Some((Instant::now(), free));
                free
            }
        };
        if free < self.min_free_bytes {
            let text = format!("{free} free bytes, below journal.min_free_bytes = {}", self.min_free_bytes);
            return Err(JournalError::Unavailable(text));
        }
        Ok(())
    }
}
