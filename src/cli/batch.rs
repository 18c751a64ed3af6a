//! NDJSON from a file or a pipe, in batches: large ones when there is much, small ones soon when there is little.

use std::io::{self, BufRead as _, BufReader, Read};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

/// How long a batch waits for further lines, so that a live pipe flows.
const LINGER: Duration = Duration::from_millis(50);

/// Most bytes of a line; a server that takes the largest possible event takes no more.
const MAX_LINE: u64 = 16 << 20;

/// Lines that are read ahead.
const READ_AHEAD: usize = 64;

/// When a batch is full.
#[derive(Clone, Copy, Debug)]
pub(super) struct BatchLimits {
    /// Bytes; a larger single line goes alone.
    pub(super) bytes: usize,
    /// Events.
    pub(super) events: u64,
}

/// A line of the input that is not blank.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    /// 1-based.
    number: u64,
    /// How far the input is read with it, in bytes.
    offset: u64,
    bytes: Vec<u8>,
}

/// Events to post together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Batch {
    /// NDJSON.
    pub(super) body: Bytes,
    /// How many events.
    pub(super) events: u64,
    /// First and last line of the input, 1-based.
    pub(super) lines: (u64, u64),
    /// How far the input is read with it, in bytes.
    pub(super) offset: u64,
}

/// A batch that grows.
struct Growing {
    limits: BatchLimits,
    body: Vec<u8>,
    events: u64,
    lines: (u64, u64),
    offset: u64,
}

impl Growing {
    fn new(limits: BatchLimits) -> Self {
        Self { limits, body: Vec::new(), events: 0, lines: (0, 0), offset: 0 }
    }

    /// Takes a line, or gives it back when it doesn't fit any more.
    fn push(&mut self, line: Line) -> Result<(), Line> {
        let fits = self.events < self.limits.events && self.body.len() + line.bytes.len() < self.limits.bytes;
        if self.events > 0 && !fits {
            return Err(line);
        }
        if self.events == 0 {
            self.lines.0 = line.number;
        }
        self.lines.1 = line.number;
        self.offset = line.offset;
        self.events += 1;
        self.body.extend_from_slice(&line.bytes);
        self.body.push(b'\n');
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.events >= self.limits.events || self.body.len() >= self.limits.bytes
    }

    fn finish(self) -> Option<Batch> {
        let Self { body, events, lines, offset, .. } = self;
        (events > 0).then(|| Batch { body: body.into(), events, lines, offset })
    }
}

/// The batches of an input.
pub(super) struct Batches {
    limits: BatchLimits,
    lines: mpsc::Receiver<io::Result<Line>>,
    /// Read already, but it didn't fit into the last batch.
    held: Option<Line>,
}

impl Batches {
    /// Reads `input` on a thread of its own: a pipe can't be read in any other way without blocking.
    pub(super) fn new(input: impl Read + Send + 'static, limits: BatchLimits) -> io::Result<Self> {
        let (sender, lines) = mpsc::channel(READ_AHEAD);
        thread::Builder::new().name("input".into()).spawn(move || {
            for line in Lines::new(input) {
                // The reader gives up when nobody listens any more.
                if sender.blocking_send(line).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { limits, lines, held: None })
    }

    /// The next batch; `None` at the end of the input.
    pub(super) async fn next(&mut self) -> io::Result<Option<Batch>> {
        let mut growing = Growing::new(self.limits);
        let first = match self.held.take() {
            Some(line) => line,
            None => match self.lines.recv().await {
                Some(line) => line?,
                None => return Ok(None),
            },
        };
        // Nothing is refused as the first.
        let _ = growing.push(first);
        let deadline = Instant::now() + LINGER;
        while !growing.is_full() {
            match timeout_at(deadline, self.lines.recv()).await {
                Ok(Some(line)) => {
                    if let Err(line) = growing.push(line?) {
                        self.held = Some(line);
                        break;
                    }
                }
                Ok(None) | Err(_) => break,
            }
        }
        Ok(growing.finish())
    }
}

/// The lines of an input that are not blank.
struct Lines<R> {
    input: BufReader<R>,
    number: u64,
    offset: u64,
    ended: bool,
}

impl<R: Read> Lines<R> {
    fn new(input: R) -> Self {
        Self { input: BufReader::new(input), number: 0, offset: 0, ended: false }
    }

    fn read(&mut self) -> io::Result<Option<Line>> {
        loop {
            let mut bytes = Vec::new();
            let read = self.input.by_ref().take(MAX_LINE).read_until(b'\n', &mut bytes)?;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            self.offset += read as u64;
            if read as u64 == MAX_LINE && bytes.last() != Some(&b'\n') {
                let text = format!("line {} has more than {MAX_LINE} bytes", self.number);
                return Err(io::Error::new(io::ErrorKind::InvalidData, text));
            }
            bytes.truncate(bytes.trim_ascii_end().len());
            if !bytes.is_empty() {
                return Ok(Some(Line { number: self.number, offset: self.offset, bytes }));
            }
        }
    }
}

impl<R: Read> Iterator for Lines<R> {
    type Item = io::Result<Line>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let line = self.read().transpose();
        self.ended = !matches!(line, Some(Ok(_)));
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: BatchLimits = BatchLimits { bytes: 10, events: 3 };

    /// Without the clock, which may cut a batch short on a busy machine.
    fn batches(input: &'static str, limits: BatchLimits) -> Vec<Batch> {
        let mut all = Vec::new();
        let mut growing = Growing::new(limits);
        for line in Lines::new(input.as_bytes()) {
            if let Err(line) = growing.push(line.unwrap()) {
                all.extend(std::mem::replace(&mut growing, Growing::new(limits)).finish());
                growing.push(line).unwrap();
            }
        }
        all.extend(growing.finish());
        all
    }

    #[test]
    fn a_batch_ends_at_its_bytes_or_its_events_and_nothing_is_lost() {
        let all = batches("aaaa\nbb\n\ncccccccccccccc\r\nd\ne\nf\n  \ng", SMALL);
        let shown: Vec<_> = all.iter().map(|batch| (&batch.body[..], batch.events, batch.lines)).collect();
        let want: [(&[u8], u64, (u64, u64)); 4] = [
            (b"aaaa\nbb\n", 2, (1, 2)),
            (b"cccccccccccccc\n", 1, (4, 4)),
            (b"d\ne\nf\n", 3, (5, 7)),
            (b"g\n", 1, (9, 9)),
        ];
        assert_eq!(shown, want);
        assert_eq!(all.last().unwrap().offset, 35);
    }

    #[test]
    fn an_input_without_events_has_no_batch() {
        assert_eq!(batches("", SMALL), []);
        assert_eq!(batches("\n \r\n", SMALL), []);
    }

    #[test]
    fn a_line_without_end_is_refused_with_its_number() {
        let endless = b"first\n".chain(io::repeat(b'x'));
        let error = Lines::new(endless).find_map(Result::err).unwrap();
        assert!(error.to_string().contains("line 2 has more than"), "{error}");
    }

    #[test]
    fn a_pipe_that_pauses_still_flows() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let (reader, mut writer) = io::pipe().unwrap();
            let mut batches = Batches::new(reader, BatchLimits { bytes: 1 << 20, events: 1_000 }).unwrap();
            for line in ["one\n", "two\n"] {
                // The pipe stays open: without the time limit this would wait for ever.
                io::Write::write_all(&mut writer, line.as_bytes()).unwrap();
                assert_eq!(batches.next().await.unwrap().unwrap().body, line);
            }
            drop(writer);
            assert_eq!(batches.next().await.unwrap(), None);
        });
    }
}
