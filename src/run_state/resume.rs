//! What a viewer that folds by itself needs of a run besides what is shown: all that later events may depend on.

use std::collections::BTreeMap;

use serde::Serialize;

use super::fold::RunState;
use super::producers::{Announced, ResumedProducer};
use super::step::ResumedStep;

/// What is needed besides.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RunResume<'a> {
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

impl RunState {
    pub(super) fn resume(&self) -> RunResume<'_> {
        let (producers, told) = self.producers.resume();
        RunResume {
            steps: self.steps.open.iter().map(ResumedStep::of).collect(),
            producers,
            told,
            variants: self.tests.variant_names(),
            test_producers: self.tests.producer_ids(),
            omitted: self.tests.omitted_by_mark(),
        }
    }
}
