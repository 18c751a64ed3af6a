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

/// A run that is due, with what is folded of it.
pub(super) struct DueRun {
    pub(super) run: RunId,
    pub(super) fold: SummaryFold,
    /// Bytes that the fold takes.
    pub(super) bytes: usize,
    /// When it fell due.
    pub(super) since: Instant,
}

impl DueRun {
    /// A run of which nothing is folded.
    pub(super) fn unfolded(run: RunId, since: Instant) -> Self {
        let fold = SummaryFold::new(run.clone());
        Self { bytes: fold.held_bytes(), run, fold, since }
    }
}

impl SummaryQueue {
    pub(super) fn new(pace: Duration, max_bytes: usize) -> Self {
        Self { pace, max_bytes, due: HashMap::new(), folds: HashMap::new(), unfinished: None }
    }

    /// A run has changed. `at_once`: its summary is not to wait for the pace.
    pub(super) fn changed(&mut self, run: &RunId, at_once: bool, now: Instant) {
        let last = self.folds.get(run).map(|kept| kept.used);
        let at = last.filter(|_| !at_once).map_or(now, |last| (last + self.pace).max(now));
        self.again(run, at);
    }

    /// A run is due at that time, unless it is earlier.
    pub(super) fn again(&mut self, run: &RunId, at: Instant) {
        if let Some(due) = self.due.get_mut(run) {
            *due = at.min(*due);
        } else if self.due.len() < MAX_WAITING {
            self.due.insert(run.clone(), at);
        }
    }

    /// Takes out at most so many runs that are due, with what is folded of them; those that wait longest first.
    pub(super) fn take_due(&mut self, most: usize, now: Instant) -> Vec<DueRun> {
        let mut due: Vec<_> =
            self.due.iter().filter(|(_, at)| **at <= now).map(|(run, at)| (*at, run.clone())).collect();
        due.sort_unstable_by_key(|(at, _)| *at);
        due.truncate(most);
        let taken = due.into_iter().map(|(since, run)| {
            self.due.remove(&run);
            match self.folds.remove(&run) {
                Some(KeptFold { fold, bytes, .. }) => DueRun { run, fold, bytes, since },
                None => DueRun::unfolded(run, since),
            }
        });
        taken.collect()
    }

    /// Keeps a fold for the next time, as far as there is room. One that is not whole is due at once.
    pub(super) fn put_back(&mut self, run: RunId, fold: SummaryFold, is_whole: bool, now: Instant) {
        if is_whole {
            self.unfinished.take_if(|unfinished| *unfinished == run);
        } else {
            self.unfinished.get_or_insert_with(|| run.clone());
            self.again(&run, now);
        }
        let bytes = fold.held_bytes();
        self.folds.insert(run, KeptFold { fold, bytes, used: now });
    }

    /// A run was left out for want of room: it keeps its place among those that wait, and what is folded of it is kept.
    pub(super) fn leave(&mut self, left: DueRun, now: Instant) {
        let DueRun { run, fold, bytes, since } = left;
        self.again(&run, since);
        if fold.tip() > 0 {
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

    fn names(taken: &[DueRun]) -> Vec<&str> {
        taken.iter().map(|due| due.run.as_str()).collect()
    }

    #[test]
    fn a_run_is_due_at_once_and_then_at_its_pace_unless_something_was_decided() {
        let (mut queue, start) = (SummaryQueue::new(PACE, 1 << 20), Instant::now());
        queue.changed(&run("r"), false, start);
        let mut taken = queue.take_due(9, start);
        assert_eq!(names(&taken), ["r"]);
        let DueRun { run: name, fold, .. } = taken.pop().unwrap();
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
    fn a_run_that_was_left_out_comes_before_those_that_changed_since() {
        let (mut queue, start) = (SummaryQueue::new(PACE, 1 << 20), Instant::now());
        queue.changed(&run("left"), false, start);
        let left = queue.take_due(9, start).pop().unwrap();
        queue.changed(&run("other"), false, start + PACE);
        queue.changed(&run("left"), false, start + 2 * PACE);
        queue.leave(left, start + 2 * PACE);
        assert_eq!(names(&queue.take_due(1, start + 3 * PACE)), ["left"]);
        assert_eq!(names(&queue.take_due(9, start + 3 * PACE)), ["other"]);
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
