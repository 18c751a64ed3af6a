//! The history of tests in SQL.

use std::collections::HashSet;

use serde_json::json;

use super::super::CatalogError;
use super::super::tables::{CatalogStatement, Cells, Tables};
use super::read::{all, number, run_id, text};
use super::statement::Parameters;
use super::{ComparedRun, MAX_HISTORY, PastResult, ResultRow, StoredResult, TestKey, storable};
use crate::protocol::status::{TestOutcome, TestStatus};
use crate::protocol::{RunId, Seq, Timestamp};

/// Writes results of a run's tests, if the run is listed.
pub(super) async fn keep<T: Tables>(
    tables: &T,
    run: &RunId,
    project: &str,
    tip: Seq,
    results: &[ResultRow],
) -> Result<(), CatalogError> {
    // A statement must not name a row twice.
    let mut seen = HashSet::new();
    let values = results.iter().filter_map(|row| {
        let (test_id, variant) = (storable(&row.test_id), storable(&row.variant));
        let texts =
            [&row.title, &row.test_project, &row.error, &row.location].map(|text| text.as_deref().map(storable));
        let value = json!([
            test_id,
            variant,
            outcome(row.outcome),
            status(row.status),
            row.duration_ms,
            row.attempts,
            texts[0],
            texts[1],
            texts[2],
            texts[3],
        ]);
        seen.insert((test_id, variant)).then_some(value)
    });
    let values = serde_json::Value::from_iter(values).to_string();
    let (runs, rows, lock) = (T::DIALECT.runs, T::DIALECT.rows, T::DIALECT.lock_run);
    let sql = format!(
        "INSERT INTO runcast_results (run_id, project, at, tip, test_id, variant, outcome, status, duration_ms, \
         attempts, title, test_project, error, location) \
         SELECT run.run_id, $4, run.created_at, $3, value ->> 0, value ->> 1, value ->> 2, \
         value ->> 3, CAST(value ->> 4 AS BIGINT), CAST(value ->> 5 AS BIGINT), value ->> 6, value ->> 7, value ->> 8, \
         value ->> 9 FROM {runs} AS run CROSS JOIN (SELECT value FROM {rows}) AS given WHERE run.run_id = $2{lock} \
         ON CONFLICT (run_id, test_id, variant) DO UPDATE SET project = excluded.project, at = excluded.at, \
         tip = excluded.tip, outcome = excluded.outcome, status = excluded.status, \
         duration_ms = excluded.duration_ms, attempts = excluded.attempts, title = excluded.title, \
         test_project = excluded.test_project, error = excluded.error, location = excluded.location \
         WHERE excluded.tip >= runcast_results.tip"
    );
    let insert = CatalogStatement::new(sql).with(values).with(run).with(tip).with(storable(project));
    tables.ask(insert).await.map(drop)
}

/// Removes the results of runs that are older than `before`.
pub(super) async fn forget<T: Tables>(tables: &T, before: Timestamp, limit: usize) -> Result<usize, CatalogError> {
    let (runs, list) = (T::DIALECT.runs, T::DIALECT.list);
    let sql = format!("SELECT run_id FROM {runs} WHERE results > 0 AND last_at < $1 ORDER BY last_at LIMIT $2");
    let old = all(tables, CatalogStatement::new(sql).with(before).with(limit), |row| text(row, "run_id")).await?;
    if old.is_empty() {
        return Ok(0);
    }
    let names = || serde_json::Value::from(old.clone()).to_string();
    let delete = format!("DELETE FROM runcast_results WHERE run_id IN (SELECT value FROM {list})");
    tables.ask(CatalogStatement::new(delete).with(names())).await?;
    let note = format!("UPDATE {runs} SET results = 0 WHERE run_id IN (SELECT value FROM {list})");
    tables.ask(CatalogStatement::new(note).with(names())).await?;
    Ok(old.len())
}

