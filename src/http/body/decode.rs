//! Decodes the `Content-Encoding` of request bodies. The output is limited whatever the input.

use std::io::{self, Read};

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use memmap2::MmapMut;
use zstd::stream::read::Decoder as ZstdDecoder;

use crate::protocol::ContentCoding;

/// Largest zstd window that a client may use, as a power of two: 8 MiB, the limit of RFC 9659 for this encoding.
const ZSTD_WINDOW_LOG: u32 = 23;

/// An error that refuses a body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// The body decodes to more than the limit.
    #[error("the decoded body is larger than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// The encoded data ends too early.
    #[error("the body is cut off: its {coding} data does not end")]
    Truncated {
        /// The encoding.
        coding: &'static str,
    },
    /// The body is not in the encoding that `Content-Encoding` names, or something follows the encoded data.
    #[error("the body is not valid {coding}: {detail}")]
    Corrupt {
        /// The encoding.
        coding: &'static str,
        /// The decoder's message.
        detail: String,
    },
    /// The node has no memory for the decoded body now.
    #[error("the node has no room for the decoded body")]
    NoRoom,
}

impl BodyError {
    /// The stable error code; `batch_too_large` is the one that an unencoded body gets as well.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "batch_too_large",
            Self::Truncated { .. } | Self::Corrupt { .. } => "invalid_encoding",
            Self::NoRoom => "saturated",
        }
    }

    /// The HTTP status of the error.
    pub fn status(&self) -> u16 {
        match self {
            Self::TooLarge { .. } => 413,
            Self::Truncated { .. } | Self::Corrupt { .. } => 400,
            Self::NoRoom => 503,
        }
    }
}

/// Decodes a whole body of at most `limit` decoded bytes. `grow` reserves memory, in bytes, before it is used.
///
/// # Errors
/// The body is too large (detected before more than `limit + 1` bytes are decoded), cut off or corrupt, or `grow`
/// refused.
pub fn decode(
    coding: ContentCoding,
    body: Bytes,
    limit: usize,
    grow: impl FnMut(usize) -> bool,
) -> Result<Bytes, BodyError> {
    let corrupt = |error: io::Error| BodyError::Corrupt { coding: coding.as_str(), detail: error.to_string() };
    match coding {
        ContentCoding::Identity if body.len() > limit => Err(BodyError::TooLarge { limit }),
        ContentCoding::Identity => Ok(body),
        // An empty body is neither a gzip member nor a zstd frame.
        _ if body.is_empty() => Err(BodyError::Truncated { coding: coding.as_str() }),
        ContentCoding::Gzip => read(coding, MultiGzDecoder::new(&*body), body.len(), limit, grow),
        ContentCoding::Zstd => {
            let mut decoder = ZstdDecoder::with_buffer(&*body).map_err(corrupt)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(corrupt)?;
            read(coding, decoder, body.len(), limit, grow)
        }
    }
}

fn read(
    coding: ContentCoding,
    mut decoder: impl Read,
    encoded: usize,
    limit: usize,
    mut grow: impl FnMut(usize) -> bool,
) -> Result<Bytes, BodyError> {
    /// The usual compression ratio of NDJSON.
    const USUAL_RATIO: usize = 8;
    // One byte beyond the limit distinguishes "too large" from "just fits", and makes the decoder reach the checksum.
    let most = limit + 1;
    let mut out = DecodedBody::Small(Vec::new());
    let mut step = encoded.saturating_mul(USUAL_RATIO).clamp(FIRST_STEP, SMALL);
    loop {
        step = step.min(most - out.len());
        if !grow(step) {
            return Err(BodyError::NoRoom);
        }
        let read = out.fill(&mut decoder, step, most);
        if out.len() > limit {
            return Err(BodyError::TooLarge { limit });
        }
        match read {
            Ok(read) if read < step => return Ok(out.into_bytes()),
            Ok(_) => step = STEP,
            Err(error) if error.kind() == io::ErrorKind::OutOfMemory => return Err(BodyError::NoRoom),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(BodyError::Truncated { coding: coding.as_str() });
            }
            Err(error) => return Err(BodyError::Corrupt { coding: coding.as_str(), detail: error.to_string() }),
        }
    }
}

