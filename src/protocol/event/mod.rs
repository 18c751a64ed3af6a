//! Events as producers post them: what is accepted, and how a request's body becomes the lines that are stored.
//!
//! An event is a JSON object with a string `type` of 1 to 64 characters. It is stored byte for byte, with three
//! exceptions: a missing `timestamp` is put in front; a raw CR or LF between two tokens becomes a space, because NDJSON
//! and Server-Sent Events end a record there; and the journal puts who posted it, and when, in front of events of five
//! types ([`stamp`]). The server reads only what it must:
//!
//! | key | rule |
//! |---|---|
//! | `type` | needed; not one of the types that the server writes ([`server_event::reserved`]) |
//! | `seq` | refused: it is the server's |
//! | `timestamp` | a string when there; its text is the producer's and is not looked at |
//! | `runId` | the run that is posted to when there |
//! | `status` of a `run_status` | needed; one of [`RunStatus`]: a misspelt status would leave a run unended for ever |
//! | members of `worker`, `command_status`, `ai_stuck` | see `check.rs`; the run's control is folded from them |
//!
//! None of them may come twice (readers disagree on which one counts), also not spelt with escapes. The whole is UTF-8,
//! with or without a byte order mark, and JSON (RFC 8259) whose numbers fit a double, nested at most 128 deep, the
//! event itself included. A string may hold half of a surrogate pair as an escape: readers who need whole characters
//! read U+FFFD.

use std::sync::Arc;

use bytes::Bytes;

use super::json_text::without_bom;
use super::producer_event::MAX_TYPE_CHARS;
use super::{Lines, ProducerEvent, RunId, Timestamp, server_event};
use crate::protocol::status::RunStatus;

mod check;
mod error;
mod json;
mod lines;
mod members;
#[cfg(test)]
mod oracle;
pub mod stamp;
#[cfg(test)]
mod tests;

use check::Checked;
pub use error::{EventError, EventFlaw};
use json::{JsonError, JsonString, Scanner};
use lines::LineBuilder;
use stamp::Stamp;

/// How a request's body holds its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyKind {
    /// `application/json`: one object, or an array of objects.
    Json,
    /// `application/x-ndjson`: one object a line; blank lines count for nothing.
    NdJson,
}

/// What one request may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventLimits {
    /// Most bytes of one event.
    pub max_event_bytes: usize,
    /// Most bytes of a decoded body. More than [`EventLimits::MOST_BATCH_BYTES`] is not more.
    pub max_batch_bytes: usize,
    /// Most events of one request.
    pub max_batch_events: usize,
    /// The deadlines that events give their run.
    pub deadlines: EventDeadlines,
}

/// How long after an event is stored its run has a deadline because of it, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventDeadlines {
    /// After a producer has accepted a command: `control.run_secs`.
    pub run_ms: i64,
    /// After a producer has joined: `runs.silent_secs`.
    pub silent_ms: i64,
    /// After a producer's status is final, or it has left: `runs.shard_wait_secs`.
    pub shard_wait_ms: i64,
}

impl EventLimits {
    /// No body may be larger, whatever the setting: offsets into it are stored in 32 bits. 1 GiB.
    pub const MOST_BATCH_BYTES: usize = 1 << 30;
}

impl Default for EventLimits {
    fn default() -> Self {
        Self {
            max_event_bytes: 256 * 1024,
            max_batch_bytes: 4 * 1024 * 1024,
            max_batch_events: 10_000,
            deadlines: EventDeadlines::default(),
        }
    }
}

impl Default for EventDeadlines {
    fn default() -> Self {
        Self { run_ms: 120_000, silent_ms: 120_000, shard_wait_ms: 900_000 }
    }
}

/// The events of one request, checked; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventBatch {
    /// The events, as they are to be stored.
    pub lines: Lines,
    /// The last `run_status` among them.
    pub status: Option<RunStatus>,
    /// Those into which the server writes who posted them, and when, in order.
    pub stamps: Arc<[Stamp]>,
}

