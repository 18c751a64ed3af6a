//! Knows which attempts at tests are running, and where their steps stand in their trees: so that a step is shown below
//! the one that it is a part of, and those of tests that run at a time are told apart.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

/// Most producers and tests whose variants are kept; events of others count as those of no variant.
const MAX_PRODUCERS: usize = 1_000;
const MAX_TESTS: usize = 20_000;
/// Most variants that are told apart, and most attempts that are known to run.
const MAX_VARIANTS: usize = 64;
const MAX_OPEN: usize = 1_000;
/// Most steps whose places are kept, of one attempt and of all; what is below another one is shown at the left.
const MAX_STEPS_OF_ONE: usize = 5_000;
const MAX_STEPS: usize = 50_000;
/// Most characters kept of an id or a variant.
const ID_CHARS: usize = 200;

/// An attempt at a test of a variant; a step that names no test belongs to the run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Attempt {
    /// The variant, if its producer has one.
    pub(super) variant: Option<String>,
    /// The test's id.
    pub(super) test: Option<String>,
    /// 0, or which retry it is.
    pub(super) number: u64,
}

/// Where a step stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StepPlace {
    /// How many steps it is below.
    pub(super) depth: usize,
    /// The attempt that it belongs to, if the line has to say so.
    pub(super) told_apart: Option<Attempt>,
}

/// Follows the attempts of a run.
#[derive(Debug, Default)]
pub(super) struct AttemptFollower {
    /// The variants that producers joined with.
    producers: HashMap<String, String>,
    variants: BTreeSet<String>,
    /// The attempt that was told of last, by the test.
    latest: HashMap<String, (Option<String>, u64)>,
    /// The attempts that are running, and how deep each of their steps is.
    open: HashMap<Attempt, HashMap<String, usize>>,
    /// Steps in `open`.
    steps: usize,
    /// The attempt that the last line was about.
    before: Option<Attempt>,
}

impl AttemptFollower {
    /// Takes a `worker` event.
    pub(super) fn worker(&mut self, event: &Value) {
        let (Some(producer), Some(variant)) = (text(&event["producer"]), text(&event["variant"])) else { return };
        self.learn(&variant);
        if self.producers.len() < MAX_PRODUCERS || self.producers.contains_key(&producer) {
            self.producers.insert(producer, variant);
        }
    }

    /// Takes a `test_status` event: says whose it is.
    pub(super) fn status(&mut self, event: &Value, is_final: bool) -> Attempt {
        let producer = text(&event["producer"]).and_then(|producer| self.producers.get(&producer).cloned());
        let attempt = Attempt {
            variant: text(&event["variant"]).or(producer),
            test: text(&event["testId"]),
            number: event["data"]["attempt"].as_u64().unwrap_or(0),
        };
        if let Some(variant) = &attempt.variant {
            self.learn(variant);
        }
        if let Some(test) = &attempt.test
            && (self.latest.len() < MAX_TESTS || self.latest.contains_key(test))
        {
            self.latest.insert(test.clone(), (attempt.variant.clone(), attempt.number));
        }
        if is_final {
            self.close(&attempt);
        } else {
            self.open(&attempt);
        }
        self.before = Some(attempt.clone());
        attempt
    }

    /// The run has ended.
    pub(super) fn end(&mut self) {
        self.open.clear();
        self.steps = 0;
    }

    /// Takes a `test_step` event.
    pub(super) fn step(&mut self, event: &Value) -> StepPlace {
        let step = &event["step"];
        let attempt = self.attempt(event, &step["attempt"]);
        let steps = self.open.get(&attempt);
        let parent = text(&step["parent"]).and_then(|parent| steps?.get(&parent).copied());
        let depth = parent.map_or(0, |depth| depth + 1);
        let id = text(&step["id"]).or_else(|| step["stepNumber"].as_u64().map(|number| number.to_string()));
        if step["phase"] != "end"
            && let Some(id) = id
            && self.steps < MAX_STEPS
            && let Some(steps) = self.open.get_mut(&attempt)
            && steps.len() < MAX_STEPS_OF_ONE
        {
            self.steps += usize::from(steps.insert(id, depth).is_none());
        }
        StepPlace { depth, told_apart: self.turn_to(attempt) }
    }

    /// The attempt that a `log` event belongs to, if several run.
    pub(super) fn log(&mut self, event: &Value) -> Option<Attempt> {
        event["testId"].as_str().filter(|_| self.open.len() > 1)?;
        let attempt = self.attempt(event, &event["attempt"]);
        Some(attempt)
    }

    /// Whether lines have to say which variant they are about.
    pub(super) fn has_variants(&self) -> bool {
        self.variants.len() > 1
    }

    /// The attempt that an event belongs to: what it does not say itself, it has of the test's that was told of last.
    fn attempt(&self, event: &Value, number: &Value) -> Attempt {
        let test = text(&event["testId"]);
        let latest = test.as_ref().and_then(|test| self.latest.get(test));
        let (variant, latest) = latest.map_or((None, 0), |(variant, number)| (variant.clone(), *number));
        Attempt { variant: text(&event["variant"]).or(variant), test, number: number.as_u64().unwrap_or(latest) }
    }

