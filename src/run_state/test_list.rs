//! The tests of a run, in the order in which they first occurred.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::protocol::ids::MAX_ID_LEN;
use crate::protocol::status::TestStatus;

/// Most tests of a run that are shown; further ones are only counted.
pub const MAX_TESTS: usize = 10_000;

/// Most tests that are counted without being shown.
const MAX_OMITTED: usize = 90_000;

/// Longest accepted test id.
const MAX_TEST_ID_BYTES: usize = 512;

/// Most producers that are told apart: as many as may post to a run.
const MAX_PRODUCERS: usize = 1_000;

/// Most open steps kept per test.
const MAX_OPEN_STEPS: usize = 8;

/// A test after the last event about it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Test {
    test_id: Arc<str>,
    pub(super) title: Option<String>,
    pub(super) file: Option<String>,
    pub(super) line: Option<u64>,
    pub(super) status: TestStatus,
    /// The attempt, from 0.
    pub(super) attempt: u64,
    #[serde(rename = "workerIndex")]
    pub(super) worker: Option<i64>,
    /// The producer that runs it; not shown for events of earlier versions, which do not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) producer: Option<Arc<str>>,
    pub(super) duration_ms: Option<f64>,
    /// The error of the last attempt that ended.
    pub(super) error: Option<String>,
    pub(super) step: Steps,
}

impl Test {
    /// Bytes of the test's texts.
    fn held_bytes(&self) -> usize {
        let texts = [&self.title, &self.file, &self.error].into_iter().flatten().map(String::capacity);
        let steps = self.step.0.iter().map(OpenStep::held_bytes);
        self.test_id.len() + texts.chain(steps).sum::<usize>()
    }
}

/// An open step.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OpenStep {
    pub(super) step_number: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) step_id: Option<Box<str>>,
    pub(super) title: Option<String>,
}

impl OpenStep {
    fn held_bytes(&self) -> usize {
        let texts = self.title.as_ref().map_or(0, String::capacity) + self.step_id.as_ref().map_or(0, |id| id.len());
        size_of::<Self>() + texts
    }
}

/// The open steps, outermost first. Serialized as the innermost.
#[derive(Clone, Debug, Default)]
pub(super) struct Steps(Vec<OpenStep>);

impl Steps {
    pub(super) fn begin(&mut self, step: OpenStep) {
        self.end(step.step_number);
        if self.0.len() == MAX_OPEN_STEPS {
            self.0.remove(0);
        }
        self.0.push(step);
    }

    pub(super) fn end(&mut self, step_number: u64) {
        self.0.retain(|step| step.step_number != step_number);
    }

    pub(super) fn clear(&mut self) {
        self.0 = Vec::new();
    }
}

impl Serialize for Steps {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.last().serialize(serializer)
    }
}

/// Number of tests per status, including those that are not shown.
#[derive(Clone, Debug, Default, Serialize)]
struct Counts {
    pending: u64,
    running: u64,
    passed: u64,
    failed: u64,
    skipped: u64,
    timedout: u64,
    interrupted: u64,
}

impl Counts {
    fn of(&mut self, status: TestStatus) -> &mut u64 {
        match status {
            TestStatus::Pending => &mut self.pending,
            TestStatus::Running => &mut self.running,
            TestStatus::Passed => &mut self.passed,
            TestStatus::Failed => &mut self.failed,
            TestStatus::Skipped => &mut self.skipped,
            TestStatus::TimedOut => &mut self.timedout,
            TestStatus::Interrupted => &mut self.interrupted,
        }
    }
}

/// All tests of a run.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Tests {
    counts: Counts,
    tests: Vec<Test>,
    /// Status of each test beyond [`MAX_TESTS`], by the hash of its id, so that each is counted once.
    #[serde(rename = "testsOmitted", serialize_with = "as_count")]
    omitted: HashMap<u64, TestStatus>,
    #[serde(skip)]
    index: HashMap<Arc<str>, usize>,
    /// The producers of the tests, each kept once.
    #[serde(skip)]
    producers: HashSet<Arc<str>>,
}

fn as_count<S: Serializer>(omitted: &HashMap<u64, TestStatus>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(omitted.len() as u64)
}

fn hash(id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}

impl Tests {
    /// The test with this id, added if it is new; `None` if it is only counted, or the id is invalid.
    pub(super) fn find(&mut self, id: &str) -> Option<&mut Test> {
        if !self.index.contains_key(id) && (1..=MAX_TEST_ID_BYTES).contains(&id.len()) {
            self.add(id);
        }
        self.tests.get_mut(*self.index.get(id)?)
    }

    /// Sets the status of a test.
    pub(super) fn set_status(&mut self, id: &str, status: TestStatus) {
        let old = match self.find(id) {
            Some(test) => Some(std::mem::replace(&mut test.status, status)),
            None => self.omitted.get_mut(&hash(id)).map(|old| std::mem::replace(old, status)),
        };
        if let Some(old) = old {
            *self.counts.of(old) -= 1;
            *self.counts.of(status) += 1;
        }
    }

    /// The producer with this id, shared by its tests; `None` for what is no id, or one of too many.
    pub(super) fn producer(&mut self, id: &str) -> Option<Arc<str>> {
        if let Some(known) = self.producers.get(id) {
            return Some(known.clone());
        }
        let fits = (1..=MAX_ID_LEN).contains(&id.len()) && self.producers.len() < MAX_PRODUCERS;
        fits.then(|| {
            let id: Arc<str> = id.into();
            self.producers.insert(id.clone());
            id
        })
    }

    /// Approximate memory in bytes.
    pub(super) fn held_bytes(&self) -> usize {
        /// Overhead of an allocation, and of an entry in an index.
        const OVERHEAD: usize = 16;
        let entries = self.omitted.capacity() * (size_of::<(u64, TestStatus)>() + 1)
            + self.index.capacity() * (size_of::<(Arc<str>, usize)>() + 1)
            + self.tests.capacity() * size_of::<Test>()
            + self.producers.capacity() * (size_of::<Arc<str>>() + 1)
            + self.producers.iter().map(|id| id.len() + OVERHEAD).sum::<usize>();
        entries + self.tests.iter().map(|test| test.held_bytes() + 6 * OVERHEAD).sum::<usize>()
    }

    fn add(&mut self, id: &str) {
        if self.tests.len() < MAX_TESTS {
            let test_id: Arc<str> = id.into();
            self.index.insert(Arc::clone(&test_id), self.tests.len());
            self.tests.push(Test {
                test_id,
                title: None,
                file: None,
                line: None,
                status: TestStatus::Pending,
                attempt: 0,
                worker: None,
                producer: None,
                duration_ms: None,
                error: None,
                step: Steps::default(),
            });
        } else {
            let hash = hash(id);
            if self.omitted.len() == MAX_OMITTED || self.omitted.contains_key(&hash) {
                return;
            }
            self.omitted.insert(hash, TestStatus::Pending);
        }
        self.counts.pending += 1;
    }
}
