//! Zip files that become smaller hand out the same entries.

use std::io::Cursor;

use aws_lc_rs::digest::{SHA256, digest};
use runcast::compression::{CompressionLimits, CompressionOutcome, Smaller, compress};
use runcast::protocol::artifact::Method;
use runcast::protocol::coding::ContentCoding;

use super::tools::{compressed, contents, file, kept_of_directory, noise, rezipped, seen};
use super::zips::{Piece, Zip, zip};

/// Real traces of Playwright 1.65. Of the second one only the first 20 of 53 frames are here: they save as much (21.6
/// %) as all of them do (21.8 %). How much that is depends on what was filmed: the first 31 would save 28.6 %.
const SNAPSHOTS: &[u8] = include_bytes!("../data/trace-snapshots-only.zip");
const SCREENCAST: &[u8] = include_bytes!("../data/trace.zip");

fn saved_percent(original: &[u8], smaller: &Smaller) -> f64 {
    100.0 - 100.0 * smaller.size as f64 / original.len() as f64
}

#[track_caller]
fn same_entries(original: &[u8]) -> (Smaller, Vec<u8>) {
    let (smaller, rebuilt) = rezipped(original).unwrap();
    assert_eq!(seen(&rebuilt), seen(original));
    assert_eq!(kept_of_directory(&rebuilt), kept_of_directory(original));
    (smaller, rebuilt)
}

#[test]
fn a_trace_with_a_screencast_becomes_a_fifth_smaller_and_has_the_same_entries() {
    let (smaller, _) = same_entries(SCREENCAST);
    assert!(saved_percent(SCREENCAST, &smaller) >= 20.0, "{smaller:?}");
    assert_eq!(smaller.entries, 41);
}

#[test]
fn a_trace_of_snapshots_becomes_a_little_smaller_and_has_the_same_entries() {
    let (smaller, _) = same_entries(SNAPSHOTS);
    assert!((5.0..20.0).contains(&saved_percent(SNAPSHOTS, &smaller)), "{smaller:?}");
}

#[test]
fn what_is_told_of_the_target_is_true() {
    let (outcome, target) = compressed(SNAPSHOTS, "application/zip", &CompressionLimits::default());
    let CompressionOutcome::Smaller(smaller) = outcome else { panic!("{outcome:?}") };
    let decoded = zstd::decode_all(&target[..]).unwrap();
    assert_eq!((smaller.method, smaller.coding), (Method::Rezipped, ContentCoding::Zstd));
    assert_eq!(smaller.size, target.len() as u64);
    assert_eq!(smaller.sha256.0, digest(&SHA256, &target).as_ref());
    assert_eq!(smaller.decoded, decoded.len() as u64);
    assert_eq!(smaller.entries, 27);
    // RFC 8878, 3.1.1.1: a checksum, no dictionary; a window of at most 8 MiB.
    assert_eq!(target[4] & 0b0000_0111, 0b0000_0100);
    assert!(target[5] >> 3 <= 23 - 10, "{}", target[5] >> 3);
}

#[test]
fn the_same_trace_gives_the_same_bytes() {
    let once = compressed(SNAPSHOTS, "", &CompressionLimits::default());
    assert_eq!(compressed(SNAPSHOTS, "application/octet-stream", &CompressionLimits::default()), once);
}

#[test]
fn the_cursor_of_the_original_does_not_matter() {
    use std::io::{Seek, SeekFrom};
    let mut original = file(SNAPSHOTS);
    original.seek(SeekFrom::Start(1_000)).unwrap();
    let mut target = tempfile::tempfile().unwrap();
    let outcome = compress(&original, &mut target, "", &CompressionLimits::default(), &|| false).unwrap();
    assert!(matches!(outcome, CompressionOutcome::Smaller(_)), "{outcome:?}");
    assert_eq!(original.stream_position().unwrap(), 1_000);
    assert_eq!(contents(&mut target), compressed(SNAPSHOTS, "", &CompressionLimits::default()).1);
}

