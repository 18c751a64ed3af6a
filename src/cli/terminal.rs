//! Makes foreign text safe for a terminal: an event must not be able to move the cursor, set the title, or hide itself.

use std::fmt::Write as _;

/// Whether a character could control the terminal: controls (C0, DEL, C1, line and paragraph separators) and the
/// invisible characters that reorder the text around them (Unicode's bidirectional controls, "Trojan Source").
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// The text on one line, with control characters escaped; at most `most` characters of it.
pub(super) fn plain(text: &str, most: usize) -> String {
    let mut out = String::with_capacity(text.len().min(most));
    for (count, c) in text.chars().enumerate() {
        if count == most {
            out.push('…');
            break;
        }
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push(' '),
            c if acts(c) => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// Equivalent JSON without control characters. JSON allows raw DEL and C1 in strings, but not raw C0.
pub(super) fn plain_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if acts(c) && c != '\t' {
            // They all lie in the basic plane, so each takes one escape.
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

/// The colours that the output uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colour {
    Green,
    Red,
    Yellow,
    Cyan,
    Dim,
    Plain,
}

/// `text` in a colour, if colours are enabled.
pub(super) fn paint(text: &str, colour: Colour, wanted: bool) -> String {
    let code = match colour {
        _ if !wanted => return text.to_owned(),
        Colour::Plain => return text.to_owned(),
        Colour::Green => "32",
        Colour::Red => "31",
        Colour::Yellow => "33",
        Colour::Cyan => "36",
        Colour::Dim => "2",
    };
    format!("\x1b[{code}m{text}\x1b[0m")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_an_event_acts_on_the_terminal() {
        let evil = "a\x1b]0;title\x07b\x1b[2J\r\n\u{9b}31m\u{202e}x\u{7f}\u{2028}\t🎉é";
        let shown = plain(evil, 1_000);
        assert!(!shown.chars().any(acts), "{shown:?}");
        assert_eq!(shown, "a\\u{1b}]0;title\\u{7}b\\u{1b}[2J\\r\\n\\u{9b}31m\\u{202e}x\\u{7f}\\u{2028} 🎉é");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(plain("ééééé", 3), "ééé…");
        assert_eq!(plain("ééé", 3), "ééé");
    }

    #[test]
    fn json_stays_the_same_value() {
        let json = "{\"a\":\"\u{9b}2J\u{7f}\u{202e}\",\t\"b\":1}";
        let shown = plain_json(json);
        assert!(!shown.contains(['\u{9b}', '\u{7f}', '\u{202e}']));
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(value(json), value(&shown));
    }

    #[test]
    fn colours_appear_only_when_wanted() {
        assert_eq!(paint("x", Colour::Red, true), "\x1b[31mx\x1b[0m");
        assert_eq!(paint("x", Colour::Red, false), "x");
    }
}