    /// Says whether a line about an attempt has to name it: another line was about another one, or may be.
    fn turn_to(&mut self, attempt: Attempt) -> Option<Attempt> {
        let is_other = self.before.as_ref() != Some(&attempt);
        let told_apart = (is_other || self.open.len() > 1).then(|| attempt.clone());
        self.before = Some(attempt);
        told_apart
    }

    fn learn(&mut self, variant: &str) {
        if self.variants.len() < MAX_VARIANTS {
            self.variants.insert(variant.to_owned());
        }
    }

    fn open(&mut self, attempt: &Attempt) {
        if self.open.len() < MAX_OPEN {
            self.open.entry(attempt.clone()).or_default();
        }
    }

    fn close(&mut self, attempt: &Attempt) {
        self.steps -= self.open.remove(attempt).map_or(0, |steps| steps.len());
    }
}

/// A text, shortened.
fn text(value: &Value) -> Option<String> {
    value.as_str().map(|text| text.chars().take(ID_CHARS).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn status(follower: &mut AttemptFollower, test: &str, number: u64, is_final: bool) {
        follower.status(&json!({"testId": test, "data": {"attempt": number}}), is_final);
    }

    fn step(test: &str, id: &str, parent: &str) -> Value {
        json!({"testId": test, "step": {"stepNumber": 1, "id": id, "parent": parent, "phase": "begin"}})
    }

    #[test]
    fn a_step_is_as_deep_as_the_steps_that_it_is_a_part_of() {
        let mut follower = AttemptFollower::default();
        status(&mut follower, "t", 0, false);
        let mut depth = |event: Value| follower.step(&event).depth;
        assert_eq!(depth(json!({"testId": "t", "step": {"stepNumber": 1}})), 0);
        assert_eq!(depth(step("t", "a", "1")), 1, "a step without an id has its number");
        assert_eq!(depth(step("t", "b", "a")), 2);
        assert_eq!(depth(json!({"testId": "t", "step": {"id": "b", "parent": "a", "phase": "end"}})), 2);
        assert_eq!(depth(step("t", "c", "unknown")), 0);
        assert_eq!(
            depth(json!({"testId": "t", "step": {"id": "d", "parent": "b", "attempt": 1}})),
            0,
            "of another attempt"
        );
        status(&mut follower, "t", 0, true);
        assert_eq!(follower.step(&step("t", "e", "b")).depth, 0);
        assert_eq!(follower.steps, 0);
    }

    #[test]
    fn attempts_are_told_apart_while_several_run_and_when_the_line_before_was_about_another() {
        let mut follower = AttemptFollower::default();
        let named =
            |follower: &mut AttemptFollower, test: &str| follower.step(&step(test, "a", "")).told_apart.is_some();
        status(&mut follower, "t1", 0, false);
        assert!(!named(&mut follower, "t1"));
        status(&mut follower, "t2", 1, false);
        assert!(named(&mut follower, "t2") && named(&mut follower, "t2") && named(&mut follower, "t1"));
        let log = json!({"testId": "t2", "text": "x"});
        assert_eq!(follower.log(&log).unwrap().number, 1);
        status(&mut follower, "t1", 0, true);
        assert!(named(&mut follower, "t2") && !named(&mut follower, "t2"));
        assert_eq!(follower.log(&log), None);
    }

    #[test]
    fn an_event_without_a_variant_has_that_of_its_producer_or_of_what_was_told_last() {
        let mut follower = AttemptFollower::default();
        follower.worker(&json!({"producer": "p", "state": "joined", "variant": "linux"}));
        assert!(!follower.has_variants());
        let told = follower.status(&json!({"producer": "p", "testId": "t", "status": "running"}), false);
        assert_eq!(told.variant.as_deref(), Some("linux"));
        follower.status(&json!({"producer": "q", "variant": "macos", "testId": "u"}), false);
        assert!(follower.has_variants());
        let of = |follower: &mut AttemptFollower, event: Value| follower.step(&event).told_apart.unwrap().variant;
        assert_eq!(of(&mut follower, step("t", "a", "")).as_deref(), Some("linux"));
        let own = json!({"testId": "t", "variant": "macos", "step": {"id": "a"}});
        assert_eq!(of(&mut follower, own).as_deref(), Some("macos"));
    }

    #[test]
    fn what_is_kept_is_bounded_whatever_is_posted() {
        let mut follower = AttemptFollower::default();
        for index in 0..2 * MAX_TESTS as u64 {
            let name = index.to_string();
            follower.worker(&json!({"producer": name, "variant": name}));
            status(&mut follower, &name, 0, false);
        }
        let sizes = [follower.producers.len(), follower.variants.len(), follower.latest.len(), follower.open.len()];
        assert_eq!(sizes, [MAX_PRODUCERS, MAX_VARIANTS, MAX_TESTS, MAX_OPEN]);
        let mut follower = AttemptFollower::default();
        for test in 0..12 {
            status(&mut follower, &test.to_string(), 0, false);
            for id in 0..2 * MAX_STEPS_OF_ONE {
                follower.step(&step(&test.to_string(), &id.to_string(), ""));
            }
        }
        let held: usize = follower.open.values().map(HashMap::len).sum();
        assert_eq!((held, follower.steps), (MAX_STEPS, MAX_STEPS));
        follower.end();
        assert_eq!((follower.open.len(), follower.steps), (0, 0));
    }
}
