//! An attempt at a test.

use std::sync::Arc;

use serde::Serialize;

use super::event::{
    FoldedAnnotation, FoldedData, MAX_ERROR_BYTES, MAX_NAME_BYTES, MAX_TITLE_BYTES, items, location, message, number,
    read, text, whole,
};
use super::space::{Space, bytes_of, sizes};
use super::step::{FailedStep, ResumedStep, StepCounts, Steps};
use crate::protocol::status::{TestOutcome, TestStatus};

/// Most annotations kept of an attempt.
const MAX_ANNOTATIONS: usize = 10;

/// What its author says about a test.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Annotation {
    r#type: Box<str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<Box<str>>,
}

/// What a viewer that folds on by itself needs of an attempt besides what is shown.
#[derive(Serialize)]
pub(super) struct ResumedAttempt<'a> {
    /// The open steps, the outermost first, if there is more of them than the one that is shown.
    open: Vec<ResumedStep<'a>>,
}

/// An attempt after the last event about it.
#[derive(Clone, Debug)]
pub(super) struct TestAttempt {
    /// 0, or which retry it is.
    pub(super) number: u32,
    pub(super) status: TestStatus,
    /// What its producer says that the attempts up to this one make of the test.
    pub(super) outcome: Option<TestOutcome>,
    worker_index: Option<i64>,
    slot: Option<u32>,
    /// The producer that runs it; `None` for events of earlier versions, which do not say.
    pub(super) producer: Option<Arc<str>>,
    duration_ms: Option<f64>,
    hold_ms: Option<f64>,
    error: Option<Box<str>>,
    location: Option<Box<str>>,
    annotations: Option<Box<[Annotation]>>,
    pub(super) steps: Steps,
}

impl TestAttempt {
    /// One of which nothing is known yet.
    pub(super) fn new(number: u32) -> Self {
        Self {
            number,
            status: TestStatus::Pending,
            outcome: None,
            worker_index: None,
            slot: None,
            producer: None,
            duration_ms: None,
            hold_ms: None,
            error: None,
            location: None,
            annotations: None,
            steps: Steps::default(),
        }
    }

    /// Takes what a `test_status` says. What belongs to the status is as that says, or nothing; who runs the attempt
    /// stays as it was unless that says so.
    pub(super) fn take(&mut self, status: TestStatus, producer: Option<Arc<str>>, data: &FoldedData<'_>, space: Space) {
        let first = items(data.errors).first().copied();
        self.status = status;
        self.outcome = text(data.outcome).and_then(|name| TestOutcome::parse(&name));
        self.worker_index = whole(data.worker_index).or(self.worker_index);
        self.slot = whole(data.slot).or(self.slot);
        self.producer = producer.or(self.producer.take());
        self.duration_ms = number(data.duration_ms);
        self.hold_ms = number(data.hold_ms);
        self.error = space.text(message(data.error).or_else(|| message(first)), MAX_ERROR_BYTES);
        self.location = space.text(location(data.error).or_else(|| location(first)), MAX_TITLE_BYTES);
        let annotations = items(data.annotations).into_iter().filter_map(|item| annotation(read(Some(item))?, space));
        let annotations: Box<[_]> = annotations.take(MAX_ANNOTATIONS).collect();
        self.annotations = Some(annotations).filter(|annotations| !annotations.is_empty());
        if status.is_final() {
            self.steps.close();
        }
    }

    /// Whether the attempt has ended as a failure.
    pub(super) fn has_failed(&self, expected: TestStatus) -> bool {
        !matches!(
            self.status,
            TestStatus::Pending | TestStatus::Running | TestStatus::Skipped | TestStatus::Interrupted
        ) && self.status != expected
    }

    /// Its error, and the place of it.
    pub(super) fn failure(&self) -> (Option<&str>, Option<&str>) {
        (self.error.as_deref(), self.location.as_deref())
    }

    /// What its reporter measured, in milliseconds.
    pub(super) fn duration_ms(&self) -> Option<f64> {
        self.duration_ms
    }

    /// Bytes of its texts and lists.
    pub(super) fn held_bytes(&self) -> usize {
        let annotations = self.annotations.iter().flatten().map(|annotation| {
            sizes::ANNOTATION + bytes_of([Some(&*annotation.r#type), annotation.description.as_deref()])
        });
        let texts = bytes_of([self.error.as_deref(), self.location.as_deref()]);
        texts + annotations.sum::<usize>() + self.steps.held_bytes()
    }

    /// Whether a step that is open is not shown, since the run has ended.
    pub(super) fn hides_step(&self, is_over: bool) -> bool {
        is_over && self.status.is_final()
    }

    /// As it is shown. `is_over`: the run has ended, and a step that is open after the end of its attempt with it.
    pub(super) fn shown(&self, is_over: bool) -> ShownAttempt<'_, impl Serialize> {
        ShownAttempt {
            attempt: self.number,
            worker_index: self.worker_index,
            slot: self.slot,
            producer: self.producer.as_deref(),
            duration_ms: self.duration_ms,
            hold_ms: self.hold_ms,
            error: self.error.as_deref(),
            location: self.location.as_deref(),
            annotations: self.annotations.as_deref(),
            step: self.steps.innermost().filter(|_| !self.hides_step(is_over)),
            steps: self.steps.counts,
            failed_step: self.steps.first_failed.as_deref(),
        }
    }
}

fn annotation(read_one: FoldedAnnotation<'_>, space: Space) -> Option<Annotation> {
    Some(Annotation {
        r#type: space.text(Some(text(read_one.r#type)?), MAX_NAME_BYTES)?,
        description: space.text(text(read_one.description), MAX_TITLE_BYTES),
    })
}

/// The members of an attempt, but its status.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShownAttempt<'a, S> {
    attempt: u32,
    worker_index: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    slot: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    producer: Option<&'a str>,
    duration_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hold_ms: Option<f64>,
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<&'a [Annotation]>,
    /// The step that is open.
    step: Option<S>,
    #[serde(skip_serializing_if = "StepCounts::is_zero")]
    steps: StepCounts,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed_step: Option<&'a FailedStep>,
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
