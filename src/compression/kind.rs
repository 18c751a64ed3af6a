//! Detects the kind of a file from its content. The declared type is used only where the content does not decide: for
//! text that is not UTF-8.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// The kind of a file, as far as it determines how the file is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileKind {
    Zip,
    Text,
    /// Compressed already; it would not become smaller.
    Compressed,
    Unknown,
}

/// Magic numbers of compressed formats, and their offsets.
const COMPRESSED: &[(usize, &[u8])] = &[
    (0, b"\x89PNG\r\n\x1a\n"),
    (0, b"\xff\xd8\xff"), // JPEG
    (0, b"GIF8"),
    (8, b"WEBP"),
    (4, b"ftyp"),             // MP4, QuickTime, AVIF, HEIC
    (0, b"\x1a\x45\xdf\xa3"), // WebM, Matroska
    (8, b"AVI "),
    (0, b"OggS"),
    (0, b"fLaC"),
    (0, b"ID3"),
    (0, b"\xff\xfb"), // MP3 without a tag
    (0, b"wOFF"),
    (0, b"wOF2"),
    (0, b"%PDF-"),
    (0, b"\x1f\x8b"),         // gzip
    (0, b"\x28\xb5\x2f\xfd"), // zstd
    (0, b"\xfd7zXZ\0"),
    (0, b"BZh"),
    (0, b"7z\xbc\xaf\x27\x1c"),
    (0, b"Rar!\x1a\x07"),
    (0, b"\x04\x22\x4d\x18"), // LZ4
];

/// The first bytes of zip files: an entry, or the end of an empty directory.
const ZIP: [&[u8]; 2] = [b"PK\x03\x04", b"PK\x05\x06"];

/// Media types of text that do not begin with `text/`.
const TEXTUAL: [&str; 8] = [
    "application/json",
    "application/x-ndjson",
    "application/jsonl",
    "application/xml",
    "application/javascript",
    "application/x-sh",
    "application/yaml",
    "image/svg+xml",
];

/// Bytes read at each of three positions.
const SAMPLE: usize = 8 * 1024;

/// The kind of a file of `size` bytes.
pub(super) fn of(file: &File, size: u64, content_type: &str) -> io::Result<FileKind> {
    let head = sample(file, 0, size)?;
    if let Some(kind) = by_magic(&head) {
        return Ok(kind);
    }
    let middle = sample(file, size / 2, size)?;
    let tail = sample(file, size.saturating_sub(SAMPLE as u64), size)?;
    let text = is_textual(content_type) || [head, middle, tail].iter().all(|sample| is_text(sample));
    Ok(if text { FileKind::Text } else { FileKind::Unknown })
}

/// Whether a file with this beginning may be a zip file or text.
pub(super) fn may_shrink(head: &[u8], content_type: &str) -> bool {
    let of_text = || is_textual(content_type) || is_text(head);
    by_magic(head).map_or_else(of_text, |kind| kind == FileKind::Zip)
}

/// The kind, if the first bytes decide it.
fn by_magic(head: &[u8]) -> Option<FileKind> {
    if ZIP.iter().any(|start| head.starts_with(start)) {
        return Some(FileKind::Zip);
    }
    let begins = |(at, start): &(usize, &[u8])| head.get(*at..).is_some_and(|rest| rest.starts_with(start));
    COMPRESSED.iter().any(begins).then_some(FileKind::Compressed)
}

fn sample(file: &File, at: u64, size: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(size - at).unwrap_or(SAMPLE).min(SAMPLE)];
    file.read_exact_at(&mut bytes, at)?;
    Ok(bytes)
}

fn is_textual(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence.starts_with("text/") || TEXTUAL.contains(&essence.as_str()) || essence.ends_with("+json")
}

/// Whether a piece of a file is UTF-8 without NUL. The piece may begin and end within a character.
fn is_text(piece: &[u8]) -> bool {
    let begun = piece.iter().take(3).take_while(|byte| **byte & 0xc0 == 0x80).count();
    let piece = &piece[begun..];
    let valid = match std::str::from_utf8(piece) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    };
    valid && memchr::memchr(0, piece).is_none()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn what_is_compressed_by_nature_shows_by_its_beginning() {
        for (head, content_type, may) in [
            (&b"PK\x03\x04...."[..], "video/webm", true),
            (b"\x1a\x45\xdf\xa3....", "text/plain", false),
            (b"{\"type\":\"log\"}", "video/webm", true),
            (b"caf\xe9", "text/plain", true),
            (b"\0\x01\x02", "application/octet-stream", false),
        ] {
            assert_eq!(may_shrink(head, content_type), may, "{head:?}");
        }
    }

    fn kind(content: &[u8], content_type: &str) -> FileKind {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        of(&file, content.len() as u64, content_type).unwrap()
    }

    #[test]
    fn a_file_is_what_it_contains_whatever_it_is_called() {
        for (content, content_type, expected) in [
            (&b"PK\x03\x04...."[..], "text/plain", FileKind::Zip),
            (b"\x89PNG\r\n\x1a\n....", "text/plain", FileKind::Compressed),
            (b"RIFF\0\0\0\0WEBPVP8 ", "application/octet-stream", FileKind::Compressed),
            (b"\0\0\0\x20ftypisom", "", FileKind::Compressed),
            (b"{\"type\":\"log\"}\n", "image/png", FileKind::Text),
            (b"<svg/>", "image/svg+xml", FileKind::Text),
            (b"", "", FileKind::Text),
            (b"caf\xe9", "text/plain; charset=latin1", FileKind::Text),
            (b"caf\xe9 et", "application/octet-stream", FileKind::Unknown),
            (b"SQLite format 3\0", "application/octet-stream", FileKind::Unknown),
            (b"h\0e\0", "Application/JSON;charset=utf-16", FileKind::Text),
            (b"\xff\xd8\xff\xe0", "application/problem+json", FileKind::Compressed),
        ] {
            assert_eq!(kind(content, content_type), expected, "{content:?} {content_type}");
        }
    }

    #[test]
    fn characters_may_be_cut_by_a_sample_and_binary_content_is_seen_in_the_middle_and_at_the_end() {
        for shift in 0..4 {
            let text = "x".repeat(shift) + &"€𝄞".repeat(20_000);
            assert_eq!(kind(text.as_bytes(), ""), FileKind::Text, "{shift}");
            for at in [text.len() / 2 + 100, text.len() - 100] {
                for bad in [0, 0xff] {
                    let mut bytes = text.clone().into_bytes();
                    bytes[at] = bad;
                    assert_eq!(kind(&bytes, ""), FileKind::Unknown, "{at} {bad}");
                }
            }
        }
    }
}
