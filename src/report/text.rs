//! Text that producers posted, as reports show it.

/// Without the escapes of terminals: colours, movements of the cursor, links.
pub fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter != '\u{1b}' {
            shown.push(letter);
            continue;
        }
        match letters.next() {
            Some('[') => while letters.next().is_some_and(|part| !('@'..='~').contains(&part)) {},
            Some(']') => {
                while let Some(part) = letters.next() {
                    if part == '\u{7}' || part == '\u{1b}' && letters.next_if_eq(&'\\').is_some() {
                        break;
                    }
                }
            }
            _ => {}
        }
    }
    shown
}

/// Without what XML 1.0 can't hold, and what nobody sees.
pub fn readable(text: &str) -> String {
    let is_shown = |letter: &char| match letter {
        '\t' | '\n' => true,
        '\u{fffe}' | '\u{ffff}' => false,
        other => !other.is_control(),
    };
    plain(text).chars().filter(is_shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_left_out_and_what_they_colour_stays() {
        for (text, shown) in [
            ("\u{1b}[31mred\u{1b}[39m and \u{1b}[38:5:1mmore", "red and more"),
            ("\u{1b}]8;;https://example.test\u{7}link\u{1b}]8;;\u{1b}\\ end", "link end"),
            ("up\u{1b}[2A\u{1b}(B down\u{1b}", "upB down"),
            ("\u{1b}[", ""),
        ] {
            assert_eq!(plain(text), shown);
        }
        assert_eq!(readable("a\u{0}b\r\n\tc\u{ffff}\u{85}é"), "ab\n\tcé");
    }
}
