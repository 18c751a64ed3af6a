//! A run as the server has folded it from its log. A member that is missing, or that a newer server has, is no error:
//! what can be read is shown.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::request::{AskError, read};
use super::terminal::counted;
use crate::protocol::status::RunStatus;
use crate::protocol::{After, Seq};

/// A run.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct FoldedRun {
    pub(super) run_id: String,
    status: Option<String>,
    /// In the list of runs: how it stands.
    pub(super) word: Option<String>,
    pub(super) events: u64,
    pub(super) created_at: Option<String>,
    pub(super) started_at: Option<String>,
    pub(super) ended_at: Option<String>,
    pub(super) elapsed_ms: Option<i64>,
    pub(super) meta: Value,
    counts: Option<BTreeMap<String, u64>>,
    outcomes: Option<BTreeMap<String, u64>>,
    pub(super) tests: Vec<FoldedTest>,
    /// The run's own error.
    last_error: Value,
    pub(super) asks: Vec<Value>,
    pub(super) paused: Value,
    cursor: Option<String>,
}

/// A test of it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct FoldedTest {
    pub(super) test_id: String,
    pub(super) variant: Option<String>,
    pub(super) title: Option<String>,
    pub(super) file: Option<String>,
    pub(super) line: Option<u64>,
    status: Option<String>,
    outcome: Option<String>,
    pub(super) attempt: u64,
    pub(super) duration_ms: Option<f64>,
    pub(super) error: Option<String>,
    pub(super) location: Option<String>,
}

impl FoldedRun {
    pub(super) fn parse(json: &[u8]) -> Result<Self, AskError> {
        read(json)
    }

    /// The status; none before the run says one.
    pub(super) fn status(&self) -> Option<RunStatus> {
        RunStatus::parse(self.status.as_deref()?)
    }

    /// The event up to which this is the run.
    pub(super) fn seq(&self) -> Seq {
        match self.cursor.as_deref().map(After::parse) {
            Some(Ok(After::Cursor(cursor))) => cursor.seq,
            _ => 0,
        }
    }

    /// Its status as the server tells it, also one of a newer version.
    pub(super) fn shown_status(&self) -> &str {
        self.status.as_deref().unwrap_or("running")
    }

    pub(super) fn count(&self, status: &str) -> u64 {
        self.counts.as_ref().and_then(|counts| counts.get(status).copied()).unwrap_or_default()
    }

    /// How many tests there are; none where nobody has told of any.
    pub(super) fn tests_told(&self) -> Option<u64> {
        self.counts.as_ref().map(|counts| counts.values().sum())
    }

    pub(super) fn outcome(&self, outcome: &str) -> u64 {
        self.outcomes.as_ref().and_then(|outcomes| outcomes.get(outcome).copied()).unwrap_or_default()
    }

    /// A text of what the run says of itself: its project, title, branch or commit.
    pub(super) fn meta(&self, member: &str) -> Option<&str> {
        self.meta[member].as_str().filter(|text| !text.is_empty())
    }

    /// The message of the run's own error.
    pub(super) fn own_error(&self) -> Option<&str> {
        self.last_error["message"].as_str()
    }

    /// Its tests in numbers: `9 passed, 1 failed, 1 flaky, 2 skipped`; empty if there is none. A test that failed as it
    /// was to has passed.
    pub(super) fn tally(&self) -> String {
        let outcomes = [("expected", "passed"), ("unexpected", "failed"), ("flaky", "flaky"), ("skipped", "skipped")];
        let ended = outcomes.map(|(outcome, name)| (self.outcome(outcome), name));
        let open = ["running", "pending"].map(|status| (self.count(status), status));
        let told: u64 = ended.iter().chain(&open).map(|(count, _)| count).sum();
        let interrupted = (self.tests_told().unwrap_or_default().saturating_sub(told), "interrupted");
        let all = ended.into_iter().chain([interrupted]).chain(open).filter(|(count, _)| *count > 0);
        all.map(|(count, name)| format!("{count} {name}")).collect::<Vec<_>>().join(", ")
    }

    /// How long it took, or has taken so far.
    pub(super) fn took(&self) -> Option<String> {
        self.elapsed_ms.map(|millis| duration(millis as f64))
    }

    /// The run in one line: `failed, 9 passed, 1 failed, in 30.8 s`.
    pub(super) fn summary(&self) -> String {
        let tests = self.tally();
        let took = self.took().map(|took| format!("in {took}")).unwrap_or_default();
        let events = if tests.is_empty() { counted(self.events, "event", "events") } else { String::new() };
        let parts = [self.shown_status().to_owned(), tests, events, took];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
    }
}

impl FoldedTest {
    /// Whether it has failed, and was not meant to.
    pub(super) fn has_failed(&self) -> bool {
        self.outcome.as_deref() == Some("unexpected") || self.status.as_deref() == Some("interrupted")
    }

    /// How it stands.
    pub(super) fn shown_status(&self) -> &str {
        self.status.as_deref().unwrap_or("pending")
    }

    /// What people call it.
    pub(super) fn name(&self) -> &str {
        self.title.as_deref().unwrap_or(&self.test_id)
    }

    /// Where it fails, or else where it stands.
    pub(super) fn place(&self) -> Option<String> {
        let line = || self.line.map_or_else(String::new, |line| format!(":{line}"));
        self.location.clone().or_else(|| self.file.as_ref().map(|file| format!("{file}{}", line())))
    }
}

/// `530 ms`, `30.8 s`, `12 min 5 s`, `3 h 4 min`.
pub(super) fn duration(millis: f64) -> String {
    let secs = (millis / 1_000.0).round() as u64;
    match millis {
        ..1_000.0 => format!("{millis:.0} ms"),
        ..60_000.0 => format!("{:.1} s", millis / 1_000.0),
        ..3_600_000.0 => format!("{} min {} s", secs / 60, secs % 60),
        _ => format!("{} h {} min", secs / 3_600, secs / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_summed_up_in_a_line() {
        let run = |json: &str| FoldedRun::parse(json.as_bytes()).unwrap();
        let failed =
            run(r#"{"status":"failed","events":9,"elapsedMs":30800,"outcomes":{"expected":9,"unexpected":1,"flaky":1,
            "skipped":2},"counts":{"failed":2,"passed":9,"skipped":2,"running":0,"interrupted":1}}"#);
        assert_eq!(failed.summary(), "failed, 9 passed, 1 failed, 1 flaky, 2 skipped, 1 interrupted, in 30.8 s");
        assert_eq!(failed.status(), Some(RunStatus::Failed));
        assert_eq!(run(r#"{"status":null,"events":1,"counts":null}"#).summary(), "running, 1 event");
        assert_eq!(run(r#"{"status":"of a newer server"}"#).summary(), "of a newer server, 0 events");
    }

    #[test]
    fn a_duration_has_the_units_that_fit_it() {
        let shown = [530.0, 30_800.0, 725_000.0, 11_040_000.0].map(duration);
        assert_eq!(shown, ["530 ms", "30.8 s", "12 min 5 s", "3 h 4 min"]);
    }
}
