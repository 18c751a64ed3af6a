use bytes::Bytes;
use proptest::prelude::*;

use super::*;

const LIMITS: FrameLimits = FrameLimits { max_frame_bytes: 70_000, max_message_bytes: 100_000 };

/// A client's frame: `first` is its first byte (FIN, RSV, opcode).
fn client(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let (head, size) = header(OpCode::Text, payload.len());
    let mut out = head[..size].to_vec();
    out[0] = first;
    out[1] |= 0x80;
    out.extend_from_slice(&mask);
    out.extend(payload.iter().zip(mask.into_iter().cycle()).map(|(byte, mask)| byte ^ mask));
    out
}

/// Everything that the decoder returns for `pieces`, up to and including a violation.
fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Incoming>, Option<Violation>) {
    let mut decoder = Decoder::new();
    let mut all = Vec::new();
    for mut piece in pieces {
        loop {
            match decoder.feed(&mut piece, &LIMITS) {
                Ok(Some(incoming)) => all.push(incoming),
                Ok(None) => break,
                Err(violation) => return (all, Some(violation)),
            }
        }
        assert!(piece.is_empty(), "nothing whole means that all was taken");
    }
    (all, None)
}

fn text_of(text: &str) -> Incoming {
    Incoming::Text(text.to_owned())
}

