//! How many tests have which status and which outcome.

use serde::Serialize;

use crate::protocol::status::{TestOutcome, TestStatus};

/// The status of a test, and its outcome if it has ended.
pub(super) type TestMark = (TestStatus, Option<TestOutcome>);

/// Number of tests per status. Each test has one.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Counts {
    pending: u64,
    running: u64,
    passed: u64,
    failed: u64,
    skipped: u64,
    timedout: u64,
    interrupted: u64,
}

/// Number of tests per outcome. Each test that has ended has one.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Outcomes {
    expected: u64,
    unexpected: u64,
    flaky: u64,
    skipped: u64,
}

/// Both.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Tally {
    counts: Counts,
    outcomes: Outcomes,
}

impl Tally {
    pub(super) fn add(&mut self, (status, outcome): TestMark) {
        *self.of_status(status) += 1;
        if let Some(outcome) = outcome {
            *self.of_outcome(outcome) += 1;
        }
    }

    /// Takes away what was added.
    pub(super) fn remove(&mut self, (status, outcome): TestMark) {
        *self.of_status(status) -= 1;
        if let Some(outcome) = outcome {
            *self.of_outcome(outcome) -= 1;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// How many tests have ended unexpectedly.
    pub(super) fn unexpected(&self) -> u64 {
        self.outcomes.unexpected
    }

    /// How many tests were interrupted.
    pub(super) fn interrupted(&self) -> u64 {
        self.counts.interrupted
    }

    /// Whether no test has ended.
    pub(super) fn is_unended(&self) -> bool {
        self.outcomes == Outcomes::default()
    }

    /// How many tests are flaky.
    pub(super) fn flaky(&self) -> u64 {
        self.outcomes.flaky
    }

    fn of_status(&mut self, status: TestStatus) -> &mut u64 {
        let counts = &mut self.counts;
        match status {
            TestStatus::Pending => &mut counts.pending,
            TestStatus::Running => &mut counts.running,
            TestStatus::Passed => &mut counts.passed,
            TestStatus::Failed => &mut counts.failed,
            TestStatus::Skipped => &mut counts.skipped,
            TestStatus::TimedOut => &mut counts.timedout,
            TestStatus::Interrupted => &mut counts.interrupted,
        }
    }

    fn of_outcome(&mut self, outcome: TestOutcome) -> &mut u64 {
        let outcomes = &mut self.outcomes;
        match outcome {
            TestOutcome::Expected => &mut outcomes.expected,
            TestOutcome::Unexpected => &mut outcomes.unexpected,
            TestOutcome::Flaky => &mut outcomes.flaky,
            TestOutcome::Skipped => &mut outcomes.skipped,
        }
    }
}
