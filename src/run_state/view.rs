//! A run's state as JSON, in parts.

use serde::ser::{SerializeMap as _, SerializeSeq as _};
use serde::{Serialize, Serializer};

use super::fold::{LastError, RunState, Times};
use super::meta::RunMeta;
use super::producers::{Announced, ShownShards};
use super::resume::RunResume;
use super::tally::Tally;
use super::test::{ShownTest, Test};
use crate::protocol::state_part::MAX_OVERVIEW_TESTS;
use crate::protocol::status::{RunStatus, TestStatus};
use crate::protocol::{RunId, StatePart, TestsQuery};

/// Of the tests of an overview, those that failed leave so many places to those that run.
const HALF: usize = MAX_OVERVIEW_TESTS / 2;
/// About how many bytes the tests of an overview, or of a page, may take. 2 MiB.
const MAX_TEST_BYTES: usize = 2 * 1024 * 1024;

/// A part of a state. Serialized, it is what the routes answer.
#[derive(Clone, Copy, Debug)]
pub struct StateView<'a> {
    /// The state.
    pub state: &'a RunState,
    /// Which part.
    pub part: &'a StatePart,
}

impl Serialize for StateView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.part {
            StatePart::Overview => self.state.overview(false).serialize(serializer),
            StatePart::Resumable => self.state.overview(true).serialize(serializer),
            StatePart::Tests(query) => self.state.page(query).serialize(serializer),
            StatePart::Find(ids) => {
                let found = ids.iter().flat_map(|id| self.state.tests.with_id(id));
                let found = Found { state: self.state, tests: found.collect() };
                found.serialize(serializer)
            }
        }
    }
}

/// The overview.
impl Serialize for RunState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.overview(false).serialize(serializer)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Overview<'a, S: Serialize> {
    run_id: &'a RunId,
    status: Option<RunStatus>,
    /// The clock of the times below: the journal's.
    clock: &'static str,
    #[serde(flatten)]
    times: &'a Times,
    elapsed_ms: Option<i64>,
    producer: &'a Times,
    events: u64,
    /// Number of tests and of test workers, as the producers have announced them.
    total: Option<u64>,
    workers: Option<u64>,
    meta: Option<&'a RunMeta>,
    step: Option<S>,
    last_error: Option<&'a LastError>,
    #[serde(flatten)]
    tally: &'a Tally,
    variants: Vec<ShownVariant<'a>>,
    shards: Vec<ShownShards<'a>>,
    tests: ShownTests<'a>,
    tests_kept: usize,
    tests_omitted: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    resume: Option<RunResume<'a>>,
}

#[derive(Serialize)]
struct ShownVariant<'a> {
    variant: Option<&'a str>,
    #[serde(flatten)]
    tally: &'a Tally,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TestsPage<'a> {
    run_id: &'a RunId,
    seq: u64,
    tests: ShownTests<'a>,
    /// Where the next page begins.
    next: usize,
    more: bool,
}

/// Tests as they are shown.
struct ShownTests<'a> {
    state: &'a RunState,
    tests: Vec<&'a Test>,
    resumable: bool,
}

impl Serialize for ShownTests<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.tests.len()))?;
        for test in &self.tests {
            let shown = self.state.tests.shown(test, self.state.is_over());
            let is_last = self.resumable && self.state.tests.is_last_of_several(test);
            list.serialize_element(&ShownTest { resumable: self.resumable, is_last, ..shown })?;
        }
        list.end()
    }
}

/// Tests as commands are judged by them.
struct Found<'a> {
    state: &'a RunState,
    tests: Vec<&'a Test>,
}

impl Serialize for Found<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct FoundTest<'a, T: Serialize> {
            test_id: &'a str,
            variant: Option<&'a str>,
            status: TestStatus,
            producer: Option<&'a str>,
            step: Option<T>,
        }
        let found = self.tests.iter().map(|test| FoundTest {
            test_id: &test.id,
            variant: self.state.tests.variant_of(test),
            status: test.status(),
            producer: test.producer(),
            step: test.step(),
        });
        let mut members = serializer.serialize_map(None)?;
        members.serialize_entry("status", &self.state.status)?;
        members.serialize_entry("step", &self.state.steps.innermost())?;
        members.serialize_entry("tests", &found.collect::<Vec<_>>())?;
        members.end()
    }
}

/// Keeps the first tests that take at most so many bytes; how many are left.
fn keep_within(tests: &mut Vec<&Test>, max_bytes: usize) -> usize {
    let mut left = max_bytes;
    let is_too_much = |test: &&Test| {
        let then = left.checked_sub(test.held_bytes());
        left = then.unwrap_or(left);
        then.is_none()
    };
    let end = tests.iter().position(is_too_much).unwrap_or(tests.len());
    tests.truncate(end);
    left
}

impl RunState {
    fn overview(&self, resumable: bool) -> Overview<'_, impl Serialize> {
        let variants: Vec<_> = self.tests.variants().map(|(variant, tally)| ShownVariant { variant, tally }).collect();
        let Announced { total, workers } = self.producers.announced();
        Overview {
            run_id: &self.run_id,
            status: self.status,
            clock: "journal",
            times: &self.times,
            elapsed_ms: self.elapsed_ms,
            producer: &self.producer,
            events: self.events,
            total,
            workers,
            meta: self.meta.as_ref(),
            step: self.steps.innermost(),
            last_error: self.last_error.as_ref(),
            tally: self.tests.tally(),
            variants: if variants.len() > 1 { variants } else { Vec::new() },
            shards: self.producers.shards(),
            tests: ShownTests { state: self, tests: self.urgent_tests(), resumable: false },
            tests_kept: self.tests.kept().len(),
            tests_omitted: self.tests.omitted(),
            resume: resumable.then(|| self.resume()),
        }
    }

    /// The tests that failed, then those that run, each in the order in which they first occurred.
    fn urgent_tests(&self) -> Vec<&Test> {
        let (mut failed, mut running) = (Vec::new(), Vec::new());
        for test in self.tests.kept() {
            let list = match test.status() {
                TestStatus::Running => &mut running,
                _ if test.has_failed() => &mut failed,
                _ => continue,
            };
            if list.len() < MAX_OVERVIEW_TESTS {
                list.push(test);
            }
        }
        failed.truncate(MAX_OVERVIEW_TESTS - running.len().min(HALF));
        running.truncate(MAX_OVERVIEW_TESTS - failed.len());
        let left = keep_within(&mut running, MAX_TEST_BYTES / 2) + MAX_TEST_BYTES / 2;
        keep_within(&mut failed, left);
        failed.append(&mut running);
        failed
    }

    fn page(&self, query: &TestsQuery) -> TestsPage<'_> {
        let is_wanted = |test: &&Test| {
            let has_status = query.statuses.is_empty() || query.statuses.contains(&test.status());
            has_status && query.variant.as_ref().is_none_or(|name| self.tests.variant_of(test) == Some(&**name))
        };
        let kept = self.tests.kept();
        let behind = kept.iter().enumerate().skip(query.after).filter(|(_, test)| is_wanted(test));
        let (mut tests, mut bytes, mut next, mut more) = (Vec::new(), 0, kept.len(), false);
        for (at, test) in behind {
            bytes += test.held_bytes();
            if tests.len() == query.limit || !tests.is_empty() && bytes > MAX_TEST_BYTES {
                (next, more) = (at, true);
                break;
            }
            tests.push(test);
        }
        let tests = ShownTests { state: self, tests, resumable: query.resumable };
        TestsPage { run_id: &self.run_id, seq: self.tip, tests, next, more }
    }
}
