//! The summaries and the history in SQL, for every database that implements `Tables`.

use async_trait::async_trait;
use serde_json::json;

use super::super::tables::{CatalogStatement, Tables};
use super::super::{CatalogError, RunFilter};
use super::read::{all, run_id};
use super::{
    ComparedRun, GroupCounts, ListedRun, PastResult, ResultRow, RunCatalog, RunComparison, SummaryRow, TestKey,
    compare, history, list, storable,
};
use crate::protocol::{RunId, Seq, Timestamp};

/// The names of runs as one JSON value.
fn names(runs: &[RunId]) -> String {
    serde_json::Value::from_iter(runs.iter().map(RunId::as_str)).to_string()
}

fn summary_values(rows: &[SummaryRow]) -> String {
    let values = rows.iter().map(|row| {
        let between_line_ends = |texts: &[String]| {
            let texts = texts.iter().map(|text| storable(text).replace('\n', " ") + "\n");
            format!("\n{}", texts.collect::<String>())
        };
        json!([
            row.run.as_str(),
            row.tip,
            row.word.as_str(),
            row.group.as_str(),
            storable(&row.project),
            row.branch.as_deref().map(storable),
            row.commit.as_deref().map(storable),
            // A number that no database could store is left out.
            row.number.and_then(|number| i64::try_from(number).ok()),
            row.ended_at.map(Timestamp::as_millis),
            between_line_ends(&row.labels),
            between_line_ends(&row.words).to_lowercase(),
            row.text,
            i64::from(row.has_results),
        ])
    });
    serde_json::Value::from_iter(values).to_string()
}

#[async_trait]
impl<T: Tables> RunCatalog for T {
    async fn summarize(&self, rows: &[SummaryRow]) -> Result<(), CatalogError> {
        if rows.is_empty() {
            return Ok(());
        }
        let (runs, rows_of, lock, now) = (T::DIALECT.runs, T::DIALECT.rows, T::DIALECT.lock_run, T::DIALECT.now);
        // All nodes lock rows in the same order, so that they can't deadlock.
        let sql = format!(
            "UPDATE {runs} AS listed SET summary_tip = new.tip, word = new.word, run_group = new.run_group, \
             project = new.project, branch = new.branch, commit_id = new.commit_id, number = new.number, \
             ended_at = new.ended_at, labels = new.labels, words = new.words, summary = new.summary, \
             results = CASE WHEN new.results > 0 THEN 1 ELSE listed.results END, written_at = {now} \
             FROM (SELECT run.run_id, CAST(value ->> 1 AS BIGINT) AS tip, value ->> 2 AS word, \
                 value ->> 3 AS run_group, value ->> 4 AS project, value ->> 5 AS branch, value ->> 6 AS commit_id, \
                 CAST(value ->> 7 AS BIGINT) AS number, CAST(value ->> 8 AS BIGINT) AS ended_at, \
                 value ->> 9 AS labels, value ->> 10 AS words, value ->> 11 AS summary, \
                 CAST(value ->> 12 AS BIGINT) AS results \
                 FROM {runs} AS run JOIN (SELECT value FROM {rows_of}) AS given ON run.run_id = value ->> 0 \
                 ORDER BY run.run_id{lock}) AS new \
             WHERE listed.run_id = new.run_id AND listed.summary_tip <= new.tip"
        );
        self.ask(CatalogStatement::new(sql).with(summary_values(rows))).await.map(drop)
    }

    async fn give_up(&self, runs: &[RunId]) -> Result<(), CatalogError> {
        let (table, list) = (T::DIALECT.runs, T::DIALECT.list);
        let sql = format!("UPDATE {table} SET summary_tip = tip WHERE run_id IN (SELECT value FROM {list})");
        self.ask(CatalogStatement::new(sql).with(names(runs))).await.map(drop)
    }

    async fn behind(&self, before: Timestamp, limit: usize) -> Result<Vec<RunId>, CatalogError> {
        let sql = format!(
            "SELECT run_id FROM {} WHERE summary_tip < tip AND last_at < $1 ORDER BY last_at DESC LIMIT $2",
            T::DIALECT.runs
        );
        all(self, CatalogStatement::new(sql).with(before).with(limit), |row| run_id(row, "run_id")).await
    }

    async fn groups(&self, filter: &RunFilter) -> Result<GroupCounts, CatalogError> {
        list::groups(self, filter).await
    }

    async fn projects(&self, limit: usize) -> Result<Vec<String>, CatalogError> {
        list::projects(self, limit).await
    }

    async fn written_within(&self, millis: i64, limit: usize) -> Result<Vec<ListedRun>, CatalogError> {
        list::written(self, millis, limit).await
    }

    async fn keep_results(
        &self,
        run: &RunId,
        project: &str,
        tip: Seq,
        results: &[ResultRow],
    ) -> Result<(), CatalogError> {
        history::keep(self, run, project, tip, results).await
    }

    async fn forget_results(&self, before: Timestamp, limit: usize) -> Result<usize, CatalogError> {
        history::forget(self, before, limit).await
    }

    async fn compared_run(&self, run: &RunId) -> Result<Option<ComparedRun>, CatalogError> {
        compare::run(self, run).await
    }

    async fn run_before(&self, run: &ComparedRun) -> Result<Option<ComparedRun>, CatalogError> {
        compare::run_before(self, run).await
    }

    async fn compare(&self, now: &RunId, before: Option<&RunId>) -> Result<RunComparison, CatalogError> {
        compare::compare(self, now, before).await
    }

    async fn variants(&self, run: &RunId, tests: &[String]) -> Result<Vec<TestKey>, CatalogError> {
        history::variants(self, run, tests).await
    }

    async fn history(&self, run: &ComparedRun, tests: &[TestKey]) -> Result<Vec<Vec<PastResult>>, CatalogError> {
        history::read(self, run, tests).await
    }
}