#[test]
fn all_that_an_entry_has_is_kept() {
    let frame = noise(1, 2_000);
    let (smaller, rebuilt) = same_entries(&zip(&[
        Piece::deflated("frame-1.jpeg", &frame).streamed(true, false),
        Piece::deflated("frame-2.jpeg", &frame).streamed(false, false),
        Piece::deflated("frame-3.jpeg", &frame).streamed(true, true),
        Piece::deflated("frame-4.jpeg", &frame).streamed(false, true),
        Piece::stored("frame-5.jpeg", &frame),
        Piece::stored("folder/", b"").both(|header| header.external = 0o40_755 << 16 | 0x10),
        Piece::stored("link", b"frame-1.jpeg").both(|header| header.external = 0o120_777 << 16),
        Piece::deflated("empty", b""),
        Piece::deflated("é", b"utf8").both(|header| header.flags = 1 << 11),
        Piece::deflated("?", b"a name that is not UTF-8").both(|header| header.name = b"caf\x82.txt".into()),
        Piece::deflated("../up", b"a path that nobody here follows"),
        Piece::deflated("times", b"t").both(|header| (header.time, header.date) = (0xffff, 0)),
        Piece::deflated("extra", b"e")
            .local(|header| header.extra = b"UT\x09\0\x03\xcat\x04k\xcat\x04k".into())
            .central(|header| header.extra = b"UT\x05\0\x03\xcat\x04kxx\0\0".into()),
        Piece::deflated("effort", b"deflate64 has this flag, too").both(|header| header.flags = 1 << 1 | 1 << 2),
        Piece::deflated("attributes", b"a").central(|header| {
            header.comment = b"a comment \xff".into();
            header.internal = 1;
            header.made_by = 0x0b17;
            header.external = 0xdead_beef;
        }),
    ]));
    assert_eq!(smaller.entries, 15);
    let archive = zip::ZipArchive::new(Cursor::new(&rebuilt)).unwrap();
    assert_eq!(archive.len(), 15);
    for extra in [&b"UT\x09\0\x03\xcat\x04k\xcat\x04k"[..], b"UT\x05\0\x03\xcat\x04kxx\0\0"] {
        assert!(rebuilt.windows(extra.len()).any(|window| window == extra));
    }
}

#[test]
fn every_entry_is_stored_and_found_where_the_directory_says() {
    let (_, rebuilt) = same_entries(SNAPSHOTS);
    let mut archive = zip::ZipArchive::new(Cursor::new(&rebuilt)).unwrap();
    for index in 0..archive.len() {
        let entry = archive.by_index(index).unwrap();
        assert_eq!(entry.compression(), zip::CompressionMethod::Stored);
        assert_eq!(entry.compressed_size(), entry.size());
    }
}

#[test]
fn the_comment_of_the_archive_is_kept() {
    let mut original = Zip::of(&["a", "b"].map(|name| Piece::deflated(name, &noise(1, 1_800))));
    original.comment = b"what was tested, and when \xfe".into();
    let (_, rebuilt) = same_entries(&original.bytes());
    assert_eq!(zip::ZipArchive::new(Cursor::new(&rebuilt)).unwrap().comment(), original.comment);
}

#[test]
fn a_zip_file_whose_entries_are_stored_already_becomes_smaller_too() {
    let pieces: Vec<_> = (0..4).map(|n| Piece::stored(&n.to_string(), &noise(1, 4_000))).collect();
    let (smaller, _) = same_entries(&zip(&pieces));
    assert!(smaller.size < 5_000, "{smaller:?}");
}

#[test]
fn zip64_is_read() {
    let twins = ["a", "b"].map(|name| Piece::deflated(name, &noise(1, 1_800)));
    let plain = zip(&twins);
    let large = twins.clone().map(Piece::large);
    let (_, rebuilt) = rezipped(&plain).unwrap();
    assert_eq!(rezipped(&zip(&large)).unwrap().1, rebuilt);
    assert_eq!(rezipped(&Zip::of(&twins).large(2)).unwrap().1, rebuilt);
}

#[test]
fn more_entries_than_sixteen_bits_can_count_are_kept_in_order() {
    let pieces: Vec<_> = (0..66_000).map(|n| Piece::stored(&n.to_string(), b"")).collect();
    let original = Zip::of(&pieces).large(66_000);
    let (smaller, rebuilt) = rezipped(&original).unwrap();
    assert_eq!(smaller.entries, 66_000);
    let mut archive = zip::ZipArchive::new(Cursor::new(&rebuilt)).unwrap();
    assert_eq!(archive.len(), 66_000);
    for index in [0, 1, 65_534, 65_535, 65_536, 65_999] {
        assert_eq!(archive.by_index(index).unwrap().name_raw(), index.to_string().as_bytes());
    }
}