/// Least bytes reserved at first.
const FIRST_STEP: usize = 16 * 1024;
/// Bytes reserved at a time after that.
const STEP: usize = 64 * 1024;
/// An output up to this size is on the heap.
const SMALL: usize = 64 * 1024;

/// The decoded bytes. A large output has its own memory map, whose pages are used as it grows and go back to the system
/// afterwards. The allocator would copy it from size to size and keep the largest block.
enum DecodedBody {
    Small(Vec<u8>),
    Large { pages: MmapMut, len: usize },
}

impl DecodedBody {
    fn len(&self) -> usize {
        match self {
            Self::Small(bytes) => bytes.len(),
            Self::Large { len, .. } => *len,
        }
    }

    /// Reads up to `step` bytes and returns their number. All steps together read at most `most`.
    fn fill(&mut self, decoder: &mut impl Read, step: usize, most: usize) -> io::Result<usize> {
        if let Self::Small(bytes) = self
            && bytes.len() + step > SMALL
        {
            let (mut pages, len) = (MmapMut::map_anon(most)?, bytes.len());
            pages[..len].copy_from_slice(bytes);
            *self = Self::Large { pages, len };
        }
        match self {
            Self::Small(bytes) => {
                bytes.reserve_exact(step);
                decoder.by_ref().take(step as u64).read_to_end(bytes)
            }
            Self::Large { pages, len } => {
                let (start, end) = (*len, *len + step);
                while *len < end {
                    match decoder.read(&mut pages[*len..end]) {
                        Ok(0) => break,
                        Ok(read) => *len += read,
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                        Err(error) => return Err(error),
                    }
                }
                Ok(*len - start)
            }
        }
    }