/// Reads a decoded body. `now` is the timestamp of events that have none.
///
/// # Errors
/// The first thing that is wrong, by the index of its event; then nothing of the body may be stored.
pub fn parse_body(
    kind: BodyKind,
    body: Bytes,
    run: &RunId,
    limits: &EventLimits,
    now: Timestamp,
) -> Result<EventBatch, EventError> {
    let max = limits.max_batch_bytes.min(EventLimits::MOST_BATCH_BYTES);
    if body.len() > max {
        return Err(EventError::BatchTooLarge { max });
    }
    let valid = match simdutf8::compat::from_utf8(&body) {
        Ok(_) => body.len(),
        Err(error) => error.valid_up_to(),
    };
    let mut reader = BatchReader {
        text: &body[..valid],
        start: body.len() - without_bom(&body).len(),
        run,
        limits,
        now,
        timestamp: String::new(),
        out: LineBuilder::new(&body),
        status: None,
        stamps: Vec::new(),
    };
    let read = match kind {
        BodyKind::Json => reader.json(),
        BodyKind::NdJson => reader.nd_json(),
    };
    if valid < body.len() {
        // An event that ends before the bad byte and is wrong by itself comes first; all else ended because of it.
        let index = reader.out.len();
        return Err(match read {
            Err(error @ EventError::Event { flaw, .. }) if flaw.at().is_none_or(|at| at < valid) => error,
            _ => EventError::Event { index, flaw: EventFlaw::InvalidUtf8 { at: valid } },
        });
    }
    read?;
    let BatchReader { out, status, stamps, .. } = reader;
    if out.len() == 0 {
        return Err(EventError::Empty);
    }
    // Most bodies have none, and an empty `Arc` of its own would be allocated for each.
    let stamps = if stamps.is_empty() { Arc::default() } else { stamps.into() };
    Ok(EventBatch { lines: out.finish(), status, stamps })
}

/// Goes through a body once.
struct BatchReader<'a> {
    text: &'a [u8],
    /// Where it begins: behind a byte order mark.
    start: usize,
    run: &'a RunId,
    limits: &'a EventLimits,
    now: Timestamp,
    /// `"timestamp":"...",`, made when first needed.
    timestamp: String,
    out: LineBuilder<'a>,
    status: Option<RunStatus>,
    stamps: Vec<Stamp>,
}