/// The variants in which a run has results of tests.
pub(super) async fn variants<T: Tables>(
    tables: &T,
    run: &RunId,
    tests: &[String],
) -> Result<Vec<TestKey>, CatalogError> {
    let tests: Vec<_> = tests.iter().map(|test| storable(test)).collect();
    let sql = format!(
        "SELECT test_id, variant FROM runcast_results WHERE run_id = $2 AND test_id IN (SELECT value FROM {}) \
         ORDER BY test_id, variant",
        T::DIALECT.list
    );
    let select = CatalogStatement::new(sql).with(serde_json::Value::from(tests).to_string()).with(run);
    all(tables, select, |row| Ok(TestKey { test_id: text(row, "test_id")?, variant: text(row, "variant")? })).await
}

/// The last results of tests, up to those of `run`.
pub(super) async fn read<T: Tables>(
    tables: &T,
    run: &ComparedRun,
    tests: &[TestKey],
) -> Result<Vec<Vec<PastResult>>, CatalogError> {
    if tests.is_empty() {
        return Ok(Vec::new());
    }
    let mut parameters = Parameters::default();
    let project = parameters.add(run.project.as_str());
    let (at, id) = (parameters.add(run.created_at), parameters.add(&run.run));
    let series: Vec<String> = tests
        .iter()
        .enumerate()
        .map(|(place, test)| {
            let (test_id, variant) = (parameters.add(storable(&test.test_id)), parameters.add(storable(&test.variant)));
            format!(
                "SELECT * FROM (SELECT {place} AS place, run_id, at, outcome, status, duration_ms, attempts, error, \
                 location FROM runcast_results WHERE project = {project} AND test_id = {test_id} \
                 AND variant = {variant} AND (at, run_id) <= ({at}, {id}) \
                 ORDER BY at DESC, run_id DESC LIMIT {MAX_HISTORY}) AS series_{place}"
            )
        })
        .collect();
    let sql = format!(
        "SELECT CAST(past.place AS BIGINT) AS place, past.run_id AS run_id, past.at AS at, past.outcome AS outcome, \
         past.status AS status, past.duration_ms AS duration_ms, past.attempts AS attempts, past.error AS error, \
         past.location AS location, run.number AS number, run.branch AS branch, run.commit_id AS commit_id \
         FROM ({}) AS past JOIN {} AS run ON run.run_id = past.run_id ORDER BY past.place, past.at, past.run_id",
        series.join(" UNION ALL "),
        T::DIALECT.runs
    );
    let found = all(tables, parameters.of(sql), |row| Ok((number(row, "place")? as usize, past(row)?))).await?;
    let mut histories = vec![Vec::new(); tests.len()];
    for (place, result) in found {
        if let Some(history) = histories.get_mut(place) {
            history.push(result);
        }
    }
    Ok(histories)
}

fn past(row: &impl Cells) -> Result<PastResult, sqlx::Error> {
    Ok(PastResult {
        run: run_id(row, "run_id")?,
        number: row.integer("number")?.map(|number| number as u64),
        branch: row.text("branch")?,
        commit: row.text("commit_id")?,
        at: Timestamp::from_millis(number(row, "at")?),
        result: StoredResult {
            outcome: text(row, "outcome")?,
            status: text(row, "status")?,
            duration_ms: row.integer("duration_ms")?,
            attempts: number(row, "attempts")? as u64,
            error: row.text("error")?,
            location: row.text("location")?,
        },
    })
}

fn outcome(outcome: TestOutcome) -> &'static str {
    match outcome {
        TestOutcome::Expected => "expected",
        TestOutcome::Unexpected => "unexpected",
        TestOutcome::Flaky => "flaky",
        TestOutcome::Skipped => "skipped",
    }
}

fn status(status: TestStatus) -> &'static str {
    match status {
        TestStatus::Pending => "pending",
        TestStatus::Running => "running",
        TestStatus::Passed => "passed",
        TestStatus::Failed => "failed",
        TestStatus::Skipped => "skipped",
        TestStatus::TimedOut => "timedout",
        TestStatus::Interrupted => "interrupted",
    }
}
