//! What the run's state says about a command's `expect` and `target`, seen shortly before it is decided.
//!
//! With `testId`, `expect.status`, `stepNumber` and `stepId` are those of that test, and alone it says that the test
//! runs; without `testId` they are the run's. `expect.target.testId` says that this test has not ended. `target.testId` is the producer whose test that is, as long as the test has
//! not ended.

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::control::Observed;

/// The members of `expect` that are judged on the run's state; the others are the control's.
const JUDGED: [&str; 4] = ["status", "testId", "stepNumber", "stepId"];

/// What a command wants to know of the run's state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Questions {
    /// The judged members of `expect`, as they were sent.
    expected: Vec<(&'static str, Value)>,
    /// `target.testId`.
    target_test: Option<String>,
    /// `expect.target.testId`.
    expected_target: Option<String>,
}

impl Questions {
    /// Of a command. Members of another kind ask nothing: the control refuses them.
    pub(super) fn of(command: &Map<String, Value>) -> Self {
        let (expect, target) = (command.get("expect"), command.get("target"));
        let expected = JUDGED.iter().filter_map(|name| Some((*name, expect?.get(*name)?.clone()))).collect();
        let of_expect = expect.and_then(|expect| expect.get("target")?.get("testId")?.as_str()).map(str::to_owned);
        let test = target.and_then(|target| target.get("testId")?.as_str()).map(str::to_owned);
        Self { expected, target_test: test, expected_target: of_expect }
    }

    /// Whether there is nothing to ask.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Answers them from the JSON text of a run's state.
    ///
    /// # Errors
    /// The text is not that of a state.
    pub(super) fn answer(&self, state: impl Read) -> serde_json::Result<Observed> {
        let mut seen = SeenState::default();
        let mut json = serde_json::Deserializer::from_reader(state);
        ReadState { asked: self, seen: &mut seen }.deserialize(&mut json)?;
        let test = self.expected.iter().any(|(name, _)| *name == "testId");
        let (status, step) = match test {
            true => {
                seen.expected.as_ref().map_or((Value::Null, None), |test| (test.status.clone(), test.step.as_ref()))
            }
            false => (seen.status.clone(), seen.step.as_ref()),
        };
        let is_alone = test && self.expected.len() == 1;
        let unmet = self.expected.iter().filter_map(|(name, wanted)| {
            let (found, holds) = match *name {
                "testId" if is_alone => (status.clone(), status == "running"),
                "testId" => (status.clone(), seen.expected.is_some()),
                "status" => (status.clone(), status == *wanted),
                "stepNumber" => number(step.map(|step| &step.step_number), wanted),
                _ => number(step.map(|step| &step.step_id), wanted),
            };
            (!holds).then_some((*name, found))
        });
        let mut unmet: Vec<_> = unmet.collect();
        if self.expected_target.is_some() && !seen.target_is_open {
            unmet.push(("target", seen.target_status));
        }
        Ok(Observed { unmet, producer: seen.producer })
    }
}

fn number(found: Option<&Value>, wanted: &Value) -> (Value, bool) {
    let found = found.cloned().unwrap_or_default();
    let holds = !found.is_null() && found == *wanted;
    (found, holds)
}

/// The pieces of a state's text, one after the other.
pub(super) struct Pieces {
    pub(super) pieces: std::vec::IntoIter<Bytes>,
    pub(super) front: Bytes,
}

impl Pieces {
    pub(super) fn new(pieces: Vec<Bytes>) -> Self {
        Self { pieces: pieces.into_iter(), front: Bytes::new() }
    }
}

impl Read for Pieces {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.front.is_empty() {
            let Some(next) = self.pieces.next() else { return Ok(0) };
            self.front = next;
        }
        let taken = self.front.split_to(out.len().min(self.front.len()));
        out[..taken.len()].copy_from_slice(&taken);
        Ok(taken.len())
    }
}

