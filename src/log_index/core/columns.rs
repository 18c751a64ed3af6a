//! The keys of each event: its type, its test and its variant, in eight bytes. Tests are known by a digest alone, so
//! that their number costs nothing; whoever finds an event by it looks at the event itself.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use super::logged_event::LoggedEvent;
use crate::protocol::Seq;
use crate::protocol::json_text::readable;

/// Most types, and most variants, that are told apart; events of others are looked at one by one.
const MAX_NAMES: usize = 1_000;
/// The place of what has no name.
const NONE: u16 = 0;
/// The place of names of which there were too many.
const OTHER: u16 = 1;

/// Which events are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Those of one of these types; all if empty.
    pub types: Vec<String>,
    /// Those of this test.
    pub test: Option<String>,
    /// Those of this variant.
    pub variant: Option<String>,
}

impl EventFilter {
    /// Whether every event is wanted.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Decides on events that may be wanted: their keys are digests, or of names of which there were too many.
#[derive(Clone, Debug)]
pub struct EventCheck {
    filter: EventFilter,
    /// Events of other variants may be among them: each has to name its own.
    names_variant: bool,
}

impl EventCheck {
    /// Whether an event that may be wanted is.
    pub fn passes(&self, event: &[u8]) -> bool {
        let Self { filter, names_variant } = self;
        let fits = |event: LoggedEvent<'_>| {
            (filter.types.is_empty() || filter.types.iter().any(|kind| *kind == event.kind))
                && filter.test.as_ref().is_none_or(|test| event.test.as_deref() == Some(test))
                && (!names_variant || event.variant.as_deref() == filter.variant.as_deref())
        };
        filter.is_empty() || LoggedEvent::read(&readable(event)).is_some_and(fits)
    }
}

/// Names, each with a number.
#[derive(Debug, Default)]
struct NameTable {
    numbers: HashMap<Arc<str>, u16>,
    names: Vec<Arc<str>>,
    bytes: usize,
}

impl NameTable {
    fn number(&mut self, name: &str) -> u16 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        if self.names.len() >= MAX_NAMES {
            return OTHER;
        }
        let number = self.names.len() as u16 + OTHER + 1;
        let name: Arc<str> = name.into();
        self.bytes += name.len() + 96;
        self.names.push(name.clone());
        self.numbers.insert(name, number);
        number
    }

    fn name(&self, number: u16) -> Option<&Arc<str>> {
        self.names.get(usize::from(number.checked_sub(OTHER + 1)?))
    }

    /// The number that events of this name have.
    fn known(&self, name: &str) -> u16 {
        self.numbers.get(name).copied().unwrap_or(OTHER)
    }
}

/// The keys of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct EventKeys {
    /// A digest of the test's id; 0 for none.
    test: u32,
    kind: u16,
    variant: u16,
}

/// The keys of all events of a log, the first one's at its beginning.
#[derive(Debug, Default)]
pub(super) struct EventColumns {
    events: Vec<EventKeys>,
    kinds: NameTable,
    variants: NameTable,
}

/// A filter in the numbers of the columns.
#[derive(Debug)]
pub(super) struct WantedKeys {
    kinds: Vec<u16>,
    test: u32,
    variant: Option<u16>,
}

impl WantedKeys {
    fn fits(&self, keys: EventKeys) -> bool {
        (self.test == 0 || keys.test == self.test)
            && (self.kinds.is_empty() || self.kinds.contains(&keys.kind))
            && self.variant.is_none_or(|variant| keys.variant == variant)
    }
}

fn digest(test: &str) -> u32 {
    let mut hasher = DefaultHasher::new();
    test.hash(&mut hasher);
    (hasher.finish() as u32).max(1)
}

impl EventColumns {
    /// Adds the next event; `None`: one that can't be read.
    pub(super) fn push(&mut self, event: Option<&LoggedEvent<'_>>, variant: Option<&str>) {
        let keys = EventKeys {
            test: event.and_then(|event| event.test.as_deref()).map_or(0, digest),
            kind: event.map_or(NONE, |event| self.kinds.number(&event.kind)),
            variant: variant.map_or(NONE, |variant| self.variants.number(variant)),
        };
        if self.events.len() == self.events.capacity() {
            self.events.reserve_exact(self.events.len() / 4 + 1_024);
        }
        self.events.push(keys);
    }

    /// The filter in numbers.
    pub(super) fn wanted(&self, filter: &EventFilter) -> WantedKeys {
        let mut kinds: Vec<_> = filter.types.iter().map(|kind| self.kinds.known(kind)).collect();
        kinds.sort_unstable();
        kinds.dedup();
        WantedKeys {
            kinds,
            test: filter.test.as_deref().map_or(0, digest),
            variant: filter.variant.as_deref().map(|variant| self.variants.known(variant)),
        }
    }

    /// The first events in `from..=to` that may be wanted, at most `limit`, in order.
    pub(super) fn first(&self, wanted: &WantedKeys, from: Seq, to: Seq, limit: usize) -> Vec<Seq> {
        let behind = self.range(from, to);
        behind.filter(|(_, keys)| wanted.fits(**keys)).map(|(seq, _)| seq).take(limit).collect()
    }

