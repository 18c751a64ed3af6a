//! The tests of a run, in the order in which they first occurred. A test is what has one id in one variant.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::space::{MAX_BYTES, OVERHEAD, Space};
use super::tally::{Tally, TestMark};
use super::test::{ShownTest, Test, TestPlan};
use crate::protocol::ids::MAX_ID_LEN;
use crate::protocol::state_part::{MAX_TEST_ID_BYTES, MAX_TESTS};
use crate::protocol::status::TestStatus;
use crate::protocol::variant::MAX_VARIANT_BYTES;

/// Most tests that are counted without being kept.
const MAX_OMITTED: usize = 90_000;
/// Most producers that are told apart: as many as may post to a run.
const MAX_PRODUCERS: usize = 1_000;
/// Most variants whose tests are kept.
const MAX_VARIANTS: usize = 200;
/// The place of tests without a variant.
const NO_VARIANT: usize = 0;

/// A variant, with the tests that are kept of it.
#[derive(Clone, Debug, Default)]
struct RunVariant {
    name: Option<Arc<str>>,
    tally: Tally,
}

/// The tests with one id.
#[derive(Clone, Debug)]
struct SameId {
    /// The one that was told of last.
    last: usize,
    /// Those of other variants.
    others: Vec<usize>,
}

/// All tests of a run.
#[derive(Clone, Debug)]
pub(super) struct Tests {
    /// Of all tests, those that are not kept included.
    tally: Tally,
    /// The first is that of tests without one.
    variants: Vec<RunVariant>,
    tests: Vec<Test>,
    index: HashMap<Arc<str>, SameId>,
    variant_index: HashMap<Arc<str>, usize>,
    /// Each test that is not kept, by the hash of its variant and id, so that it is counted once.
    omitted: HashMap<u64, TestMark>,
    /// The producers of the tests, each kept once.
    producers: HashSet<Arc<str>>,
    /// Bytes of the tests.
    bytes: usize,
}

impl Default for Tests {
    fn default() -> Self {
        Self {
            tally: Tally::default(),
            variants: vec![RunVariant::default()],
            tests: Vec::new(),
            index: HashMap::new(),
            variant_index: HashMap::new(),
            omitted: HashMap::new(),
            producers: HashSet::new(),
            bytes: 0,
        }
    }
}

