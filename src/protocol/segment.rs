//! A segment: consecutive events of one run; the unit of storage, fan-out and replay.

use std::io::Write as _;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use bytes::Bytes;

use super::{Epoch, Seq, Timestamp, frame};

/// Most bytes of events in a segment, unless a single event is larger. 64 KiB.
pub const SEGMENT_BYTES: usize = 64 * 1024;

/// Events in stored form: one JSON object per line, without `seq`, and without a newline after the last.
#[derive(Clone, PartialEq, Eq)]
pub struct Lines {
    bytes: Bytes,
    /// The end of each event in `bytes` (exclusive, before its newline).
    pub(super) ends: Arc<[u32]>,
}

impl Lines {
    /// Splits bytes whose newlines separate events (an event contains none: see [`super::event`]).
    pub fn from_stored(bytes: Bytes) -> Self {
        let end = bytes.len() as u32;
        let ends = memchr::memchr_iter(b'\n', &bytes).map(|at| at as u32).chain((end > 0).then_some(end)).collect();
        Self { bytes, ends }
    }

    /// Events that are joined in `bytes` with a newline between two; `ends` has the end of each event.
    pub(super) fn from_parts(bytes: Bytes, ends: Vec<u32>) -> Self {
        debug_assert_eq!(ends.last().map(|end| *end as usize), (!bytes.is_empty()).then_some(bytes.len()));
        Self { bytes, ends: ends.into() }
    }

    /// The joined bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Number of events.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are no events.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Event `index` (0-based), as posted.
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        let end = *self.ends.get(index)? as usize;
        self.bytes.get(self.start(index)..end)
    }

    /// All events in order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).filter_map(|index| self.get(index))
    }

    /// Events `from..to` (0-based); the bytes are shared.
    #[must_use]
    pub fn slice(&self, from: usize, to: usize) -> Self {
        let to = to.min(self.len());
        if from >= to {
            return Self { bytes: Bytes::new(), ends: Arc::new([]) };
        }
        let start = self.start(from);
        let end = self.ends[to - 1] as usize;
        Self {
            bytes: self.bytes.slice(start..end),
            ends: self.ends[from..to].iter().map(|end| end - start as u32).collect(),
        }
    }

    pub(super) fn start(&self, index: usize) -> usize {
        if index == 0 { 0 } else { self.ends[index - 1] as usize + 1 }
    }
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter().map(String::from_utf8_lossy)).finish()
    }
}

/// The encoding of a viewer's messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// RFC 6455 text frames, one per event.
    WebSocket,
    /// `text/event-stream`, with `id: epoch:seq`.
    Sse,
    /// One JSON object per line.
    NdJson,
}

/// A segment in one encoding, with the offset of each event.
#[derive(Debug)]
pub struct Encoded {
    bytes: Bytes,
    starts: Box<[u32]>,
}

impl Encoded {
    /// The encoded bytes, ready for the wire.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Byte offset of event `index` (0-based); the total length if there is no such event.
    pub fn start(&self, index: usize) -> usize {
        self.starts.get(index).map_or(self.bytes.len(), |start| *start as usize)
    }
}

/// Consecutive events `first..=last`; immutable, shared by all readers, and encoded at most once per node and encoding
/// (I2).
#[derive(Debug)]
pub struct Segment {
    epoch: Epoch,
    first: Seq,
    at: Timestamp,
    lines: Lines,
    is_control: bool,
    arrived: OnceLock<Instant>,
    web_socket: OnceLock<Encoded>,
    sse: OnceLock<Encoded>,
    nd_json: OnceLock<Encoded>,
}

impl Segment {
    /// `lines` are the events from `first` on, at least one, stored by `epoch` at journal time `at`.
    pub fn new(epoch: Epoch, first: Seq, at: Timestamp, lines: Lines) -> Self {
        debug_assert!(!lines.is_empty() && first > 0);
        Self {
            epoch,
            first,
            at,
            lines,
            is_control: false,
            arrived: OnceLock::new(),
            web_socket: OnceLock::new(),
            sse: OnceLock::new(),
            nd_json: OnceLock::new(),
        }
    }

    /// Marks the segment as one of those that hold the run's control events.
    #[must_use]
    pub fn with_control(self) -> Self {
        Self { is_control: true, ..self }
    }

    /// Whether it was stored as a segment of the run's control events. Segments that were read back, or came from
    /// another node, do not know.
    pub fn is_control(&self) -> bool {
        self.is_control
    }

    /// Records when the oldest event reached this node; later calls change nothing.
    pub fn note_arrived(&self, arrived: Instant) {
        let _ = self.arrived.set(arrived);
    }

    /// The epoch that stored the segment.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Seq of the first event.
    pub fn first(&self) -> Seq {
        self.first
    }

    /// Seq of the last event.
    pub fn last(&self) -> Seq {
        self.first + self.lines.len() as Seq - 1
    }

    /// Journal time at which the segment was stored.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// When the oldest event reached this node; `None` for a segment that was read back from the journal.
    pub fn arrived(&self) -> Option<Instant> {
        self.arrived.get().copied()
    }

    /// The events as posted.
    pub fn lines(&self) -> &Lines {
        &self.lines
    }