#[test]
fn the_examples_of_the_rfc_are_read_and_written() {
    assert_eq!(&text("Hello")[..], [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]);
    assert_eq!(&ping(b"Hello")[..], [0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]);
    assert_eq!(binary(&[0; 256])[..4], [0x82, 0x7E, 0x01, 0x00]);
    assert_eq!(binary(&[0; 65536])[..10], [0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0]);
    let masked = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    assert_eq!(decode([&masked[..]]), (vec![text_of("Hello")], None));
    let pong = [0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    assert_eq!(decode([&pong[..]]), (vec![Incoming::Pong("Hello".into())], None));
}

#[test]
fn frames_of_every_length_come_through() {
    for len in [0, 1, 7, 8, 9, 125, 126, 127, 128, 65535, 65536, 70_000] {
        let payload: Vec<u8> = (0..len).map(|n| n as u8).collect();
        assert_eq!(decode([&client(0x82, &payload)[..]]).0, [Incoming::Binary(payload.clone().into())], "{len}");
        let (head, size) = header(OpCode::Binary, len);
        assert_eq!(&binary(&payload)[..size], &head[..size]);
        assert_eq!(&binary(&payload)[size..], &payload[..]);
    }
}

#[test]
fn control_frames_are_cut_to_what_they_can_hold() {
    assert_eq!(ping(&[7; 200]).len(), 2 + MAX_CONTROL_BYTES);
    assert_eq!(pong(&[7; 200]).len(), 2 + MAX_CONTROL_BYTES);
    assert_eq!(&close(Some(1000), "bye")[..], [0x88, 5, 0x03, 0xE8, b'b', b'y', b'e']);
    assert_eq!(&close(None, "unsaid")[..], [0x88, 0]);
    let cut = close(Some(1000), &"é".repeat(100));
    assert_eq!(cut.len(), 2 + 2 + 122);
    assert!(str::from_utf8(&cut[4..]).is_ok());
    assert_eq!(close_for(CloseReason::Restart), Some(close(Some(1012), "the server restarts")));
    assert_eq!(close_for(CloseReason::Stalled), None);
}

/// Modelled on the cases of the Autobahn test suite.
#[test]
fn what_the_rfc_allows_is_taken() {
    let cases = [
        ("empty text", vec![client(0x81, b"")], vec![text_of("")]),
        ("empty ping", vec![client(0x89, b"")], vec![Incoming::Ping(Bytes::new())]),
        ("largest ping", vec![client(0x89, &[1; 125])], vec![Incoming::Ping(Bytes::from_static(&[1; 125]))]),
        ("unasked pong", vec![client(0x8A, b"x")], vec![Incoming::Pong("x".into())]),
        ("two fragments", vec![client(0x01, b"Hel"), client(0x80, b"lo")], vec![text_of("Hello")]),
        ("empty fragments", vec![client(0x01, b""), client(0x00, b""), client(0x80, b"")], vec![text_of("")]),
        (
            "ping between fragments",
            vec![client(0x01, b"Hel"), client(0x89, b"?"), client(0x00, b""), client(0x8A, b"!"), client(0x80, b"lo")],
            vec![Incoming::Ping("?".into()), Incoming::Pong("!".into()), text_of("Hello")],
        ),
        (
            "a character in two fragments",
            vec![client(0x01, b"\xce"), client(0x00, b"\xba\xe1\xbd"), client(0x80, b"\xb9")],
            vec![text_of("κ\u{1f79}")],
        ),
        (
            "binary that is no text",
            vec![client(0x02, b"\xff"), client(0x80, b"\xc0")],
            vec![Incoming::Binary(Bytes::from_static(b"\xff\xc0"))],
        ),
        ("empty close", vec![client(0x88, b"")], vec![Incoming::Close { code: None, reason: String::new() }]),
        (
            "close with a reason",
            vec![client(0x88, &[&1001_u16.to_be_bytes(), "adiós".as_bytes()].concat())],
            vec![Incoming::Close { code: Some(1001), reason: "adiós".to_owned() }],
        ),
        (
            "messages in a row",
            vec![client(0x81, b"a"), client(0x82, b"b"), client(0x81, b"c")],
            vec![text_of("a"), Incoming::Binary("b".into()), text_of("c")],
        ),
    ];
    for (name, frames, want) in cases {
        assert_eq!(decode([&frames.concat()[..]]), (want, None), "{name}");
    }
}

#[test]
fn what_the_rfc_forbids_is_refused_with_its_code() {
    use CloseReason::{InvalidText, Protocol, TooLarge};
    let unmasked = text("x").to_vec();
    let cases = [
        ("not masked", unmasked, Protocol),
        ("rsv1", client(0xC1, b"x"), Protocol),
        ("rsv2", client(0xA1, b"x"), Protocol),
        ("rsv3 on a ping", client(0x99, b"x"), Protocol),
        ("ping in fragments", client(0x09, b"x"), Protocol),
        ("close in fragments", client(0x08, b""), Protocol),
        ("ping of 126 bytes", client(0x89, &[0; 126]), Protocol),
        ("close of 126 bytes", client(0x88, &[3; 126]), Protocol),
        ("continuation of nothing", client(0x80, b"x"), Protocol),
        ("continuation after the end", [client(0x01, b"a"), client(0x80, b"b"), client(0x80, b"c")].concat(), Protocol),
        ("text within a message", [client(0x01, b"a"), client(0x81, b"b")].concat(), Protocol),
        ("binary within a message", [client(0x01, b"a"), client(0x02, b"b")].concat(), Protocol),
        ("126 in two bytes that fit one", vec![0x82, 0xFE, 0, 125], Protocol),
        ("65535 in eight bytes", vec![0x82, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF], Protocol),
        ("highest bit of a length", vec![0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0], Protocol),
        ("a gibibyte declared", vec![0x82, 0xFF, 0, 0, 0, 0, 0x40, 0, 0, 0], TooLarge),
        ("2^63-1 declared", vec![0x82, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], TooLarge),
        ("one byte over the frame limit", client(0x82, &[0; 70_001])[..10].to_vec(), TooLarge),
        ("over the message limit", [client(0x02, &[0; 60_000]), client(0x80, &[0; 40_001])].concat(), TooLarge),
        ("text that is not UTF-8", client(0x81, b"\xce\xba\xff"), InvalidText),
        ("an encoded surrogate", client(0x81, b"\xed\xa0\x80"), InvalidText),
        ("text that ends in a character", client(0x81, b"\xce"), InvalidText),
        ("text over fragments", [client(0x01, b"\xce"), client(0x80, b"\xce")].concat(), InvalidText),
        ("half a close code", client(0x88, b"\x03"), Protocol),
        ("a close reason that is not UTF-8", client(0x88, b"\x03\xe8\xff"), InvalidText),
    ];
    for (name, frames, want) in cases {
        let (_, violation) = decode([&frames[..]]);
        assert_eq!(violation.map(|violation| violation.close), Some(want), "{name}");
    }
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        let (_, violation) = decode([&client(0x80 | opcode, b"")[..]]);
        assert_eq!(violation.map(|violation| violation.close), Some(Protocol), "opcode {opcode}");
    }
}

#[test]
fn only_close_codes_that_may_be_sent_are_taken() {
    for code in 0..=u16::MAX {
        let taken = decode([&client(0x88, &code.to_be_bytes())[..]]).1.is_none();
        let allowed = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
        assert_eq!(taken, allowed, "{code}");
    }
}

