//! What a viewer that folds by itself needs besides what is shown: all that later events may depend on.

use std::collections::BTreeMap;

use serde::Serialize;

use super::attempt::TestAttempt;
use super::fold::RunState;
use super::producers::Announced;
use super::step::OpenStep;
use super::test::Test;
use crate::protocol::Variant;
use crate::protocol::event::stamp::Shard;
use crate::protocol::status::{RunStatus, TestStatus};

/// Of the run.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Resume<'a> {
    /// The open steps of events that name no test.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    steps: Vec<ResumedStep<'a>>,
    producers: Vec<ResumedProducer<'a>>,
    /// What those have told who have not joined.
    told: Announced,
    /// All variants that tests were told of, in order; the first is that of tests without one.
    variants: Vec<&'a str>,
    /// The producers that tests were told of by.
    test_producers: Vec<&'a str>,
    /// The hashes of the tests that are not kept, by status and outcome.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    omitted: BTreeMap<String, Vec<u64>>,
}

/// Of a producer that has joined.
#[derive(Serialize)]
pub(super) struct ResumedProducer<'a> {
    pub(super) producer: &'a str,
    /// It has not left.
    pub(super) joined: bool,
    /// What it has reported since it joined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<RunStatus>,
    /// Its shard, while the others are waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) awaits: Option<&'a Shard>,
    /// Its shard, also later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) shard: Option<&'a Shard>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) variant: Option<&'a Variant>,
    /// The server has given it up.
    #[serde(skip_serializing_if = "is_false")]
    pub(super) lost: bool,
    #[serde(flatten)]
    pub(super) told: Announced,
}

/// Of a test. What is missing is as what is shown of the test says.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResumedTest<'a> {
    /// Whether a `test_status` has told of it, if its status does not say so: one that is pending was not told of.
    #[serde(skip_serializing_if = "Option::is_none")]
    told: Option<bool>,
    /// Its outcome is not its producer's word.
    #[serde(skip_serializing_if = "is_false")]
    judged: bool,
    /// Of the tests with its id it was told of last.
    #[serde(skip_serializing_if = "is_false")]
    last: bool,
    /// One of the attempts that are left out has failed.
    #[serde(skip_serializing_if = "is_false")]
    omitted_failed: bool,
    #[serde(flatten)]
    attempt: Option<ResumedAttempt<'a>>,
}

/// Of an attempt.
#[derive(Serialize)]
pub(super) struct ResumedAttempt<'a> {
    /// The open steps, the outermost first, if there is more of them than the one that is shown.
    open: Vec<ResumedStep<'a>>,
}

/// An open step.
#[derive(Serialize)]
struct ResumedStep<'a> {
    #[serde(flatten)]
    step: &'a OpenStep,
    /// It is counted among those that failed.
    #[serde(skip_serializing_if = "is_false")]
    failed: bool,
}

impl<'a> ResumedStep<'a> {
    fn of(step: &'a OpenStep) -> Self {
        Self { step, failed: step.has_failed }
    }
}

impl RunState {
    pub(super) fn resume(&self) -> Resume<'_> {
        let (producers, told) = self.producers.resume();
        Resume {
            steps: self.steps.open.iter().map(ResumedStep::of).collect(),
            producers,
            told,
            variants: self.tests.variant_names(),
            test_producers: self.tests.producer_ids(),
            omitted: self.tests.omitted_by_mark(),
        }
    }
}

impl Test {
    /// `None` if what is shown says it all.
    pub(super) fn resume(&self, is_over: bool, last: bool) -> Option<ResumedTest<'_>> {
        let is_pending = self.status() == TestStatus::Pending;
        let resumed = ResumedTest {
            told: Some(self.is_told).filter(|told| *told == is_pending),
            judged: self.outcome().is_some() && self.current.outcome.is_none(),
            last,
            omitted_failed: self.omitted_failed,
            attempt: self.current.resume(is_over),
        };
        let says_nothing = resumed.told.is_none()
            && !resumed.judged
            && !resumed.last
            && !resumed.omitted_failed
            && resumed.attempt.is_none();
        (!says_nothing).then_some(resumed)
    }
}

impl TestAttempt {
    /// `None` if what is shown says it all.
    pub(super) fn resume(&self, is_over: bool) -> Option<ResumedAttempt<'_>> {
        let says_it_all = match &*self.steps.open {
            [] => true,
            [only] => !only.has_failed && !self.hides_step(is_over),
            _ => false,
        };
        (!says_it_all).then(|| ResumedAttempt { open: self.steps.open.iter().map(ResumedStep::of).collect() })
    }
}

fn is_false(flag: &bool) -> bool {
    !flag
}
