//! What there is of a live trace: an index of its parts, made from the listing of its folder. Parts may be listed late,
//! twice and in any order: what counts is which bytes of an entry they hold.

use std::collections::BTreeMap;

use super::EntryName;
use super::batch::{MAX_BATCH_BYTES, Part};
use super::key::PartKey;

/// Most parts of a trace.
pub const MAX_PARTS: usize = 20_000;
/// Most bytes of a part of an entry that has no lines. 1 MiB.
const MAX_PART: usize = 1024 * 1024;
/// A listing begins so many bytes before the end of what is known: parts of a post are stored side by side, so one of
/// them may appear behind all others. As much as two posts may have.
const LOOK_BACK: u64 = 2 * MAX_BATCH_BYTES as u64;

/// A part that is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Stored {
    offset: u64,
    position: u64,
    size: u64,
}

/// The parts of an entry.
#[derive(Clone, Debug, Default)]
struct EntryParts {
    /// In the order of their offsets.
    parts: Vec<Stored>,
    /// Bytes from the beginning on without a hole.
    end: u64,
}

/// The parts of a trace.
#[derive(Clone, Debug, Default)]
pub struct TraceIndex {
    entries: BTreeMap<EntryName, EntryParts>,
    /// The position of the next part.
    next: u64,
    parts: usize,
    /// The trace is larger than it may be, and has ended.
    pub full: bool,
}

/// A piece of an entry: a range of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The part.
    pub key: PartKey,
    /// Its bytes as a whole.
    pub size: u64,
    /// The bytes of it that belong here.
    pub from: u64,
    /// How many there are.
    pub len: u64,
}

/// What is to be done for a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Parts that are to be stored, in this order.
    pub stores: Vec<(PartKey, bytes::Bytes)>,
    /// What is there already and has to be the same.
    pub repeats: Vec<Part>,
}

/// Why nothing is stored of a batch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Bytes before a part are missing.
    #[error("{}", gap(.0))]
    Gap(BTreeMap<EntryName, u64>),
    /// The trace has as many bytes, or parts, as it may.
    #[error("the live trace is as large as it may be: {bytes} bytes (artifacts.live_trace_bytes), {MAX_PARTS} parts")]
    Full {
        /// Most bytes.
        bytes: u64,
    },
}

fn gap(expected: &BTreeMap<EntryName, u64>) -> String {
    let entries: Vec<_> = expected.iter().take(5).map(|(entry, end)| format!("{entry} has {end} bytes")).collect();
    format!("bytes are missing before what was posted: {}", entries.join(", "))
}

/// Cuts a part to those that are stored. Lines stay together: a viewer is to see whole ones only.
fn cut(mut part: Part, parts: &mut Vec<Part>) {
    while part.bytes.len() > MAX_PART && !part.entry.has_lines() {
        let bytes = part.bytes.split_to(MAX_PART);
        parts.push(Part { entry: part.entry.clone(), offset: part.offset, bytes });
        part.offset += MAX_PART as u64;
    }
    parts.push(part);
}

impl EntryParts {
    fn add(&mut self, part: Stored) -> bool {
        let Err(at) = self.parts.binary_search(&part) else { return false };
        self.parts.insert(at, part);
        if part.offset <= self.end {
            // It may join what was stored behind a hole.
            let from = at.min(self.parts.len());
            for part in &self.parts[from..] {
                if part.offset > self.end {
                    break;
                }
                self.end = self.end.max(part.offset + part.size);
            }
        }
        true
    }
}

impl TraceIndex {
    /// A part is stored. One that is known already changes nothing.
    pub fn add(&mut self, key: PartKey, size: u64) {
        let PartKey { position, offset, entry } = key;
        self.next = self.next.max(position + size);
        if self.entries.entry(entry).or_default().add(Stored { offset, position, size }) {
            self.parts += 1;
        }
    }

    /// Bytes that were stored.
    pub fn bytes(&self) -> u64 {
        self.next
    }

    /// Bytes that can be read: those of all entries up to their first holes. Unlike [`Self::bytes`] it grows whenever a
    /// reader is to see more, also by a part that is listed behind later ones.
    pub fn readable(&self) -> u64 {
        self.entries().map(|(_, end)| end).sum()
    }

    /// Parts that are known.
    pub fn parts(&self) -> usize {
        self.parts
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.parts == 0
    }

    /// The position from which on a listing has what is not known yet.
    pub fn list_from(&self) -> u64 {
        self.next.saturating_sub(LOOK_BACK)
    }

    /// The entries, with the bytes that there are of each without a hole.
    pub fn entries(&self) -> impl Iterator<Item = (&EntryName, u64)> {
        self.entries.iter().map(|(name, entry)| (name, entry.end))
    }

    /// Bytes of an entry without a hole; `None`: there is no such entry.
    pub fn end(&self, entry: &EntryName) -> Option<u64> {
        self.entries.get(entry).map(|entry| entry.end)
    }

