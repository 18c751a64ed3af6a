//! What the catalog writer has folded of a run, in order to sum it up. Pure but for its caller's threads.

use std::sync::Arc;

use serde::Serialize;

use crate::control::{ControlState, ControlSummary};
use crate::protocol::cursor::Place;
use crate::protocol::lineage::Resume;
use crate::protocol::status::RunStatus;
use crate::protocol::{After, Cursor, RunId, RunWord, Segment, Seq};
use crate::run_state::{RunLabels, RunState, RunSummary, TestResult};
use crate::storage::catalog::runs::{AUTHOR, NO_PROJECT, ResultRow, SummaryRow};
use crate::storage::journal::Head;

/// Before the first event.
const START: Place = Place { epoch: None, next: 1 };

/// The folds of a run, and what the catalog has been told of its tests.
pub(super) struct SummaryFold {
    run: RunId,
    state: RunState,
    control: ControlState,
    /// Behind what is folded.
    place: Place,
    /// The control events up to here are folded.
    control_tip: Seq,
    /// A mark per test of what was told of it.
    told: Vec<u64>,
    /// The project under which that was.
    told_project: Option<String>,
}

/// The members of a summary.
#[derive(Serialize)]
struct SummaryText<'a> {
    #[serde(flatten)]
    state: RunSummary<'a>,
    #[serde(flatten)]
    control: ControlSummary,
}

impl SummaryFold {
    pub(super) fn new(run: RunId) -> Self {
        Self {
            state: RunState::new(run.clone()),
            run,
            control: ControlState::default(),
            control_tip: 0,
            place: START,
            told: Vec::new(),
            told_project: None,
        }
    }

    /// The last event that is folded.
    pub(super) fn tip(&self) -> Seq {
        self.place.next - 1
    }

    /// Approximate memory in bytes.
    pub(super) fn held_bytes(&self) -> usize {
        self.state.held_bytes() + self.control.held_bytes() + self.told.capacity() * size_of::<u64>()
    }

    /// Stands on the log as `head` tells it. A fold can't be cut back: when part of what is in it was lost, it begins
    /// anew.
    pub(super) fn settle(&mut self, head: &Head) {
        if let Resume::Reset { .. } = head.lineage.resolve(After::Cursor(self.place.cursor()), head.tip) {
            *self = Self::new(self.run.clone());
        }
        self.place.epoch = head.lineage.epoch();
    }

    /// Folds events up to `tip`.
    pub(super) fn apply(&mut self, segments: &[Arc<Segment>], tip: Seq) {
        for segment in segments {
            for (seq, event) in (segment.first()..=tip).zip(segment.lines().iter()) {
                if seq == self.place.next {
                    self.state.apply(seq, segment.at(), event);
                    self.place.next = seq + 1;
                }
            }
        }
    }

    /// The seq behind which control events are to be read; `None` when all up to the head's last one are folded.
    pub(super) fn control_after(&self, head: &Head) -> Option<Seq> {
        head.control.is_some_and(|last| last.seq > self.control_tip).then_some(self.control_tip)
    }

    /// Folds segments that hold control events, up to `tip`.
    pub(super) fn apply_control(&mut self, segments: &[Arc<Segment>], tip: Seq) {
        for segment in segments {
            for (seq, event) in (segment.first()..=tip).zip(segment.lines().iter()) {
                if seq > self.control_tip {
                    self.control.apply(Cursor { epoch: Some(segment.epoch()), seq }, event);
                    self.control_tip = seq;
                }
            }
        }
    }

    /// The summary of what is folded; `None` if it can't be written as JSON.
    pub(super) fn summary(&self) -> Option<SummaryRow> {
        let (state, control) = (self.state.summary(), self.control.summary());
        let goes_on =
            |status: &Option<RunStatus>| !status.is_some_and(|status| status.is_final() || status == RunStatus::Paused);
        let status = Some(state.status()).filter(|status| !control.is_silent || !goes_on(status));
        let status = status.unwrap_or(Some(RunStatus::Stalled));
        let word = RunWord::of(status, control.ask.is_some(), control.paused.is_some(), state.fails());
        let (flaky, ended_at) = (state.flaky(), state.ended_at());
        let text = serde_json::to_string(&SummaryText { state, control }).ok()?;
        let RunLabels { project, number, branch, commit, author, title, labels } = self.state.labels();
        let author = author.map(|name| format!("{AUTHOR}{name}"));
        let words = [Some(self.run.to_string()), project.clone(), title, branch.clone(), commit.clone(), author];
        let number_word = number.map(|number| format!("#{number}"));
        Some(SummaryRow {
            run: self.run.clone(),
            tip: self.tip(),
            word,
            group: word.group(flaky),
            project: project.filter(|name| !name.is_empty()).unwrap_or_else(|| NO_PROJECT.to_owned()),
            branch,
            commit,
            number,
            ended_at,
            labels,
            words: words.into_iter().flatten().chain(number_word).collect(),
            text,
            has_results: self.state.has_results(),
        })
    }

    /// Results that the catalog was not told yet, of tests from this place on: one at least, and about `max_bytes` of
    /// them; if more may follow, from which place on.
    pub(super) fn new_results(&mut self, from: usize, max_bytes: usize) -> (Vec<ResultRow>, Option<usize>) {
        let project = self.state.labels().project;
        if from == 0 && self.told_project != project {
            self.told.clear();
            self.told_project = project;
        }
        let (results, next) = self.state.new_results(from, &mut self.told, max_bytes);
        (results.into_iter().map(result_row).collect(), next)
    }

