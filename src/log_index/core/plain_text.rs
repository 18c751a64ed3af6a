//! Texts as people see them: without the escapes of terminals, and without other characters that are not shown.

use std::borrow::Cow;

/// The text without escape sequences (ECMA-48) and control characters; tabs and the ends of lines stay.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    let is_hidden = |char: char| char.is_control() && !matches!(char, '\t' | '\n' | '\r');
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(char) = rest.next() {
        match char {
            '\u{1b}' => match rest.next() {
                Some('[') => control_sequence(&mut rest),
                // A command to the terminal, up to BEL or ST.
                Some(']' | 'P' | '_' | '^' | 'X') => command_string(&mut rest),
                // Others have intermediate characters and a final one.
                Some(' '..='/') => while rest.next().is_some_and(|char| (' '..='/').contains(&char)) {},
                _ => {}
            },
            '\u{9b}' => control_sequence(&mut rest),
            char if is_hidden(char) => {}
            char => shown.push(char),
        }
    }
    Cow::Owned(shown)
}

type Rest<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// Parameters, then a final character. What can't belong to it ends it.
fn control_sequence(rest: &mut Rest<'_>) {
    while rest.next_if(|char| (' '..='?').contains(char)).is_some() {}
    rest.next_if(|char| ('@'..='~').contains(char));
}

fn command_string(rest: &mut Rest<'_>) {
    while let Some(char) = rest.next_if(|char| !matches!(char, '\n' | '\r')) {
        match char {
            '\u{7}' | '\u{9c}' => return,
            '\u{1b}' => {
                rest.next_if_eq(&'\\');
                return;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_terminals_do_not_show_is_left_out() {
        for (text, want) in [
            ("plain\ttext\r\n", "plain\ttext\r\n"),
            ("\u{1b}[31mexpected \u{1b}[1;38:2:255:0:0m3\u{1b}[39m items", "expected 3 items"),
            ("\u{1b}]8;;https://x.example\u{1b}\\link\u{1b}]8;;\u{7}!", "link!"),
            ("\u{1b}(Bascii\u{1b}[2K\u{1b}[1G", "ascii"),
            ("\u{9b}1mbold\u{0}\u{8}", "bold"),
            ("\u{1b}]title without an end\nnext", "\nnext"),
            ("cut \u{1b}[", "cut "),
            ("cut \u{1b}", "cut "),
            ("odd \u{1b}[31\u{e9}", "odd \u{e9}"),
        ] {
            assert_eq!(plain(text), want, "{text:?}");
        }
        assert!(matches!(plain("as it is"), Cow::Borrowed(_)));
    }
}
