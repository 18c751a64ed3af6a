//! A run as the list shows it.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::protocol::status::RunStatus;
use crate::protocol::{RunId, RunWord, Seq, Timestamp};
use crate::storage::catalog::runs::ListedRun;

/// A run in the list.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct ShownRun {
    run_id: RunId,
    status: Option<RunStatus>,
    word: RunWord,
    events: Seq,
    created_at: Timestamp,
    last_event_at: Timestamp,
    #[serde(flatten)]
    summary: ShownSummary,
}

/// What its summary says; all `null` before there is one.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::http) struct ShownSummary {
    meta: Option<Box<RawValue>>,
    counts: Option<Box<RawValue>>,
    outcomes: Option<Box<RawValue>>,
    total: Option<u64>,
    workers: Option<u64>,
    started_at: Option<String>,
    ended_at: Option<String>,
    pub(in crate::http) elapsed_ms: Option<i64>,
    first_error: Option<Box<RawValue>>,
    ask: Option<Box<RawValue>>,
    paused: Option<Box<RawValue>>,
}

impl ShownSummary {
    /// Reads the text that the catalog has.
    pub(in crate::http) fn read(text: Option<&str>) -> Self {
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }
}

impl ShownRun {
    pub(in crate::http) fn of(listed: ListedRun) -> Self {
        let ListedRun { row, word, summary, summary_tip, .. } = listed;
        let by_status = || RunWord::of(row.status, false, false, false);
        // A summary comes behind the row: of a run that has ended meanwhile the status says more.
        let has_ended = row.status.is_some_and(RunStatus::is_final);
        let is_late = summary_tip < row.tip && (has_ended || word.is_some_and(RunWord::is_final));
        Self {
            run_id: row.run,
            status: row.status,
            word: word.filter(|_| !is_late).unwrap_or_else(by_status),
            events: row.tip,
            created_at: row.created_at,
            last_event_at: row.last_at,
            summary: ShownSummary::read(summary.as_deref()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::catalog::RunRow;

    fn listed(status: Option<RunStatus>, tip: Seq, word: Option<RunWord>, summary: Option<&str>) -> serde_json::Value {
        let time = Timestamp::default();
        let row = RunRow { run: RunId::parse("r").unwrap(), status, tip, created_at: time, last_at: time };
        let summary = summary.map(str::to_owned);
        serde_json::to_value(ShownRun::of(ListedRun { row, word, summary, summary_tip: 5, written_at: 0 })).unwrap()
    }

    #[test]
    fn a_row_has_the_members_of_its_summary() {
        let text = r#"{"meta":{"project":"shop"},"counts":{"failed":1},"total":3,"startedAt":"t","ask":null,"odd":1}"#;
        let shown = listed(Some(RunStatus::Running), 5, Some(RunWord::Failing), Some(text));
        assert_eq!((&shown["word"], &shown["status"]), (&"failing".into(), &"running".into()));
        assert_eq!((&shown["meta"]["project"], &shown["counts"]["failed"]), (&"shop".into(), &1.into()));
        assert_eq!((&shown["total"], &shown["startedAt"], shown.get("odd")), (&3.into(), &"t".into(), None));
    }

    #[test]
    fn a_row_without_a_summary_has_its_word_and_nulls() {
        let shown = listed(Some(RunStatus::Queued), 9, None, None);
        assert_eq!(shown["word"], "waiting");
        for member in ["meta", "counts", "outcomes", "total", "startedAt", "endedAt", "firstError", "ask", "paused"] {
            assert!(shown[member].is_null() && shown.get(member).is_some(), "{member}");
        }
    }

    #[test]
    fn a_run_that_ended_behind_its_summary_has_the_word_of_its_status() {
        let word = |status, tip, word| listed(Some(status), tip, Some(word), None)["word"].clone();
        assert_eq!(word(RunStatus::Passed, 6, RunWord::NeedsYou), "passed");
        assert_eq!(word(RunStatus::Running, 6, RunWord::Passed), "running", "it began anew");
        assert_eq!(word(RunStatus::Running, 6, RunWord::NeedsYou), "needs_you");
    }
}
