//! The steps of an attempt, or of the run itself.

use std::sync::Arc;

use serde::Serialize;

use super::event::{FoldedStep, MAX_ERROR_BYTES, MAX_NAME_BYTES, MAX_TITLE_BYTES, message, text, title};
use super::space::{OVERHEAD, Space, bytes_of, sizes};

/// Most open steps kept of an attempt.
const MAX_OPEN_STEPS: usize = 16;
/// Most places for open steps that are kept empty.
const MAX_SPARE: usize = 4;
/// Most bytes kept of the error of a step.
const MAX_STEP_ERROR_BYTES: usize = MAX_ERROR_BYTES / 4;

/// A step that has begun and not ended.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OpenStep {
    id: Box<str>,
    step_number: u64,
    title: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subtitle: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<Box<str>>,
    /// The person whose doing it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<Box<str>>,
    /// The variant, of a step of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    variant: Option<Arc<str>>,
    /// It is counted among those that failed.
    #[serde(skip)]
    pub(super) has_failed: bool,
}

/// An open step, with what a viewer that folds on by itself needs.
#[derive(Serialize)]
pub(super) struct ResumedStep<'a> {
    #[serde(flatten)]
    step: &'a OpenStep,
    /// It is counted among those that failed.
    #[serde(skip_serializing_if = "super::space::is_false")]
    failed: bool,
}

impl<'a> ResumedStep<'a> {
    pub(super) fn of(step: &'a OpenStep) -> Self {
        Self { step, failed: step.has_failed }
    }
}

/// A step that failed.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FailedStep {
    id: Box<str>,
    title: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<Box<str>>,
    error: Box<str>,
}

/// How many steps there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct StepCounts {
    begun: u32,
    ended: u32,
    failed: u32,
}

impl StepCounts {
    pub(super) fn is_zero(&self) -> bool {
        *self == Self::default()
    }
}

/// The steps: those that are open, the outermost first; how many there were, and the first that failed.
#[derive(Clone, Debug, Default)]
pub(super) struct Steps {
    pub(super) open: Vec<OpenStep>,
    pub(super) counts: StepCounts,
    pub(super) first_failed: Option<Box<FailedStep>>,
}

impl Steps {
    /// A step begins or ends. `variant`: of a step of the run.
    pub(super) fn take(&mut self, step: &FoldedStep<'_>, variant: Option<Arc<str>>, space: Space) {
        let id = step.id();
        let known = self.open.iter().position(|open| *open.id == *id && open.variant == variant);
        let was_counted = known.is_some_and(|at| self.open[at].has_failed);
        let error = message(step.error);
        if error.is_some() && !was_counted {
            self.counts.failed = self.counts.failed.saturating_add(1);
        }
        if let Some(error) = error.as_ref().filter(|_| self.first_failed.is_none() && space.has_room()) {
            let open = known.map(|at| &self.open[at]);
            let error = space.text(Some(error.clone()), MAX_STEP_ERROR_BYTES).unwrap_or_default();
            let told = space.text(text(step.location), MAX_TITLE_BYTES);
            self.first_failed = Some(Box::new(FailedStep {
                id: id.as_str().into(),
                title: space.text(title(step.title), MAX_TITLE_BYTES).or_else(|| open?.title.clone()),
                location: told.or_else(|| open?.location.clone()),
                error,
            }));
        }
        if step.ends() {
            self.counts.ended = self.counts.ended.saturating_add(1);
            if let Some(at) = known {
                self.open.remove(at);
                // What is counted is what is there.
                let spare = self.open.capacity() - self.open.len();
                if spare > MAX_SPARE || self.open.is_empty() {
                    self.open.shrink_to_fit();
                }
            }
            return;
        }
        match known {
            Some(at) => drop(self.open.remove(at)),
            None => self.counts.begun = self.counts.begun.saturating_add(1),
        }
        if !space.has_room() {
            return;
        }
        if self.open.len() == MAX_OPEN_STEPS {
            self.open.remove(0);
        }
        self.open.push(OpenStep {
            id: id.into(),
            step_number: step.step_number,
            title: space.text(title(step.title), MAX_TITLE_BYTES),
            subtitle: space.text(text(step.subtitle), MAX_TITLE_BYTES),
            category: space.text(text(step.category), MAX_NAME_BYTES),
            location: space.text(text(step.location), MAX_TITLE_BYTES),
            parent: space.text(text(step.parent), MAX_NAME_BYTES),
            actor: space.text(text(step.actor), MAX_NAME_BYTES),
            variant,
            has_failed: error.is_some() || was_counted,
        });
    }

    /// What is open can't be any more.
    pub(super) fn close(&mut self) {
        self.open = Vec::new();
    }

    /// The step that is done now: the innermost of those that are open.
    pub(super) fn innermost(&self) -> Option<&OpenStep> {
        self.open.last()
    }

    pub(super) fn held_bytes(&self) -> usize {
        let open = self.open.iter().map(|step| {
            let texts = [&step.title, &step.subtitle, &step.category, &step.location, &step.parent, &step.actor];
            let variant = step.variant.as_ref().map_or(0, |variant| variant.len() + OVERHEAD);
            step.id.len() + OVERHEAD + bytes_of(texts.map(|text| text.as_deref())) + variant
        });
        let failed = self.first_failed.as_ref().map_or(0, |step| {
            let texts = [Some(&*step.id), step.title.as_deref(), step.location.as_deref(), Some(&*step.error)];
            sizes::FAILED_STEP + bytes_of(texts)
        });
        self.open.len() * sizes::STEP + open.sum::<usize>() + failed
    }
}