impl BatchReader<'_> {
    fn json(&mut self) -> Result<(), EventError> {
        let mut scanner = Scanner::new(self.text, self.start);
        match scanner.peek() {
            None => return Ok(()),
            Some(b'[') => {
                scanner.take(b'[');
                if !scanner.take(b']') {
                    loop {
                        self.event(&mut scanner)?;
                        if !scanner.take(b',') {
                            break;
                        }
                    }
                    self.then(scanner.require(b']', "expected ',' or ']'"))?;
                }
            }
            Some(_) => self.event(&mut scanner)?,
        }
        match scanner.peek() {
            None => Ok(()),
            Some(_) => self.then(Err(scanner.fault("something follows the end"))),
        }
    }

    fn nd_json(&mut self) -> Result<(), EventError> {
        let text = self.text;
        let mut start = self.start;
        while start < text.len() {
            let end = memchr::memchr(b'\n', &text[start..]).map_or(text.len(), |length| start + length);
            let mut scanner = Scanner::new(&text[..end], start);
            if scanner.peek().is_some() {
                self.event(&mut scanner)?;
                if scanner.peek().is_some() {
                    return self.then(Err(scanner.fault("something follows the event on its line")));
                }
            }
            start = end + 1;
        }
        Ok(())
    }

    /// A fault that stands behind the last event taken.
    fn then(&self, found: Result<(), JsonError>) -> Result<(), EventError> {
        let index = self.out.len().saturating_sub(1);
        found.map_err(|fault| EventError::Event { index, flaw: fault.into() })
    }

    /// Takes one event and stores its line.
    fn event(&mut self, scanner: &mut Scanner<'_>) -> Result<(), EventError> {
        let index = self.out.len();
        let at = |flaw| EventError::Event { index, flaw };
        if index == self.limits.max_batch_events {
            return Err(EventError::TooManyEvents { max: index });
        }
        match scanner.peek() {
            Some(b'{') => {}
            Some(b'"' | b'[' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => {
                return Err(at(EventFlaw::NotAnObject { at: scanner.at() }));
            }
            Some(_) => return Err(at(scanner.fault("expected an object").into())),
            None => return Err(at(scanner.fault("it ends too early").into())),
        }
        let start = scanner.at();
        scanner.broken = false;
        let fields = self.fields(scanner).map_err(|fault| at(fault.into()))?;
        let end = scanner.at();
        let max = self.limits.max_event_bytes;
        if end - start > max {
            return Err(at(EventFlaw::TooLarge { bytes: end - start, max }));
        }
        let timed = self.judge(&fields, start).map_err(at)?;
        if !timed && self.timestamp.is_empty() {
            self.timestamp = format!(r#""timestamp":"{}","#, self.now);
        }
        self.out.push(start..end, if timed { "" } else { &self.timestamp }, scanner.broken);
        Ok(())
    }

    /// Takes an object and remembers the keys that the server looks at.
    fn fields(&self, scanner: &mut Scanner<'_>) -> Result<Fields, JsonError> {
        let mut fields = Fields::default();
        scanner.take(b'{');
        if scanner.take(b'}') {
            return Ok(fields);
        }
        loop {
            let key = EventKey::of(&scanner.key()?.bytes(self.text));
            let text = scanner.value(1)?;
            if let Some(key) = key {
                let slot = &mut fields.0[key as usize];
                *slot = match (&slot, text) {
                    (Field::Absent, Some(text)) => Field::Text(text),
                    (Field::Absent, None) => Field::Other,
                    _ => Field::Twice,
                };
            }
            if !scanner.take(b',') {
                scanner.require(b'}', "expected ',' or '}'")?;
                return Ok(fields);
            }
        }
    }

    /// Holds the keys of the event at `start` against the rules; says whether it has a timestamp.
    fn judge(&mut self, fields: &Fields, start: usize) -> Result<bool, EventFlaw> {
        let text = self.text;
        if !matches!(fields.get(EventKey::Seq), Field::Absent) {
            return Err(EventFlaw::ReservedField { key: "seq" });
        }
        let event_type = match fields.get(EventKey::Type) {
            Field::Absent => return Err(EventFlaw::MissingType),
            Field::Twice => return Err(EventFlaw::DuplicateKey { key: "type" }),
            Field::Other => return Err(EventFlaw::InvalidType),
            Field::Text(event_type) => event_type.unescaped(text),
        };
        // Characters are counted only where bytes do not answer.
        if event_type.is_empty() || event_type.len() > MAX_TYPE_CHARS && event_type.chars().count() > MAX_TYPE_CHARS {
            return Err(EventFlaw::InvalidType);
        }
        match fields.get(EventKey::Run) {
            Field::Absent => {}
            Field::Twice => return Err(EventFlaw::DuplicateKey { key: "runId" }),
            Field::Text(run) if run.unescaped(text) == self.run.as_str() => {}
            Field::Text(_) | Field::Other => return Err(EventFlaw::RunMismatch),
        }
        let timed = match fields.get(EventKey::Timestamp) {
            Field::Absent => false,
            Field::Text(_) => true,
            Field::Twice => return Err(EventFlaw::DuplicateKey { key: "timestamp" }),
            Field::Other => return Err(EventFlaw::InvalidTimestamp),
        };
        match ProducerEvent::parse(&event_type) {
            Some(event) if event.is_stamped() => self.stamp(event, fields, start)?,
            Some(_) => {}
            None => {
                if let Some(name) = server_event::reserved(&event_type) {
                    return Err(EventFlaw::ReservedType { name });
                }
            }
        }
        Ok(timed)
    }

    /// Looks into an event that the server writes its own members into, and remembers it.
    fn stamp(&mut self, event: ProducerEvent, fields: &Fields, start: usize) -> Result<(), EventFlaw> {
        let text = self.text;
        let status = match (event, fields.get(EventKey::Status)) {
            (ProducerEvent::RunStatus, Field::Text(status)) => RunStatus::parse(&status.unescaped(text)),
            (ProducerEvent::RunStatus, Field::Twice) => return Err(EventFlaw::DuplicateKey { key: "status" }),
            _ => None,
        };
        let sent_at = match (event, fields.get(EventKey::Timestamp)) {
            (ProducerEvent::AiStuck, Field::Text(timestamp)) => Timestamp::parse(&timestamp.unescaped(text)),
            _ => None,
        };
        let checked = Checked { text, start, status, sent_at };
        if let Some((kind, due_ms)) = checked.kind(event, &self.limits.deadlines)? {
            self.stamps.push(Stamp { index: self.out.len() as u32, kind, due_ms });
        }
        self.status = status.or(self.status);
        Ok(())
    }
}

/// The keys that the server looks at.
#[derive(Clone, Copy)]
enum EventKey {
    Type,
    Seq,
    Timestamp,
    Run,
    Status,
}

impl EventKey {
    fn of(key: &[u8]) -> Option<Self> {
        match key {
            b"type" => Some(Self::Type),
            b"seq" => Some(Self::Seq),
            b"timestamp" => Some(Self::Timestamp),
            b"runId" => Some(Self::Run),
            b"status" => Some(Self::Status),
            _ => None,
        }
    }
}

/// What an event has under one of these keys.
#[derive(Clone, Copy, Default)]
enum Field {
    #[default]
    Absent,
    Text(JsonString),
    /// A value that is not a string.
    Other,
    Twice,
}

#[derive(Default)]
struct Fields([Field; 5]);

impl Fields {
    fn get(&self, key: EventKey) -> &Field {
        &self.0[key as usize]
    }
}
