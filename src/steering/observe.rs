//! What the run's state says about a command's `expect` and `target`, seen shortly before it is decided.
//!
//! With `testId`, `expect.status`, `stepNumber` and `stepId` are those of that test, and alone it says that the test
//! runs; without `testId` they are the run's. `expect.target.testId` says that this test has not ended. `target.testId`
//! is the producer whose test that is, as long as the test has not ended. Where several variants have a test of this id,
//! one that runs is meant before one that waits, and that before one that has ended; of several such the one that was
//! told of last.

use std::sync::Arc;

use serde::Deserialize;
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

    /// The test of `expect.testId`.
    fn expected_test(&self) -> Option<&Value> {
        self.expected.iter().find(|(name, _)| *name == "testId").map(|(_, id)| id)
    }

    /// The ids of the tests that they are about.
    pub(super) fn tests(&self) -> Vec<Arc<str>> {
        let expected = self.expected_test().and_then(Value::as_str);
        let all = [expected, self.target_test.as_deref(), self.expected_target.as_deref()];
        let mut ids: Vec<Arc<str>> = all.into_iter().flatten().map(Arc::from).collect();
        ids.sort();
        ids.dedup();
        ids
    }

    /// Answers them from the JSON text of a run's state ([`StatePart::Find`](crate::protocol::StatePart)).
    ///
    /// # Errors
    /// The text is not that of a state.
    pub(super) fn answer(&self, state: &[u8]) -> serde_json::Result<Observed> {
        let seen: SeenState = serde_json::from_slice(state)?;
        let expected = self.expected_test().map(|id| seen.test(|test| *id == *test.test_id));
        let (status, step) = match &expected {
            Some(test) => test.map_or((Value::Null, None), |test| (test.status.clone(), test.step.as_ref())),
            None => (seen.status.clone(), seen.step.as_ref()),
        };
        let is_alone = expected.is_some() && self.expected.len() == 1;
        let unmet = self.expected.iter().filter_map(|(name, wanted)| {
            let (found, holds) = match *name {
                "testId" if is_alone => (status.clone(), status == "running"),
                "testId" => (status.clone(), expected.flatten().is_some()),
                "status" => (status.clone(), status == *wanted),
                "stepNumber" => number(step.map(|step| &step.step_number), wanted),
                _ => number(step.map(|step| &step.id), wanted),
            };
            (!holds).then_some((*name, found))
        });
        let mut unmet: Vec<_> = unmet.collect();
        let named = |id: &Option<String>| seen.test(|test| id.as_ref().is_some_and(|id| *id == test.test_id));
        let target = named(&self.expected_target);
        if self.expected_target.is_some() && !target.is_some_and(SeenTest::is_open) {
            unmet.push(("target", target.map(|test| test.status.clone()).unwrap_or_default()));
        }
        let producer = named(&self.target_test).filter(|test| test.is_open()).and_then(|test| test.producer.clone());
        Ok(Observed { unmet, producer })
    }
}

fn number(found: Option<&Value>, wanted: &Value) -> (Value, bool) {
    let found = found.cloned().unwrap_or_default();
    let holds = !found.is_null() && found == *wanted;
    (found, holds)
}

/// What is read of a state.
#[derive(Default, Deserialize)]
#[serde(default)]
struct SeenState {
    status: Value,
    step: Option<SeenStep>,
    /// Of those with the same id, the one that was told of last at the end.
    tests: Vec<SeenTest>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct SeenStep {
    step_number: Value,
    id: Value,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct SeenTest {
    test_id: String,
    status: Value,
    producer: Option<Arc<str>>,
    step: Option<SeenStep>,
}

impl SeenTest {
    fn is_open(&self) -> bool {
        self.status == "running" || self.status == "pending"
    }
}

impl SeenState {
    /// The test that is meant: see the module's page.
    fn test(&self, is_it: impl Fn(&SeenTest) -> bool) -> Option<&SeenTest> {
        let them = self.tests.iter().filter(|test| is_it(test));
        them.max_by_key(|test| (test.status == "running", test.is_open()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const STATE: &str = r#"{"runId":"r","status":"running","step":{"stepNumber":3,"id":"3","title":null},"events":9,"tests":[
        {"testId":"a","status":"passed","workerIndex":0,"producer":"p1","step":null},
        {"testId":"b","status":"running","workerIndex":1,"producer":"p1","step":{"stepNumber":7,"id":"s7"}},
        {"testId":"c","status":"running","workerIndex":1,"producer":"p2","step":null},
        {"testId":"d","variant":"linux","status":"running","producer":"p1","step":null},
        {"testId":"d","variant":"mac","status":"running","producer":"p2","step":null},
        {"testId":"d","variant":"windows","status":"passed","producer":"p3","step":null}]}"#;

    fn observed(command: &Value) -> Observed {
        let questions = Questions::of(command.as_object().unwrap());
        assert!(!questions.is_empty(), "{command}");
        questions.answer(STATE.as_bytes()).unwrap()
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
            (json!({"stepId": "3"}), json!({})),
            (json!({"stepId": "s3"}), json!({"stepId": "3"})),
            (json!({"testId": "b"}), json!({})),
            (json!({"testId": "a"}), json!({"testId": "passed"})),
            (json!({"testId": "x"}), json!({"testId": null})),
            (json!({"testId": "a", "status": "passed"}), json!({})),
            (json!({"testId": "b", "status": "passed"}), json!({"status": "running"})),
            (json!({"testId": "b", "stepNumber": 7, "stepId": "s7"}), json!({})),
            (json!({"testId": "b", "stepNumber": 8}), json!({"stepNumber": 7})),
            (json!({"testId": "c", "stepNumber": 8}), json!({"stepNumber": null})),
            (json!({"testId": "x", "status": "running"}), json!({"status": null, "testId": null})),
            (json!({"testId": "d"}), json!({})),
            (json!({"target": {"testId": "d"}}), json!({})),
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
        assert_eq!(target(json!({"testId": "d"})).as_deref(), Some("p2"), "of those that run, that of the last");
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
