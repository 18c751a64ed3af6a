//! The word that the list of runs shows for a run, and the group that it is counted in.

use serde::Serialize;

use super::status::RunStatus;

/// How a run stands, in a word: its status, and what it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunWord {
    /// A producer has asked something, and waits for the answer.
    NeedsYou,
    /// It goes on, and a test has failed.
    Failing,
    /// It goes on.
    Running,
    /// It is paused.
    Paused,
    /// It waits for a test worker.
    Waiting,
    /// It ended without failures.
    Passed,
    /// It ended with a failure.
    Failed,
    /// Somebody cancelled it.
    Cancelled,
    /// It was given up.
    Lost,
    /// Nothing was heard of it for a while.
    Stalled,
    /// A signal ended it.
    Interrupted,
    /// It exceeded its own time limit.
    #[serde(rename = "timedout")]
    TimedOut,
}

/// The groups of the list. Each run is in at most one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RunGroup {
    /// A producer waits for an answer.
    NeedsYou,
    /// It has not ended.
    Running,
    /// It ended as `failed`, `timedout`, `interrupted` or `lost`.
    Failed,
    /// It passed, with at least one flaky test.
    Flaky,
    /// It passed, without a flaky test.
    Passed,
    /// It was cancelled.
    Cancelled,
}

impl RunWord {
    /// All words, in the order in which the list's documentation has them.
    pub const ALL: [Self; 12] = [
        Self::NeedsYou,
        Self::Failing,
        Self::Running,
        Self::Paused,
        Self::Waiting,
        Self::Passed,
        Self::Failed,
        Self::Cancelled,
        Self::Lost,
        Self::Stalled,
        Self::Interrupted,
        Self::TimedOut,
    ];

    /// The word of a run with this status. `asks`: a question is open; `paused`: a pause goes on; `fails`: a test has
    /// ended unexpectedly. Only the status counts once the run has ended.
    pub fn of(status: Option<RunStatus>, asks: bool, paused: bool, fails: bool) -> Self {
        match status {
            Some(RunStatus::Passed) => Self::Passed,
            Some(RunStatus::Failed) => Self::Failed,
            Some(RunStatus::TimedOut) => Self::TimedOut,
            Some(RunStatus::Interrupted) => Self::Interrupted,
            Some(RunStatus::Cancelled) => Self::Cancelled,
            Some(RunStatus::Lost) => Self::Lost,
            _ if asks => Self::NeedsYou,
            Some(RunStatus::Paused) => Self::Paused,
            _ if paused => Self::Paused,
            Some(RunStatus::Stalled) => Self::Stalled,
            Some(RunStatus::Failing) => Self::Failing,
            _ if fails => Self::Failing,
            Some(RunStatus::Queued) => Self::Waiting,
            Some(RunStatus::Running) | None => Self::Running,
        }
    }

    /// The word as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NeedsYou => "needs_you",
            Self::Failing => "failing",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Waiting => "waiting",
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Lost => "lost",
            Self::Stalled => "stalled",
            Self::Interrupted => "interrupted",
            Self::TimedOut => "timedout",
        }
    }

    /// Parses the form of [`Self::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|word| word.as_str() == text)
    }

    /// Whether the run has ended.
    pub const fn is_final(self) -> bool {
        match self {
            Self::Passed | Self::Failed | Self::Cancelled | Self::Lost | Self::Interrupted | Self::TimedOut => true,
            Self::NeedsYou | Self::Failing | Self::Running | Self::Paused | Self::Waiting | Self::Stalled => false,
        }
    }

    /// The group of a run with this word and so many flaky tests.
    pub const fn group(self, flaky: u64) -> RunGroup {
        match self {
            Self::NeedsYou => RunGroup::NeedsYou,
            Self::Failing | Self::Running | Self::Paused | Self::Waiting | Self::Stalled => RunGroup::Running,
            Self::Failed | Self::TimedOut | Self::Interrupted | Self::Lost => RunGroup::Failed,
            Self::Passed if flaky > 0 => RunGroup::Flaky,
            Self::Passed => RunGroup::Passed,
            Self::Cancelled => RunGroup::Cancelled,
        }
    }
}

impl RunGroup {
    /// All groups.
    pub const ALL: [Self; 6] =
        [Self::NeedsYou, Self::Running, Self::Failed, Self::Flaky, Self::Passed, Self::Cancelled];

    /// The group's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NeedsYou => "needsYou",
            Self::Running => "running",
            Self::Failed => "failed",
            Self::Flaky => "flaky",
            Self::Passed => "passed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Parses the form of [`Self::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|group| group.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_goes_on_has_the_word_of_what_it_waits_for() {
        let word = |status, asks, paused, fails| RunWord::of(status, asks, paused, fails).as_str();
        let running = Some(RunStatus::Running);
        assert_eq!(word(running, true, true, true), "needs_you");
        assert_eq!(word(running, false, true, true), "paused");
        assert_eq!(word(Some(RunStatus::Paused), false, false, false), "paused");
        assert_eq!(word(Some(RunStatus::Stalled), false, false, true), "stalled");
        assert_eq!(word(running, false, false, true), "failing");
        assert_eq!(word(Some(RunStatus::Failing), false, false, false), "failing");
        assert_eq!(word(Some(RunStatus::Queued), false, false, false), "waiting");
        assert_eq!(word(None, false, false, false), "running");
    }

    #[test]
    fn a_run_that_has_ended_has_the_word_of_its_status_alone() {
        for status in RunStatus::ALL.into_iter().filter(|status| status.is_final()) {
            let word = RunWord::of(Some(status), true, true, true);
            assert_eq!(word.as_str(), status.as_str());
            assert!(word.is_final());
        }
    }

    #[test]
    fn words_and_groups_are_read_as_they_are_written() {
        for word in RunWord::ALL {
            assert_eq!(RunWord::parse(word.as_str()), Some(word));
            assert_eq!(serde_json::to_value(word).unwrap(), word.as_str());
        }
        for group in RunGroup::ALL {
            assert_eq!(RunGroup::parse(group.as_str()), Some(group));
        }
        assert_eq!((RunWord::parse("queued"), RunGroup::parse("all")), (None, None));
    }

    #[test]
    fn a_run_that_passed_is_flaky_if_a_test_was() {
        assert_eq!(RunWord::Passed.group(0), RunGroup::Passed);
        assert_eq!(RunWord::Passed.group(2), RunGroup::Flaky);
        assert_eq!(RunWord::Lost.group(2), RunGroup::Failed);
        assert_eq!(RunWord::NeedsYou.group(2), RunGroup::NeedsYou);
    }
}
