//! Prepares foreign JSON for serde_json.
//!
//! A JSON string may contain half of a surrogate pair, as the escape `\ud83d` (RFC 8259, section 8.2): `JSON.stringify`
//! and Python's `json.dumps` write one for a text that was cut in the middle of an emoji. Such events are stored and
//! delivered byte for byte. But serde_json builds strings of whole characters, and refuses the text. So all code that
//! parses an event reads it through [`readable`], which replaces the half by U+FFFD.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use memchr::{memchr, memmem};
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::producer_event::LARGEST;

/// A byte order mark in UTF-8.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// The escape of U+FFFD. It is as long as the escape that it replaces, so positions in the text do not change.
const REPLACEMENT: &[u8; ESCAPE] = b"\\ufffd";

/// Bytes of an escape: `\u` and four hex digits.
const ESCAPE: usize = 6;

/// The text without a leading byte order mark, which a JSON parser may ignore (RFC 8259, section 8.1).
pub fn without_bom(text: &[u8]) -> &[u8] {
    text.strip_prefix(BOM).unwrap_or(text)
}

/// The text with each escaped half of a surrogate pair replaced by U+FFFD; usually the text itself. Text that is not
/// JSON is not changed.
pub fn readable(json: &[u8]) -> Cow<'_, [u8]> {
    let mut text = Cow::Borrowed(json);
    // Most events contain no such escape, and the others contain few.
    let Some(mut at) = memmem::find(json, b"\\u") else { return text };
    // The backslashes before it are other escapes: an escaped backslash may be the first byte of the match.
    at -= json[..at].iter().rev().take_while(|byte| **byte == b'\\').count();
    while let Some(skipped) = memchr(b'\\', &json[at..]) {
        at += skipped;
        match (unit(json, at), unit(json, at + ESCAPE)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => at += 2 * ESCAPE,
            (Some(0xD800..=0xDFFF), _) => {
                text.to_mut()[at..at + ESCAPE].copy_from_slice(REPLACEMENT);
                at += ESCAPE;
            }
            (Some(_), _) => at += ESCAPE,
            // A backslash and the character that it escapes.
            (None, _) => at = (at + 2).min(json.len()),
        }
    }
    text
}

/// The double that a JSON value is, if it is a number that one can be: the nearest one, as all other readers have it, which
/// serde_json may miss.
pub fn double(json: &str) -> Option<f64> {
    json.parse().ok().filter(|number: &f64| number.is_finite())
}

/// The whole number that a JSON value is, however it is written, if a double holds it and it fits the type.
pub fn whole_number<T: TryFrom<i64>>(json: &str) -> Option<T> {
    let number = double(json).filter(|number| number.fract() == 0.0 && number.abs() <= LARGEST as f64)?;
    T::try_from(number as i64).ok()
}

/// The UTF-16 code unit escaped at `at`.
fn unit(json: &[u8], at: usize) -> Option<u16> {
    let digits = json.get(at..at + ESCAPE)?.strip_prefix(b"\\u")?;
    digits.iter().try_fold(0, |code, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        Some(code << 4 | digit as u16)
    })
}

/// The first member that comes twice in its object, with the members that it is in: `action.type`. `None` also for what
/// is not JSON. Readers disagree on which of the two counts.
pub fn doubled(json: &[u8]) -> Option<String> {
    let mut found = None;
    let mut reader = serde_json::Deserializer::from_slice(json);
    let looked = Doubled { path: "", found: &mut found }.deserialize(&mut reader);
    looked.err().and(found)
}

/// Looks through a value, and fails at a member that comes twice.
struct Doubled<'a> {
    /// Where the value stands.
    path: &'a str,
    /// Takes the member.
    found: &'a mut Option<String>,
}

