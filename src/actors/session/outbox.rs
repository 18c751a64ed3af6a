//! What a session has yet to write: pointers to shared segments and a few messages of its own. Pure.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use crate::actors::messages::screen::FrameOnWay;
use crate::protocol::segment::Encoding;
use crate::protocol::{Segment, Seq};

/// Slices offered to one vectored write.
pub(super) const MAX_SLICES: usize = 16;

/// One thing to write, never split between two others: its ends are frame boundaries.
#[derive(Debug)]
enum Chunk {
    /// A segment from byte `start` of its encoding, whose first event then is `seq`.
    Segment { segment: Arc<Segment>, start: usize, seq: Seq },
    /// The server's own word, encoded.
    Message(Bytes),
    /// A screen frame.
    Screen(Arc<FrameOnWay>),
    /// A message that says where the viewer stands: what is queued before it must arrive before it.
    Mark(Bytes),
}

impl Chunk {
    fn bytes(&self, encoding: Encoding) -> &[u8] {
        match self {
            Self::Segment { segment, start, .. } => &segment.encoded(encoding).bytes()[*start..],
            Self::Message(bytes) | Self::Mark(bytes) => bytes,
            Self::Screen(frame) => frame.bytes(),
        }
    }
}

/// What [`Outbox::advance`] finished writing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Written {
    /// Events.
    pub(super) events: u64,
    /// When the oldest live one of them reached the node.
    pub(super) oldest: Option<Instant>,
}

/// Unsent chunks, in order; bounded by its owner through [`Outbox::unsent`].
#[derive(Debug)]
pub(super) struct Outbox {
    encoding: Encoding,
    chunks: VecDeque<Chunk>,
    /// Bytes of the front chunk that are on the wire.
    sent: usize,
    unsent: usize,
    /// Bytes of the queued messages; one that is partly on the wire counts whole.
    messages: usize,
}

impl Outbox {
    pub(super) fn new(encoding: Encoding) -> Self {
        Self { encoding, chunks: VecDeque::new(), sent: 0, unsent: 0, messages: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Bytes not yet on the wire.
    pub(super) fn unsent(&self) -> usize {
        self.unsent
    }

    /// Those of them that are this session's to count: a screen is counted once for all who are shown it.
    pub(super) fn counted(&self) -> usize {
        match self.chunks.front() {
            Some(Chunk::Screen(frame)) => self.unsent - (frame.bytes().len() - self.sent),
            _ => self.unsent,
        }
    }

    /// Whether a screen is on its way. It goes alone, so it is always first.
    pub(super) fn has_screen(&self) -> bool {
        matches!(self.chunks.front(), Some(Chunk::Screen(_)))
    }

    /// Bytes of the server's own messages among them.
    pub(super) fn messages(&self) -> usize {
        self.messages
    }

    /// Queues a segment from its event `seq` on; `sent` bytes of that are on the wire already.
    pub(super) fn push_segment(&mut self, segment: Arc<Segment>, seq: Seq, sent: usize) {
        let encoded = segment.encoded(self.encoding);
        let start = encoded.start((seq - segment.first()) as usize);
        debug_assert!(sent == 0 || self.chunks.is_empty());
        if self.chunks.is_empty() {
            self.sent = sent;
        }
        self.unsent += encoded.bytes().len() - start - sent;
        self.chunks.push_back(Chunk::Segment { segment, start, seq });
    }

    /// Queues a message.
    pub(super) fn push_message(&mut self, bytes: Bytes) {
        self.unsent += bytes.len();
        self.messages += bytes.len();
        self.chunks.push_back(Chunk::Message(bytes));
    }

    /// Queues a screen frame, when nothing else is queued.
    pub(super) fn push_screen(&mut self, frame: Arc<FrameOnWay>) {
        debug_assert!(self.chunks.is_empty());
        self.unsent += frame.bytes().len();
        self.chunks.push_back(Chunk::Screen(frame));
    }

    /// Queues a message that says where the viewer stands.
    pub(super) fn push_mark(&mut self, bytes: Bytes) {
        self.unsent += bytes.len();
        self.chunks.push_back(Chunk::Mark(bytes));
    }

    /// Fills `slices` with what is to be written next; the number filled.
    pub(super) fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>; MAX_SLICES]) -> usize {
        let mut count = 0;
        for (slot, chunk) in slices.iter_mut().zip(&self.chunks) {
            let skip = if count == 0 { self.sent } else { 0 };
            *slot = IoSlice::new(&chunk.bytes(self.encoding)[skip..]);
            count += 1;
        }
        count
    }

    /// `n` more bytes are on the wire.
    pub(super) fn advance(&mut self, mut n: usize) -> Written {
        let mut written = Written::default();
        self.unsent -= n;
        while let Some(front) = self.chunks.front() {
            let left = front.bytes(self.encoding).len() - self.sent;
            if n < left {
                self.sent += n;
                break;
            }
            n -= left;
            self.sent = 0;
            match self.chunks.pop_front() {
                Some(Chunk::Segment { segment, seq, .. }) => {
                    written.events += segment.last() + 1 - seq;
                    written.oldest = written.oldest.or(segment.arrived());
                }
                Some(Chunk::Message(bytes)) => self.messages -= bytes.len(),
                Some(Chunk::Mark(_) | Chunk::Screen(_)) | None => {}
            }
        }
        if self.chunks.is_empty() {
            self.chunks = VecDeque::new(); // an idle viewer holds no memory for it
        }
        written
    }

