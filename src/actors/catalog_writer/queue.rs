//! Which runs are to be summed up, when, and what is kept of them meanwhile. No clock: the time comes with each call.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::fold::SummaryFold;
use crate::protocol::RunId;

/// Most runs that may wait. Further ones are found by what their rows say.
const MAX_WAITING: usize = 20_000;
/// How long the fold of a run is kept that does not change.
const KEPT: Duration = Duration::from_secs(60);

/// The runs that wait, and the folds that are kept.
pub(super) struct SummaryQueue {
    /// Least time between two summaries of a run.
    pace: Duration,
    /// Bytes that folds may take between two steps.
    max_bytes: usize,
    /// When each run is due.
    due: HashMap<RunId, Instant>,
    folds: HashMap<RunId, KeptFold>,
    /// A run whose log is long, and whose fold is kept until it is whole, however large.
    unfinished: Option<RunId>,
}

struct KeptFold {
    fold: SummaryFold,
    bytes: usize,
    used: Instant,
}

impl SummaryQueue {
    pub(super) fn new(pace: Duration, max_bytes: usize) -> Self {
        Self { pace, max_bytes, due: HashMap::new(), folds: HashMap::new(), unfinished: None }
    }

    /// A run has changed. `at_once`: its summary is not to wait for the pace.
    pub(super) fn changed(&mut self, run: &RunId, at_once: bool, now: Instant) {
        let last = self.folds.get(run).map(|kept| kept.used);
        let at = last.filter(|_| !at_once).map_or(now, |last| (last + self.pace).max(now));
        if let Some(due) = self.due.get_mut(run) {
            *due = at.min(*due);
        } else {
            self.again(run.clone(), at);
        }
    }

    /// A run is to be tried again.
    pub(super) fn again(&mut self, run: RunId, at: Instant) {
        if self.due.len() < MAX_WAITING {
            self.due.entry(run).or_insert(at);
        }
    }

    /// Takes out at most so many runs that are due, with what is folded of them; those that wait longest first.
    pub(super) fn take_due(&mut self, most: usize, now: Instant) -> Vec<(RunId, SummaryFold)> {
        let mut due: Vec<_> =
            self.due.iter().filter(|(_, at)| **at <= now).map(|(run, at)| (*at, run.clone())).collect();
        due.sort_unstable_by_key(|(at, _)| *at);
        due.truncate(most);
        let taken = due.into_iter().map(|(_, run)| {
            self.due.remove(&run);
            let kept = self.folds.remove(&run).map(|kept| kept.fold);
            let fold = kept.unwrap_or_else(|| SummaryFold::new(run.clone()));
            (run, fold)
        });
        taken.collect()
    }

    /// Keeps a fold for the next time, as far as there is room. One that is not whole is due at once.
    pub(super) fn put_back(&mut self, run: RunId, fold: SummaryFold, is_whole: bool, now: Instant) {
        if is_whole {
            self.unfinished.take_if(|unfinished| *unfinished == run);
        } else {
            self.unfinished.get_or_insert_with(|| run.clone());
            self.again(run.clone(), now);
        }
        let bytes = fold.held_bytes();
        self.folds.insert(run, KeptFold { fold, bytes, used: now });
    }

    /// A run was left out for want of room: it is due at once, and what is folded of it is kept.
    pub(super) fn leave(&mut self, run: RunId, fold: SummaryFold, now: Instant) {
        self.again(run.clone(), now);
        if fold.tip() > 0 {
            let bytes = fold.held_bytes();
            self.folds.insert(run, KeptFold { fold, bytes, used: now });
        }
    }

    /// Bytes of the folds that are kept.
    pub(super) fn kept_bytes(&self) -> usize {
        self.folds.values().map(|kept| kept.bytes).sum()
    }

    /// Frees what is not used, and what there is no room for: that which was used longest ago first.
    pub(super) fn tidy(&mut self, now: Instant) {
        let unfinished = self.unfinished.clone();
        let is_pinned = |run: &RunId| unfinished.as_ref() == Some(run);
        self.folds.retain(|run, kept| is_pinned(run) || now.saturating_duration_since(kept.used) < KEPT);
        let mut bytes = self.kept_bytes();
        if bytes <= self.max_bytes {
            return;
        }
        let mut by_age: Vec<_> = self.folds.iter().map(|(run, kept)| (kept.used, run.clone(), kept.bytes)).collect();
        by_age.sort_unstable_by_key(|(used, ..)| *used);
        for (_, run, freed) in by_age.into_iter().filter(|(_, run, _)| !is_pinned(run)) {
            if bytes <= self.max_bytes {
                break;
            }
            self.folds.remove(&run);
            bytes -= freed;
        }
    }

    /// A run is gone.
    pub(super) fn forget(&mut self, run: &RunId) {
        self.due.remove(run);
        self.folds.remove(run);
        self.unfinished.take_if(|unfinished| unfinished == run);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Duration = Duration::from_secs(1);

    fn run(name: &str) -> RunId {
        RunId::parse(name).unwrap()
    }

    fn names(taken: &[(RunId, SummaryFold)]) -> Vec<&str> {
        taken.iter().map(|(run, _)| run.as_str()).collect()
    }

    #[test]
    fn a_run_is_due_at_once_and_then_at_its_pace_unless_something_was_decided() {
        let (mut queue, start) = (SummaryQueue::new(PACE, 1 << 20), Instant::now());
        queue.changed(&run("r"), false, start);
        let mut taken = queue.take_due(9, start);
        assert_eq!(names(&taken), ["r"]);
        let (name, fold) = taken.pop().unwrap();
        queue.put_back(name, fold, true, start);
        queue.changed(&run("r"), false, start + PACE / 2);
        assert!(queue.take_due(9, start + PACE / 2).is_empty());
        queue.changed(&run("r"), true, start + PACE / 2);
        assert_eq!(names(&queue.take_due(9, start + PACE / 2)), ["r"]);
    }

    #[test]
    fn those_that_wait_longest_come_first() {
        let (mut queue, start) = (SummaryQueue::new(PACE, 1 << 20), Instant::now());
        for (name, after) in [("b", 2), ("a", 1), ("c", 3)] {
            queue.changed(&run(name), false, start + after * PACE);
        }
        assert_eq!(names(&queue.take_due(2, start + 9 * PACE)), ["a", "b"]);
        assert_eq!(names(&queue.take_due(2, start + 9 * PACE)), ["c"]);
    }

    #[test]
    fn folds_are_kept_within_bytes_and_time_and_an_unfinished_one_until_it_is_whole() {
        let (mut queue, start) = (SummaryQueue::new(PACE, 1), Instant::now());
        let fold = |name: &str| SummaryFold::new(run(name));
        queue.put_back(run("long"), fold("long"), false, start);
        queue.put_back(run("other"), fold("other"), true, start);
        queue.tidy(start + 2 * KEPT);
        assert_eq!(queue.folds.keys().map(RunId::as_str).collect::<Vec<_>>(), ["long"]);
        assert_eq!(names(&queue.take_due(9, start)), ["long"], "it is due at once");
        queue.put_back(run("long"), fold("long"), true, start);
        queue.tidy(start);
        assert!(queue.folds.is_empty());
    }

    #[test]
    fn what_is_gone_is_forgotten() {
        let (mut queue, start) = (SummaryQueue::new(PACE, 1 << 20), Instant::now());
        queue.put_back(run("r"), SummaryFold::new(run("r")), false, start);
        queue.forget(&run("r"));
        assert!(queue.take_due(9, start).is_empty() && queue.folds.is_empty() && queue.unfinished.is_none());
    }
}