    /// Whether the viewer has something to show: lines.
    pub fn can_be_shown(&self) -> bool {
        self.entries().any(|(name, end)| name.as_str().ends_with(".trace") && end > 0)
    }

    /// Bytes that a viewer reads anew whenever there is more.
    pub fn line_bytes(&self) -> u64 {
        self.entries().filter(|(name, _)| name.has_lines()).map(|(_, end)| end).sum()
    }

    /// The pieces that make up the bytes `from..to` of an entry, as far as they are there.
    pub fn pieces(&self, entry: &EntryName, from: u64, to: u64) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let (Some(stored), mut at) = (self.entries.get(entry), from) else { return pieces };
        for part in &stored.parts {
            let ends = (part.offset + part.size).min(to);
            if ends <= at {
                continue;
            }
            if part.offset > at {
                break;
            }
            let key = PartKey { position: part.position, offset: part.offset, entry: entry.clone() };
            pieces.push(Piece { key, size: part.size, from: at - part.offset, len: ends - at });
            at = ends;
        }
        pieces
    }

    /// What is to be done for a batch. `most`: bytes that a trace may have.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn plan(&self, batch: &[Part], most: u64) -> Result<Plan, PlanError> {
        let mut ends: BTreeMap<&EntryName, Option<u64>> = BTreeMap::new();
        let mut expected = BTreeMap::new();
        let mut plan = Plan::default();
        let mut news = Vec::new();
        for part in batch {
            let end = ends.entry(&part.entry).or_insert_with(|| self.end(&part.entry));
            let there = end.unwrap_or(0);
            if part.offset > there {
                expected.entry(part.entry.clone()).or_insert(there);
                continue;
            }
            let known = (there.min(part.end()) - part.offset) as usize;
            let (old, new) = (part.bytes.slice(..known), part.bytes.slice(known..));
            // What this batch itself brings twice is not stored yet, and is compared with nothing.
            let stored = self.end(&part.entry).unwrap_or(0);
            if !old.is_empty() && part.offset < stored {
                let bytes = old.slice(..old.len().min((stored - part.offset) as usize));
                plan.repeats.push(Part { entry: part.entry.clone(), offset: part.offset, bytes });
            }
            if !new.is_empty() || end.is_none() {
                cut(Part { entry: part.entry.clone(), offset: part.offset + known as u64, bytes: new }, &mut news);
            }
            *end = Some(there.max(part.end()));
        }
        if !expected.is_empty() {
            return Err(PlanError::Gap(expected));
        }
        let bytes: u64 = news.iter().map(|part| part.bytes.len() as u64).sum();
        if !news.is_empty() && (self.full || self.next + bytes > most || self.parts + news.len() > MAX_PARTS) {
            return Err(PlanError::Full { bytes: most });
        }
        news.sort_by_key(|part| part.entry.rank());
        let mut position = self.next;
        for Part { entry, offset, bytes } in news {
            let size = bytes.len() as u64;
            plan.stores.push((PartKey { position, offset, entry }, bytes));
            position += size;
        }
        Ok(plan)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::batch::{framed, parts};
    use super::*;

    const MOST: u64 = 1_000;

    fn name(entry: &str) -> EntryName {
        EntryName::parse(entry).unwrap()
    }

    fn batch(list: &[(&str, u64, &str)]) -> Vec<Part> {
        parts(&framed(list)).unwrap()
    }

    /// Plans a batch, and stores it.
    fn post(index: &mut TraceIndex, list: &[(&str, u64, &str)]) -> Result<Plan, PlanError> {
        let plan = index.plan(&batch(list), MOST)?;
        plan.stores.iter().for_each(|(key, bytes)| index.add(key.clone(), bytes.len() as u64));
        Ok(plan)
    }

    #[test]
    fn parts_follow_one_another_and_what_lines_point_to_comes_first() {
        let mut index = TraceIndex::default();
        let plan = post(&mut index, &[("a.trace", 0, "{}\n"), ("a.network", 0, ""), ("r/1.png", 0, "1234")]).unwrap();
        let stored: Vec<_> =
            plan.stores.iter().map(|(key, _)| (key.entry.as_str(), key.position, key.offset)).collect();
        assert_eq!(stored, [("r/1.png", 0, 0), ("a.network", 4, 0), ("a.trace", 4, 0)]);
        assert!(plan.repeats.is_empty());
        assert_eq!((index.bytes(), index.parts(), index.line_bytes(), index.can_be_shown()), (7, 3, 3, true));
        let plan = post(&mut index, &[("a.trace", 3, "{}\n"), ("a.trace", 6, "{}\n")]).unwrap();
        assert_eq!(plan.stores.iter().map(|(key, _)| key.position).collect::<Vec<_>>(), [7, 10]);
        assert_eq!(index.end(&name("a.trace")), Some(9));
    }

    #[test]
    fn a_repeat_stores_nothing_and_more_than_a_repeat_its_end() {
        let mut index = TraceIndex::default();
        post(&mut index, &[("a.trace", 0, "{}\n{}\n"), ("empty.network", 0, "")]).unwrap();
        let plan = post(&mut index, &[("a.trace", 3, "{}\n"), ("empty.network", 0, "")]).unwrap();
        assert!(plan.stores.is_empty());
        assert_eq!(plan.repeats, batch(&[("a.trace", 3, "{}\n")]));
        let plan = post(&mut index, &[("a.trace", 3, "{}\n{1}\n")]).unwrap();
        assert_eq!(plan.repeats, batch(&[("a.trace", 3, "{}\n")]));
        assert_eq!((plan.stores[0].0.offset, &plan.stores[0].1[..]), (6, &b"{1}\n"[..]));
    }

    #[test]
    fn a_hole_is_told_with_what_is_expected_and_stores_nothing() {
        let mut index = TraceIndex::default();
        post(&mut index, &[("a.trace", 0, "{}\n")]).unwrap();
        let error = index.plan(&batch(&[("b", 0, "x"), ("a.trace", 4, "{}\n"), ("c", 2, "x")]), MOST).unwrap_err();
        assert_eq!(error, PlanError::Gap([(name("a.trace"), 3), (name("c"), 0)].into()));
        assert!(error.to_string().ends_with("a.trace has 3 bytes, c has 0 bytes"), "{error}");
    }

    #[test]
    fn a_trace_ends_where_it_is_too_large() {
        let mut index = TraceIndex::default();
        let large = "x".repeat(600);
        post(&mut index, &[("a", 0, &large)]).unwrap();
        assert_eq!(index.plan(&batch(&[("b", 0, &large)]), MOST), Err(PlanError::Full { bytes: MOST }));
        index.full = true;
        assert_eq!(index.plan(&batch(&[("b", 0, "x")]), MOST), Err(PlanError::Full { bytes: MOST }));
        assert!(index.plan(&batch(&[("a", 0, "x")]), MOST).is_ok(), "a repeat adds nothing");
    }

    #[test]
    fn a_large_file_is_cut_and_lines_are_not() {
        let large = format!("{}\n", "x".repeat(5 * MAX_PART / 2));
        let plan =
            TraceIndex::default().plan(&batch(&[("a.trace", 0, &large), ("a.png", 0, &large)]), u64::MAX).unwrap();
        let sizes: Vec<_> = plan.stores.iter().map(|(key, bytes)| (key.offset, bytes.len())).collect();
        let last = MAX_PART / 2 + 1;
        let step = MAX_PART as u64;
        assert_eq!(sizes, [(0, MAX_PART), (step, MAX_PART), (2 * step, last), (0, 2 * MAX_PART + last)]);
    }

    #[test]
    fn parts_behind_a_hole_count_once_it_is_filled() {
        let mut index = TraceIndex::default();
        let key = |position, offset| PartKey { position, offset, entry: name("a") };
        index.add(key(5, 5), 5);
        assert_eq!((index.end(&name("a")), index.bytes(), index.readable()), (Some(0), 10, 0));
        assert!(index.pieces(&name("a"), 0, 10).is_empty());
        index.add(key(0, 0), 7);
        assert_eq!((index.end(&name("a")), index.bytes(), index.readable()), (Some(10), 10, 10));
        let pieces: Vec<_> = index.pieces(&name("a"), 0, 10).iter().map(|p| (p.key.offset, p.from, p.len)).collect();
        assert_eq!(pieces, [(0, 0, 7), (5, 2, 3)]);
        let pieces: Vec<_> = index.pieces(&name("a"), 6, 8).iter().map(|p| (p.key.offset, p.from, p.len)).collect();
        assert_eq!(pieces, [(0, 6, 1), (5, 2, 1)]);
    }

    proptest! {
        /// Whatever is listed in whatever order: the pieces are the entry from its beginning to the first hole.
        #[test]
        fn the_order_of_a_listing_does_not_matter(
            parts in prop::collection::vec((0_u64..30, 1_u64..10), 1..12),
            seed in any::<prop::sample::Index>(),
        ) {
            let mut parts: Vec<_> = parts.into_iter().enumerate().collect();
            let keys = |parts: &[(usize, (u64, u64))]| {
                let mut index = TraceIndex::default();
                for (at, (offset, size)) in parts {
                    index.add(PartKey { position: *at as u64, offset: *offset, entry: name("a") }, *size);
                }
                index
            };
            let first = keys(&parts);
            let by = seed.index(parts.len());
            parts.rotate_left(by);
            let second = keys(&parts);
            let end = first.end(&name("a")).unwrap();
            prop_assert_eq!(second.end(&name("a")), Some(end));
            let covered = |at: u64| parts.iter().any(|(_, (offset, size))| (*offset..offset + size).contains(&at));
            prop_assert!((0..end).all(covered) && !covered(end));
            let pieces = second.pieces(&name("a"), 0, end);
            let mut at = 0;
            for piece in &pieces {
                prop_assert!(piece.len > 0 && piece.key.offset + piece.from == at && piece.from + piece.len <= piece.size);
                at += piece.len;
            }
            prop_assert_eq!(at, end);
        }
    }
}
