//! The signs of life that this node has heard. Pure, and bounded.
//!
//! A sign that does not fit is not kept. Whoever gave it must not count as silent, so the time when that last happened
//! is kept instead: nobody was heard without a break before it.

use std::collections::HashMap;

use crate::protocol::{RunId, Sign, Timestamp};

/// Most signs of a run.
pub(super) const MAX_OF_RUN: usize = 4_096;
/// Most signs of all runs.
const MAX_OF_NODE: usize = 100_000;

/// Signs of one run, for the other nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RunSigns {
    pub(super) run: RunId,
    /// Each with the time when it was last heard.
    pub(super) signs: Vec<(Sign, Timestamp)>,
    /// When a sign was last not kept.
    pub(super) overflowed: Option<Timestamp>,
}

/// What was heard, by run.
#[derive(Debug, Default)]
pub(super) struct Heard {
    runs: HashMap<RunId, OfRun>,
    /// Signs of all runs.
    count: usize,
    /// When a sign was last not kept because there were too many of all runs.
    overflowed: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct OfRun {
    signs: HashMap<Sign, Timestamp>,
    /// When a sign was last not kept because there were too many of the run.
    overflowed: Option<Timestamp>,
}

impl Heard {
    /// Notes a sign; false if there is no room for it.
    pub(super) fn note(&mut self, run: &RunId, sign: Sign, at: Timestamp) -> bool {
        if let Some(last) = self.runs.get_mut(run).and_then(|of_run| of_run.signs.get_mut(&sign)) {
            *last = at.max(*last);
            return true;
        }
        if self.count >= MAX_OF_NODE {
            self.overflowed = self.overflowed.max(Some(at));
            return false;
        }
        let of_run = match self.runs.get_mut(run) {
            Some(of_run) => of_run,
            None => self.runs.entry(run.clone()).or_default(),
        };
        if of_run.signs.len() >= MAX_OF_RUN {
            of_run.overflowed = of_run.overflowed.max(Some(at));
            return false;
        }
        of_run.signs.insert(sign, at);
        self.count += 1;
        true
    }

    /// Whether a sign of the run is kept.
    pub(super) fn knows(&self, run: &RunId) -> bool {
        self.runs.contains_key(run)
    }

    /// When the sign was last heard.
    pub(super) fn last(&self, run: &RunId, sign: &Sign) -> Option<Timestamp> {
        self.runs.get(run)?.signs.get(sign).copied()
    }

    /// When a sign that might have been the run's was last not kept.
    pub(super) fn overflowed(&self, run: &RunId) -> Option<Timestamp> {
        self.overflowed.max(self.runs.get(run).and_then(|of_run| of_run.overflowed))
    }

    /// When a sign was last not kept because there were too many of all runs.
    pub(super) fn overflowed_on_node(&self) -> Option<Timestamp> {
        self.overflowed
    }

    /// Everything that was heard.
    pub(super) fn all(&self) -> Vec<RunSigns> {
        let signs = |of_run: &OfRun| of_run.signs.iter().map(|(sign, at)| (sign.clone(), *at)).collect();
        let runs = self.runs.iter();
        runs.map(|(run, of_run)| RunSigns { run: run.clone(), signs: signs(of_run), overflowed: of_run.overflowed })
            .collect()
    }

    /// Removes what has been told to the other nodes, unless it was heard again since.
    pub(super) fn forget(&mut self, told: &[RunSigns]) {
        for RunSigns { run, signs, overflowed } in told {
            let Some(of_run) = self.runs.get_mut(run) else { continue };
            for (sign, at) in signs {
                if of_run.signs.get(sign).is_some_and(|last| last <= at) {
                    of_run.signs.remove(sign);
                    self.count -= 1;
                }
            }
            if of_run.overflowed <= *overflowed {
                of_run.overflowed = None;
            }
            if of_run.is_empty() {
                self.runs.remove(run);
            }
        }
    }

    /// Removes what was last heard before `before`.
    pub(super) fn expire(&mut self, before: Timestamp) {
        let mut count = 0;
        self.runs.retain(|_, of_run| {
            of_run.signs.retain(|_, at| *at >= before);
            of_run.overflowed = of_run.overflowed.filter(|at| *at >= before);
            count += of_run.signs.len();
            !of_run.is_empty()
        });
        self.overflowed = self.overflowed.filter(|at| *at >= before);
        self.count = count;
    }

    /// Signs of all runs.
    pub(super) fn count(&self) -> usize {
        self.count
    }
}

impl OfRun {
    fn is_empty(&self) -> bool {
        self.signs.is_empty() && self.overflowed.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn run(id: &str) -> RunId {
        RunId::parse(id).unwrap()
    }

    fn producer(id: usize) -> Sign {
        Sign::Producer(id.to_string().into())
    }

    #[test]
    fn the_last_sign_counts_and_a_subject_is_no_producer() {
        let (mut heard, r) = (Heard::default(), run("r"));
        assert!(heard.note(&r, producer(1), at(5)) && heard.note(&r, producer(1), at(3)));
        assert_eq!(heard.last(&r, &producer(1)), Some(at(5)));
        assert_eq!(heard.last(&r, &Sign::Subject("1".into())), None);
        assert_eq!(heard.last(&run("s"), &producer(1)), None);
        assert_eq!(heard.count(), 1);
    }

    #[test]
    fn what_does_not_fit_is_a_break_for_its_run_alone() {
        let (mut heard, r, s) = (Heard::default(), run("r"), run("s"));
        assert!((0..MAX_OF_RUN).all(|id| heard.note(&r, producer(id), at(1))));
        assert!(!heard.note(&r, producer(MAX_OF_RUN), at(7)));
        assert!(heard.note(&r, producer(0), at(8)), "whoever is known is heard");
        assert_eq!((heard.overflowed(&r), heard.overflowed(&s)), (Some(at(7)), None));
        assert_eq!(heard.count(), MAX_OF_RUN);
    }

    #[test]
    fn a_node_that_is_full_has_a_break_for_all_runs() {
        let mut heard = Heard::default();
        for id in 0..MAX_OF_NODE {
            assert!(heard.note(&run(&format!("r{}", id / MAX_OF_RUN)), producer(id), at(1)));
        }
        assert!(!heard.note(&run("s"), producer(1), at(9)));
        assert_eq!((heard.overflowed(&run("t")), heard.count()), (Some(at(9)), MAX_OF_NODE));
        heard.expire(at(2));
        assert_eq!((heard.overflowed(&run("t")), heard.count()), (Some(at(9)), 0));
        heard.expire(at(10));
        assert_eq!(heard.overflowed(&run("t")), None);
    }

    #[test]
    fn what_was_told_is_forgotten_unless_it_was_heard_again() {
        let (mut heard, r) = (Heard::default(), run("r"));
        heard.note(&r, producer(1), at(1));
        heard.note(&r, producer(2), at(1));
        let told = heard.all();
        assert_eq!((told.len(), told[0].signs.len()), (1, 2));
        heard.note(&r, producer(2), at(2));
        heard.forget(&told);
        assert_eq!((heard.last(&r, &producer(1)), heard.last(&r, &producer(2))), (None, Some(at(2))));
        heard.forget(&heard.all());
        assert!(heard.all().is_empty() && heard.runs.is_empty() && heard.count() == 0);
    }
}