    /// Drops the segments of which nothing is on the wire and that no mark follows; the first seq dropped. Messages
    /// stay.
    pub(super) fn cut(&mut self) -> Option<Seq> {
        let mut first = None;
        let marked = self.chunks.iter().rposition(|chunk| matches!(chunk, Chunk::Mark(_))).map_or(0, |mark| mark + 1);
        let kept = marked.max(usize::from(self.sent > 0));
        let encoding = self.encoding;
        let mut index = 0;
        let mut dropped = 0;
        self.chunks.retain(|chunk| {
            let keep = match chunk {
                Chunk::Segment { seq, .. } if index >= kept => {
                    first = first.or(Some(*seq));
                    dropped += chunk.bytes(encoding).len();
                    false
                }
                _ => true,
            };
            index += 1;
            keep
        });
        self.unsent -= dropped;
        first
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::protocol::{Epoch, Lines, Timestamp};

    fn segment(first: Seq, count: usize) -> Arc<Segment> {
        let events: Vec<String> = (0..count).map(|i| format!(r#"{{"type":"t","i":{i}}}"#)).collect();
        Arc::new(Segment::new(Epoch(1), first, Timestamp::default(), Lines::from_stored(events.join("\n").into())))
    }

    fn write(outbox: &mut Outbox, n: usize) -> Vec<u8> {
        let mut slices = [IoSlice::new(&[]); MAX_SLICES];
        let count = outbox.slices(&mut slices);
        let mut bytes: Vec<u8> = slices[..count].iter().flat_map(|s| s.iter().copied()).collect();
        bytes.truncate(n);
        outbox.advance(bytes.len());
        bytes
    }

    #[test]
    fn what_was_begun_is_finished_and_the_rest_is_dropped_at_a_frame_boundary() {
        let mut outbox = Outbox::new(Encoding::NdJson);
        for first in [1, 4, 7] {
            outbox.push_segment(segment(first, 3), first, 0);
        }
        outbox.push_message(Bytes::from_static(b"ping\n"));
        let mut wire = write(&mut outbox, 5);
        assert_eq!(outbox.cut(), Some(4));
        wire.extend(write(&mut outbox, usize::MAX));
        let want = [segment(1, 3).encoded(Encoding::NdJson).bytes(), &b"ping\n"[..]].concat();
        assert_eq!(String::from_utf8(wire), String::from_utf8(want));
        assert!(outbox.is_empty());
        assert_eq!(outbox.unsent(), 0);
    }

    #[test]
    fn nothing_begun_drops_every_segment() {
        let mut outbox = Outbox::new(Encoding::NdJson);
        outbox.push_message(Bytes::from_static(b"hello\n"));
        outbox.push_segment(segment(5, 3), 6, 0);
        assert_eq!(outbox.cut(), Some(6));
        assert_eq!(write(&mut outbox, usize::MAX), b"hello\n");
    }

    #[test]
    fn what_stands_before_a_mark_is_not_dropped() {
        let mut outbox = Outbox::new(Encoding::NdJson);
        outbox.push_segment(segment(1, 3), 1, 0);
        outbox.push_mark(Bytes::from_static(b"reset\n"));
        assert_eq!(outbox.cut(), None);
        outbox.push_segment(segment(3, 3), 3, 0);
        assert_eq!(outbox.cut(), Some(3));
        let want = [segment(1, 3).encoded(Encoding::NdJson).bytes(), &b"reset\n"[..]].concat();
        assert_eq!(write(&mut outbox, usize::MAX), want);
    }

    proptest! {
        /// However the writes fall, the bytes are those of the segments in order, from the asked seq on.
        #[test]
        fn any_split_of_writes_gives_the_same_bytes(counts in prop::collection::vec(1_usize..20, 1..8), cuts in prop::collection::vec(1_usize..200, 1..40)) {
            let mut outbox = Outbox::new(Encoding::WebSocket);
            let mut want = Vec::new();
            let mut first = 1;
            let mut events = 0;
            for (index, count) in counts.iter().enumerate() {
                let segment = segment(first, *count);
                let from = if index == 0 { first + (*count as Seq - 1) / 2 } else { first };
                let encoded = segment.encoded(Encoding::WebSocket);
                want.extend_from_slice(&encoded.bytes()[encoded.start((from - first) as usize)..]);
                events += segment.last() + 1 - from;
                first = segment.last() + 1;
                outbox.push_segment(segment, from, 0);
            }
            prop_assert_eq!(outbox.unsent(), want.len());
            let mut got = Vec::new();
            let mut written = 0;
            let mut cuts = cuts.into_iter().cycle();
            while !outbox.is_empty() {
                let n = cuts.next().unwrap_or(1);
                let mut slices = [IoSlice::new(&[]); MAX_SLICES];
                let count = outbox.slices(&mut slices);
                let bytes: Vec<u8> = slices[..count].iter().flat_map(|s| s.iter().copied()).take(n).collect();
                written += outbox.advance(bytes.len()).events;
                got.extend(bytes);
            }
            prop_assert_eq!(got, want);
            prop_assert_eq!(written, events);
            prop_assert_eq!(outbox.unsent(), 0);
        }
    }
}
