//! RESP2 frames on a byte stream: the codec of `redis-async`, behind a scan that finds out when a reply is complete.
//!
//! `RespCodec` alone parses an incomplete reply again from its start after every read, and copies each string each
//! time: the work grows with the square of the reply's size. It also trusts a declared length when it allocates. So
//! this codec scans a reply once, continuing where the last read ended, and hands it to `RespCodec` when its last byte
//! is there.

use std::io;

use bytes::BytesMut;
use memchr::memchr;
use redis_async::resp::{RespCodec, RespValue};
use tokio_util::codec::{Decoder, Encoder};

use super::RedisCommand;

/// Largest reply that is accepted: 64 MiB. A larger one breaks the connection; replies that can grow are read in pages.
pub const MAX_REPLY_BYTES: usize = 64 * 1024 * 1024;

/// Smallest room for each read from the socket. 64 KiB.
pub(super) const READ_BYTES: usize = 64 * 1024;

/// Longest line (a length, a number, a status or an error). 64 KiB.
const MAX_LINE_BYTES: usize = 64 * 1024;

/// Deepest nesting of arrays. The codec recurses, so this bounds its stack.
const MAX_DEPTH: usize = 16;

/// Encodes [`RedisCommand`]s, decodes replies.
#[derive(Debug, Default)]
pub(super) struct RespFrames {
    scan: Scan,
    /// Bytes of the replies that were decoded so far.
    decoded: u64,
    received: u64,
}

impl RespFrames {
    /// Bytes received so far, including those of an incomplete reply. An increase shows that the other side is alive.
    pub(super) fn received(&self) -> u64 {
        self.received
    }
}

impl Encoder<RedisCommand> for RespFrames {
    type Error = io::Error;

    fn encode(&mut self, command: RedisCommand, buffer: &mut BytesMut) -> io::Result<()> {
        RespCodec.encode(command.into(), buffer)
    }
}

impl Decoder for RespFrames {
    type Item = RespValue;
    type Error = io::Error;

    fn decode(&mut self, buffer: &mut BytesMut) -> io::Result<Option<RespValue>> {
        self.received = self.decoded + buffer.len() as u64;
        match self.scan.advance(buffer)? {
            ScanProgress::Whole { bytes } => {
                let mut reply = buffer.split_to(bytes);
                self.decoded += bytes as u64;
                let value = RespCodec.decode(&mut reply).map_err(|error| invalid(error.to_string()))?;
                value.filter(|_| reply.is_empty()).map(Some).ok_or_else(|| invalid("a reply that is not RESP2"))
            }
            ScanProgress::Needs { bytes } if bytes > MAX_REPLY_BYTES => {
                Err(invalid(format!("a reply of more than {MAX_REPLY_BYTES} bytes")))
            }
            ScanProgress::Needs { bytes } => {
                buffer.reserve(bytes.saturating_sub(buffer.len()).max(READ_BYTES));
                Ok(None)
            }
        }
    }
}

fn invalid(what: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.into())
}

/// The scan of the reply at the start of the buffer.
#[derive(Debug, Default)]
struct Scan {
    /// Everything before this offset is complete.
    at: usize,
    /// For each array that is open at this offset: the elements still to come.
    open: Vec<u64>,
}

/// The result of a scan.
#[derive(Debug, PartialEq, Eq)]
enum ScanProgress {
    /// The reply is complete and has this many bytes.
    Whole { bytes: usize },
    /// The reply has at least this many bytes.
    Needs { bytes: usize },
}

impl Scan {
    fn advance(&mut self, buffer: &[u8]) -> io::Result<ScanProgress> {
        loop {
            let rest = &buffer[self.at..];
            let Some(end) = memchr(b'\n', rest) else {
                return match rest.len() > MAX_LINE_BYTES {
                    true => Err(invalid(format!("a line of more than {MAX_LINE_BYTES} bytes"))),
                    false => Ok(ScanProgress::Needs { bytes: buffer.len() + 1 }),
                };
            };
            let line = rest[..end].strip_suffix(b"\r").ok_or_else(|| invalid("a line that ends without CR"))?;
            let mut next = self.at + end + 1;
            match line.split_first() {
                Some((b'+' | b'-' | b':', _)) => {}
                Some((b'$', length)) => {
                    if let Some(length) = declared(length)? {
                        next = next.saturating_add(length).saturating_add(2);
                        if next > buffer.len() {
                            return Ok(ScanProgress::Needs { bytes: next });
                        }
                    }
                }
                Some((b'*', length)) => {
                    if let Some(elements @ 1..) = declared(length)? {
                        if self.open.len() == MAX_DEPTH {
                            return Err(invalid(format!("arrays nested deeper than {MAX_DEPTH}")));
                        }
                        self.open.push(elements as u64);
                        self.at = next;
                        continue;
                    }
                }
                _ => return Err(invalid("an answer that is not RESP2")),
            }
            self.at = next;
            if self.close_element() {
                return Ok(ScanProgress::Whole { bytes: std::mem::take(&mut self.at) });
            }
        }
    }