/// What is read of a state.
#[derive(Default)]
struct SeenState {
    status: Value,
    step: Option<SeenStep>,
    /// The test of `expect.testId`.
    expected: Option<SeenTest>,
    /// The producer of the target's test.
    producer: Option<Arc<str>>,
    /// The test of `expect.target` has not ended.
    target_is_open: bool,
    /// Its status; null of one that is not known.
    target_status: Value,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct SeenStep {
    step_number: Value,
    step_id: Value,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct SeenTest {
    test_id: String,
    status: Value,
    producer: Option<Arc<str>>,
    step: Option<SeenStep>,
}

/// Reads a state without keeping its tests, of which there may be thousands.
struct ReadState<'a> {
    asked: &'a Questions,
    seen: &'a mut SeenState,
}

impl<'de> DeserializeSeed<'de> for ReadState<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ReadState<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a run's state")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(name) = members.next_key::<String>()? {
            match name.as_str() {
                "status" => self.seen.status = members.next_value()?,
                "step" => self.seen.step = members.next_value()?,
                "tests" => members.next_value_seed(ReadTests { asked: self.asked, seen: &mut *self.seen })?,
                _ => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

struct ReadTests<'a> {
    asked: &'a Questions,
    seen: &'a mut SeenState,
}

impl<'de> DeserializeSeed<'de> for ReadTests<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for ReadTests<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of tests")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut tests: A) -> Result<(), A::Error> {
        let expected = self.asked.expected.iter().find(|(name, _)| *name == "testId").map(|(_, id)| id);
        while let Some(test) = tests.next_element::<SeenTest>()? {
            let is_open = test.status == "running" || test.status == "pending";
            let is_target = self.asked.target_test.as_ref().is_some_and(|id| *id == test.test_id);
            if is_target && is_open {
                self.seen.producer = test.producer.clone();
            }
            if self.asked.expected_target.as_ref().is_some_and(|id| *id == test.test_id) {
                (self.seen.target_is_open, self.seen.target_status) = (is_open, test.status.clone());
            }
            if expected.is_some_and(|id| *id == *test.test_id) {
                self.seen.expected = Some(test);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const STATE: &str = r#"{"runId":"r","status":"running","step":{"stepNumber":3,"title":null},"events":9,"tests":[
        {"testId":"a","status":"passed","workerIndex":0,"producer":"p1","step":null},
        {"testId":"b","status":"running","workerIndex":1,"producer":"p1","step":{"stepNumber":7,"stepId":"s7"}},
        {"testId":"c","status":"running","workerIndex":1,"producer":"p2","step":null}]}"#;

    fn observed(command: &Value) -> Observed {
        let questions = Questions::of(command.as_object().unwrap());
        assert!(!questions.is_empty(), "{command}");
        let (front, rest) = STATE.as_bytes().split_at(101);
        let pieces = [front, rest].map(Bytes::from_static).to_vec();
        questions.answer(Pieces::new(pieces)).unwrap()
    }

    fn unmet(expect: Value) -> Value {
        let unmet = observed(&json!({"expect": expect})).unmet;
        unmet.into_iter().map(|(name, found)| (name.to_owned(), found)).collect::<Map<_, _>>().into()
    }

    #[test]
    fn what_is_expected_is_compared_with_the_run_or_with_the_test_that_it_names() {
        for (expect, wanted) in [
            (json!({"status": "running"}), json!({})),
            (json!({"status": "paused"}), json!({"status": "running"})),
            (json!({"stepNumber": 3}), json!({})),
            (json!({"stepNumber": 4}), json!({"stepNumber": 3})),
            (json!({"stepId": "s3"}), json!({"stepId": null})),
            (json!({"testId": "b"}), json!({})),
            (json!({"testId": "a"}), json!({"testId": "passed"})),
            (json!({"testId": "x"}), json!({"testId": null})),
            (json!({"testId": "a", "status": "passed"}), json!({})),
            (json!({"testId": "b", "status": "passed"}), json!({"status": "running"})),
            (json!({"testId": "b", "stepNumber": 7, "stepId": "s7"}), json!({})),
            (json!({"testId": "b", "stepNumber": 8}), json!({"stepNumber": 7})),
            (json!({"testId": "c", "stepNumber": 8}), json!({"stepNumber": null})),
            (json!({"testId": "x", "status": "running"}), json!({"status": null, "testId": null})),
            (json!({"target": {"testId": "b"}}), json!({})),
            (json!({"target": {"testId": "a"}}), json!({"target": "passed"})),
            (json!({"target": {"testId": "x"}}), json!({"target": null})),
        ] {
            assert_eq!(unmet(expect.clone()), wanted, "{expect}");
        }
    }

    #[test]
    fn the_target_of_a_test_is_the_producer_that_runs_it() {
        let target = |target: Value| observed(&json!({"target": target})).producer;
        assert_eq!(target(json!({"testId": "b"})).as_deref(), Some("p1"));
        assert_eq!(target(json!({"testId": "a"})), None, "it has ended");
        assert_eq!(target(json!({"testId": "x"})), None);
    }

    #[test]
    fn a_command_without_such_members_asks_nothing() {
        for command in [
            json!({}),
            json!({"expect": {"askId": "q"}, "target": {"producer": "p"}}),
            json!({"expect": "running", "target": 7}),
            json!({"target": {"slot": {"producer": "p", "slot": 1}, "testId": 3}}),
        ] {
            assert!(Questions::of(command.as_object().unwrap()).is_empty(), "{command}");
        }
    }
}
