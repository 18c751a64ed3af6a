//! Recognizes content by its first bytes, when neither a name nor a declared type says what it is.

use super::ArtifactKind;

/// The kind and media type of content with this beginning; `None` if it is not recognized.
pub fn recognise(head: &[u8]) -> Option<(ArtifactKind, &'static str)> {
    let begins = |at: usize, magic: &[u8]| head.get(at..).is_some_and(|rest| rest.starts_with(magic));
    // A trace's events are among the first entries of its zip file, before the screencast.
    let has = |word: &[u8]| head.windows(word.len()).any(|window| window == word);
    if begins(0, b"PK\x03\x04") {
        let is_trace = has(b".trace") || has(b"screencast/");
        return Some((if is_trace { ArtifactKind::Trace } else { ArtifactKind::Other }, "application/zip"));
    }
    let known = [
        (0, &b"\x89PNG\r\n\x1a\n"[..], ArtifactKind::Screenshot, "image/png"),
        (0, b"\xff\xd8\xff", ArtifactKind::Screenshot, "image/jpeg"),
        (0, b"GIF8", ArtifactKind::Screenshot, "image/gif"),
        (8, b"WEBP", ArtifactKind::Screenshot, "image/webp"),
        (0, b"\x1a\x45\xdf\xa3", ArtifactKind::Video, "video/webm"),
        (4, b"ftyp", ArtifactKind::Video, "video/mp4"),
    ];
    let found = known.into_iter().find(|(at, magic, ..)| begins(*at, magic));
    found.map(|(_, _, kind, content_type)| (kind, content_type))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_telling_name_is_known_by_its_beginning() {
        let zip = |name: &str| [b"PK\x03\x04\x14\0\0\0\0\0", name.as_bytes()].concat();
        for (head, known) in [
            (zip("1-trace.trace"), Some((ArtifactKind::Trace, "application/zip"))),
            (zip("screencast/page@1.jpeg"), Some((ArtifactKind::Trace, "application/zip"))),
            (zip("report/index.html"), Some((ArtifactKind::Other, "application/zip"))),
            (b"\x89PNG\r\n\x1a\n....".to_vec(), Some((ArtifactKind::Screenshot, "image/png"))),
            (b"RIFF....WEBPVP8 ".to_vec(), Some((ArtifactKind::Screenshot, "image/webp"))),
            (b"\x1a\x45\xdf\xa3....".to_vec(), Some((ArtifactKind::Video, "video/webm"))),
            (b"....ftypisom".to_vec(), Some((ArtifactKind::Video, "video/mp4"))),
            (b"some text".to_vec(), None),
            (b"PK".to_vec(), None),
            (Vec::new(), None),
        ] {
            assert_eq!(recognise(&head), known, "{head:?}");
        }
    }
}
