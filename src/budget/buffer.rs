//! A growing buffer whose memory is counted in a budget.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use memmap2::MmapMut;

use super::{Budget, Held};

const KIB: usize = 1024;
/// Bytes of a buffer's first pieces; the last value is that of all further pieces.
const PIECES: [usize; 4] = [16 * KIB, 64 * KIB, 256 * KIB, 1024 * KIB];
/// Pieces of this size and larger are memory maps: the allocator would keep freed memory and allocate more beside it.
const MAPPED: usize = 256 * KIB;

/// The budget has too little left for the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the budget of {limit} bytes is used up")]
pub struct Exceeded {
    /// The budget's limit.
    pub limit: usize,
}

/// Bytes collected in pieces, so that none is copied as the buffer grows. The memory is counted in a [`Budget`] until
/// the last reader has dropped it.
#[derive(Debug)]
pub struct Buffer {
    pieces: Vec<Piece>,
    len: usize,
    /// Free bytes of the last piece.
    room: usize,
    held: Held,
}

#[derive(Debug)]
struct Piece {
    memory: Memory,
    len: usize,
}

#[derive(Debug)]
enum Memory {
    Heap(Box<[u8]>),
    Mapped(MmapMut),
}

impl Piece {
    /// An empty piece of `size` bytes; on the heap if the system refuses a memory map.
    fn new(size: usize) -> Self {
        let mapped = (size >= MAPPED).then(|| MmapMut::map_anon(size).ok()).flatten();
        let memory = mapped.map_or_else(|| Memory::Heap(vec![0; size].into()), Memory::Mapped);
        Self { memory, len: 0 }
    }

    fn memory(&mut self) -> &mut [u8] {
        match &mut self.memory {
            Memory::Heap(bytes) => bytes,
            Memory::Mapped(pages) => pages,
        }
    }

    fn bytes(&self) -> &[u8] {
        match &self.memory {
            Memory::Heap(bytes) => &bytes[..self.len],
            Memory::Mapped(pages) => &pages[..self.len],
        }
    }
}

impl Buffer {
    /// An empty buffer, which takes nothing from the budget yet.
    pub fn new(budget: &Budget) -> Self {
        Self { pieces: Vec::new(), len: 0, room: 0, held: budget.hold() }
    }

    /// Bytes collected so far.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the buffer is empty.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends `parts` in order.
    ///
    /// # Errors
    /// [`Exceeded`]; nothing was appended.
    pub fn extend(&mut self, parts: &[&[u8]]) -> Result<(), Exceeded> {
        let missing = parts.iter().map(|part| part.len()).sum::<usize>().saturating_sub(self.room);
        let sizes = (self.pieces.len()..).map(|index| PIECES[index.min(PIECES.len() - 1)]);
        let mut more = 0;
        let sizes: Vec<usize> = sizes
            .take_while(|size| {
                let wanted = more < missing;
                more += if wanted { *size } else { 0 };
                wanted
            })
            .collect();
        if !self.held.grow(more) {
            return Err(Exceeded { limit: self.held.budget.limit() });
        }
        let mut next = sizes.into_iter();
        for mut part in parts.iter().copied() {
            while !part.is_empty() {
                if self.room == 0 {
                    // `sizes` has as many pieces as are needed.
                    let Some(size) = next.next() else { break };
                    self.pieces.push(Piece::new(size));
                    self.room = size;
                }
                let Some(piece) = self.pieces.last_mut() else { break };
                let (now, later) = part.split_at(part.len().min(self.room));
                let start = piece.len;
                piece.memory()[start..start + now.len()].copy_from_slice(now);
                piece.len += now.len();
                self.room -= now.len();
                self.len += now.len();
                part = later;
            }
        }
        Ok(())
    }

    /// The bytes in order, for any number of readers.
    pub fn share(self: &Arc<Self>) -> Vec<Bytes> {
        (0..self.pieces.len()).map(|index| Bytes::from_owner(SharedPieces { buffer: self.clone(), index })).collect()
    }
}

/// Keeps the buffer alive while one of its pieces is read.
struct SharedPieces {
    buffer: Arc<Buffer>,
    index: usize,
}

impl AsRef<[u8]> for SharedPieces {
    fn as_ref(&self) -> &[u8] {
        self.buffer.pieces[self.index].bytes()
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
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_buffer_holds_is_counted_until_its_last_reader_is_gone() {
        let budget = Budget::new(100 * KIB);
        let mut buffer = Buffer::new(&budget);
        buffer.extend(&[&[1; 40_000]]).unwrap();
        assert_eq!(budget.used(), 80 * KIB);
        assert_eq!(buffer.extend(&[&[2; 80_000]]), Err(Exceeded { limit: 100 * KIB }));
        assert_eq!(buffer.len(), 40_000, "what did not fit left nothing");
        let buffer = Arc::new(buffer);
        let (one, mut two) = (buffer.share(), buffer.share());
        drop((buffer, one));
        let last = two.pop().unwrap();
        drop(two);
        assert_eq!((last.len(), last[0], budget.used()), (40_000 - 16 * KIB, 1, 80 * KIB));
        drop(last);
        assert_eq!(budget.used(), 0);
    }

    proptest! {
        #[test]
        fn what_is_gathered_comes_back_in_order(parts in prop::collection::vec(0_usize..400_000, 0..12)) {
            let budget = Budget::new(64 * KIB * KIB);
            let mut buffer = Buffer::new(&budget);
            let mut want = Vec::new();
            for (index, len) in parts.into_iter().enumerate() {
                let part: Vec<u8> = (0..len).map(|at| (at * 7 + index) as u8).collect();
                buffer.extend(&[&part[..len / 2], &part[len / 2..]]).unwrap();
                want.extend(part);
            }
            prop_assert_eq!(buffer.len(), want.len());
            prop_assert!(Arc::new(buffer).share().concat() == want);
        }
    }
}
