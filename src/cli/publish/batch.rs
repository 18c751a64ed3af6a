//! Groups the input's lines into batches: large ones when the input is fast, small ones soon when it is slow.

use std::io::{self, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::lines::{InputLine, InputLines};

/// Longest wait for further lines, so that a slow pipe still flows.
const LINGER: Duration = Duration::from_millis(50);

/// Most lines read ahead, and the bytes (4 MiB) above which no further line is read.
const READ_AHEAD: usize = 64;
const READ_AHEAD_BYTES: usize = 4 << 20;

/// The limits of a batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct BatchLimits {
    /// Most bytes; a larger single line is a batch of its own.
    pub(super) bytes: usize,
    /// Most lines.
    pub(super) lines: usize,
}

/// A batch that is being filled.
struct Growing {
    limits: BatchLimits,
    lines: Vec<InputLine>,
    /// Size as NDJSON.
    bytes: usize,
}

impl Growing {
    fn new(limits: BatchLimits) -> Self {
        Self { limits, lines: Vec::new(), bytes: 0 }
    }

    /// Adds a line, or returns it if it no longer fits.
    fn push(&mut self, line: InputLine) -> Result<(), InputLine> {
        let fits = self.lines.len() < self.limits.lines && self.bytes + line.text.len() < self.limits.bytes;
        if !self.lines.is_empty() && !fits {
            return Err(line);
        }
        self.bytes += line.text.len() + 1;
        self.lines.push(line);
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.lines.len() >= self.limits.lines || self.bytes >= self.limits.bytes
    }
}

/// Counts the bytes that are read ahead, and blocks the reader while there are too many.
#[derive(Default)]
struct ReadAhead {
    bytes: Mutex<usize>,
    fewer: Condvar,
}

impl ReadAhead {
    fn bytes(&self) -> MutexGuard<'_, usize> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Blocks the reader until there is room. A line larger than all the room is read, too.
    fn add(&self, more: usize) {
        let full = |bytes: &mut usize| *bytes >= READ_AHEAD_BYTES;
        *self.fewer.wait_while(self.bytes(), full).unwrap_or_else(PoisonError::into_inner) += more;
    }

    fn take(&self, bytes: usize) {
        let mut ahead = self.bytes();
        *ahead = ahead.saturating_sub(bytes);
        self.fewer.notify_one();
    }
}

/// The batches of an input.
pub(super) struct Batches {
    limits: BatchLimits,
    lines: mpsc::Receiver<io::Result<InputLine>>,
    ahead: Arc<ReadAhead>,
    /// A line that did not fit into the last batch, or the error that ended the reading after it.
    held: Option<io::Result<InputLine>>,
}

impl Batches {
    /// Reads `input` on its own thread, because a pipe can only be read by blocking.
    pub(super) fn new(input: impl Read + Send + 'static, limits: BatchLimits) -> io::Result<Self> {
        let (sender, lines) = mpsc::channel(READ_AHEAD);
        let ahead = Arc::<ReadAhead>::default();
        let mine = ahead.clone();
        thread::Builder::new().name("input".into()).spawn(move || {
            for line in InputLines::new(input) {
                mine.add(line.as_ref().map_or(0, |line| line.text.len()));
                // The reader stops once the batches have been dropped.
                if sender.blocking_send(line).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { limits, lines, ahead, held: None })
    }

    /// Waits for the next line; `None` at the end of the input.
    async fn line(&mut self) -> Option<io::Result<InputLine>> {
        let line = self.lines.recv().await?;
        self.ahead.take(line.as_ref().map_or(0, |line| line.text.len()));
        Some(line)
    }

    /// Returns the next batch, of at least one line; `None` at the end of the input.
    pub(super) async fn next(&mut self) -> io::Result<Option<Vec<InputLine>>> {
        let mut growing = Growing::new(self.limits);
        let first = match self.held.take() {
            Some(line) => Some(line),
            None => self.line().await,
        };
        let Some(first) = first.transpose()? else { return Ok(None) };
        // The first line always fits.
        let _ = growing.push(first);
        let deadline = Instant::now() + LINGER;
        while !growing.is_full() {
            let Ok(Some(line)) = timeout_at(deadline, self.line()).await else { break };
            self.held = line.map(|line| growing.push(line).err()).transpose();
            if self.held.is_some() {
                break;
            }
        }
        Ok(Some(growing.lines))
    }
}

impl Drop for Batches {
    fn drop(&mut self) {
        // Wakes a reader that waits for room, so that it sees the closed channel and stops.
        self.lines.close();
        *self.ahead.bytes() = 0;
        self.ahead.fewer.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: BatchLimits = BatchLimits { bytes: 10, lines: 3 };

    /// Without the time limit, which may cut a batch short on a busy machine.
    fn batches(input: &'static str, limits: BatchLimits) -> Vec<Vec<(u64, String)>> {
        let mut all = Vec::new();
        let mut growing = Growing::new(limits);
        for line in InputLines::new(input.as_bytes()) {
            if let Err(line) = growing.push(line.unwrap()) {
                all.push(std::mem::replace(&mut growing, Growing::new(limits)).lines);
                growing.push(line).unwrap();
            }
        }
        all.push(growing.lines);
        let shown = |line: InputLine| (line.number, String::from_utf8(line.text.to_vec()).unwrap());
        all.into_iter().map(|lines| lines.into_iter().map(shown).collect()).collect()
    }

    #[test]
    fn a_batch_ends_at_its_bytes_or_its_lines_and_nothing_is_lost() {
        let all = batches("aaaa\nbb\n\ncccccccccccccc\r\nd\ne\nf\n  \ng", SMALL);
        let line = |number, text: &str| (number, text.to_owned());
        let want = [
            vec![line(1, "aaaa"), line(2, "bb")],
            vec![line(4, "cccccccccccccc")],
            vec![line(5, "d"), line(6, "e"), line(7, "f")],
            vec![line(9, "g")],
        ];
        assert_eq!(all, want);
    }

    #[test]
    fn what_was_read_before_an_input_failed_is_a_batch() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("broken"))
            }
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let limits = BatchLimits { bytes: 1 << 20, lines: 1_000 };
            let mut batches = Batches::new(b"one\ntwo\n".chain(Broken), limits).unwrap();
            let mut read = 0;
            let error = loop {
                match batches.next().await {
                    Ok(batch) => read += batch.unwrap().len(),
                    Err(error) => break error,
                }
            };
            assert_eq!((read, error.to_string().as_str()), (2, "broken"));
        });
    }

    #[test]
    fn a_pipe_that_pauses_still_flows() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let (reader, mut writer) = io::pipe().unwrap();
            let mut batches = Batches::new(reader, BatchLimits { bytes: 1 << 20, lines: 1_000 }).unwrap();
            for line in ["one\n", "two\n"] {
                // The pipe stays open, so without the time limit this would wait for ever.
                io::Write::write_all(&mut writer, line.as_bytes()).unwrap();
                let batch = batches.next().await.unwrap().unwrap();
                assert_eq!(batch.iter().map(|line| &line.text[..]).collect::<Vec<_>>(), [line.trim_end().as_bytes()]);
            }
            drop(writer);
            assert_eq!(batches.next().await.unwrap(), None);
        });
    }
}
