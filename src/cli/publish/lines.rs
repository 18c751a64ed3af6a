//! Reads the lines of a file or a pipe. A line that can't be an event is detected here, so that it costs no request. A
//! line that is too long is never held in memory as a whole.

use std::fmt;
use std::io::{self, BufRead as _, BufReader, Read};

use bytes::Bytes;

use crate::protocol::json_text::without_bom;

/// Most bytes of an event: the upper bound of the server's own limit.
pub(super) const MAX_EVENT: usize = 16 << 20;

/// The same, with the line ending.
const MAX_LINE: u64 = MAX_EVENT as u64 + 2;

/// Bytes kept of a line that is too long.
pub(super) const HEAD: usize = 16 * 1024;

/// A non-blank line of the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct InputLine {
    /// The line's number, from 1.
    pub(super) number: u64,
    /// Bytes of the input up to the end of this line.
    pub(super) offset: u64,
    /// The line without its ending and a byte order mark; only its beginning if it is too long.
    pub(super) text: Bytes,
    /// Bytes of the whole line, without its ending.
    pub(super) size: u64,
    /// The reason why every server would refuse the line, if there is one.
    pub(super) flaw: Option<LineFlaw>,
}

/// The reason why a line is no event, whatever the server's version and limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineFlaw {
    TooLong,
    NotUtf8 { at: usize },
    NotAnObject,
}

impl fmt::Display for LineFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "has more than {MAX_EVENT} bytes"),
            Self::NotUtf8 { at } => write!(f, "not UTF-8 at byte {at} of the line"),
            Self::NotAnObject => f.write_str("not a JSON object"),
        }
    }
}

impl LineFlaw {
    /// Checks only what is certain and cheap; the server decides whether the line is JSON, and an event.
    fn of(text: &[u8]) -> Option<Self> {
        if let Err(error) = simdutf8::compat::from_utf8(text) {
            return Some(Self::NotUtf8 { at: error.valid_up_to() });
        }
        let framed = text.trim_ascii_start().starts_with(b"{") && text.ends_with(b"}");
        (!framed).then_some(Self::NotAnObject)
    }
}

/// The non-blank lines of an input.
pub(super) struct InputLines<R> {
    input: BufReader<R>,
    number: u64,
    offset: u64,
    ended: bool,
}

impl<R: Read> InputLines<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input: BufReader::new(input), number: 0, offset: 0, ended: false }
    }

    fn read(&mut self) -> io::Result<Option<InputLine>> {
        loop {
            let mut bytes = Vec::new();
            let read = self.input.by_ref().take(MAX_LINE).read_until(b'\n', &mut bytes)? as u64;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            self.offset += read;
            if read == MAX_LINE && bytes.last() != Some(&b'\n') {
                bytes.truncate(HEAD);
                bytes.shrink_to_fit();
                let skipped = self.skip()?;
                return Ok(Some(self.line(bytes.into(), read + skipped, Some(LineFlaw::TooLong))));
            }
            bytes.truncate(bytes.trim_ascii_end().len());
            let text = Bytes::from(bytes);
            // A byte order mark also occurs within the input, where `cat` has joined files.
            let text = text.slice_ref(without_bom(&text));
            if !text.is_empty() {
                let (size, flaw) = (text.len() as u64, LineFlaw::of(&text));
                return Ok(Some(self.line(text, size, flaw)));
            }
        }
    }

    /// Skips the rest of a line and returns its length without the line ending.
    fn skip(&mut self) -> io::Result<u64> {
        let mut skipped = 0;
        loop {
            let buffer = match self.input.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                buffer => buffer?,
            };
            let end = memchr::memchr(b'\n', buffer);
            let taken = end.map_or(buffer.len(), |end| end + 1);
            let is_over = end.is_some() || taken == 0;
            self.input.consume(taken);
            self.offset += taken as u64;
            skipped += end.unwrap_or(taken) as u64;
            if is_over {
                return Ok(skipped);
            }
        }
    }

    fn line(&self, text: Bytes, size: u64, flaw: Option<LineFlaw>) -> InputLine {
        InputLine { number: self.number, offset: self.offset, text, size, flaw }
    }
}

impl<R: Read> Iterator for InputLines<R> {
    type Item = io::Result<InputLine>;

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

    fn lines(input: impl Read) -> Vec<InputLine> {
        InputLines::new(input).map(Result::unwrap).collect()
    }

    fn texts(input: &str) -> Vec<(u64, Bytes)> {
        lines(input.as_bytes()).into_iter().map(|line| (line.number, line.text)).collect()
    }

    #[test]
    fn line_ends_blank_lines_and_byte_order_marks_are_no_part_of_a_line() {
        let want = [(1, "{1}".into()), (4, "{2}".into()), (5, " {3}".into()), (7, "{4}".into())];
        assert_eq!(texts("\u{feff}{1}\r\n\n \t\r\n{2}\n {3} \r\n\u{feff}\n\u{feff}{4}"), want);
        assert_eq!(texts("{1}\n"), [(1, "{1}".into())]);
        for empty in ["", "\n", "\u{feff}", "\r\n\r\n"] {
            assert_eq!(texts(empty), []);
        }
    }

    #[test]
    fn a_line_that_is_no_object_or_no_text_is_known_without_asking_a_server() {
        let flaw = |line: &[u8]| lines(line)[0].flaw;
        for object in [&b"{}"[..], b" {\"a\":1} \r\n", b"{what looks like one}", b"\xef\xbb\xbf{}"] {
            assert_eq!(flaw(object), None, "{object:?}");
        }
        for other in [&b"[{}]"[..], b"hello", b"1", b"{\"type\":\"log\"", b"\"{}\"", b"null"] {
            assert_eq!(flaw(other), Some(LineFlaw::NotAnObject), "{other:?}");
        }
        assert_eq!(flaw(b"{\"a\":\"\xff\"}"), Some(LineFlaw::NotUtf8 { at: 6 }));
        assert_eq!(flaw(b"\xff\xfe{\0}\0"), Some(LineFlaw::NotUtf8 { at: 0 }), "UTF-16");
    }

    #[test]
    fn a_line_that_is_too_long_is_skipped_and_only_its_beginning_is_kept() {
        let long = |bytes: u64| io::repeat(b'x').take(bytes);
        let input = b"{1}\n".chain(long(3 * MAX_LINE)).chain(&b"\n{3}\n"[..]).chain(long(MAX_LINE));
        let all = lines(input);
        let shown: Vec<_> = all.iter().map(|line| (line.number, line.size, line.text.len(), line.flaw)).collect();
        let want = [
            (1, 3, 3, None),
            (2, 3 * MAX_LINE, HEAD, Some(LineFlaw::TooLong)),
            (3, 3, 3, None),
            (4, MAX_LINE, HEAD, Some(LineFlaw::TooLong)),
        ];
        assert_eq!(shown, want);
        assert_eq!(all[3].offset, 4 + 3 * MAX_LINE + 1 + 4 + MAX_LINE);
        let most = lines(long(MAX_EVENT as u64).chain(&b"\r\n"[..]));
        assert_eq!((most[0].size, most[0].text.len()), (MAX_EVENT as u64, MAX_EVENT), "the largest event is whole");
    }

    #[test]
    fn an_input_that_fails_ends_with_its_error() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("broken"))
            }
        }
        let mut lines = InputLines::new(b"{1}\n".chain(Broken));
        assert!(lines.next().unwrap().is_ok());
        assert!(lines.next().unwrap().is_err());
        assert!(lines.next().is_none());
    }
}
