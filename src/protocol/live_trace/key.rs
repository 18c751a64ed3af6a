//! The keys of the objects of live traces.

use std::fmt::Write as _;

use super::{EntryName, LIVE, TraceId};
use crate::protocol::RunId;

/// Digits of a position and of an offset: both stay below 100 GB.
const DIGITS: usize = 11;
/// Longest part of a folder's name. The longest escaped id of a run has 384 characters, and takes two parts.
const CHUNK: usize = 200;
/// The object that says that a trace is larger than it may be.
pub const FULL: &str = "full";

/// What an object in a trace's folder is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TraceObject {
    /// A part.
    Part(PartKey),
    /// The trace is larger than it may be, and has ended.
    Full,
}

/// A part of a trace, as its key says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartKey {
    /// Bytes of the trace that were stored before.
    pub position: u64,
    /// Where the part is in its entry.
    pub offset: u64,
    /// The entry.
    pub entry: EntryName,
}

/// Whether a byte stands for itself in an escaped name.
fn is_plain(byte: u8, dots: bool) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.' && dots
}

/// Bytes of an entry's name once it is escaped.
pub(super) fn escaped_len(text: &str) -> usize {
    text.bytes().map(|byte| if is_plain(byte, true) { 1 } else { 3 }).sum()
}

/// The name with every other byte as `_` and two hexadecimal digits. `dots`: they stand for themselves.
fn escape(text: &str, dots: bool) -> String {
    let mut escaped = String::with_capacity(text.len() + 16);
    for byte in text.bytes() {
        if is_plain(byte, dots) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a text does not fail.
            let _ = write!(escaped, "_{byte:02x}");
        }
    }
    escaped
}

/// The name that was escaped.
fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first == b'_' {
            let (digits, after) = rest.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?);
            rest = after;
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).ok()
}

/// The folder of a run's live traces, with a slash at its end.
pub fn run_folder(run: &RunId) -> String {
    let name = escape(run.as_str(), false);
    match name.split_at_checked(CHUNK) {
        Some((first, second)) if !second.is_empty() => format!("{LIVE}/{first}/{second}/"),
        _ => format!("{LIVE}/{name}/"),
    }
}

/// The folder of a live trace, with a slash at its end.
pub fn trace_folder(run: &RunId, trace: &TraceId) -> String {
    format!("{}{trace}/", run_folder(run))
}

impl PartKey {
    /// The name of the part's object in its trace's folder.
    pub fn file(&self) -> String {
        let Self { position, offset, entry } = self;
        format!("{position:0DIGITS$}-{offset:0DIGITS$}-{}", escape(entry.as_str(), true))
    }

    /// The beginning of the names of parts from this position on.
    pub fn from_position(position: u64) -> String {
        format!("{position:0DIGITS$}")
    }
}

/// What an object in a trace's folder is, by its name there; `None`: nothing of ours.
pub fn read_file(file: &str) -> Option<TraceObject> {
    if file == FULL {
        return Some(TraceObject::Full);
    }
    let (position, rest) = file.split_at_checked(DIGITS)?;
    let (offset, rest) = rest.strip_prefix('-')?.split_at_checked(DIGITS)?;
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    let entry = EntryName::parse(&unescape(rest.strip_prefix('-')?)?).ok()?;
    Some(TraceObject::Part(PartKey { position: digits(position)?, offset: digits(offset)?, entry }))
}

/// The run, the trace and the name in its folder that a key is for; `None`: it is nothing of ours.
pub fn read_key(key: &str) -> Option<(RunId, TraceId, &str)> {
    let mut parts: Vec<&str> = key.strip_prefix(LIVE)?.strip_prefix('/')?.split('/').collect();
    let (file, trace) = (parts.pop()?, parts.pop()?);
    if parts.len() > 2 {
        return None;
    }
    let run = RunId::parse(&unescape(&parts.concat())?).ok()?;
    Some((run, TraceId::parse(trace).ok()?, file))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_key_says_what_its_object_is() {
        let (run, trace) = (RunId::parse("gh-1:2_v1.0").unwrap(), TraceId::parse("t_1").unwrap());
        let part = PartKey { position: 12, offset: 3, entry: EntryName::parse("screencast/page@1-2.jpeg").unwrap() };
        let key = format!("{}{}", trace_folder(&run, &trace), part.file());
        assert_eq!(key, "live/gh-1_3a2_5fv1_2e0/t_1/00000000012-00000000003-screencast_2fpage_401-2.jpeg");
        let (read_run, read_trace, file) = read_key(&key).unwrap();
        assert_eq!((&read_run, &read_trace), (&run, &trace));
        assert_eq!(read_file(file), Some(TraceObject::Part(part)));
        assert_eq!(read_file(FULL), Some(TraceObject::Full));
        assert!(PartKey::from_position(12).as_str() < file && PartKey::from_position(13).as_str() > file);
    }

    #[test]
    fn what_is_not_ours_is_nothing() {
        for bad in ["", "live", "live/", "live/r", "live/r/t", "runs/r/t/full", "live/a/b/c/t/full", "live//t/full"] {
            assert!(read_key(bad).is_none(), "{bad}");
        }
        for bad in ["0-0-a", "00000000001-0000000000x-a", "00000000001-00000000001-", "00000000001-00000000001-_zz"] {
            assert!(read_file(bad).is_none(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn every_name_comes_back(run in "[A-Za-z0-9][A-Za-z0-9._:-]{0,127}", entry in "[a-z@_ é][a-z0-9._@é-]{0,15}(/[a-z@é]{1,8})?") {
            let (run, trace) = (RunId::parse(&run).unwrap(), TraceId::parse("t").unwrap());
            let part = PartKey { position: 99_999_999_999, offset: 0, entry: EntryName::parse(&entry).unwrap() };
            let key = format!("{}{}", trace_folder(&run, &trace), part.file());
            prop_assert!(key.len() <= 800 && key.split('/').all(|part| part.len() <= 240 && !part.starts_with('.')));
            let (read_run, _, file) = read_key(&key).unwrap();
            prop_assert_eq!(read_run, run);
            prop_assert_eq!(read_file(file), Some(TraceObject::Part(part)));
        }
    }
}
