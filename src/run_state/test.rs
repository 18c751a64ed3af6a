//! A test of one variant, with its attempts.

use std::cmp::Ordering;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::attempt::{ResumedAttempt, ShownAttempt, TestAttempt};
use super::event::{FoldedData, FoldedPlan, FoldedStep, MAX_NAME_BYTES, MAX_TITLE_BYTES, items, text, title, whole};
use super::space::{OVERHEAD, Space, bytes_of, sizes};
use super::tally::TestMark;
use crate::protocol::status::{TestOutcome, TestStatus};

/// Most earlier attempts kept: the last ones.
const MAX_EARLIER: usize = 10;
/// Most tags kept of a test.
const MAX_TAGS: usize = 20;

/// What a plan says of a test; the same for all variants.
#[derive(Clone, Debug, Default)]
pub(super) struct TestPlan {
    title: Option<Arc<str>>,
    file: Option<Arc<str>>,
    line: Option<u32>,
    project: Option<Arc<str>>,
    tags: Option<Arc<[Box<str>]>>,
}

/// A test in one variant, with its attempts.
#[derive(Clone, Debug)]
pub(super) struct Test {
    pub(super) id: Arc<str>,
    /// Which of the run's variants it belongs to.
    pub(super) variant: usize,
    pub(super) plan: TestPlan,
    expected: Option<TestStatus>,
    /// A `test_status` has told of it.
    pub(super) is_told: bool,
    pub(super) current: TestAttempt,
    /// Those before it, in order.
    earlier: Vec<TestAttempt>,
    /// How many more there were.
    earlier_omitted: u32,
    /// One of those has failed.
    pub(super) omitted_failed: bool,
}

/// What a `test_status` says of a test.
pub(super) struct StatusNews<'a> {
    pub(super) status: TestStatus,
    /// Whom the server has stamped it with.
    pub(super) producer: Option<Arc<str>>,
    /// That producer has ended or left.
    pub(super) is_of_gone: bool,
    pub(super) data: FoldedData<'a>,
}

impl TestPlan {
    pub(super) fn take(&mut self, planned: &FoldedPlan<'_>, space: Space) {
        let short = |raw| space.shared(text(raw), MAX_TITLE_BYTES);
        self.take_title(title(planned.title), space);
        self.file = short(planned.file).or(self.file.take());
        self.line = whole(planned.line).or(self.line);
        self.project = short(planned.project).or(self.project.take());
        let tags = items(planned.tags).into_iter().filter_map(|tag| space.text(text(Some(tag)), MAX_NAME_BYTES));
        let tags: Arc<[_]> = tags.take(MAX_TAGS).collect();
        self.tags = Some(tags).filter(|tags| !tags.is_empty()).or(self.tags.take());
    }

    fn take_title(&mut self, title: Option<String>, space: Space) {
        if title.as_deref() != self.title.as_deref() {
            self.title = space.shared(title, MAX_TITLE_BYTES).or(self.title.take());
        }
    }

    fn held_bytes(&self) -> usize {
        let texts = [&self.title, &self.file, &self.project];
        let tags = self.tags.iter().flat_map(|tags| tags.iter());
        bytes_of(texts.map(|text| text.as_deref())) + tags.map(|tag| sizes::TAG + tag.len() + OVERHEAD).sum::<usize>()
    }
}

impl Test {
    pub(super) fn new(id: Arc<str>, variant: usize, plan: TestPlan) -> Self {
        Self {
            id,
            variant,
            plan,
            expected: None,
            is_told: false,
            current: TestAttempt::new(0),
            earlier: Vec::new(),
            earlier_omitted: 0,
            omitted_failed: false,
        }
    }

    /// Whether a `test_status` has told of it.
    pub(super) fn is_told(&self) -> bool {
        self.is_told
    }

    pub(super) fn status(&self) -> TestStatus {
        self.current.status
    }

    pub(super) fn producer(&self) -> Option<&str> {
        self.current.producer.as_deref()
    }

    /// What its attempts make of it, once it has ended: as its producer says, or as their statuses say.
    pub(super) fn outcome(&self) -> Option<TestOutcome> {
        let status = self.current.status;
        let expected = self.expected.unwrap_or(TestStatus::Passed);
        let failed_before = || self.omitted_failed || self.earlier.iter().any(|attempt| attempt.has_failed(expected));
        let judged = || TestOutcome::of(status, expected, failed_before());
        status.is_final().then(|| self.current.outcome.unwrap_or_else(judged))
    }

