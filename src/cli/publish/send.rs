//! Sends lines to the server in order, each once. Refused lines are reported, and the others are sent without them.

use std::collections::VecDeque;
use std::fmt;
use std::path::Path;

use anyhow::Context as _;
use bytes::{Bytes, BytesMut};
use indicatif::ProgressBar;

use super::batch::BatchLimits;
use super::keep_bad::BadLineEvent;
use super::lines::InputLine;
use super::refusal::{RefusalScope, Window, in_line};
use super::spill::SpillHeader;
use crate::cli::producer::{Poster, Receipt};
use crate::cli::request::Retry;
use crate::cli::tell;
use crate::cli::terminal::{counted, plain};
use crate::protocol::{RunId, strict};

/// Most characters shown of a cursor.
const CURSOR_CHARS: usize = 100;

/// Totals over all lines.
#[derive(Clone, Debug, Default)]
pub(super) struct PublishTotals {
    /// Lines stored as events.
    pub(super) published: u64,
    /// Lines that were stored before this process began.
    known: u64,
    /// The last line that is stored.
    pub(super) last_line: u64,
    /// What the input looks like, if it is not one event a line.
    shape: Option<OtherShape>,
    /// Lines refused.
    pub(super) refused: u64,
    /// Refused lines that are stored as log events.
    kept: u64,
    /// Events that an earlier attempt of the same request had stored before its response was lost.
    duplicates: u64,
    cursor: Option<String>,
}

impl fmt::Display for PublishTotals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let published = counted(self.published, "event", "events");
        write!(f, "{published} published, {} refused", counted(self.refused, "line", "lines"))?;
        if self.kept > 0 {
            write!(f, " ({} kept as log events)", self.kept)?;
        }
        write!(f, ", {}", counted(self.duplicates, "duplicate", "duplicates"))?;
        if self.known > 0 {
            f.write_str(" that an earlier command has stored (--again stores them once more)")?;
        }
        self.cursor.as_ref().map_or(Ok(()), |cursor| write!(f, ", cursor {}", plain(cursor, CURSOR_CHARS)))
    }
}

impl PublishTotals {
    /// Events of the input that the run has.
    pub(super) fn stored(&self) -> u64 {
        self.published + self.kept + self.known
    }

    /// What to do with an input that is not one event a line.
    pub(super) fn hint(&self, file: &Path, run: &RunId) -> Option<String> {
        let shape = self.shape.filter(|_| self.refused > 0 && self.published == 0)?;
        let (what, filter) = match shape {
            OtherShape::Array => ("a JSON array", "'.[]'"),
            OtherShape::Object => ("JSON over several lines", "."),
        };
        let file = if file == Path::new("-") { String::new() } else { format!(" {}", file.display()) };
        Some(format!(
            "the input looks like {what}, not like one event a line: jq -c {filter}{file} | runcast publish {run}"
        ))
    }
}

/// What an input may be that is not one event a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OtherShape {
    Array,
    Object,
}

impl OtherShape {
    fn of(first_line: &[u8]) -> Option<Self> {
        match first_line.trim_ascii() {
            b"{" => Some(Self::Object),
            [b'[', ..] => Some(Self::Array),
            _ => None,
        }
    }
}

/// A line that is not stored yet.
#[derive(Clone, Debug)]
struct PendingLine {
    number: u64,
    /// Bytes of the input up to the end of this line, and the line's own size in bytes.
    offset: u64,
    size: u64,
    /// The event that is posted.
    text: Bytes,
    /// The refused line, if a log event is posted in its place.
    kept: Option<Box<BadLineEvent>>,
}

/// A request that one server refused after another one may have stored it: servers differ in limits and versions.
struct SendDoubt {
    events: u64,
    /// Number of its last line, and the count of refused lines before it.
    last: u64,
    refused: u64,
}

/// Sends lines, and counts what becomes of them.
pub(super) struct Sending<'a> {
    poster: Poster,
    window: Window,
    keep_bad: bool,
    /// The run, if lines are checked strictly before they are posted to it.
    strict: Option<RunId>,
    bar: &'a ProgressBar,
    doubts: Vec<SendDoubt>,
    /// Whether a line was seen.
    is_begun: bool,
    sum: PublishTotals,
}

impl<'a> Sending<'a> {
    /// With `keep_bad` a refused line is stored as a log event; with `strict` each line is checked as one of that run.
    pub(super) fn new(
        poster: Poster,
        limits: BatchLimits,
        keep_bad: bool,
        strict: Option<RunId>,
        bar: &'a ProgressBar,
    ) -> Self {
        let (window, doubts, sum) = (Window::new(limits), Vec::new(), PublishTotals::default());
        Self { poster, window, keep_bad, strict, bar, doubts, is_begun: false, sum }
    }

    pub(super) fn into_sum(self) -> PublishTotals {
        self.sum
    }

    /// Posts the lines; those that are refused are left out. Headers of a spill file say whose the next ones are.
    pub(super) async fn send(&mut self, lines: Vec<InputLine>) -> anyhow::Result<()> {
        let mut part = Vec::new();
        for line in lines {
            match SpillHeader::of(&line.text, self.poster.run()) {
                None => part.push(line),
                Some(header) => {
                    self.send_part(std::mem::take(&mut part)).await?;
                    let SpillHeader { producer, seq } =
                        header.map_err(|error| anyhow::anyhow!("line {}: {error}", line.number))?;
                    self.poster.resume(&producer, seq);
                    self.doubts.clear();
                }
            }
        }
        self.send_part(part).await
    }

