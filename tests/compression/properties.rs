//! Whatever there may be in a zip file: it comes out the same, or stays as it was.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use runcast::compression::{CompressionLimits, CompressionOutcome};

use super::tools::{compressed, kept_of_directory, noise, rezipped, seen};
use super::zips::{Piece, Zip};

fn content() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..50),
        (any::<u64>(), 0..5_000_usize).prop_map(|(seed, count)| noise(seed, count)),
        (".{1,20}", 0..200_usize).prop_map(|(text, count)| text.repeat(count).into_bytes()),
    ]
}

fn piece() -> impl Strategy<Value = Piece> {
    let numbers = (any::<u16>(), any::<u16>(), any::<u16>(), any::<u32>());
    let more = (vec(any::<u8>(), 0..30), vec(any::<u8>(), 0..30), any::<bool>());
    (content(), 0..6, numbers, more).prop_map(
        |(content, form, (time, date, made_by, external), (comment, extra, utf8))| {
            let extra = [b"xx", &(extra.len() as u16).to_le_bytes()[..], &extra].concat();
            let piece = if form == 5 { Piece::stored("", &content) } else { Piece::deflated("", &content) };
            let piece = piece
                .both(|header| {
                    (header.time, header.date) = (time, date);
                    header.flags = u16::from(utf8) << 11;
                    header.extra.clone_from(&extra);
                })
                .central(|header| {
                    (header.made_by, header.external) = (made_by, external);
                    header.comment.clone_from(&comment);
                });
            match form {
                1 => piece.streamed(true, false),
                2 => piece.streamed(false, false),
                3 => piece.streamed(true, true),
                _ => piece,
            }
        },
    )
}

fn named(pieces: BTreeMap<Vec<u8>, Piece>) -> Vec<Piece> {
    let name = |(name, piece): (Vec<u8>, Piece)| piece.both(|header| header.name.clone_from(&name));
    pieces.into_iter().map(name).collect()
}

fn archive() -> impl Strategy<Value = Zip> {
    (btree_map(vec(any::<u8>(), 1..30), piece(), 0..20), vec(1..255_u8, 0..20)).prop_map(|(pieces, comment)| {
        // So that there is something to be saved.
        let twins = ["twin 1, longer than thirty bytes are", "twin 2, longer than thirty bytes are"];
        let twins = twins.map(|name| Piece::deflated(name, &noise(1, 4_000)));
        let mut zip = Zip::of(&[named(pieces), twins.into()].concat());
        zip.comment = comment;
        zip
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_zip_file_comes_out_with_the_same_entries(zip in archive()) {
        let original = zip.bytes();
        let rebuilt = match rezipped(&original) {
            Ok((_, rebuilt)) => rebuilt,
            // Two times 2,000 bytes of repeated text and the like are dense.
            Err(reason) => return Err(TestCaseError::fail(format!("{reason:?}"))),
        };
        prop_assert_eq!(seen(&rebuilt), seen(&original));
        prop_assert_eq!(kept_of_directory(&rebuilt), kept_of_directory(&original));
    }

    #[test]
    fn a_zip_file_with_changed_bytes_is_kept_or_comes_out_as_others_read_it(
        zip in archive(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = zip.bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok((_, rebuilt)) = rezipped(&bytes) {
            prop_assert_eq!(seen(&rebuilt), seen(&bytes));
            prop_assert_eq!(kept_of_directory(&rebuilt), kept_of_directory(&bytes));
        }
    }

    #[test]
    fn garbage_is_kept_or_stored_as_text(start in 0..4_usize, bytes in vec(any::<u8>(), 0..20_000), text in any::<bool>()) {
        let start = [&b""[..], b"PK\x03\x04", b"PK\x05\x06", b"PK"][start];
        let content = [start, &bytes, b"PK\x05\x06", &bytes[..bytes.len().min(18)]].concat();
        let content_type = if text { "text/plain" } else { "" };
        let (outcome, target) = compressed(&content, content_type, &CompressionLimits::default());
        if let CompressionOutcome::Smaller(smaller) = outcome {
            prop_assert!(start.len() < 4, "{:?}", smaller);
            prop_assert!(smaller.size + 1_024 <= content.len() as u64);
            prop_assert_eq!(smaller.size, target.len() as u64);
        }
    }
}

#[test]
fn each_byte_of_a_zip_file_may_be_any_other() {
    let twins = ["a", "b"].map(|name| Piece::deflated(name, &noise(1, 1_500)).streamed(true, false));
    let whole = Zip::of(&twins).bytes();
    let headers = (0..60).chain(1_500..1_620).chain(3_030..whole.len());
    for at in headers {
        for change in [1, 0x80, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] ^= change;
            if let Ok((_, rebuilt)) = rezipped(&bytes) {
                assert_eq!(seen(&rebuilt), seen(&bytes), "byte {at} changed by {change}");
            }
        }
    }
}
