//! What has become of the tests of a run, as their history keeps it.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::fold::RunState;
use super::summary::first_line;
use super::test::Test;
use crate::protocol::status::{TestOutcome, TestStatus};

/// A test that has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct TestResult<'a> {
    /// Its variant.
    pub variant: Option<&'a str>,
    /// Its id.
    pub test_id: &'a str,
    /// Its title.
    pub title: Option<&'a str>,
    /// The project of its test runner: a browser, for instance.
    pub project: Option<&'a str>,
    /// How its last attempt ended.
    pub status: TestStatus,
    /// What its attempts make of it.
    pub outcome: TestOutcome,
    /// What its reporter measured of the last attempt, in milliseconds.
    pub duration_ms: Option<f64>,
    /// How many attempts there were.
    pub attempts: u64,
    /// The first line of the error of the attempt that failed last.
    pub error: Option<String>,
    /// Where that was.
    pub location: Option<&'a str>,
}

impl TestResult<'_> {
    /// About how many bytes it takes.
    fn bytes(&self) -> usize {
        let texts = [self.variant, self.title, self.project, self.error.as_deref(), self.location];
        size_of::<Self>() + self.test_id.len() + texts.into_iter().flatten().map(str::len).sum::<usize>()
    }
}

impl RunState {
    /// Whether a test that is kept has ended.
    pub fn has_results(&self) -> bool {
        !self.tests.tally().is_unended() && !self.tests.kept().is_empty()
    }

    /// The tests from this place on that have ended and are not as they were told: `told` has a mark per place, which
    /// is set to what is told now. One at least, and about `max_bytes` of them; if more may follow, from which place on.
    pub fn new_results(
        &self,
        from: usize,
        told: &mut Vec<u64>,
        max_bytes: usize,
    ) -> (Vec<TestResult<'_>>, Option<usize>) {
        let kept = self.tests.kept();
        told.resize(kept.len(), 0);
        let (mut results, mut bytes) = (Vec::new(), 0);
        for (place, (test, told)) in kept.iter().zip(told).enumerate().skip(from) {
            let Some(outcome) = test.outcome() else { continue };
            let mark = mark(test, outcome);
            if std::mem::replace(told, mark) != mark {
                let result = self.result(test, outcome);
                bytes += result.bytes();
                results.push(result);
                if bytes >= max_bytes {
                    return (results, Some(place + 1));
                }
            }
        }
        (results, None)
    }

    fn result<'a>(&'a self, test: &'a Test, outcome: TestOutcome) -> TestResult<'a> {
        let (error, location) = match outcome {
            TestOutcome::Unexpected | TestOutcome::Flaky => test.failure(),
            TestOutcome::Expected | TestOutcome::Skipped => (None, None),
        };
        TestResult {
            variant: self.tests.variant_of(test),
            test_id: &test.id,
            title: test.title(),
            project: test.project(),
            status: test.status(),
            outcome,
            duration_ms: test.current().duration_ms(),
            attempts: test.attempts(),
            error: error.map(first_line),
            location,
        }
    }
}

/// Says whether a result has changed; never 0.
fn mark(test: &Test, outcome: TestOutcome) -> u64 {
    let mut hasher = DefaultHasher::new();
    (test.status(), outcome, test.attempts(), test.variant).hash(&mut hasher);
    test.current().duration_ms().map(f64::to_bits).hash(&mut hasher);
    test.failure().hash(&mut hasher);
    hasher.finish() | 1
}