    /// Bytes of memory, including the encodings made so far; for budgets.
    pub fn held_bytes(&self) -> usize {
        let encoded = |slot: &OnceLock<Encoded>| slot.get().map_or(0, |e| e.bytes.len() + e.starts.len() * 4);
        self.lines.bytes.len()
            + self.lines.len() * 4
            + encoded(&self.web_socket)
            + encoded(&self.sse)
            + encoded(&self.nd_json)
            + size_of::<Self>()
    }

    /// The segment in `encoding`, which is made on first use.
    pub fn encoded(&self, encoding: Encoding) -> &Encoded {
        match encoding {
            Encoding::WebSocket => self.web_socket.get_or_init(|| self.encode(10, write_web_socket)),
            Encoding::Sse => self.sse.get_or_init(|| self.encode(48, write_sse)),
            Encoding::NdJson => self.nd_json.get_or_init(|| self.encode(1, write_nd_json)),
        }
    }

    fn encode(&self, overhead: usize, write: fn(&mut Vec<u8>, Epoch, Seq, &[u8])) -> Encoded {
        const SEQ_FIELD: usize = 16;
        let mut bytes = Vec::with_capacity(self.lines.bytes.len() + self.lines.len() * (overhead + SEQ_FIELD));
        let mut starts = Vec::with_capacity(self.lines.len());
        for (seq, event) in (self.first..).zip(self.lines.iter()) {
            starts.push(bytes.len() as u32);
            write(&mut bytes, self.epoch, seq, event);
        }
        Encoded { bytes: bytes.into(), starts: starts.into() }
    }
}

/// `{"seq":42,`, which replaces the event's opening brace. Every event has at least `type`, so a member follows the
/// comma.
fn seq_field(seq: Seq) -> ([u8; 32], usize) {
    let mut field = [0_u8; 32];
    let mut rest = &mut field[..];
    // 32 bytes hold 8 of text, 20 digits and a comma, so the write can't fail.
    let _ = write!(rest, "{{\"seq\":{seq},");
    let left = rest.len();
    (field, 32 - left)
}

fn put_event(out: &mut Vec<u8>, seq: Seq, event: &[u8]) {
    let (field, len) = seq_field(seq);
    out.extend_from_slice(&field[..len]);
    out.extend_from_slice(event.get(1..).unwrap_or_default());
}

fn write_web_socket(out: &mut Vec<u8>, _: Epoch, seq: Seq, event: &[u8]) {
    let (field, len) = seq_field(seq);
    let rest = event.get(1..).unwrap_or_default();
    frame::put_header(out, frame::OpCode::Text, len + rest.len());
    out.extend_from_slice(&field[..len]);
    out.extend_from_slice(rest);
}

fn write_sse(out: &mut Vec<u8>, epoch: Epoch, seq: Seq, event: &[u8]) {
    // Writing to a Vec can't fail.
    let _ = write!(out, "id: {epoch}:{seq}\ndata: ");
    put_event(out, seq, event);
    out.extend_from_slice(b"\n\n");
}

fn write_nd_json(out: &mut Vec<u8>, _: Epoch, seq: Seq, event: &[u8]) {
    put_event(out, seq, event);
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(events: &[&str]) -> Lines {
        Lines::from_stored(Bytes::from(events.join("\n")))
    }

    fn segment(events: &[&str]) -> Segment {
        Segment::new(Epoch(7), 41, Timestamp::from_millis(0), lines(events))
    }

    #[test]
    fn an_event_goes_out_byte_for_byte_with_seq_in_front() {
        let segment = segment(&[r#"{"type":"a"}"#, r#"{ "x" : 1.0e3,"type":"b"}"#]);
        let encoded = segment.encoded(Encoding::NdJson);
        let want = concat!(r#"{"seq":41,"type":"a"}"#, "\n", r#"{"seq":42, "x" : 1.0e3,"type":"b"}"#, "\n");
        assert_eq!(encoded.bytes(), want);
        assert_eq!(&encoded.bytes()[encoded.start(1)..], &want.as_bytes()[want.find('\n').unwrap() + 1..]);
        assert_eq!(encoded.start(2), want.len());
        let sse = segment.encoded(Encoding::Sse);
        assert!(sse.bytes().starts_with(b"id: 7:41\ndata: {\"seq\":41,\"type\":\"a\"}\n\n"));
    }

    #[test]
    fn frames_of_every_length_class_are_headed_right() {
        let small = r#"{"type":"a"}"#.to_owned();
        let middle = format!(r#"{{"type":"a","x":"{}"}}"#, "m".repeat(300));
        let large = format!(r#"{{"type":"a","x":"{}"}}"#, "l".repeat(70_000));
        let segment = segment(&[&small, &middle, &large]);
        let encoded = segment.encoded(Encoding::WebSocket);
        assert_eq!(encoded.bytes()[0], 0x81);
        assert_eq!(encoded.bytes()[1] as usize, small.len() + r#""seq":41,"#.len());
        assert_eq!(encoded.bytes()[encoded.start(1) + 1], 126);
        assert_eq!(encoded.bytes()[encoded.start(2) + 1], 127);
        assert_eq!(encoded.bytes().len() - encoded.start(2), 10 + large.len() + r#""seq":43,"#.len());
    }
}