impl<'de> DeserializeSeed<'de> for Doubled<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        value.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Doubled<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut names = HashSet::new();
        while let Some(name) = members.next_key::<String>()? {
            let path = if self.path.is_empty() { name.clone() } else { format!("{}.{name}", self.path) };
            if !names.insert(name) {
                *self.found = Some(path);
                return Err(A::Error::custom("a member comes twice"));
            }
            members.next_value_seed(Doubled { path: &path, found: self.found })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Doubled { path: self.path, found: self.found })?.is_some() {}
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn replaced(json: &str) -> String {
        String::from_utf8(readable(json.as_bytes()).into_owned()).unwrap()
    }

    #[test]
    fn halves_are_replaced_and_pairs_stay() {
        for (json, want) in [
            (r#""\ud83d""#, r#""\ufffd""#),
            (r#""\uDE00""#, r#""\ufffd""#),
            (r#""\ud83d\ude00""#, r#""\ud83d\ude00""#),
            (r#""\ude00\ud83d""#, r#""\ufffd\ufffd""#),
            (r#""\ud83d\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#),
            (r#""\ud83d\ude00\ude00""#, r#""\ud83d\ude00\ufffd""#),
            (r#""\ud83dx\ude00\n""#, r#""\ufffdx\ufffd\n""#),
            (r#""\ud83d\n""#, r#""\ufffd\n""#),
            (r#"{"\ud83d":["\udc00"]}"#, r#"{"\ufffd":["\ufffd"]}"#),
            // A backslash that is itself escaped escapes nothing.
            (r#""\\ud83d""#, r#""\\ud83d""#),
            (r#""\\\ud83d""#, r#""\\\ufffd""#),
            (r#""\\\\ud83d \ud83d""#, r#""\\\\ud83d \ufffd""#),
            // Text that is not JSON must not cause a panic.
            (r"\ud83", r"\ud83"),
            (r"\u", r"\u"),
            (r"\uzzzz\", r"\uzzzz\"),
            (r"\ud83d\", r"\ufffd\"),
        ] {
            assert_eq!(replaced(json), want, "{json}");
        }
        let plain = r#"{"a":"\u00e9 \n \ud83d\ude00 \\ud800"}"#;
        assert!(matches!(readable(plain.as_bytes()), Cow::Borrowed(_)), "not copied");
    }

    #[test]
    fn numbers_are_doubles() {
        for (json, whole) in [
            ("7", Some(7)),
            ("7.0", Some(7)),
            ("7e0", Some(7)),
            ("-0", Some(0)),
            ("9007199254740991", Some((1 << 53) - 1)),
            ("9007199254740992", None),
            ("7.5", None),
            ("1e400", None),
            ("\"7\"", None),
            ("null", None),
        ] {
            assert_eq!(whole_number::<i64>(json), whole, "{json}");
        }
        assert_eq!((whole_number::<u32>("-1"), whole_number::<u32>("4294967296")), (None, None));
        assert_eq!(double("2.2250738585072011e-308"), Some(2.225_073_858_507_201e-308));
    }

    #[test]
    fn a_member_that_comes_twice_is_found_however_it_is_spelt_and_wherever_it_stands() {
        for (json, want) in [
            (r#"{"a":1,"a":1}"#, Some("a")),
            (r#"{"a":1,"\u0061":2}"#, Some("a")),
            (r#"{"a":{"b":[true,{"c":null,"c":-1}]}}"#, Some("a.b.c")),
            (r#"{"a":{"a":"a","b":1.5},"b":{"a":[]}}"#, None),
            (r#"{"a":1,"a""#, Some("a")),
            (r#"{"a":"#, None),
            ("", None),
        ] {
            assert_eq!(doubled(json.as_bytes()).as_deref(), want, "{json}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_skipped_once_and_only_in_front() {
        assert_eq!(without_bom("\u{feff}{}".as_bytes()), b"{}");
        assert_eq!(without_bom("\u{feff}\u{feff}{}".as_bytes()), "\u{feff}{}".as_bytes());
        assert_eq!(without_bom(" \u{feff}".as_bytes()), " \u{feff}".as_bytes());
        assert_eq!(without_bom(b"\xef\xbb"), b"\xef\xbb");
        assert_eq!(without_bom(b""), b"");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn a_string_of_any_code_units_reads_as_utf_16_does_with_replacement(
            units in prop::collection::vec(prop_oneof![0xD7F0_u16..0xE010, any::<u16>(), Just(0x5C)], 0..12),
        ) {
            // Each unit is escaped, or written as its character if it is one.
            let json: String = units.iter().map(|unit| match char::from_u32(u32::from(*unit)) {
                Some('\\') => "\\\\".to_owned(),
                Some(c) if unit % 2 == 0 && !c.is_control() && c != '"' => c.to_string(),
                _ => format!("\\u{unit:04x}"),
            }).collect();
            let read: String = serde_json::from_slice(&readable(format!("\"{json}\"").as_bytes())).unwrap();
            prop_assert_eq!(read, String::from_utf16_lossy(&units));
        }

        #[test]
        fn any_bytes_keep_their_length_and_are_read_once(bytes in "[\\\\udDcC08f\"]{0,40}") {
            let once = readable(bytes.as_bytes());
            prop_assert_eq!(once.len(), bytes.len());
            prop_assert_eq!(&readable(&once), &once);
        }
    }
}