    fn into_bytes(self) -> Bytes {
        match self {
            Self::Small(bytes) => bytes.into(),
            Self::Large { pages, len } => Bytes::from_owner(pages).slice(..len),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;

    const LIMIT: usize = 64 * 1024;

    fn decode(coding: ContentCoding, body: Bytes, limit: usize) -> Result<Bytes, BodyError> {
        super::decode(coding, body, limit, |_| true)
    }

    #[test]
    fn memory_is_asked_for_before_it_is_used() {
        let data = vec![b'x'; LIMIT];
        for (coding, body) in both(|encode| encode(&data)) {
            let mut requested = 0;
            let decoded = super::decode(coding, body.clone(), LIMIT, |bytes| {
                requested += bytes;
                true
            });
            assert_eq!(decoded.unwrap(), data);
            assert!((LIMIT..=LIMIT + 16 * 1024).contains(&requested), "{coding:?}: {requested}");
            let mut left = LIMIT / 2;
            let refused = super::decode(coding, body, LIMIT, |bytes| match left.checked_sub(bytes) {
                Some(rest) => {
                    left = rest;
                    true
                }
                None => false,
            });
            assert_eq!(refused, Err(BodyError::NoRoom), "{coding:?}");
        }
    }

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(data: &[u8]) -> Vec<u8> {
        zstd::encode_all(data, 1).unwrap()
    }

    fn both(body: impl Fn(fn(&[u8]) -> Vec<u8>) -> Vec<u8>) -> [(ContentCoding, Bytes); 2] {
        [(ContentCoding::Gzip, body(gzip).into()), (ContentCoding::Zstd, body(zstd).into())]
    }

    #[test]
    fn a_body_of_exactly_the_limit_passes_and_one_byte_more_does_not() {
        let (fits, more) = (vec![b'x'; LIMIT], vec![b'x'; LIMIT + 1]);
        for (coding, body) in both(|encode| encode(&fits)) {
            assert_eq!(decode(coding, body, LIMIT).unwrap(), fits, "{coding:?}");
        }
        for (coding, body) in both(|encode| encode(&more)) {
            assert_eq!(decode(coding, body, LIMIT), Err(BodyError::TooLarge { limit: LIMIT }), "{coding:?}");
        }
        assert_eq!(decode(ContentCoding::Identity, fits.clone().into(), LIMIT).unwrap(), fits);
        let refused = decode(ContentCoding::Identity, more.into(), LIMIT).unwrap_err();
        assert_eq!((refused.status(), refused.code()), (413, "batch_too_large"));
    }

    #[test]
    fn a_bomb_is_refused_at_the_limit() {
        let bomb = vec![0; 16 * 1024 * 1024];
        for (coding, body) in both(|encode| encode(&bomb)) {
            assert!(body.len() < bomb.len() / 100);
            assert_eq!(decode(coding, body, LIMIT), Err(BodyError::TooLarge { limit: LIMIT }), "{coding:?}");
        }
    }

    #[test]
    fn several_members_or_frames_are_one_body() {
        for (coding, body) in both(|encode| [encode(b"one\n"), encode(b""), encode(b"two")].concat()) {
            assert_eq!(decode(coding, body, LIMIT).unwrap(), "one\ntwo", "{coding:?}");
        }
        // Each part fits the limit; together they do not.
        for (coding, body) in both(|encode| encode(&[b'x'; LIMIT / 2 + 1]).repeat(2)) {
            assert_eq!(decode(coding, body, LIMIT), Err(BodyError::TooLarge { limit: LIMIT }), "{coding:?}");
        }
    }

    #[test]
    fn what_is_cut_off_anywhere_is_refused() {
        for (coding, body) in both(|encode| encode(b"{\"type\":\"log\",\"text\":\"some text, some more text\"}")) {
            for end in 0..body.len() {
                let cut = decode(coding, body.slice(..end), LIMIT);
                assert!(cut.is_err(), "{coding:?} cut at {end} of {}: {cut:?}", body.len());
                assert_eq!(cut.unwrap_err().status(), 400);
            }
        }
    }

    #[test]
    fn what_follows_the_data_is_refused() {
        for tail in [&b"x"[..], b"\0", b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", b"{\"type\":\"log\"}"] {
            for (coding, body) in both(|encode| [&encode(b"{}"), tail].concat()) {
                let refused = decode(coding, body, LIMIT).unwrap_err();
                assert_eq!((refused.status(), refused.code()), (400, "invalid_encoding"), "{coding:?} {tail:?}");
            }
        }
    }

    #[test]
    fn damage_is_found_by_the_checksum() {
        let mut body = gzip(b"some text");
        let checksum = body.len() - 8;
        body[checksum] ^= 1;
        assert!(matches!(decode(ContentCoding::Gzip, body.into(), LIMIT), Err(BodyError::Corrupt { .. })));
        for coding in [ContentCoding::Gzip, ContentCoding::Zstd] {
            let refused = decode(coding, "{\"type\":\"log\"}".into(), LIMIT);
            assert!(matches!(refused, Err(BodyError::Corrupt { .. })), "{coding:?}: not encoded at all");
        }
    }

    #[test]
    fn a_zstd_window_above_eight_mebibytes_is_refused() {
        let encode = |window_log| {
            let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
            encoder.window_log(window_log).unwrap();
            encoder.write_all(b"{\"type\":\"log\"}").unwrap();
            Bytes::from(encoder.finish().unwrap())
        };
        assert_eq!(decode(ContentCoding::Zstd, encode(23), LIMIT).unwrap(), "{\"type\":\"log\"}");
        let refused = decode(ContentCoding::Zstd, encode(24), LIMIT);
        assert!(matches!(refused, Err(BodyError::Corrupt { .. })), "{refused:?}");
    }

    proptest! {
        #[test]
        fn whatever_is_encoded_comes_back(data in prop::collection::vec(any::<u8>(), 0..5000)) {
            for (coding, body) in both(|encode| encode(&data)) {
                prop_assert_eq!(decode(coding, body, LIMIT).unwrap(), &data);
            }
        }

        #[test]
        fn garbage_is_refused_and_never_panics(data in prop::collection::vec(any::<u8>(), 0..200)) {
            for coding in [ContentCoding::Gzip, ContentCoding::Zstd] {
                if let Ok(decoded) = decode(coding, data.clone().into(), LIMIT) {
                    prop_assert!(decoded.len() <= LIMIT);
                }
            }
        }
    }
}
