//! A batch of parts, as producers post it: for each part the length of a JSON header as a big-endian u32, the header
//! `{"entry":"1-trace.trace","offset":0,"size":5}`, and `size` bytes.

use bytes::Bytes;
use serde::Deserialize;

use super::{EntryName, TraceNameError};

/// The media type of a batch.
pub const PARTS_TYPE: &str = "application/vnd.runcast.trace-parts";
/// Most bytes of a batch. 4 MiB.
pub const MAX_BATCH_BYTES: usize = 4 * 1024 * 1024;
/// Most parts of a batch.
pub const MAX_BATCH_PARTS: usize = 256;
/// Longest header of a part, in bytes.
const MAX_HEADER: usize = 2_048;

/// A part as it was posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The entry that it is a part of.
    pub entry: EntryName,
    /// Its offset there.
    pub offset: u64,
    /// Its bytes.
    pub bytes: Bytes,
}

impl Part {
    /// Where it ends.
    pub fn end(&self) -> u64 {
        self.offset + self.bytes.len() as u64
    }
}

/// Why a batch was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("part {index}{}: {what}", .entry.as_ref().map(|entry| format!(" ({entry})")).unwrap_or_default())]
pub struct BatchError {
    /// The part, counted from 0.
    pub index: usize,
    /// Its entry, if that is known.
    pub entry: Option<EntryName>,
    /// What is wrong with it.
    pub what: PartError,
}

/// What is wrong with a part.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PartError {
    /// The batch has no part.
    #[error("there is none: a batch has at least one")]
    None,
    /// The batch has too many parts.
    #[error("a batch has at most {MAX_BATCH_PARTS} parts")]
    TooMany,
    /// The batch ends within the part.
    #[error("the body ends within it: {wanted} more bytes were announced, and there are {left}")]
    Cut {
        /// Bytes that were announced.
        wanted: u64,
        /// Bytes that are there.
        left: u64,
    },
    /// The header is too long.
    #[error("its header has {0} bytes, and may have 2 to {MAX_HEADER}")]
    HeaderLength(u64),
    /// The header is no JSON object with the three members.
    #[error("its header: {0}")]
    Header(String),
    /// The entry has a name that is not allowed.
    #[error("entry {0}")]
    Entry(#[from] TraceNameError),
    /// The part ends beyond what an entry may have.
    #[error("offset is too large")]
    Offset,
    /// The part of an entry of lines ends within a line.
    #[error("it ends within a line: parts of .trace and .network entries end with a newline")]
    HalfLine,
}

/// The header of a part.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PartHeader {
    entry: String,
    offset: u64,
    size: u64,
}

/// Largest offset behind a part's last byte: larger ones would not fit into keys.
const MAX_END: u64 = 10_000_000_000;

/// Takes a batch apart.
///
/// # Errors
/// [`BatchError`] for the first part with which something is wrong.
pub fn parts(batch: &Bytes) -> Result<Vec<Part>, BatchError> {
    let mut rest = batch.clone();
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let index = parts.len();
        if index == MAX_BATCH_PARTS {
            return Err(BatchError { index, entry: None, what: PartError::TooMany });
        }
        parts.push(part(&mut rest).map_err(|(entry, what)| BatchError { index, entry, what })?);
    }
    if parts.is_empty() {
        return Err(BatchError { index: 0, entry: None, what: PartError::None });
    }
    Ok(parts)
}

fn take(rest: &mut Bytes, wanted: u64) -> Result<Bytes, PartError> {
    let left = rest.len() as u64;
    match usize::try_from(wanted) {
        Ok(bytes) if wanted <= left => Ok(rest.split_to(bytes)),
        _ => Err(PartError::Cut { wanted, left }),
    }
}

