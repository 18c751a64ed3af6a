//! What is handed out to those who can't decode it: all of it, or an error at its end.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::{StreamExt, stream};
use runcast::compression::decode::decoded;
use runcast::protocol::coding::ContentCoding;

use super::tools::noise;

const RUN: &[u8] = include_bytes!("../data/run.ndjson");

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn zstd(content: &[u8], window_log: u32) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 9).unwrap();
    encoder.window_log(window_log).unwrap();
    encoder.long_distance_matching(true).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// What comes out of `stored`, cut in pieces of `cut` bytes; and the error at its end.
async fn read(coding: ContentCoding, stored: &[u8], cut: usize) -> (Vec<u8>, Option<io::Error>) {
    let pieces: Vec<_> = stored.chunks(cut).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    let mut decoded = decoded(coding, stream::iter(pieces));
    let mut all = Vec::new();
    while let Some(chunk) = decoded.next().await {
        match chunk {
            Ok(chunk) => {
                assert!((1..=64 * 1024).contains(&chunk.len()), "{}", chunk.len());
                all.extend_from_slice(&chunk);
            }
            Err(error) => {
                assert!(decoded.next().await.is_none(), "something came after the error");
                return (all, Some(error));
            }
        }
    }
    (all, None)
}

#[tokio::test]
async fn what_was_stored_comes_out_however_it_is_cut() {
    let content = [RUN, &noise(1, 100_000), RUN].concat();
    for (coding, stored) in [
        (ContentCoding::Gzip, gzip(&content)),
        (ContentCoding::Zstd, zstd(&content, 23)),
        (ContentCoding::Gzip, [gzip(&content[..9_000]), gzip(&content[9_000..])].concat()),
        (ContentCoding::Zstd, [zstd(&content[..9_000], 20), zstd(&content[9_000..], 23)].concat()),
    ] {
        for cut in [97, 4_096, 65_536, usize::MAX] {
            let (all, error) = read(coding, &stored, cut).await;
            assert!(error.is_none(), "{coding:?} {cut} {error:?}");
            assert!(all == content, "{coding:?} {cut}");
        }
    }
    let (all, error) = read(ContentCoding::Identity, &content, 5_000).await;
    assert!(all == content && error.is_none());
}

#[tokio::test]
async fn what_is_cut_off_anywhere_ends_in_an_error() {
    let content = &RUN[..6_000];
    for (coding, stored) in [(ContentCoding::Gzip, gzip(content)), (ContentCoding::Zstd, zstd(content, 23))] {
        for end in 0..stored.len() {
            for cut in [7, usize::MAX] {
                let (all, error) = read(coding, &stored[..end], cut).await;
                assert!(error.is_some(), "{coding:?} cut at {end} gave {} bytes and no error", all.len());
                assert!(content.starts_with(&all), "{coding:?} {end}");
            }
        }
    }
}

#[tokio::test]
async fn what_is_corrupt_or_followed_by_something_else_ends_in_an_error() {
    let content = &RUN[..6_000];
    for (coding, stored) in [(ContentCoding::Gzip, gzip(content)), (ContentCoding::Zstd, zstd(content, 23))] {
        for at in [0, 1, stored.len() / 3, stored.len() / 2, stored.len() - 6, stored.len() - 1] {
            let mut bad = stored.clone();
            bad[at] ^= 0x55;
            let (_, error) = read(coding, &bad, 100).await;
            assert!(error.is_some(), "{coding:?} corrupt at {at}");
        }
        for behind in [&b"x"[..], b"something else that follows", &[0; 30]] {
            let (all, error) = read(coding, &[&stored, behind].concat(), 100).await;
            assert!(error.is_some(), "{coding:?} followed by {behind:?} gave {} bytes", all.len());
        }
    }
}

#[tokio::test]
async fn a_window_larger_than_browsers_allow_is_refused() {
    let content = noise(1, 10_000);
    assert!(read(ContentCoding::Zstd, &zstd(&content, 23), 1_000).await.1.is_none());
    assert!(read(ContentCoding::Zstd, &zstd(&content, 24), 1_000).await.1.is_some());
}

#[tokio::test]
async fn an_error_of_the_store_is_handed_on() {
    for coding in ContentCoding::ALL {
        let stored = match coding {
            ContentCoding::Identity => RUN.to_vec(),
            ContentCoding::Gzip => gzip(RUN),
            ContentCoding::Zstd => zstd(RUN, 23),
        };
        let half = Ok(Bytes::from(stored[..stored.len() / 2].to_vec()));
        let broken = stream::iter([half, Err(io::Error::other("the store is away"))]);
        let last = decoded(coding, broken).collect::<Vec<_>>().await.pop().unwrap();
        assert_eq!(last.unwrap_err().to_string(), "the store is away", "{coding:?}");
    }
}

#[tokio::test]
async fn no_more_is_read_than_is_asked_for() {
    // 30 MB that are stored in a few KiB would be easy to unpack ahead; noise shows what is read ahead of time.
    let stored = zstd(&noise(1, 8 << 20), 23);
    let read = Arc::new(AtomicUsize::new(0));
    let pieces: Vec<_> = stored.chunks(64 * 1024).map(Bytes::copy_from_slice).collect();
    let counted = stream::iter(pieces).map({
        let read = read.clone();
        move |piece| {
            read.fetch_add(piece.len(), Ordering::Relaxed);
            Ok(piece)
        }
    });
    let mut decoded = decoded(ContentCoding::Zstd, counted);
    let mut taken = 0;
    for _ in 0..40 {
        taken += decoded.next().await.unwrap().unwrap().len();
        // A block of 128 KiB that is being decoded, and the piece that is in hand.
        assert!(read.load(Ordering::Relaxed) <= taken + 3 * 128 * 1024, "{taken}");
    }
}
