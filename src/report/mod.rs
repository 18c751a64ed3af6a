//! Reports of a run for those who read them elsewhere: JUnit XML, and a page that is one file. They are made of the state
//! of the run as its routes show it.

use std::borrow::Cow;

use serde::Deserialize;

pub mod html;
pub mod junit;
mod text;

pub use text::{plain, readable};

/// A run, as the overview of its state shows it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ReportRun {
    /// The run's id.
    pub run_id: String,
    /// Its status.
    pub status: Option<String>,
    /// RFC 3339.
    pub started_at: Option<String>,
    /// RFC 3339.
    pub ended_at: Option<String>,
    /// Milliseconds from start to end, or to the last event.
    pub elapsed_ms: Option<i64>,
    /// What it is about.
    pub meta: Option<ReportMeta>,
    /// Its last error outside the tests.
    pub last_error: Option<ReportError>,
    /// Tests that were only counted.
    pub tests_omitted: u64,
}

/// What a run is about.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ReportMeta {
    /// The project.
    pub project: Option<String>,
    /// Which run of the project it is.
    pub number: Option<u64>,
    /// What people call it.
    pub title: Option<String>,
    /// The branch under test.
    pub branch: Option<String>,
    /// The commit under test.
    pub commit: Option<String>,
    /// Who made that commit.
    pub author: Option<String>,
}

/// An error outside the tests.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ReportError {
    /// What went wrong.
    pub message: String,
}

/// A test, as a page of the run's tests shows it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ReportTest<'a> {
    /// The test's id.
    #[serde(borrow)]
    pub test_id: Cow<'a, str>,
    /// The variant that it belongs to.
    pub variant: Option<Cow<'a, str>>,
    /// Its title.
    pub title: Option<Cow<'a, str>>,
    /// The file that it is in.
    pub file: Option<Cow<'a, str>>,
    /// The line that it begins at.
    pub line: Option<u64>,
    /// The project of the test runner.
    pub project: Option<Cow<'a, str>>,
    /// Its status.
    pub status: Cow<'a, str>,
    /// What its attempts make of it.
    pub outcome: Option<Cow<'a, str>>,
    /// How long the last attempt took, in milliseconds.
    pub duration_ms: Option<f64>,
    /// Why the last attempt failed.
    pub error: Option<Cow<'a, str>>,
    /// Where.
    pub location: Option<Cow<'a, str>>,
    /// The step that failed.
    pub failed_step: Option<ReportStep>,
    /// The attempts before the last one.
    pub attempts: Vec<ReportAttempt>,
}

/// An attempt before the last one.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ReportAttempt {
    /// From 0.
    pub attempt: u64,
    /// How it ended.
    pub status: String,
    /// How long it took, in milliseconds.
    pub duration_ms: Option<f64>,
    /// Why it failed.
    pub error: Option<String>,
}

/// A step that failed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ReportStep {
    /// What was done.
    pub title: Option<String>,
    /// Where it stands.
    pub location: Option<String>,
}

/// A page of tests, as its route answers.
#[derive(Debug, Deserialize)]
pub struct ReportPage<'a> {
    /// The tests.
    #[serde(borrow)]
    pub tests: Vec<ReportTest<'a>>,
}

/// How a test ended, as reports tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportOutcome {
    /// As expected.
    Passed,
    /// As expected, after an attempt that was not.
    Flaky,
    /// Not as expected.
    Failed,
    /// It was left out.
    Skipped,
    /// It has not ended.
    Open,
}

impl ReportTest<'_> {
    /// How it ended.
    pub fn outcome(&self) -> ReportOutcome {
        match (self.outcome.as_deref(), &*self.status) {
            (Some("unexpected"), _) | (None, "interrupted") => ReportOutcome::Failed,
            (Some("flaky"), _) => ReportOutcome::Flaky,
            (Some("skipped"), _) => ReportOutcome::Skipped,
            (Some("expected"), _) => ReportOutcome::Passed,
            _ => ReportOutcome::Open,
        }
    }

    /// Its title, or its id.
    pub fn name(&self) -> &str {
        self.title.as_deref().filter(|title| !title.is_empty()).unwrap_or(&self.test_id)
    }

    /// The suite that it stands in: its file, project and variant.
    pub fn suite(&self) -> String {
        let parts = [self.file.as_deref(), self.project.as_deref(), self.variant.as_deref()];
        let parts: Vec<_> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
        if parts.is_empty() { "tests".to_owned() } else { parts.join(" · ") }
    }

    /// Milliseconds of all attempts.
    pub fn all_ms(&self) -> f64 {
        let before: f64 = self.attempts.iter().filter_map(|attempt| attempt.duration_ms).sum();
        before + self.duration_ms.unwrap_or(0.0)
    }
}
