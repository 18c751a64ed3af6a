//! The escape sequences of terminals (ECMA-48) in a text: those that colour it, and all others. Pure.

/// A part of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EscapePart<'a> {
    /// What is no escape sequence.
    Text(&'a str),
    /// The codes of a colour, or of another look in which a text can be read.
    Colour(&'a str),
    /// Any other escape sequence.
    Other,
}

/// Most bytes of the codes of a colour.
const MAX_CODES: usize = 40;

/// The parts of a text, in order.
pub(super) fn parts(text: &str) -> impl Iterator<Item = EscapePart<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let begins = |c: char| matches!(c, '\u{1b}' | '\u{90}' | '\u{98}' | '\u{9b}' | '\u{9d}'..='\u{9f}');
        let (part, length) = match rest.find(begins) {
            Some(0) => sequence(rest),
            Some(at) => (EscapePart::Text(&rest[..at]), at),
            None => (EscapePart::Text(rest), rest.len()),
        };
        rest = &rest[length..];
        Some(part)
    })
}

/// The sequence at the beginning of a text, and its bytes.
fn sequence(text: &str) -> (EscapePart<'_>, usize) {
    let mut chars = text.chars();
    let first = chars.next().unwrap_or_default();
    let (kind, begin) = match (first, chars.next()) {
        ('\u{1b}', Some(second)) => (second, 1 + second.len_utf8()),
        ('\u{1b}', None) => return (EscapePart::Other, 1),
        // The same by one character.
        (c1, _) => (char::from_u32(u32::from(c1) - 0x40).unwrap_or_default(), c1.len_utf8()),
    };
    let rest = &text[begin..];
    match kind {
        '[' => {
            let codes = rest.find(|c| !matches!(c, '\x20'..='\x3f')).unwrap_or(rest.len());
            match rest[codes..].chars().next() {
                Some('m') if is_legible(&rest[..codes]) => (EscapePart::Colour(&rest[..codes]), begin + codes + 1),
                Some('\x40'..='\x7e') => (EscapePart::Other, begin + codes + 1),
                _ => (EscapePart::Other, begin + codes),
            }
        }
        // A string for the terminal: a title, a link. One that has no end hides nothing.
        'P' | 'X' | ']' | '^' | '_' => {
            let ends = ["\u{7}", "\u{9c}", "\u{1b}\\"].into_iter();
            let end = ends.filter_map(|end| Some(rest.find(end)? + end.len())).min();
            (EscapePart::Other, begin + end.unwrap_or_default())
        }
        '\x20'..='\x2f' => {
            let end = rest.find(|c| !matches!(c, '\x20'..='\x2f')).unwrap_or(rest.len());
            let last = rest[end..].chars().next().filter(char::is_ascii).map_or(0, char::len_utf8);
            (EscapePart::Other, begin + end + last)
        }
        '\x30'..='\x7e' => (EscapePart::Other, begin),
        _ => (EscapePart::Other, 1),
    }
}

/// Whether a text in this look can be read: it does not blink, is not concealed, and has no background, before which
/// other colours may be invisible.
fn is_legible(codes: &str) -> bool {
    if codes.len() > MAX_CODES || !codes.bytes().all(|byte| byte.is_ascii_digit() || byte == b';') {
        return false;
    }
    let mut codes = codes.split(';').map(|code| if code.is_empty() { Some(0) } else { code.parse::<u8>().ok() });
    while let Some(code) = codes.next() {
        let is_good = match code {
            Some(38) => match codes.next().flatten() {
                Some(5) => codes.next().flatten().is_some(),
                Some(2) => (0..3).all(|_| codes.next().flatten().is_some()),
                _ => false,
            },
            Some(code) => matches!(code, 0..=4 | 7 | 22..=24 | 27 | 30..=37 | 39 | 49 | 90..=97),
            None => false,
        };
        if !is_good {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::EscapePart::{Colour, Other, Text};
    use super::*;

    #[test]
    fn a_text_is_taken_apart_at_its_sequences() {
        let parts = |text| parts(text).collect::<Vec<_>>();
        assert_eq!(parts("a\x1b[1;31mb\x1b[m"), [Text("a"), Colour("1;31"), Text("b"), Colour("")]);
        assert_eq!(
            parts("\x1b[38;5;200mx\x1b[38;2;1;2;3my"),
            [Colour("38;5;200"), Text("x"), Colour("38;2;1;2;3"), Text("y")]
        );
        assert_eq!(parts("\x1b[2J\x1b[?25l\u{9b}3Ax"), [Other, Other, Other, Text("x")]);
        assert_eq!(parts("\x1b]0;title\x07x\x1b]8;;u\x1b\\y"), [Other, Text("x"), Other, Text("y")]);
        assert_eq!(parts("\x1b(Bx\x1bcy"), [Other, Text("x"), Other, Text("y")]);
        assert_eq!(parts("\x1b"), [Other]);
        assert_eq!(parts("\x1b[31"), [Other]);
        assert_eq!(parts("\x1b]no end"), [Other, Text("no end")]);
        assert_eq!(parts("\x1bé\u{9b}é"), [Other, Text("é"), Other, Text("é")]);
    }

    #[test]
    fn a_look_in_which_a_text_may_not_be_seen_is_no_colour() {
        for codes in ["8", "5", "41", "30;40", "48;5;1", "38", "38;5", "38;9;1", "999", "1:2", "?1", "38;2;1;2"] {
            assert!(!is_legible(codes), "{codes}");
        }
    }
}