/// 53 bits of a test's variant and id, which a double holds: two multiplicative hashes of 32 bits (FNV-1a and one like
/// it), so that any fold comes to the same. Variants are never empty.
fn hash(variant: Option<&str>, id: &str) -> u64 {
    let (mut low, mut high) = (0x811c_9dc5_u32, 0x9747_b28c_u32);
    for byte in variant.unwrap_or_default().bytes().chain([0]).chain(id.bytes()) {
        low = (low ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        high = (high ^ u32::from(byte)).wrapping_mul(0x85eb_ca6b).rotate_left(13);
    }
    u64::from(high & 0x1f_ffff) << 32 | u64::from(low)
}

impl Tests {
    /// Changes the test with this id, which is added if it is new; whether it is kept. `variant`: the one that the event
    /// belongs to; `None`: that of the test with this id that was told of last.
    pub(super) fn change(&mut self, variant: Option<&str>, id: &str, change: impl FnOnce(&mut Test, Space)) -> bool {
        let Some(at) = self.find(variant, id) else { return false };
        let space = Space::beside(self.bytes);
        let Some(test) = self.tests.get_mut(at) else { return false };
        let (before, bytes) = (test.mark(), test.held_bytes());
        change(test, space);
        let (after, variant) = (test.mark(), test.variant);
        self.bytes = self.bytes - bytes + test.held_bytes();
        if before != after {
            for tally in [Some(&mut self.tally), self.variants.get_mut(variant).map(|variant| &mut variant.tally)] {
                let Some(tally) = tally else { continue };
                tally.remove(before);
                tally.add(after);
            }
        }
        true
    }

    /// Counts a test that is not kept under what was told of it last; nothing if it is kept, or its id is no id.
    pub(super) fn count(&mut self, variant: Option<&str>, id: &str, mark: TestMark) {
        if let Some(known) = self.omitted.get_mut(&hash(variant, id)) {
            self.tally.remove(std::mem::replace(known, mark));
            self.tally.add(mark);
        }
    }

    /// The producer with this id, shared by its tests; `None` for what is no id, or one of too many.
    pub(super) fn producer(&mut self, id: &str) -> Option<Arc<str>> {
        if let Some(known) = self.producers.get(id) {
            return Some(known.clone());
        }
        let fits = (1..=MAX_ID_LEN).contains(&id.len()) && self.producers.len() < MAX_PRODUCERS;
        fits.then(|| {
            let id: Arc<str> = id.into();
            self.producers.insert(id.clone());
            id
        })
    }

    pub(super) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The variants that have tests, with these.
    pub(super) fn variants(&self) -> impl Iterator<Item = (Option<&str>, &Tally)> {
        let with_tests = self.variants.iter().filter(|variant| !variant.tally.is_empty());
        with_tests.map(|variant| (variant.name.as_deref(), &variant.tally))
    }

    /// The name of a test's variant.
    pub(super) fn variant_of(&self, test: &Test) -> Option<&str> {
        self.variants.get(test.variant)?.name.as_deref()
    }

    pub(super) fn shown<'a>(&'a self, test: &'a Test, is_over: bool) -> ShownTest<'a> {
        ShownTest { test, variant: self.variant_of(test), is_over, is_last: false, resumable: false }
    }

    /// Whether of several tests with its id this one was told of last.
    pub(super) fn is_last_of_several(&self, test: &Test) -> bool {
        let same = self.index.get(&test.id).filter(|same| !same.others.is_empty());
        same.and_then(|same| self.tests.get(same.last)).is_some_and(|last| std::ptr::eq(last, test))
    }

    /// The names of all variants that tests were told of, in order; that of tests without one is empty.
    pub(super) fn variant_names(&self) -> Vec<&str> {
        self.variants.iter().map(|variant| variant.name.as_deref().unwrap_or_default()).collect()
    }

    /// All producers that tests were told of by.
    pub(super) fn producer_ids(&self) -> Vec<&str> {
        let mut ids: Vec<_> = self.producers.iter().map(|id| &**id).collect();
        ids.sort_unstable();
        ids
    }

    /// The hashes of the tests that are not kept, by their marks.
    pub(super) fn omitted_by_mark(&self) -> BTreeMap<String, Vec<u64>> {
        let mut marks: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for (hash, (status, outcome)) in &self.omitted {
            let outcome = outcome.map(|outcome| format!(" {}", outcome.as_str())).unwrap_or_default();
            marks.entry(format!("{}{outcome}", status.as_str())).or_default().push(*hash);
        }
        marks.values_mut().for_each(|hashes| hashes.sort_unstable());
        marks
    }

    /// Those that are kept.
    pub(super) fn kept(&self) -> &[Test] {
        &self.tests
    }

    /// How many are not kept.
    pub(super) fn omitted(&self) -> usize {
        self.omitted.len()
    }

    /// Those with this id, the one that was told of last at the end.
    pub(super) fn with_id(&self, id: &str) -> impl Iterator<Item = &Test> {
        let places = self.index.get(id).into_iter().flat_map(|same| same.others.iter().chain([&same.last]));
        places.filter_map(|at| self.tests.get(*at))
    }

    /// Approximate memory in bytes.
    pub(super) fn held_bytes(&self) -> usize {
        let others = self.index.values().map(|same| same.others.capacity() * size_of::<usize>());
        let names = self.producers.iter().chain(self.variant_index.keys());
        let spare = self.tests.capacity() - self.tests.len();
        self.bytes
            + spare * size_of::<Test>()
            + self.index.capacity() * (size_of::<(Arc<str>, SameId)>() + 1)
            + others.sum::<usize>()
            + self.omitted.capacity() * (size_of::<(u64, TestMark)>() + 1)
            + self.variants.capacity() * size_of::<RunVariant>()
            + self.variant_index.capacity() * (size_of::<(Arc<str>, usize)>() + 1)
            + self.producers.capacity() * (size_of::<Arc<str>>() + 1)
            + names.map(|name| name.len() + OVERHEAD).sum::<usize>()
    }

    /// Where the test is; `None` if it is only counted, or the id is invalid.
    fn find(&mut self, variant: Option<&str>, id: &str) -> Option<usize> {
        if !(1..=MAX_TEST_ID_BYTES).contains(&id.len()) {
            return None;
        }
        let variant = variant.filter(|name| (1..=MAX_VARIANT_BYTES).contains(&name.len()));
        let Some(same) = self.index.get_mut(id) else { return self.add(variant, id) };
        let Some(name) = variant else { return Some(same.last) };
        let known = self.variant_index.get(name).copied();
        let is_it = |at: usize| known.is_some() && self.tests.get(at).map(|test| test.variant) == known;
        if is_it(same.last) {
            return Some(same.last);
        }
        if let Some(other) = same.others.iter_mut().find(|other| is_it(**other)) {
            std::mem::swap(other, &mut same.last);
            return Some(same.last);
        }
        // One that was only planned, by nobody in particular, is of the first who tells of it.
        let is_free = |at: usize| self.tests.get(at).is_some_and(|test| test.variant == NO_VARIANT && !test.is_told());
        let free = if is_free(same.last) { Some(same.last) } else { None };
        match (free, self.variant_place(name)) {
            (Some(at), Some(variant)) => self.give(at, variant),
            _ => self.add(Some(name), id),
        }
    }

    /// Gives a test to a variant.
    fn give(&mut self, at: usize, variant: usize) -> Option<usize> {
        let test = self.tests.get_mut(at)?;
        let mark = test.mark();
        let old = std::mem::replace(&mut test.variant, variant);
        self.variants.get_mut(old)?.tally.remove(mark);
        self.variants.get_mut(variant)?.tally.add(mark);
        Some(at)
    }

    /// The place of a variant, which is added if it is new; `None` if there are too many.
    fn variant_place(&mut self, name: &str) -> Option<usize> {
        if let Some(known) = self.variant_index.get(name) {
            return Some(*known);
        }
        let place = self.variants.len();
        (place <= MAX_VARIANTS).then(|| {
            let name: Arc<str> = name.into();
            self.variant_index.insert(name.clone(), place);
            self.variants.push(RunVariant { name: Some(name), tally: Tally::default() });
            place
        })
    }

    fn add(&mut self, variant: Option<&str>, id: &str) -> Option<usize> {
        let place = variant.map_or(Some(NO_VARIANT), |name| self.variant_place(name));
        let fits = self.tests.len() < MAX_TESTS && self.bytes < MAX_BYTES;
        let Some(place) = place.filter(|_| fits) else { return self.omit(variant, id) };
        let at = self.tests.len();
        let (id, plan) = match self.index.get_key_value(id) {
            Some((id, same)) => (id.clone(), self.tests.get(same.last).map(|test| test.plan.clone())),
            None => (Arc::from(id), None),
        };
        match self.index.get_mut(&id) {
            Some(same) => same.others.push(std::mem::replace(&mut same.last, at)),
            None => drop(self.index.insert(id.clone(), SameId { last: at, others: Vec::new() })),
        }
        let test = Test::new(id, place, plan.unwrap_or_else(TestPlan::default));
        let mark = test.mark();
        self.tally.add(mark);
        self.variants.get_mut(place)?.tally.add(mark);
        self.bytes += test.held_bytes();
        if at == self.tests.capacity() {
            self.tests.reserve_exact(at / 4 + 16);
        }
        self.tests.push(test);
        Some(at)
    }

    /// Counts a test that is not kept.
    fn omit(&mut self, variant: Option<&str>, id: &str) -> Option<usize> {
        const PLANNED: TestMark = (TestStatus::Pending, None);
        let (key, unnamed) = (hash(variant, id), hash(None, id));
        if self.omitted.contains_key(&key) {
            return None;
        }
        if self.omitted.get(&unnamed) == Some(&PLANNED) {
            // As for those that are kept.
            self.omitted.remove(&unnamed);
            self.omitted.insert(key, PLANNED);
        } else if self.omitted.len() < MAX_OMITTED {
            self.omitted.insert(key, PLANNED);
            self.tally.add(PLANNED);
        }
        None
    }
}