    pub(super) fn title(&self) -> Option<&str> {
        self.plan.title.as_deref()
    }

    /// The project of its test runner.
    pub(super) fn project(&self) -> Option<&str> {
        self.plan.project.as_deref()
    }

    /// The attempt that began last.
    pub(super) fn current(&self) -> &TestAttempt {
        &self.current
    }

    /// Those before it that are kept, in order.
    pub(super) fn earlier(&self) -> &[TestAttempt] {
        &self.earlier
    }

    /// How many attempts there were.
    pub(super) fn attempts(&self) -> u64 {
        1 + self.earlier.len() as u64 + u64::from(self.earlier_omitted)
    }

    pub(super) fn mark(&self) -> TestMark {
        (self.status(), self.outcome())
    }

    /// Whether it is shown among those that failed.
    pub(super) fn has_failed(&self) -> bool {
        self.outcome() == Some(TestOutcome::Unexpected) || self.status() == TestStatus::Interrupted
    }

    /// Takes what a `test_status` says.
    pub(super) fn take_status(&mut self, news: StatusNews<'_>, space: Space) {
        let StatusNews { status, producer, is_of_gone, data } = news;
        self.plan.take_title(title(data.title), space);
        let expected = text(data.expected).and_then(|text| TestStatus::parse(&text));
        self.expected = expected.filter(|expected| expected.is_final()).or(self.expected);
        let is_anothers = producer.as_ref().zip(self.current.producer.as_ref()).is_some_and(|(new, old)| new != old);
        if is_anothers && is_of_gone {
            // Another producer has taken the test over.
            return;
        }
        self.is_told = true;
        let number = whole(data.attempt).unwrap_or(self.current.number);
        let begins = !status.is_final();
        match number.cmp(&self.current.number) {
            Ordering::Greater => self.move_on_to(number, space),
            Ordering::Equal if begins && (is_anothers || self.current.status.is_final()) => {
                self.current = TestAttempt::new(number);
            }
            Ordering::Equal => {}
            Ordering::Less => {
                let known = self.earlier.iter_mut().find(|attempt| attempt.number == number);
                let has_ended = known.as_ref().is_some_and(|attempt| attempt.status.is_final());
                match known {
                    _ if begins && (is_anothers || has_ended) => self.begin_anew(number),
                    Some(attempt) => return attempt.take(status, producer, &data, space),
                    None => {
                        let mut late = TestAttempt::new(number);
                        late.take(status, producer, &data, space);
                        return self.keep_earlier(late, space);
                    }
                }
            }
        }
        self.current.take(status, producer, &data, space);
    }

    /// Takes a step, into the attempt that it names, or the one that began last.
    pub(super) fn take_step(&mut self, step: &FoldedStep<'_>, space: Space) {
        let number = whole(step.attempt).unwrap_or(self.current.number);
        let attempt = match number.cmp(&self.current.number) {
            Ordering::Less => self.earlier.iter_mut().find(|attempt| attempt.number == number),
            Ordering::Equal => Some(&mut self.current),
            Ordering::Greater => {
                self.move_on_to(number, space);
                Some(&mut self.current)
            }
        };
        let Some(attempt) = attempt else { return };
        attempt.steps.take(step, None, space);
        if attempt.status == TestStatus::Pending {
            // Its `test_status` is on its way.
            attempt.status = TestStatus::Running;
        }
    }

    /// A later attempt begins.
    fn move_on_to(&mut self, number: u32, space: Space) {
        let before = std::mem::replace(&mut self.current, TestAttempt::new(number));
        if before.status != TestStatus::Pending {
            self.keep_earlier(before, space);
        }
    }

    /// The test is done again from an earlier attempt on: what came of that and of later ones is void.
    fn begin_anew(&mut self, number: u32) {
        self.earlier.retain(|attempt| attempt.number < number);
        self.earlier.shrink_to_fit();
        self.current = TestAttempt::new(number);
        if number == 0 {
            (self.earlier_omitted, self.omitted_failed) = (0, false);
        }
    }

