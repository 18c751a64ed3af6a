//! The indexes that a node keeps: bounded in bytes, the one that nobody has used for longest goes first.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::Mutex;

use super::core::RunIndex;
use crate::protocol::RunId;

/// Bytes that an entry costs besides its index.
const ENTRY_BYTES: usize = 256;

/// An index, which one question at a time works with.
pub(super) type SharedIndex = Arc<Mutex<RunIndex>>;

/// See the module's page.
#[derive(Debug)]
pub(super) struct KeptIndexes {
    entries: HashMap<RunId, KeptIndex>,
    max_bytes: usize,
    bytes: usize,
    /// Questions so far.
    uses: u64,
}

#[derive(Debug)]
struct KeptIndex {
    index: SharedIndex,
    bytes: usize,
    used: u64,
}

impl KeptIndexes {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self { entries: HashMap::new(), max_bytes, bytes: 0, uses: 0 }
    }

    /// The index of a run, an empty one if there is none.
    pub(super) fn of(&mut self, run: &RunId) -> SharedIndex {
        self.uses += 1;
        let (uses, bytes) = (self.uses, &mut self.bytes);
        let entry = self.entries.entry(run.clone()).or_insert_with(|| {
            *bytes += ENTRY_BYTES;
            KeptIndex { index: Arc::new(Mutex::new(RunIndex::new(run.clone()))), bytes: ENTRY_BYTES, used: uses }
        });
        entry.used = uses;
        entry.index.clone()
    }

    /// An index has so many bytes now; those that have to go for it go. One that others still work with is freed behind
    /// them.
    pub(super) fn grown(&mut self, run: &RunId, index: &SharedIndex, bytes: usize) {
        if let Some(entry) = self.entries.get_mut(run).filter(|entry| Arc::ptr_eq(&entry.index, index)) {
            self.bytes = self.bytes - entry.bytes + bytes + ENTRY_BYTES;
            entry.bytes = bytes + ENTRY_BYTES;
        }
        while self.bytes > self.max_bytes {
            let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.used).map(|(run, _)| run.clone());
            let Some(oldest) = oldest else { break };
            self.forget(&oldest);
        }
    }

    /// The run is gone.
    pub(super) fn forget(&mut self, run: &RunId) {
        if let Some(gone) = self.entries.remove(run) {
            self.bytes -= gone.bytes;
        }
    }

    /// Bytes of all.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(name: &str) -> RunId {
        RunId::parse(name).unwrap()
    }

    #[test]
    fn the_index_that_was_used_longest_ago_goes_first() {
        let mut kept = KeptIndexes::new(10_000);
        let [a, b] = ["a", "b"].map(|name| kept.of(&run(name)));
        kept.grown(&run("a"), &a, 4_000);
        kept.grown(&run("b"), &b, 4_000);
        assert!(Arc::ptr_eq(&kept.of(&run("a")), &a), "it is used");
        let c = kept.of(&run("c"));
        kept.grown(&run("c"), &c, 4_000);
        assert!(Arc::ptr_eq(&kept.of(&run("a")), &a) && Arc::ptr_eq(&kept.of(&run("c")), &c));
        assert!(!Arc::ptr_eq(&kept.of(&run("b")), &b), "it went");
        assert!(kept.bytes() <= 10_000, "{}", kept.bytes());
    }

    #[test]
    fn an_index_that_is_too_large_is_not_kept_and_one_that_went_meanwhile_counts_for_nothing() {
        let mut kept = KeptIndexes::new(10_000);
        let a = kept.of(&run("a"));
        kept.grown(&run("a"), &a, 20_000);
        assert_eq!(kept.bytes(), 0);
        kept.of(&run("a"));
        kept.grown(&run("a"), &a, 5_000);
        assert_eq!(kept.bytes(), ENTRY_BYTES);
        kept.forget(&run("a"));
        kept.forget(&run("a"));
        assert_eq!(kept.bytes(), 0);
    }
}
