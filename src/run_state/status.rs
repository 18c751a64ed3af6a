//! The states that runs and tests can be in.

use serde::{Deserialize, Serialize};

/// `run_status.status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// Waits for a worker.
    Queued,
    /// Runs.
    Running,
    /// Stands still until somebody resumes it.
    Paused,
    /// Runs on, but a test failed already.
    Failing,
    /// Ended well.
    Passed,
    /// Ended with a failure.
    Failed,
    /// Ended by its own time limit.
    TimedOut,
    /// Ended by a signal.
    Interrupted,
    /// Ended because somebody asked for it.
    Cancelled,
    /// Nothing was heard of it for a while. It may go on.
    Stalled,
    /// Nothing was heard of it for so long that nothing is expected any more.
    Lost,
}

impl RunStatus {
    /// Every status.
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

    /// Every status, as it is written in events.
    pub const NAMES: [&'static str; Self::ALL.len()] = {
        let mut names = [""; Self::ALL.len()];
        let mut index = 0;
        while index < names.len() {
            names[index] = Self::ALL[index].as_str();
            index += 1;
        }
        names
    };

    /// As it is written in events.
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

    /// Reads what [`Self::as_str`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Whether the run ended.
    pub const fn is_final(self) -> bool {
        match self {
            Self::Passed | Self::Failed | Self::TimedOut | Self::Interrupted | Self::Cancelled | Self::Lost => true,
            Self::Queued | Self::Running | Self::Paused | Self::Failing | Self::Stalled => false,
        }
    }
}

/// `test_status.status`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TestStatus {
    /// Announced, not begun.
    #[default]
    Pending,
    /// Runs.
    Running,
    /// Ended well.
    Passed,
    /// Ended with a failure.
    Failed,
    /// Was not run.
    Skipped,
    /// Ended by its time limit.
    TimedOut,
    /// Ended with the run.
    Interrupted,
}

impl TestStatus {
    /// Every status, as reporters write it: `queued` is read as `pending`, and `timedOut` as `timedout`.
    pub const NAMES: [&'static str; 9] =
        ["pending", "queued", "running", "passed", "failed", "skipped", "timedout", "timedOut", "interrupted"];

    /// Reads a status as reporters write it; `timedOut` is Playwright's own spelling.
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

    /// Whether the test is over, this attempt at least.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::Running)
    }
}
