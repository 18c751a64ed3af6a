//! Bytes that are gathered within a budget.

use std::io;
use std::sync::Arc;

use bytes::Bytes;

use super::{Budget, Held};

/// A buffer grows by at least so many bytes at a time. 16 KiB.
const STEP: usize = 16 * 1024;

/// The budget has not got what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the budget of {limit} bytes is used up")]
pub struct Exceeded {
    /// The budget's bound.
    pub limit: usize,
}

/// A growing buffer whose capacity is counted in a [`Budget`] until the last reader of its bytes is gone.
#[derive(Debug)]
pub struct Buffer {
    bytes: Vec<u8>,
    held: Held,
}

impl Buffer {
    /// An empty buffer, which counts nothing yet.
    pub fn new(budget: &Budget) -> Self {
        Self { bytes: Vec::new(), held: budget.hold() }
    }

    /// Bytes gathered so far.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing has been gathered.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Appends `parts`, one after the other.
    ///
    /// # Errors
    /// [`Exceeded`]; nothing was appended.
    pub fn extend(&mut self, parts: &[&[u8]]) -> Result<(), Exceeded> {
        let len = self.bytes.len() + parts.iter().map(|part| part.len()).sum::<usize>();
        let missing = len.saturating_sub(self.bytes.capacity());
        if missing > 0 {
            // By an eighth: large buffers are moved by the kernel, and doubling would count twice what is there.
            let more = missing.max(self.bytes.capacity() / 8).max(STEP);
            if !self.held.grow(more) {
                return Err(Exceeded { limit: self.held.budget.limit() });
            }
            self.bytes.reserve_exact(self.bytes.capacity() + more - self.bytes.len());
        }
        parts.iter().for_each(|part| self.bytes.extend_from_slice(part));
        Ok(())
    }

    /// The bytes, for any number of readers.
    pub fn share(self: &Arc<Self>) -> Bytes {
        Bytes::from_owner(Shared(self.clone()))
    }

    /// The bytes, for one reader.
    pub fn freeze(self) -> Bytes {
        Arc::new(self).share()
    }
}

/// What keeps a buffer while its bytes are read.
struct Shared(Arc<Buffer>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0.bytes
    }
}

impl io::Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.extend(&[bytes]).map(|()| bytes.len()).map_err(io::Error::other)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_buffer_holds_is_counted_until_its_last_reader_is_gone() {
        let budget = Budget::new(100 * 1024);
        let mut buffer = Buffer::new(&budget);
        buffer.extend(&[&[1; 40_000]]).unwrap();
        assert!((40_000..=56_384).contains(&budget.used()), "{}", budget.used());
        assert_eq!(buffer.extend(&[&[2; 80_000]]), Err(Exceeded { limit: 100 * 1024 }));
        assert_eq!(buffer.len(), 40_000, "what did not fit left nothing");
        let buffer = Arc::new(buffer);
        let (one, two) = (buffer.share(), buffer.share().slice(39_999..));
        drop((buffer, one));
        assert_eq!(two, &[1_u8][..]);
        assert!(budget.used() >= 40_000);
        drop(two);
        assert_eq!(budget.used(), 0);
    }
}