#[test]
fn a_violation_is_told_at_the_first_byte_that_makes_it_one() {
    use CloseReason::{InvalidText, Protocol, TooLarge};
    let bad_text = client(0x81, b"good \xff and more");
    let second_fragment = [client(0x02, &[0; 50_000]), client(0x80, &[0; 60_000])].concat();
    for (bytes, at, want) in [
        (client(0x83, b"x"), 1, Protocol),
        (client(0xC1, b"x"), 1, Protocol),
        (text("unmasked").to_vec(), 2, Protocol),
        (client(0x89, &[0; 126]), 2, Protocol),
        (client(0x82, &[0; 70_001]), 10, TooLarge),
        (bad_text, 6 + 6, InvalidText),
        (second_fragment, 8 + 50_000 + 4, TooLarge),
    ] {
        let single = |len: usize| decode(bytes[..len].chunks(1));
        assert_eq!(single(at - 1).1, None);
        assert_eq!(single(at).1.map(|violation| violation.close), Some(want));
    }
}

#[test]
fn an_idle_decoder_holds_nothing_and_a_waiting_one_what_came() {
    assert_eq!(size_of::<Decoder>(), size_of::<usize>());
    let mut decoder = Decoder::new();
    let frame = client(0x82, &[0; 60_000]);
    let (mut part, rest) = frame.split_at(1_000);
    assert_eq!(decoder.feed(&mut part, &LIMITS), Ok(None));
    assert!(!decoder.is_idle());
    assert!(decoder.held_bytes() <= 2 * 1_000 + 256, "declaring 60,000 bytes reserves none: {}", decoder.held_bytes());
    let (most, mut last) = rest.split_at(rest.len() - 1);
    for mut piece in most.chunks(7) {
        assert_eq!(decoder.feed(&mut piece, &LIMITS), Ok(None));
        assert!(decoder.held_bytes() <= 60_000 + 256);
    }
    assert!(matches!(decoder.feed(&mut last, &LIMITS), Ok(Some(Incoming::Binary(_)))));
    assert!(decoder.is_idle());
    assert_eq!(decoder.held_bytes(), 0);
}

#[test]
fn a_message_in_tiny_fragments_is_not_copied_for_each() {
    let fragments = [client(0x01, b""), client(0x00, b"x").repeat(50_000)].concat();
    let (mut decoder, mut sizes) = (Decoder::new(), std::collections::HashSet::new());
    for mut piece in fragments.chunks(7) {
        assert_eq!(decoder.feed(&mut piece, &LIMITS), Ok(None));
        sizes.insert(decoder.held_bytes());
    }
    assert!(sizes.len() < 25, "grew {} times", sizes.len());
    assert!(decoder.held_bytes() <= 2 * 50_000 + 256);
}

fn frames() -> impl Strategy<Value = Vec<u8>> {
    let payload = prop_oneof![prop::collection::vec(any::<u8>(), 0..200), "\\PC{0,80}".prop_map(String::into_bytes),];
    let first =
        prop::sample::select(vec![0x81, 0x81, 0x82, 0x01, 0x02, 0x00, 0x80, 0x80, 0x89, 0x8A, 0x88, 0xC1, 0x83]);
    let frame = prop_oneof![
        8 => (first, payload).prop_map(|(first, payload)| client(first, &payload)),
        1 => prop::collection::vec(any::<u8>(), 0..20),
    ];
    prop::collection::vec(frame, 0..8).prop_map(|frames| frames.concat())
}

proptest! {
    #[test]
    fn however_they_are_cut_they_mean_the_same(bytes in frames(), cuts in prop::collection::vec(1_usize..50, 1..20)) {
        let whole = decode([&bytes[..]]);
        prop_assert_eq!(&decode(bytes.chunks(1)), &whole);
        let mut rest = &bytes[..];
        let pieces = cuts.iter().cycle().map_while(|cut| {
            let (piece, later) = rest.split_at((*cut).min(rest.len()));
            rest = later;
            (!piece.is_empty()).then_some(piece)
        });
        prop_assert_eq!(&decode(pieces), &whole);
    }

    #[test]
    fn a_fragmented_message_is_the_whole_message(message in "\\PC{0,200}", cut in 1_usize..20) {
        let mut frames = vec![client(0x01, b"")];
        frames.extend(message.as_bytes().chunks(cut).map(|part| client(0x00, part)));
        frames.push(client(0x80, b""));
        prop_assert_eq!(decode([&frames.concat()[..]]), (vec![Incoming::Text(message)], None));
    }
}