    /// The catalog did not take what it was told.
    pub(super) fn tell_anew(&mut self) {
        self.told.clear();
    }
}

fn result_row(result: TestResult<'_>) -> ResultRow {
    ResultRow {
        test_id: result.test_id.to_owned(),
        variant: result.variant.unwrap_or_default().to_owned(),
        outcome: result.outcome,
        status: result.status,
        // Whole milliseconds; what is no duration saturates.
        duration_ms: result.duration_ms.map(|millis| millis.round() as i64),
        attempts: result.attempts,
        title: result.title.map(str::to_owned),
        test_project: result.project.map(str::to_owned),
        error: result.error,
        location: result.location.map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Epoch, Lineage, Lines, RunGroup, Timestamp};

    fn fold() -> SummaryFold {
        SummaryFold::new(RunId::parse("r").unwrap())
    }

    fn take(fold: &mut SummaryFold, epoch: u64, lines: &[serde_json::Value]) {
        for line in lines {
            let seq = fold.place.next;
            let segment = Segment::new(Epoch(epoch), seq, Timestamp::from_millis(seq as i64), line_of(line));
            fold.apply(&[Arc::new(segment)], seq);
        }
    }

    fn line_of(line: &serde_json::Value) -> Lines {
        Lines::from_stored(line.to_string().into())
    }

    fn test(id: &str, status: &str, attempt: u64) -> serde_json::Value {
        serde_json::json!({"type": "test_status", "testId": id, "status": status,
            "data": {"attempt": attempt, "title": format!("shop › {id}"), "durationMs": 12.6,
                "error": {"message": "\u{1b}[31mno\u{1b}[0m\nat x", "location": "a.ts:1"}}})
    }

    fn meta(project: &str) -> serde_json::Value {
        let meta =
            serde_json::json!({"project": project, "number": 7, "branch": "main", "author": "Ada", "labels": ["pr"]});
        serde_json::json!({"type": "run_status", "status": "running", "data": {"total": 3, "meta": meta}})
    }

    #[test]
    fn a_summary_says_what_the_list_shows_and_finds() {
        let mut fold = fold();
        take(&mut fold, 1, &[meta("shop"), test("a", "passed", 0), test("b", "failed", 0)]);
        let row = fold.summary().unwrap();
        assert_eq!((row.word, row.group, row.tip), (RunWord::Failing, RunGroup::Running, 3));
        assert_eq!((&*row.project, row.number, row.branch.as_deref()), ("shop", Some(7), Some("main")));
        assert_eq!(row.words, ["r", "shop", "main", "\u{1}Ada", "#7"]);
        let text: serde_json::Value = serde_json::from_str(&row.text).unwrap();
        assert_eq!(text["firstError"], serde_json::json!({"testId": "b", "title": "shop › b", "message": "no"}));
        assert_eq!((&text["counts"]["failed"], &text["total"], &text["ask"]), (&1.into(), &3.into(), &().into()));
        assert!(row.has_results);
    }

    #[test]
    fn results_are_told_once_and_again_when_they_change() {
        let mut fold = fold();
        take(&mut fold, 1, &[meta("shop"), test("a", "passed", 0), test("b", "failed", 0), test("c", "running", 0)]);
        let (results, next) = fold.new_results(0, 1);
        assert_eq!((results.len(), &*results[0].test_id, next), (1, "a", Some(1)));
        let (results, next) = fold.new_results(1, 9_999);
        assert_eq!((&*results[0].test_id, results[0].error.as_deref(), next), ("b", Some("no"), None));
        assert_eq!((results[0].duration_ms, results[0].location.as_deref()), (Some(13), Some("a.ts:1")));
        assert!(fold.new_results(0, 9_999).0.is_empty());
        take(&mut fold, 1, &[test("b", "running", 1), test("b", "passed", 1)]);
        let (results, _) = fold.new_results(0, 9_999);
        assert_eq!((results.len(), results[0].attempts, results[0].error.as_deref()), (1, 2, Some("no")));
        take(&mut fold, 1, &[meta("other")]);
        assert_eq!(fold.new_results(0, 9_999).0.len(), 2, "under another project they are others");
        fold.tell_anew();
        assert_eq!(fold.new_results(0, 9_999).0.len(), 2);
    }

    #[test]
    fn a_fold_begins_anew_when_part_of_what_is_in_it_was_lost() {
        let mut fold = fold();
        let head = |lineage: &[(u64, Seq)], tip| {
            let entries = lineage.iter().map(|(epoch, first)| (Epoch(*epoch), *first)).collect();
            Head { lineage: Lineage::new(entries), tip, ..Head::unborn() }
        };
        fold.settle(&head(&[(1, 1)], 2));
        take(&mut fold, 1, &[meta("shop"), test("a", "passed", 0)]);
        fold.settle(&head(&[(1, 1)], 3));
        assert_eq!(fold.tip(), 2);
        fold.settle(&head(&[(1, 1), (2, 2)], 2));
        assert_eq!((fold.tip(), fold.summary().unwrap().has_results), (0, false));
    }
}