fn part(rest: &mut Bytes) -> Result<Part, (Option<EntryName>, PartError)> {
    let unnamed = |error| (None, error);
    let length = take(rest, 4).map_err(unnamed)?;
    let length = length.iter().fold(0, |length, byte| length << 8 | u64::from(*byte));
    if !(2..=MAX_HEADER as u64).contains(&length) {
        return Err((None, PartError::HeaderLength(length)));
    }
    let header = take(rest, length).map_err(unnamed)?;
    let header: PartHeader =
        serde_json::from_slice(&header).map_err(|error| (None, PartError::Header(error.to_string())))?;
    let entry = EntryName::parse(&header.entry).map_err(|error| (None, PartError::Entry(error)))?;
    let named = |error| (Some(entry.clone()), error);
    let bytes = take(rest, header.size).map_err(named)?;
    if header.offset > MAX_END - bytes.len() as u64 {
        return Err((Some(entry), PartError::Offset));
    }
    if entry.has_lines() && !bytes.is_empty() && !bytes.ends_with(b"\n") {
        return Err((Some(entry), PartError::HalfLine));
    }
    Ok(Part { entry, offset: header.offset, bytes })
}

#[cfg(test)]
pub(crate) fn framed(parts: &[(&str, u64, &str)]) -> Bytes {
    let mut out = Vec::new();
    for (entry, offset, text) in parts {
        let header = serde_json::json!({"entry": entry, "offset": offset, "size": text.len()}).to_string();
        out.extend_from_slice(&(header.len() as u32).to_be_bytes());
        out.extend_from_slice(header.as_bytes());
        out.extend_from_slice(text.as_bytes());
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(batch: &[u8]) -> String {
        parts(&Bytes::copy_from_slice(batch)).unwrap_err().to_string()
    }

    fn with_header(header: &str) -> Vec<u8> {
        [&(header.len() as u32).to_be_bytes(), header.as_bytes()].concat()
    }

    #[test]
    fn a_batch_has_parts_of_several_entries() {
        let batch =
            framed(&[("resources/a.png", 0, "png"), ("1-trace.trace", 7, "{}\n{}\n"), ("1-trace.network", 0, "")]);
        let parts = parts(&batch).unwrap();
        let read: Vec<_> = parts.iter().map(|p| (p.entry.as_str(), p.offset, p.end(), &p.bytes[..])).collect();
        assert_eq!(read[0], ("resources/a.png", 0, 3, &b"png"[..]));
        assert_eq!(read[1], ("1-trace.trace", 7, 13, &b"{}\n{}\n"[..]));
        assert_eq!(read[2], ("1-trace.network", 0, 0, &b""[..]));
    }

    #[test]
    fn what_is_wrong_is_said_with_the_part_and_its_entry() {
        assert_eq!(refused(b""), "part 0: there is none: a batch has at least one");
        assert!(refused(b"\0\0").contains("part 0: the body ends within it: 4 more bytes"));
        assert!(refused(b"\xff\xff\xff\xff{}").contains("its header has 4294967295 bytes"));
        assert!(refused(&with_header("{}")).contains("missing field `entry`"));
        assert!(refused(&with_header(r#"{"entry":"a","offset":-1,"size":0}"#)).contains("its header: invalid value"));
        assert!(refused(&with_header(r#"{"entry":"a","offset":0,"size":0,"x":1}"#)).contains("unknown field"));
        assert!(refused(&with_header(r#"{"entry":"../a","offset":0,"size":0}"#)).contains("entry must be a relative"));
        let cut = refused(&with_header(r#"{"entry":"a.png","offset":0,"size":18446744073709551615}"#));
        assert!(cut.contains("part 0 (a.png): the body ends within it: 18446744073709551615 more"), "{cut}");
        assert!(refused(&framed(&[("a", u64::MAX, "x")])).contains("part 0 (a): offset is too large"));
        let half = refused(&framed(&[("a", 0, "x"), ("test.trace", 0, "{}\n{")]));
        assert!(half.contains("part 1 (test.trace): it ends within a line"), "{half}");
        let many = vec![("a", 0, ""); MAX_BATCH_PARTS + 1];
        assert_eq!(refused(&framed(&many)), "part 256: a batch has at most 256 parts");
        assert!(parts(&framed(&many[1..])).is_ok());
    }

    proptest! {
        #[test]
        fn whatever_comes_is_taken_apart_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = parts(&bytes.into());
        }
    }
}