    /// Posts lines of one producer.
    async fn send_part(&mut self, lines: Vec<InputLine>) -> anyhow::Result<()> {
        let mut pending: VecDeque<PendingLine> = lines.into_iter().filter_map(|line| self.admit(line)).collect();
        while !pending.is_empty() {
            let events = self.window.fit(pending.iter().map(|line| line.text.len()));
            let body = body(pending.iter().take(events));
            let (bytes, bar) = (body.len(), self.bar);
            let mut repeated = false;
            let on_retry = |retry: &Retry<'_>| {
                repeated = true;
                if retry.is_news() {
                    bar.suspend(|| tell(retry));
                }
            };
            let error = match self.poster.post(body, events as u64, on_retry).await {
                Ok(receipt) => {
                    self.stored(&mut pending, events, receipt);
                    continue;
                }
                Err(error) => error,
            };
            let (first, last) = (pending[0].number, pending[events - 1].number);
            let blame = RefusalScope::of(&error, events);
            if repeated && blame != RefusalScope::Everything {
                self.doubts.push(SendDoubt { events: events as u64, last, refused: self.sum.refused });
            }
            match blame {
                RefusalScope::Event(index, reason) => {
                    self.window.narrow();
                    let before = pending.iter().take(index).map(|line| line.text.len() + 1).sum();
                    let reason = in_line(&reason, before);
                    // The index is less than the number of posted lines.
                    let line = pending.remove(index).and_then(|line| self.refuse(line, &reason));
                    line.into_iter().for_each(|line| pending.insert(index, line));
                }
                RefusalScope::TooMany => self.window.limit_events(events),
                RefusalScope::TooLarge => self.window.limit_bytes(bytes),
                RefusalScope::Everything if first == last => {
                    return Err(error).with_context(|| format!("line {first}"));
                }
                RefusalScope::Everything => return Err(error).with_context(|| format!("lines {first} to {last}")),
            }
        }
        Ok(())
    }

    /// Returns the line to post, or `None` if it is refused here.
    fn admit(&mut self, line: InputLine) -> Option<PendingLine> {
        let InputLine { number, offset, text, size, flaw } = line;
        if !std::mem::replace(&mut self.is_begun, true) {
            self.sum.shape = OtherShape::of(&text);
        }
        let strict = || strict::check(self.strict.as_ref()?, &text).err().map(|flaw| in_line(&flaw.to_string(), 0));
        let reason = flaw.map(|flaw| flaw.to_string()).or_else(strict);
        let pending = PendingLine { number, offset, size, text, kept: None };
        match reason {
            None => Some(pending),
            Some(reason) => self.refuse(pending, &reason),
        }
    }

    /// Reports a refused line. Returns the log event to post in its place, if there is one.
    fn refuse(&mut self, mut line: PendingLine, reason: &str) -> Option<PendingLine> {
        let number = line.number;
        match &mut line.kept {
            None => {
                self.sum.refused += 1;
                self.tell(format_args!("line {number} refused: {reason}"));
                if !self.keep_bad {
                    return None;
                }
                let kept = BadLineEvent::new(number, &line.text, line.size, reason);
                line.text = kept.event();
                line.kept = Some(kept.into());
            }
            Some(kept) => {
                if !kept.shrink() {
                    self.tell(format_args!("line {number} can't be kept either: {reason}"));
                    return None;
                }
                line.text = kept.event();
            }
        }
        Some(line)
    }

    /// Removes the first `events` lines, which are stored, and counts them.
    fn stored(&mut self, pending: &mut VecDeque<PendingLine>, events: usize, receipt: Receipt) {
        let Receipt { duplicates, cursor, beyond, replayed, .. } = receipt;
        let mut gone = events;
        let doubt = self.doubts.drain(..).find(|doubt| beyond > 0 && doubt.events == events as u64 + beyond);
        if let Some(SendDoubt { last, refused, .. }) = doubt {
            gone = pending.partition_point(|line| line.number <= last);
            self.sum.published += self.sum.refused - refused;
            self.sum.refused = refused;
            self.tell(format_args!("all lines up to {last} are stored: an earlier request had been taken"));
        }
        // Those that were known before are the first ones.
        for (index, line) in pending.drain(..gone).enumerate() {
            match line.kept {
                None if (index as u64) < replayed => self.sum.known += 1,
                None => self.sum.published += 1,
                Some(_) => self.sum.kept += 1,
            }
            self.sum.last_line = line.number;
            self.bar.set_position(line.offset);
        }
        self.sum.duplicates += duplicates;
        self.sum.cursor = cursor.or(self.sum.cursor.take());
        self.bar.set_message(counted(self.sum.published, "event", "events"));
        self.window.widen();
    }

    /// Prints a message for the user above the progress bar.
    fn tell(&self, text: impl fmt::Display) {
        self.bar.suspend(|| tell(text));
    }
}

/// The lines as NDJSON.
fn body<'a>(lines: impl Iterator<Item = &'a PendingLine>) -> Bytes {
    let mut body = BytesMut::new();
    for line in lines {
        body.extend_from_slice(&line.text);
        body.extend_from_slice(b"\n");
    }
    body.freeze()
}
