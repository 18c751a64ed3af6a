//! What is searched for, in any case of its letters: first in the bytes of events as they are stored, then in the texts
//! of those that may have it.
//!
//! Letters are compared as ASCII, or by the simple lower case of Unicode: characters whose lower case is one character.

use memchr::{memchr2_iter, memmem};

/// Characters that separate the parts of a joined title.
pub(super) const TITLE_SEPARATOR: &str = " › ";

/// What is searched for.
#[derive(Clone, Debug)]
pub struct Needle {
    folded: Vec<char>,
    anchor: Option<Anchor>,
    /// Finds escapes by number.
    numbers: memmem::Finder<'static>,
}

/// A part that stands in the stored bytes of each event that has the needle and no escapes by number.
#[derive(Clone, Debug)]
struct Anchor {
    /// In lower case.
    bytes: Vec<u8>,
    /// The byte of it that texts have least often.
    rare: usize,
}

impl Needle {
    /// Of what a person typed.
    pub fn new(words: &str) -> Self {
        let folded: Vec<char> = words.chars().map(fold).collect();
        // Titles are stored in parts.
        let is_joined = words.contains(TITLE_SEPARATOR.trim());
        let is_plain = |char: &char| match char {
            '"' | '\\' | '/' => false,
            ' ' => !is_joined,
            other => other.is_ascii() && !other.is_ascii_control(),
        };
        let runs = folded.split(|char| !is_plain(char)).map(|run| run.iter().collect::<String>());
        let longest = runs.map(|run| run.trim().to_owned()).max_by_key(String::len).filter(|run| !run.is_empty());
        let anchor = longest.map(|run| {
            let bytes = run.into_bytes();
            let rare = (0..bytes.len()).max_by_key(|index| rarity(bytes[*index])).unwrap_or(0);
            Anchor { bytes, rare }
        });
        Self { folded, anchor, numbers: memmem::Finder::new(b"\\u") }
    }

    /// Whether a stored event may have it: most of those that do not are told apart here, without being decoded.
    pub fn may_be_in(&self, event: &[u8]) -> bool {
        // A character may be written by its number, and a colour may stand within a word.
        let has_numbers = || self.numbers.find(event).is_some();
        match &self.anchor {
            Some(anchor) => anchor.is_in(event) || has_numbers(),
            None if self.folded.iter().any(|char| !char.is_ascii()) => !event.is_ascii() || has_numbers(),
            None => true,
        }
    }

    /// Where it is in a text, as byte ranges that do not overlap.
    pub(super) fn find_in(&self, text: &str) -> Vec<(usize, usize)> {
        let Some(first) = self.folded.first() else { return Vec::new() };
        let (mut found, mut behind) = (Vec::new(), 0);
        for (start, _) in text.char_indices().filter(|(_, char)| fold(*char) == *first) {
            if start < behind {
                continue;
            }
            let mut rest = text[start..].char_indices();
            let fits = self.folded.iter().all(|wanted| rest.next().is_some_and(|(_, char)| fold(char) == *wanted));
            if fits {
                behind = rest.next().map_or(text.len(), |(at, _)| start + at);
                found.push((start, behind));
            }
        }
        found
    }
}

impl Anchor {
    fn is_in(&self, event: &[u8]) -> bool {
        let byte = self.bytes[self.rare];
        memchr2_iter(byte, byte.to_ascii_uppercase(), event).any(|at| {
            let start = at.checked_sub(self.rare);
            let there = start.and_then(|start| event.get(start..start + self.bytes.len()));
            there.is_some_and(|there| there.eq_ignore_ascii_case(&self.bytes))
        })
    }
}

/// A character as it is compared. One that is not ASCII never becomes ASCII, so that bytes can be looked through.
fn fold(char: char) -> char {
    if char.is_ascii() {
        return char.to_ascii_lowercase();
    }
    let mut lower = char.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(lower), None) if !lower.is_ascii() => lower,
        _ => char,
    }
}

/// How seldom a byte is in logs: by the letters of English, and what JSON consists of.
fn rarity(byte: u8) -> usize {
    const COMMON: &[u8] = b"}{:,etaoinsrhldcumfpgw.ybv-_0123456789()=kxjqz";
    if byte == b' ' { 0 } else { COMMON.iter().position(|common| *common == byte).unwrap_or(COMMON.len()) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(words: &str, text: &str) -> Vec<(usize, usize)> {
        Needle::new(words).find_in(text)
    }

    #[test]
    fn letters_are_found_in_any_case_and_other_characters_as_they_are() {
        assert_eq!(found("pay", "Pay now, PAY later, p-a-y"), [(0, 3), (9, 12)]);
        assert_eq!(found("CAFÉ", "café"), [(0, 5)]);
        assert_eq!(found("ОШИБКА", "Ошибка!"), [(0, 12)]);
        assert_eq!(found("aa", "aaaaa"), [(0, 2), (2, 4)]);
        assert_eq!(found("aab", "aaab"), [(1, 4)]);
        assert_eq!(found("k", "\u{212a}"), [], "no other character is taken for an ASCII letter");
        assert_eq!(found("x", ""), []);
    }

    #[test]
    fn an_event_without_it_is_told_apart_without_being_decoded() {
        let may = |words: &str, event: &str| Needle::new(words).may_be_in(event.as_bytes());
        assert!(may("Timeout", r#"{"text":"TIMEOUT 1000ms"}"#) && !may("Timeout", r#"{"text":"time out"}"#));
        assert!(may("café", r#"{"text":"CAF\u00c9"}"#) && may("é", "{\"text\":\"É\"}") && !may("é", r#"{"text":"e"}"#));
        assert!(may("say \"no\"", r#"{"text":"say \"no\""}"#) && may("\"", r#"{"text":"\""}"#));
        assert!(may("a/b", r#"{"text":"a\/b"}"#) && may("cart › pays", r#"{"title":["cart","pays"]}"#));
        assert!(may("› pays", r#"{"title":["cart","pays"]}"#) && may(" pays", r#"{"title":["cart","pays"]}"#));
    }

    proptest! {
        #[test]
        fn no_event_that_has_it_is_passed_by(
            before in "\\PC{0,5}",
            words in "\\PC{1,8}|[ a\"\\\\/\t]{1,4}",
            after in "\\PC{0,5}",
            number in any::<bool>(),
        ) {
            let text = format!("{before}{}{after}", words.chars().map(fold).collect::<String>());
            let mut event = serde_json::to_string(&text).unwrap();
            if number {
                event = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
            }
            let needle = Needle::new(&words);
            prop_assert!(needle.may_be_in(event.as_bytes()), "{event}");
            let found = needle.find_in(&text);
            prop_assert!(!found.is_empty());
            for (start, end) in found {
                let part: Vec<char> = text[start..end].chars().map(fold).collect();
                prop_assert_eq!(&part, &needle.folded);
            }
        }
    }
}
