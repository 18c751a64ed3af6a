//! Whether a browser shows an artifact or saves it: nothing that was uploaded may run as a page.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The characters that are escaped in an extended value: all but letters, digits and these (RFC 8187, `attr-char`).
const EXTENDED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// Media types that a browser shows without running any of their content.
const SHOWN: [&str; 10] = [
    "application/json",
    "audio/mpeg",
    "image/gif",
    "image/jpeg",
    "image/png",
    "image/webp",
    "text/plain",
    "video/mp4",
    "video/ogg",
    "video/webm",
];

/// Whether a browser may show something of this media type, instead of saving it.
pub fn is_shown(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    SHOWN.contains(&essence.as_str())
}

/// The value of `Content-Disposition` (RFC 6266) for an artifact of this name.
pub fn content_disposition(name: &str, shown: bool) -> String {
    let form = if shown { "inline" } else { "attachment" };
    let plain = |c: char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\' | '%' | '/');
    // Clients that do not know `filename*` get a name that every file system takes.
    let ascii: String = name.chars().map(|c| if plain(c) { c } else { '_' }).collect();
    if ascii == name {
        return format!("{form}; filename=\"{ascii}\"");
    }
    format!("{form}; filename=\"{ascii}\"; filename*=UTF-8''{}", utf8_percent_encode(name, EXTENDED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_runs_nothing_is_shown() {
        for shown in ["image/png", "video/webm", "text/plain; charset=utf-8", "TEXT/PLAIN"] {
            assert!(is_shown(shown), "{shown}");
        }
        for stored in ["text/html", "image/svg+xml", "application/xhtml+xml", "application/pdf", "text/javascript", ""]
        {
            assert!(!is_shown(stored), "{stored}");
        }
    }

    #[test]
    fn a_name_is_quoted_and_can_not_break_out_of_the_header() {
        for (name, value) in [
            ("trace.zip", "attachment; filename=\"trace.zip\""),
            ("my trace.zip", "attachment; filename=\"my trace.zip\""),
            ("a\"; x=\"b", "attachment; filename=\"a_; x=_b\"; filename*=UTF-8''a%22%3B%20x%3D%22b"),
            ("../é.zip", "attachment; filename=\"..__.zip\"; filename*=UTF-8''..%2F%C3%A9.zip"),
        ] {
            assert_eq!(content_disposition(name, false), value);
        }
        assert!(content_disposition("x.png", true).starts_with("inline; "));
    }
}
