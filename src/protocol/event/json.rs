//! A checker of JSON text that builds nothing: it says whether the bytes are JSON and where things stand in them.
//!
//! Why not serde_json with `IgnoredAny`, which is as fast (`benches/encode.rs`): in what it skips it neither counts
//! depth nor bounds numbers, so events would be stored that a later reader refuses. The language accepted here is
//! exactly what serde_json reads into a value through [`readable`], nested at most [`MAX_DEPTH`] deep; property tests
//! and a fuzz target hold the two side by side.

use std::borrow::Cow;

use crate::protocol::json_text::readable;

/// Deepest nesting of arrays and objects, the event itself included.
pub(super) const MAX_DEPTH: u32 = 128;

/// Why a text is not JSON; `at` is a byte offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JsonError {
    Syntax { at: usize, problem: &'static str },
    TooDeep { at: usize },
}

/// A string as it stands in the text, without its quotes.
#[derive(Clone, Copy, Debug)]
pub(super) struct JsonString {
    start: usize,
    end: usize,
    escaped: bool,
}

impl JsonString {
    /// What it says, with U+FFFD for half of a surrogate pair; `text` is what the scanner reads.
    pub(super) fn unescaped(self, text: &[u8]) -> Cow<'_, str> {
        if self.escaped {
            // With its quotes it is a JSON string, and was checked to be one.
            Cow::Owned(serde_json::from_slice(&readable(&text[self.start - 1..=self.end])).unwrap_or_default())
        } else {
            // The whole was checked to be UTF-8, and quotes never stand inside a character.
            Cow::Borrowed(str::from_utf8(&text[self.start..self.end]).unwrap_or_default())
        }
    }

    /// The same as bytes, without looking at those that stand there as they are.
    #[inline]
    pub(super) fn bytes(self, text: &[u8]) -> Cow<'_, [u8]> {
        if self.escaped {
            Cow::Owned(self.unescaped(text).into_owned().into_bytes())
        } else {
            Cow::Borrowed(&text[self.start..self.end])
        }
    }
}

