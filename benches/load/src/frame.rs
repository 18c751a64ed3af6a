//! The part of RFC 6455 that a viewer needs: it parses the server's frames one at a time, without copying.

use anyhow::{Result, bail};

/// A complete frame within the bytes read.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The frame's kind.
    pub kind: Kind,
    /// The frame's payload.
    pub payload: &'a [u8],
}

/// The kinds of frames accepted: unfragmented messages and control frames.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub enum Kind {
    /// A text message.
    Text,
    /// A binary message.
    Binary,
    /// A close frame.
    Close,
    /// A ping; the pong must repeat its payload.
    Ping,
    /// The answer to a ping.
    Pong,
}

/// The first frame in `bytes` and its length; `None` if it is incomplete.
pub fn next(bytes: &[u8]) -> Result<Option<(Frame<'_>, usize)>> {
    let &[first, second, ref rest @ ..] = bytes else { return Ok(None) };
    if second & 0x80 != 0 {
        bail!("the server masked a frame");
    }
    let kind = match first {
        0x81 => Kind::Text,
        0x82 => Kind::Binary,
        0x88 => Kind::Close,
        0x89 => Kind::Ping,
        0x8A => Kind::Pong,
        _ => bail!("first byte {first:#04x}: a fragment, an extension or an unknown frame"),
    };
    let (head, length) = match (second, rest) {
        (126, &[a, b, ..]) => (4, u64::from(u16::from_be_bytes([a, b]))),
        (127, &[a, b, c, d, e, f, g, h, ..]) => (10, u64::from_be_bytes([a, b, c, d, e, f, g, h])),
        (126 | 127, _) => return Ok(None),
        (length, _) => (2, u64::from(length)),
    };
    let end = head + usize::try_from(length)?;
    Ok(bytes.get(head..end).map(|payload| (Frame { kind, payload }, end)))
}

/// A pong, masked with zero because a client must mask.
pub fn pong(payload: &[u8]) -> Vec<u8> {
    let length = payload.len().min(125);
    let mut frame = vec![0x8A, 0x80 | length as u8, 0, 0, 0, 0];
    frame.extend_from_slice(&payload[..length]);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(length: usize) -> Vec<u8> {
        let mut frame = match length {
            0..=125 => vec![0x81, length as u8],
            126..=0xFFFF => [&[0x81, 126][..], &(length as u16).to_be_bytes()].concat(),
            _ => [&[0x81, 127][..], &(length as u64).to_be_bytes()].concat(),
        };
        frame.resize(frame.len() + length, b'x');
        frame
    }

    #[test]
    fn every_length_form_is_read_whole_and_never_early() {
        for length in [0, 1, 125, 126, 127, 65_535, 65_536] {
            let bytes = text(length);
            for cut in (0..bytes.len().min(16)).chain([bytes.len() - 1]) {
                assert_eq!(next(&bytes[..cut]).unwrap(), None, "length {length} cut at {cut}");
            }
            let (frame, used) = next(&bytes).unwrap().unwrap();
            assert_eq!((frame.kind, frame.payload.len(), used), (Kind::Text, length, bytes.len()));
        }
    }

    #[test]
    fn frames_in_one_read_come_one_by_one() {
        let bytes = [text(128), vec![0x89, 2, b'h', b'i'], text(3)].concat();
        let mut rest = &bytes[..];
        let mut kinds = Vec::new();
        while let Some((frame, used)) = next(rest).unwrap() {
            kinds.push((frame.kind, frame.payload.len()));
            rest = &rest[used..];
        }
        assert_eq!(kinds, [(Kind::Text, 128), (Kind::Ping, 2), (Kind::Text, 3)]);
        assert!(rest.is_empty());
    }

    #[test]
    fn what_a_server_must_not_send_is_an_error() {
        assert!(next(&[0x81, 0x80]).is_err(), "masked");
        assert!(next(&[0x01, 0x01]).is_err(), "fragmented");
        assert!(next(&[0xC1, 0x01]).is_err(), "compressed though not negotiated");
    }

    #[test]
    fn a_pong_carries_the_pings_payload() {
        assert_eq!(pong(b"hi"), [0x8A, 0x82, 0, 0, 0, 0, b'h', b'i']);
    }
}