    fn keep_earlier(&mut self, attempt: TestAttempt, space: Space) {
        let at = self.earlier.partition_point(|known| known.number < attempt.number);
        let expected = self.expected.unwrap_or(TestStatus::Passed);
        if at == 0 && self.earlier_omitted > 0 {
            // It is one of those.
            self.omitted_failed |= attempt.has_failed(expected);
            return;
        }
        // What is counted is what is there.
        self.earlier.reserve_exact(1);
        self.earlier.insert(at, attempt);
        if self.earlier.len() > MAX_EARLIER || !space.has_room() {
            let omitted = self.earlier.remove(0);
            self.earlier.shrink_to_fit();
            self.earlier_omitted = self.earlier_omitted.saturating_add(1);
            self.omitted_failed |= omitted.has_failed(expected);
        }
    }

    /// Bytes of the test, with what it points to.
    pub(super) fn held_bytes(&self) -> usize {
        let earlier = self.earlier.iter().map(TestAttempt::held_bytes).sum::<usize>();
        sizes::TEST
            + self.id.len()
            + OVERHEAD
            + self.plan.held_bytes()
            + self.current.held_bytes()
            + self.earlier.len() * sizes::ATTEMPT
            + earlier
    }

    /// The step that is done now.
    pub(super) fn step(&self) -> Option<impl Serialize> {
        self.current.steps.innermost()
    }
}

/// What a viewer that folds on by itself needs of a test. What is missing is as what is shown of the test says.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResumedTest<'a> {
    /// Whether a `test_status` has told of it, if its status does not say so: one that is pending was not told of.
    #[serde(skip_serializing_if = "Option::is_none")]
    told: Option<bool>,
    /// Its outcome is not its producer's word.
    #[serde(skip_serializing_if = "super::space::is_false")]
    judged: bool,
    /// Of the tests with its id it was told of last.
    #[serde(skip_serializing_if = "super::space::is_false")]
    last: bool,
    /// One of the attempts that are left out has failed.
    #[serde(skip_serializing_if = "super::space::is_false")]
    omitted_failed: bool,
    #[serde(flatten)]
    attempt: Option<ResumedAttempt<'a>>,
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

/// A test as it is shown.
pub(super) struct ShownTest<'a> {
    pub(super) test: &'a Test,
    /// The name of its variant.
    pub(super) variant: Option<&'a str>,
    /// The run has ended.
    pub(super) is_over: bool,
    /// Of several tests with its id this one was told of last.
    pub(super) is_last: bool,
    /// With what a viewer needs to fold on.
    pub(super) resumable: bool,
}

impl Serialize for ShownTest<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Shown<'a, C: Serialize, E: Serialize> {
            test_id: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            variant: Option<&'a str>,
            title: Option<&'a str>,
            file: Option<&'a str>,
            line: Option<u32>,
            #[serde(skip_serializing_if = "Option::is_none")]
            project: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            tags: Option<&'a [Box<str>]>,
            status: TestStatus,
            #[serde(skip_serializing_if = "Option::is_none")]
            expected: Option<TestStatus>,
            #[serde(skip_serializing_if = "Option::is_none")]
            outcome: Option<TestOutcome>,
            #[serde(flatten)]
            current: C,
            #[serde(skip_serializing_if = "Vec::is_empty")]
            attempts: Vec<E>,
            #[serde(skip_serializing_if = "is_zero")]
            attempts_omitted: u32,
            #[serde(skip_serializing_if = "Option::is_none")]
            resume: Option<ResumedTest<'a>>,
        }
        #[derive(Serialize)]
        struct Earlier<'a, S: Serialize> {
            status: TestStatus,
            #[serde(flatten)]
            attempt: ShownAttempt<'a, S>,
            #[serde(skip_serializing_if = "Option::is_none")]
            resume: Option<ResumedAttempt<'a>>,
        }
        let Self { test, variant, is_over, is_last, resumable } = *self;
        let earlier = test.earlier.iter().map(|attempt| Earlier {
            status: attempt.status,
            attempt: attempt.shown(is_over),
            resume: attempt.resume(is_over).filter(|_| resumable),
        });
        let shown = Shown {
            test_id: &test.id,
            variant,
            title: test.plan.title.as_deref(),
            file: test.plan.file.as_deref(),
            line: test.plan.line,
            project: test.plan.project.as_deref(),
            tags: test.plan.tags.as_deref(),
            status: test.status(),
            expected: test.expected,
            outcome: test.outcome(),
            current: test.current.shown(is_over),
            attempts: earlier.collect(),
            attempts_omitted: test.earlier_omitted,
            resume: test.resume(is_over, is_last).filter(|_| resumable),
        };
        shown.serialize(serializer)
    }
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}