/// Reads on through a text that is known to be UTF-8.
pub(super) struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    /// Whether a CR or LF stood between two tokens.
    pub(super) broken: bool,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a [u8], at: usize) -> Self {
        Self { text, at, broken: false }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Skips white space and shows the byte after it, without taking it.
    #[inline]
    pub(super) fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = *self.text.get(self.at)?;
            match byte {
                b'\n' | b'\r' => self.broken = true,
                b' ' | b'\t' => {}
                _ => return Some(byte),
            }
            self.at += 1;
        }
    }

    /// Takes `byte` if it comes next.
    #[inline]
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    pub(super) fn require(&mut self, byte: u8, problem: &'static str) -> Result<(), JsonError> {
        if self.take(byte) { Ok(()) } else { Err(self.fault(problem)) }
    }

    pub(super) fn fault(&self, problem: &'static str) -> JsonError {
        JsonError::Syntax { at: self.at, problem }
    }

    /// Takes a key and its colon.
    #[inline]
    pub(super) fn key(&mut self) -> Result<JsonString, JsonError> {
        self.require(b'"', "expected a key")?;
        let key = self.string()?;
        self.require(b':', "expected ':'")?;
        Ok(key)
    }

    /// Takes a value that stands inside `depth` arrays and objects; says where, if it is a string.
    #[inline]
    pub(super) fn value(&mut self, depth: u32) -> Result<Option<JsonString>, JsonError> {
        match self.peek() {
            Some(b'"') => {
                self.at += 1;
                self.string().map(Some)
            }
            Some(b'{' | b'[') => self.nested(depth).map(|()| None),
            first => self.scalar(first).map(|()| None),
        }
    }

    /// Takes an array or object with all that is in it. One bit a level says which of the two it is.
    fn nested(&mut self, outside: u32) -> Result<(), JsonError> {
        let mut objects = 0_u128;
        let mut depth = outside;
        loop {
            let first = self.peek();
            match first {
                Some(open @ (b'{' | b'[')) => {
                    if depth == MAX_DEPTH {
                        return Err(JsonError::TooDeep { at: self.at });
                    }
                    self.at += 1;
                    depth += 1;
                    let object = open == b'{';
                    objects = objects << 1 | u128::from(object);
                    if !self.take(if object { b'}' } else { b']' }) {
                        if object {
                            self.key()?;
                        }
                        continue;
                    }
                    objects >>= 1;
                    depth -= 1;
                }
                Some(b'"') => {
                    self.at += 1;
                    self.string()?;
                }
                _ => self.scalar(first)?,
            }
            // A value ended: close what ends with it, or go on to the next one.
            loop {
                if depth == outside {
                    return Ok(());
                }
                let object = objects & 1 == 1;
                match self.peek() {
                    Some(b',') => {
                        self.at += 1;
                        if object {
                            self.key()?;
                        }
                        break;
                    }
                    Some(b'}') if object => {}
                    Some(b']') if !object => {}
                    _ => return Err(self.fault(if object { "expected ',' or '}'" } else { "expected ',' or ']'" })),
                }
                self.at += 1;
                objects >>= 1;
                depth -= 1;
            }
        }
    }

    fn scalar(&mut self, first: Option<u8>) -> Result<(), JsonError> {
        let word: &[u8] = match first {
            Some(b'-' | b'0'..=b'9') => return self.number(),
            Some(b't') => b"true",
            Some(b'f') => b"false",
            Some(b'n') => b"null",
            Some(_) => return Err(self.fault("expected a value")),
            None => return Err(self.fault("it ends too early")),
        };
        if !self.text[self.at..].starts_with(word) {
            return Err(self.fault("expected a value"));
        }
        self.at += word.len();
        Ok(())
    }

    fn number(&mut self) -> Result<(), JsonError> {
        /// A double holds every number of so many digits and no exponent.
        const SAFE_DIGITS: usize = 300;
        let start = self.at;
        self.at += usize::from(self.text[start] == b'-');
        let whole = self.at;
        self.digits()?;
        if self.text[whole] == b'0' && self.at > whole + 1 {
            return Err(JsonError::Syntax { at: whole, problem: "a number starts with 0" });
        }
        if self.text.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        let exponent = matches!(self.text.get(self.at), Some(b'e' | b'E'));
        if exponent {
            self.at += 1;
            self.at += usize::from(matches!(self.text.get(self.at), Some(b'+' | b'-')));
            self.digits()?;
        }
        // Whether a number that may not fit a double does is a question of rounding: ask the parser that will read it.
        let number = &self.text[start..self.at];
        if (exponent || number.len() > SAFE_DIGITS) && serde_json::from_slice::<f64>(number).is_err() {
            return Err(JsonError::Syntax { at: start, problem: "a number is out of range" });
        }
        Ok(())
    }

    /// Takes one digit or more.
    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while self.text.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        if self.at == start { Err(self.fault("expected a digit")) } else { Ok(()) }
    }

    /// Takes the rest of a string whose opening quote was taken.
    #[inline]
    fn string(&mut self) -> Result<JsonString, JsonError> {
        let start = self.at;
        let mut escaped = false;
        loop {
            self.skip_plain();
            match self.text.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(JsonString { start, end: self.at - 1, escaped });
                }
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(_) => return Err(self.fault("a control character in a string")),
                None => return Err(self.fault("a string does not end")),
            }
        }
    }

    /// Moves to the next quote, backslash or control character, eight bytes a step.
    #[inline]
    fn skip_plain(&mut self) {
        const ONES: u64 = u64::from_ne_bytes([1; 8]);
        const HIGH: u64 = ONES << 7;
        while let Some(word) = self.text[self.at..].first_chunk::<8>() {
            let word = u64::from_le_bytes(*word);
            let quote = word ^ (ONES * b'"' as u64);
            let backslash = word ^ (ONES * b'\\' as u64);
            // The high bit of each byte: the byte was 0 (or below 0x20). A borrow can set it wrongly only above a byte
            // for which it is set rightly, and only the lowest counts.
            let zero = |x: u64| x.wrapping_sub(ONES) & !x;
            let control = word.wrapping_sub(ONES * 0x20) & !word;
            let stop = (zero(quote) | zero(backslash) | control) & HIGH;
            if stop != 0 {
                self.at += stop.trailing_zeros() as usize / 8;
                return;
            }
            self.at += 8;
        }
        while self.text.get(self.at).is_some_and(|byte| !matches!(byte, b'"' | b'\\' | 0..0x20)) {
            self.at += 1;
        }
    }

    /// Takes a backslash and what belongs to it.
    fn escape(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        self.at += 2;
        match self.text.get(start + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(()),
            // Half of a surrogate pair is legal, too: RFC 8259 section 8.2.
            Some(b'u') => self.hex(),
            _ => Err(JsonError::Syntax { at: start, problem: "an unknown escape" }),
        }
    }

    fn hex(&mut self) -> Result<(), JsonError> {
        let digits = self.text.get(self.at..self.at + 4);
        if !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
            return Err(self.fault("expected four hex digits"));
        }
        self.at += 4;
        Ok(())
    }
}