    /// The last events in `from..=to` that may be wanted, at most `limit`, in order.
    pub(super) fn last(&self, wanted: &WantedKeys, from: Seq, to: Seq, limit: usize) -> Vec<Seq> {
        let before = self.range(from, to).rev();
        let mut found: Vec<_> =
            before.filter(|(_, keys)| wanted.fits(**keys)).map(|(seq, _)| seq).take(limit).collect();
        found.reverse();
        found
    }

    fn range(&self, from: Seq, to: Seq) -> impl DoubleEndedIterator<Item = (Seq, &EventKeys)> {
        let start = (from.max(1) - 1).min(self.events.len() as Seq) as usize;
        let end = (to.min(self.events.len() as Seq) as usize).max(start);
        self.events[start..end].iter().enumerate().map(move |(index, keys)| ((start + index) as Seq + 1, keys))
    }

    /// What decides on events that may be wanted.
    pub(super) fn check(&self, filter: EventFilter) -> EventCheck {
        let is_other = filter.variant.as_deref().is_some_and(|variant| self.variants.known(variant) == OTHER);
        EventCheck { filter, names_variant: is_other }
    }

    /// The variant of an event, unless there were too many.
    pub(super) fn variant_of(&self, seq: Seq) -> Option<&Arc<str>> {
        let keys = self.events.get((seq as usize).checked_sub(1)?)?;
        self.variants.name(keys.variant)
    }

    /// Bytes of memory.
    pub(super) fn held_bytes(&self) -> usize {
        self.events.capacity() * size_of::<EventKeys>() + self.kinds.bytes + self.variants.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(events: &[(&str, Option<&str>, Option<&str>)]) -> EventColumns {
        let mut columns = EventColumns::default();
        for (kind, test, variant) in events {
            let event = event(kind, *test);
            columns.push(Some(&event), *variant);
        }
        columns
    }

    fn event<'a>(kind: &'a str, test: Option<&'a str>) -> LoggedEvent<'a> {
        LoggedEvent { kind: kind.into(), test: test.map(Into::into), ..LoggedEvent::default() }
    }

    fn filter(types: &[&str], test: Option<&str>, variant: Option<&str>) -> EventFilter {
        EventFilter {
            types: types.iter().map(|kind| (*kind).to_owned()).collect(),
            test: test.map(str::to_owned),
            variant: variant.map(str::to_owned),
        }
    }

    #[test]
    fn events_are_found_by_type_test_and_variant_from_either_end() {
        let mut columns = columns(&[
            ("log", Some("a"), None),
            ("log", Some("b"), Some("linux")),
            ("test_step", Some("a"), Some("mac")),
            ("log", Some("a"), Some("linux")),
        ]);
        columns.push(None, None);
        for (filter, found) in [
            (filter(&["log"], None, None), &[1, 2, 4][..]),
            (filter(&["log", "test_step", "log"], Some("a"), None), &[1, 3, 4]),
            (filter(&[], Some("a"), Some("linux")), &[4]),
            (filter(&[], None, None), &[1, 2, 3, 4, 5]),
            (filter(&["x"], None, None), &[]),
            (filter(&[], None, Some("x")), &[]),
        ] {
            let wanted = columns.wanted(&filter);
            assert_eq!(columns.first(&wanted, 0, 99, 99), found, "{filter:?}");
            assert_eq!(columns.last(&wanted, 1, 5, 99), found, "{filter:?}");
            assert_eq!(columns.first(&wanted, 1, 5, 1), &found[..found.len().min(1)]);
            assert_eq!(columns.last(&wanted, 1, 5, 1), &found[found.len().saturating_sub(1)..]);
        }
        let log = columns.wanted(&filter(&["log"], None, None));
        assert_eq!((columns.first(&log, 2, 3, 9), columns.last(&log, 3, 2, 9)), (vec![2], vec![]));
        assert!(columns.first(&log, 9, 12, 9).is_empty());
    }

    #[test]
    fn names_beyond_the_bound_are_told_apart_by_the_events_themselves() {
        let mut columns = EventColumns::default();
        for n in 0..MAX_NAMES + 2 {
            let name = format!("t{n}");
            columns.push(Some(&event(&name, None)), Some(&name));
        }
        let last = MAX_NAMES as Seq + 2;
        let (name, other) = (format!("t{}", last - 1), format!("t{}", last - 2));
        let by_type = filter(&[&name], None, None);
        let may_be = columns.first(&columns.wanted(&by_type), 1, last, 9);
        assert_eq!(may_be, [last - 1, last], "those of too many names");
        let check = columns.check(by_type);
        let json = |kind: &str, variant: &str| format!(r#"{{"type":"{kind}","variant":"{variant}"}}"#).into_bytes();
        assert!(check.passes(&json(&name, "")) && !check.passes(&json(&other, "")));
        let by_variant = filter(&[], None, Some(&name));
        assert_eq!(columns.first(&columns.wanted(&by_variant), 1, last, 9), [last - 1, last]);
        let check = columns.check(by_variant);
        assert!(check.passes(&json("x", &name)) && !check.passes(&json("x", &other)));
        let known = columns.check(filter(&[], None, Some("t1")));
        assert!(known.passes(&json("x", "")), "its variant is known, whatever it names");
    }

    #[test]
    fn a_digest_that_two_tests_share_is_no_find() {
        let columns = columns(&[("log", Some("a"), None)]);
        let check = columns.check(filter(&[], Some("a"), None));
        assert!(
            !check.passes(br#"{"type":"log","testId":"b"}"#) && check.passes(br#"{"type":"log","testId":"\u0061"}"#)
        );
    }
}
