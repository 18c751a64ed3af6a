//! What the list of runs shows of a run's state.

use serde::Serialize;

use super::fold::RunState;
use super::meta::{RunLabels, RunMeta};
use super::producers::Announced;
use super::tally::Tally;
use super::test::Test;
use crate::protocol::Timestamp;
use crate::protocol::status::RunStatus;

/// Most bytes of a line of a summary: the title or the error of the first failed test.
const MAX_LINE_BYTES: usize = 300;

/// A run as its row in the list shows it. Serialized, it is the members that the list adds to the row.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunSummary<'a> {
    meta: Option<&'a RunMeta>,
    #[serde(flatten)]
    tally: &'a Tally,
    total: Option<u64>,
    workers: Option<u64>,
    started_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    elapsed_ms: Option<i64>,
    first_error: Option<FirstError<'a>>,
    #[serde(skip)]
    status: Option<RunStatus>,
}

/// The first error of the first test that failed; of the run itself if no test has failed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct FirstError<'a> {
    test_id: Option<&'a str>,
    title: Option<String>,
    message: String,
}

impl RunState {
    /// What the list shows of it.
    pub fn summary(&self) -> RunSummary<'_> {
        let Announced { total, workers } = self.producers.announced();
        let (started_at, ended_at) = self.times.span();
        RunSummary {
            meta: self.meta.as_ref(),
            tally: self.tests.tally(),
            total,
            workers,
            started_at,
            ended_at,
            elapsed_ms: self.elapsed_ms,
            first_error: self.first_error(),
            status: self.status,
        }
    }

    /// By what it is found.
    pub fn labels(&self) -> RunLabels {
        self.meta.as_ref().map(RunMeta::labels).unwrap_or_default()
    }

    fn first_error(&self) -> Option<FirstError<'_>> {
        let tally = self.tests.tally();
        let of_test = || {
            let failed = self.tests.kept().iter().find(|test| test.has_failed())?;
            let (error, _) = failed.failure();
            let message = first_line(error.unwrap_or_default());
            Some(FirstError { test_id: Some(&failed.id), title: failed.title().map(first_line), message })
        };
        let failed = if tally.unexpected() + tally.interrupted() > 0 { of_test() } else { None };
        let of_run = || {
            let error = self.last_error.as_ref().filter(|_| self.status != Some(RunStatus::Passed))?;
            Some(FirstError { test_id: None, title: None, message: first_line(error.message()) })
        };
        failed.or_else(of_run)
    }
}

impl RunSummary<'_> {
    /// The run's status.
    pub fn status(&self) -> Option<RunStatus> {
        self.status
    }

    /// Whether a test has ended unexpectedly.
    pub fn fails(&self) -> bool {
        self.tally.unexpected() > 0
    }

    /// How many tests are flaky.
    pub fn flaky(&self) -> u64 {
        self.tally.flaky()
    }

    /// When the run ended, by the journal's clock.
    pub fn ended_at(&self) -> Option<Timestamp> {
        self.ended_at
    }
}

impl Test {
    /// Its error and the place of it: of the attempt that failed last.
    pub(super) fn failure(&self) -> (Option<&str>, Option<&str>) {
        let attempts = std::iter::once(self.current()).chain(self.earlier().iter().rev());
        let failed = attempts.map(|attempt| attempt.failure()).find(|(error, _)| error.is_some());
        failed.unwrap_or_default()
    }
}

/// The first line of a text that says something, without the escape sequences of a terminal, and clipped.
pub(super) fn first_line(text: &str) -> String {
    let plain = without_escapes(text);
    let line = plain.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    super::space::clip(line.to_owned(), MAX_LINE_BYTES)
}

/// Leaves out control sequences (`ESC [ ... letter`), other escapes, and control characters but line ends and tabs.
fn without_escapes(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\u{1b}' => {
                if characters.next() == Some('[') {
                    characters.by_ref().find(|end| ('@'..='~').contains(end));
                }
            }
            '\n' | '\t' => plain.push(character),
            _ if character.is_control() => {}
            _ => plain.push(character),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_has_no_escapes_and_is_clipped() {
        assert_eq!(first_line("\n\u{1b}[31mError: \u{1b}[1mno\u{1b}[0m\u{7}\r\nat x"), "Error: no");
        assert_eq!(first_line(&"é".repeat(400)).len(), MAX_LINE_BYTES);
        assert_eq!(first_line("\u{1b}"), "");
        assert_eq!(first_line("\u{1b}[31"), "");
    }
}