    /// Closes an element, and the arrays whose last element it was; `true` when the whole reply is complete.
    fn close_element(&mut self) -> bool {
        while let Some(left) = self.open.last_mut() {
            *left -= 1;
            if *left > 0 {
                return false;
            }
            self.open.pop();
        }
        true
    }
}

/// Parses a declared length; `None` is the `-1` of null.
fn declared(length: &[u8]) -> io::Result<Option<usize>> {
    let number = std::str::from_utf8(length).ok().and_then(|digits| digits.parse::<i64>().ok());
    match number {
        Some(-1) => Ok(None),
        Some(number) => usize::try_from(number).map(Some).map_err(|_| invalid("a negative length")),
        None => Err(invalid("a length that is no number")),
    }
}

#[cfg(test)]
#[allow(clippy::panic)]
mod tests {
    use proptest::prelude::*;
    use redis_async::resp::RespValue::{Array, BulkString, Error, Integer, Nil, SimpleString};

    use super::*;

    fn wire(values: &[RespValue]) -> Vec<u8> {
        let mut wire = BytesMut::new();
        for value in values {
            RespCodec.encode(value.clone(), &mut wire).unwrap();
        }
        wire.to_vec()
    }

    /// Decodes these bytes as they arrive, `step` at a time.
    fn decode(bytes: &[u8], step: usize) -> io::Result<Vec<RespValue>> {
        let (mut frames, mut buffer, mut values) = (RespFrames::default(), BytesMut::new(), Vec::new());
        for piece in bytes.chunks(step) {
            buffer.extend_from_slice(piece);
            while let Some(value) = frames.decode(&mut buffer)? {
                values.push(value);
            }
        }
        assert_eq!(frames.received(), bytes.len() as u64);
        assert!(buffer.is_empty(), "{} bytes are left", buffer.len());
        Ok(values)
    }

    fn value() -> impl Strategy<Value = RespValue> {
        let line = "[ -~]{0,12}";
        let leaf = prop_oneof![
            Just(Nil),
            any::<i64>().prop_map(Integer),
            line.prop_map(SimpleString),
            line.prop_map(Error),
            prop::collection::vec(any::<u8>(), 0..40).prop_map(BulkString),
        ];
        leaf.prop_recursive(5, 40, 6, |inner| prop::collection::vec(inner, 0..6).prop_map(Array))
    }

    proptest! {
        #[test]
        fn replies_are_the_same_however_they_arrive(values in prop::collection::vec(value(), 1..5), step in 1_usize..60) {
            prop_assert_eq!(decode(&wire(&values), step).unwrap(), values);
        }
    }

    #[test]
    fn null_arrays_are_nil_and_empty_ones_whole() {
        assert_eq!(
            decode(b"*-1\r\n*0\r\n*2\r\n*0\r\n$-1\r\n", 1).unwrap(),
            [Nil, Array(Vec::new()), Array(vec![Array(Vec::new()), Nil])]
        );
    }

    #[test]
    fn what_is_not_resp2_breaks_the_connection_before_it_is_kept() {
        let deep = "*1\r\n".repeat(MAX_DEPTH + 1);
        let long = format!("+{}", "x".repeat(MAX_LINE_BYTES));
        let table: &[(&str, &str)] = &[
            ("HTTP/1.1 400 Bad Request\r\n", "not RESP2"),
            ("\r\n", "not RESP2"),
            ("%1\r\n+a\r\n+b\r\n", "not RESP2"),
            ("+OK\n", "without CR"),
            ("$x\r\n", "no number"),
            ("$-2\r\n", "negative"),
            ("*-7\r\n", "negative"),
            ("$9223372036854775807\r\n", "more than 67108864 bytes"),
            ("*1\r\n$67108865\r\n", "more than 67108864 bytes"),
            ("$3\r\nabcd\r\n", "without CR"),
            (":seven\r\n", "Unexpected byte"),
            (&deep, "nested deeper"),
            (&long, "a line of more than"),
        ];
        for (bytes, expected) in table {
            let mut frames = RespFrames::default();
            let mut buffer = BytesMut::from(bytes.as_bytes());
            let error = loop {
                match frames.decode(&mut buffer) {
                    Ok(Some(_)) => {}
                    Ok(None) => panic!("{bytes:.40}: waits for more"),
                    Err(error) => break error.to_string(),
                }
            };
            assert!(error.contains(expected), "{bytes:.40}: {error}");
        }
    }

    #[test]
    fn an_array_of_countless_elements_is_not_allocated_at_its_word() {
        let mut frames = RespFrames::default();
        let mut buffer = BytesMut::from(&b"*9223372036854775807\r\n+a\r\n"[..]);
        assert_eq!(frames.decode(&mut buffer).unwrap(), None);
        assert!(buffer.capacity() < 1024 * 1024);
    }
}
