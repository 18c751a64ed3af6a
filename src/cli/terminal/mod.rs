//! Makes foreign text safe for a terminal: an event must not be able to move the cursor, set the title, or hide itself.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _};

use rustix::termios::tcgetwinsize;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use self::escapes::EscapePart;

mod escapes;

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

/// The text on one line, as [`plain`] makes it, but for the escape sequences of terminals: colours stay if they are
/// wanted, and all other sequences are left out.
pub(super) fn legible(text: &str, most: usize, in_colour: bool) -> String {
    let mut out = String::with_capacity(text.len().min(most));
    let (mut left, mut is_coloured) = (most, false);
    for part in escapes::parts(text) {
        match part {
            EscapePart::Colour(codes) if in_colour && left > 0 => {
                let _ = write!(out, "\x1b[{codes}m");
                is_coloured = true;
            }
            EscapePart::Colour(_) | EscapePart::Other => {}
            EscapePart::Text(text) => {
                let count = text.chars().count();
                out.push_str(&plain(text, left));
                if count > left {
                    break;
                }
                left -= count;
            }
        }
    }
    if is_coloured {
        out.push_str("\x1b[0m");
    }
    out
}

/// Text of several lines, each as [`legible`] makes it and without blank ones at both ends; at most `most` lines, the
/// last of which says how many more there are.
pub(super) fn legible_lines(text: &str, most: usize, most_chars: usize, in_colour: bool) -> Vec<String> {
    let all: Vec<&str> = text.trim_end().lines().skip_while(|line| line.trim().is_empty()).collect();
    let shown = if all.len() > most { most.saturating_sub(1) } else { all.len() };
    let mut lines: Vec<_> =
        all.iter().take(shown).map(|line| legible(line.trim_end(), most_chars, in_colour)).collect();
    if shown < all.len() {
        lines.push(format!("(and {})", counted((all.len() - shown) as u64, "line more", "lines more")));
    }
    lines
}

/// `1 event`, `2 events`.
pub(super) fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// An RFC 3339 time to the minute: `2026-11-27 12:22 UTC`.
pub(super) fn moment(time: &str) -> String {
    match (time.get(..10), time.get(11..16), time.ends_with('Z')) {
        (Some(day), Some(minute), true) => format!("{day} {minute} UTC"),
        _ => time.to_owned(),
    }
}

/// Columns that the text takes on a terminal.
pub(super) fn columns(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// The text in at most `most` columns of a terminal, with an ellipsis for what is cut off.
pub(super) fn fitted(text: &str, most: usize) -> String {
    if columns(text) <= most {
        return text.to_owned();
    }
    let (mut out, mut taken) = (String::new(), 0);
    for c in text.chars() {
        taken += UnicodeWidthChar::width(c).unwrap_or_default();
        if taken >= most {
            break;
        }
        out.push(c);
    }
    if most > 0 {
        out.push('…');
    }
    out
}

/// Columns of the terminal that stdout is; `None` if it is none.
pub(super) fn stdout_columns() -> Option<usize> {
    let stdout = io::stdout();
    let size = stdout.is_terminal().then(|| tcgetwinsize(&stdout).ok())?;
    size.map(|size| usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// Whether stdout is a terminal that shows colours, and the user has not chosen otherwise by `NO_COLOR`.
pub(super) fn wants_colours() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
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
    fn colours_of_a_text_are_shown_or_left_out_and_nothing_of_it_is_escaped() {
        let error = "\u{1b}[31mError:\u{1b}[39m expect(\u{1b}[2K\u{1b}]8;;http://x\u{7}received\u{1b}]8;;\u{7}) failed";
        assert_eq!(legible(error, 100, false), "Error: expect(received) failed");
        let coloured = "\x1b[31mError:\x1b[39m expect(received) failed\x1b[0m";
        assert_eq!(legible(error, 100, true), coloured);
        assert_eq!(legible("\x1b[31mabcdef", 3, true), "\x1b[31mabc…\x1b[0m", "colours do not count, and end");
        assert_eq!(legible("a\u{9b}2Jb\u{202e}\x07", 100, true), "ab\\u{202e}\\u{7}", "what is no sequence cannot act");
    }

    #[test]
    fn of_many_lines_the_first_are_shown_and_the_others_counted() {
        assert_eq!(legible_lines("\n a\r\n\nb\n\n", 5, 9, false), [" a", "", "b"]);
        assert_eq!(legible_lines("1\n2\n3\n4", 3, 9, false), ["1", "2", "(and 2 lines more)"]);
    }

    #[test]
    fn a_text_is_fitted_by_the_columns_that_it_takes() {
        assert_eq!([fitted("abcd", 4), fitted("abcde", 4), fitted("日本語", 4)], ["abcd", "abc…", "日…"]);
        assert_eq!((columns("日本"), fitted("x", 0)), (4, String::new()));
        assert_eq!([counted(1, "event", "events"), counted(0, "event", "events")], ["1 event", "0 events"]);
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
