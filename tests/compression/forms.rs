//! What is stored in which form; and what happens when it is time to stop, or the disk fails.

use std::cell::Cell;
use std::fs::File;
use std::io::Read;

use flate2::read::MultiGzDecoder;
use runcast::compression::{CompressionLimits, CompressionOutcome, KeptReason, compress};
use runcast::protocol::artifact::Method;
use runcast::protocol::coding::ContentCoding;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

use super::tools::{compressed, contents, file, noise};

const TRACE: &[u8] = include_bytes!("../data/trace-snapshots-only.zip");
const RUN: &[u8] = include_bytes!("../data/run.ndjson");

#[test]
fn text_is_stored_as_gzip() {
    for content_type in ["application/x-ndjson", "application/octet-stream", "image/png", ""] {
        let (outcome, target) = compressed(RUN, content_type, &CompressionLimits::default());
        let CompressionOutcome::Smaller(smaller) = outcome else { panic!("{outcome:?}") };
        assert_eq!((smaller.method, smaller.coding), (Method::Gzip, ContentCoding::Gzip));
        assert_eq!((smaller.decoded, smaller.entries), (RUN.len() as u64, 0));
        assert_eq!(smaller.size, target.len() as u64);
        assert!(smaller.size * 5 < RUN.len() as u64, "{smaller:?}");
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &target);
        assert_eq!(smaller.sha256.0, digest.as_ref());
        let mut decoded = Vec::new();
        MultiGzDecoder::new(&target[..]).read_to_end(&mut decoded).unwrap();
        assert_eq!(decoded, RUN);
    }
}

#[test]
fn pictures_video_and_archives_are_kept() {
    for start in
        [&b"\x89PNG\r\n\x1a\n"[..], b"\xff\xd8\xff\xe0", b"\x1a\x45\xdf\xa3", b"\x28\xb5\x2f\xfd", b"\x1f\x8b\x08"]
    {
        // What follows would become smaller.
        let content = [start, &RUN[..50_000]].concat();
        let (outcome, _) = compressed(&content, "text/plain", &CompressionLimits::default());
        assert_eq!(outcome, CompressionOutcome::Kept(KeptReason::AlreadyCompressed), "{start:x?}");
    }
}

#[test]
fn what_is_unknown_or_would_not_become_smaller_is_kept() {
    let kept = |content: &[u8]| match compressed(content, "application/octet-stream", &CompressionLimits::default()).0 {
        CompressionOutcome::Kept(reason) => reason,
        smaller => panic!("{smaller:?}"),
    };
    assert_eq!(kept(&[b"SQLite format 3\0", &RUN[..50_000]].concat()), KeptReason::UnknownContent);
    assert_eq!(kept(b""), KeptReason::NotWorthIt);
    assert_eq!(kept(b"too short for anything to be saved\n".repeat(20).as_slice()), KeptReason::NotWorthIt);
    let base64: Vec<u8> = noise(5, 1 << 20).iter().map(|byte| b' ' + byte % 95).collect();
    let (outcome, _) = compressed(&noise(6, 1 << 20), "text/plain", &CompressionLimits::default());
    assert_eq!(outcome, CompressionOutcome::Kept(KeptReason::NotWorthIt));
    assert!(matches!(compressed(&base64, "", &CompressionLimits::default()).0, CompressionOutcome::Smaller(_)));
    // Frames that have nothing in common.
    let frames: Vec<_> = (0..20).map(|n| super::zips::Piece::deflated(&n.to_string(), &noise(n, 20_000))).collect();
    assert_eq!(kept(&super::zips::zip(&frames)), KeptReason::NotWorthIt);
}

#[test]
fn it_stops_when_it_is_told_to_whatever_it_does() {
    let text = RUN.repeat(20);
    for original in [TRACE, &text] {
        let asked = Cell::new(0);
        let never = || {
            asked.set(asked.get() + 1);
            false
        };
        let whole = compress(&file(original), &mut file(b""), "", &CompressionLimits::default(), &never).unwrap();
        assert!(matches!(whole, CompressionOutcome::Smaller(_)), "{whole:?}");
        let times = asked.get();
        assert!(times > original.len() / (128 * 1024), "{times}");
        for last in [0, 1, times / 4, times / 2, times - times / 4, times - 1] {
            asked.set(0);
            let then = || {
                asked.set(asked.get() + 1);
                asked.get() > last
            };
            let outcome = compress(&file(original), &mut file(b""), "", &CompressionLimits::default(), &then).unwrap();
            assert_eq!(outcome, CompressionOutcome::Kept(KeptReason::Stopped), "at the {last}th time");
            assert_eq!(asked.get(), last + 1, "it was told, and went on");
        }
    }
}

/// A file that takes no byte more than `size`.
fn full_disk(size: u64) -> File {
    let file: File = memfd_create("full", MemfdFlags::ALLOW_SEALING).unwrap().into();
    file.set_len(size).unwrap();
    fcntl_add_seals(&file, SealFlags::GROW | SealFlags::SHRINK).unwrap();
    file
}

#[test]
fn a_disk_that_fails_is_an_error_and_not_a_reason() {
    for original in [TRACE, RUN] {
        let error =
            compress(&file(original), &mut full_disk(0), "", &CompressionLimits::default(), &|| false).unwrap_err();
        assert!(error.raw_os_error().is_some(), "{error:?}");
        // A source that can't be read.
        let path = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(path.path(), original).unwrap();
        let source = File::options().append(true).open(path.path()).unwrap();
        let error = compress(&source, &mut file(b""), "", &CompressionLimits::default(), &|| false).unwrap_err();
        assert!(error.raw_os_error().is_some(), "{error:?}");
    }
}

#[test]
fn the_target_is_what_was_written_and_nothing_of_what_it_held() {
    let mut target = file(&noise(9, 2_000_000));
    let outcome = compress(&file(RUN), &mut target, "", &CompressionLimits::default(), &|| false).unwrap();
    let CompressionOutcome::Smaller(smaller) = outcome else { panic!("{outcome:?}") };
    assert_eq!(contents(&mut target).len() as u64, smaller.size);
}
