//! Reads the members of an object that has been checked to be JSON: for the few events that the server looks into.

use std::borrow::Cow;

use super::EventFlaw;
use super::json::{JsonString, Scanner};

/// A value as it stands in a text.
#[derive(Clone, Copy)]
pub(super) struct MemberValue<'a> {
    text: &'a [u8],
    start: usize,
    end: usize,
    string: Option<JsonString>,
}

impl<'a> MemberValue<'a> {
    /// What it says, if it is a string.
    pub(super) fn string(&self) -> Option<Cow<'a, str>> {
        self.string.map(|string| string.unescaped(self.text))
    }

    /// The number, if it is a whole one that is written in digits alone.
    pub(super) fn whole(&self) -> Option<u64> {
        str::from_utf8(self.bytes()).ok()?.parse().ok()
    }

    fn bytes(&self) -> &'a [u8] {
        &self.text[self.start..self.end]
    }

    /// The members of these names, if it is an object; what stands before the last dot of a name counts for nothing.
    pub(super) fn pick<const N: usize>(
        &self,
        names: [&'static str; N],
    ) -> Result<Option<[Option<MemberValue<'a>>; N]>, EventFlaw> {
        if self.text[self.start] != b'{' {
            return Ok(None);
        }
        pick(self.text, self.start, names, &[]).map(Some)
    }

    /// Calls `each` for each item, with its index, if it is a list; says whether it is one.
    pub(super) fn each_item(
        &self,
        mut each: impl FnMut(u32, MemberValue<'a>) -> Result<(), EventFlaw>,
    ) -> Result<bool, EventFlaw> {
        let mut scanner = Scanner::new(self.text, self.start);
        if !scanner.take(b'[') {
            return Ok(false);
        }
        if scanner.take(b']') {
            return Ok(true);
        }
        for index in 0.. {
            each(index, next(&mut scanner, self.text)?)?;
            if !scanner.take(b',') {
                break;
            }
        }
        Ok(true)
    }
}

/// Takes the value that comes next.
fn next<'a>(scanner: &mut Scanner<'_>, text: &'a [u8]) -> Result<MemberValue<'a>, EventFlaw> {
    scanner.peek();
    let start = scanner.at();
    let string = scanner.value(1)?;
    Ok(MemberValue { text, start, end: scanner.at(), string })
}

/// The members of these names of the object at `start`; one that is `null` is as good as missing.
///
/// # Errors
/// One of these names comes twice, or one of `reserved` is there.
pub(super) fn pick<'a, const N: usize>(
    text: &'a [u8],
    start: usize,
    names: [&'static str; N],
    reserved: &[&'static str],
) -> Result<[Option<MemberValue<'a>>; N], EventFlaw> {
    let mut found = [None; N];
    let mut scanner = Scanner::new(text, start);
    scanner.take(b'{');
    if scanner.take(b'}') {
        return Ok(found);
    }
    loop {
        let key = scanner.key()?;
        let key = key.bytes(text);
        let value = next(&mut scanner, text)?;
        if let Some(key) = reserved.iter().find(|name| name.as_bytes() == &*key) {
            return Err(EventFlaw::ReservedField { key });
        }
        let is_it = |name: &&str| name.rsplit('.').next().is_some_and(|name| name.as_bytes() == &*key);
        if let Some(index) = names.iter().position(is_it)
            && found[index].replace(value).is_some()
        {
            return Err(EventFlaw::DuplicateKey { key: names[index] });
        }
        if !scanner.take(b',') {
            return Ok(found.map(|value| value.filter(|value| value.bytes() != b"null")));
        }
    }
}
