//! The statuses of runs and tests.

use serde::{Deserialize, Serialize};

/// The `status` of a `run_status` event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// The run waits for a test worker.
    Queued,
    /// The run is in progress.
    Running,
    /// The run is paused until somebody resumes it.
    Paused,
    /// The run continues, but a test has failed.
    Failing,
    /// The run ended without failures.
    Passed,
    /// The run ended with a failure.
    Failed,
    /// The run exceeded its own time limit.
    TimedOut,
    /// A signal ended the run.
    Interrupted,
    /// A user cancelled the run.
    Cancelled,
    /// No event has arrived for a while. The run may continue.
    Stalled,
    /// No event has arrived for so long that none is expected.
    Lost,
}

impl RunStatus {
    /// All statuses.
    pub const ALL: [Self; 11] = [
        Self::Queued,
        Self::Running,
        Self::Paused,
        Self::Failing,
        Self::Passed,
        Self::Failed,
        Self::TimedOut,
        Self::Interrupted,
        Self::Cancelled,
        Self::Stalled,
        Self::Lost,
    ];

    /// The names of all statuses in events.
    pub const NAMES: [&'static str; Self::ALL.len()] = {
        let mut names = [""; Self::ALL.len()];
        let mut index = 0;
        while index < names.len() {
            names[index] = Self::ALL[index].as_str();
            index += 1;
        }
        names
    };

    /// The status's name in events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Failing => "failing",
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::TimedOut => "timedout",
            Self::Interrupted => "interrupted",
            Self::Cancelled => "cancelled",
            Self::Stalled => "stalled",
            Self::Lost => "lost",
        }
    }

    /// Parses the form of [`Self::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Whether the run has ended.
    pub const fn is_final(self) -> bool {
        match self {
            Self::Passed | Self::Failed | Self::TimedOut | Self::Interrupted | Self::Cancelled | Self::Lost => true,
            Self::Queued | Self::Running | Self::Paused | Self::Failing | Self::Stalled => false,
        }
    }
}

/// The `status` of a `test_status` event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TestStatus {
    /// The test is planned and has not begun.
    #[default]
    Pending,
    /// The test is in progress.
    Running,
    /// The test passed.
    Passed,
    /// The test failed.
    Failed,
    /// The test was skipped.
    Skipped,
    /// The test exceeded its time limit.
    TimedOut,
    /// The test ended because the run did.
    Interrupted,
}

impl TestStatus {
    /// All spellings of reporters: `queued` is read as `pending`, and `timedOut` as `timedout`.
    pub const NAMES: [&'static str; 9] =
        ["pending", "queued", "running", "passed", "failed", "skipped", "timedout", "timedOut", "interrupted"];

    /// Parses a reporter's spelling of a status; `timedOut` is Playwright's.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "pending" | "queued" => Some(Self::Pending),
            "running" => Some(Self::Running),
            "passed" => Some(Self::Passed),
            "failed" => Some(Self::Failed),
            "skipped" => Some(Self::Skipped),
            "timedout" | "timedOut" => Some(Self::TimedOut),
            "interrupted" => Some(Self::Interrupted),
            _ => None,
        }
    }

    /// Its name in states.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::TimedOut => "timedout",
            Self::Interrupted => "interrupted",
        }
    }

    /// Whether the test, or this attempt of it, is over.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::Running)
    }
}

/// What all attempts at a test make of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TestOutcome {
    /// Its status is the one that is expected of it.
    Expected,
    /// Its status is another one.
    Unexpected,
    /// Its status is the one that is expected of it, after an attempt that failed.
    Flaky,
    /// It was skipped.
    Skipped,
}

impl TestOutcome {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Expected => "expected",
            Self::Unexpected => "unexpected",
            Self::Flaky => "flaky",
            Self::Skipped => "skipped",
        }
    }

    /// Parses its name.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "expected" => Some(Self::Expected),
            "unexpected" => Some(Self::Unexpected),
            "flaky" => Some(Self::Flaky),
            "skipped" => Some(Self::Skipped),
            _ => None,
        }
    }

    /// The outcome of a test that has ended with this status. `failed_before`: an earlier attempt at it had another
    /// status than the expected one.
    pub fn of(status: TestStatus, expected: TestStatus, failed_before: bool) -> Self {
        match status {
            TestStatus::Skipped => Self::Skipped,
            _ if status != expected => Self::Unexpected,
            _ if failed_before => Self::Flaky,
            _ => Self::Expected,
        }
    }
}
