//! The comparison of two runs in SQL.

use super::super::CatalogError;
use super::super::tables::{CatalogStatement, Cells, Tables};
use super::read::{all, number, run_id, text};
use super::{ComparedRun, ComparedTest, MAX_COMPARED, MAX_SLOWEST, RunComparison, TestKey};
use crate::protocol::{RunId, RunWord, Timestamp};

/// What is read of a run.
const COLUMNS: &str = "run_id, project, branch, commit_id, number, word, created_at, ended_at, summary";
/// The tests of both runs: those of the run $1 and what they were in the run $2.
const BOTH: &str = "runcast_results AS now LEFT JOIN runcast_results AS old \
                    ON old.run_id = $2 AND old.test_id = now.test_id AND old.variant = now.variant \
                    WHERE now.run_id = $1";
const FIXED: &str = "old.outcome = 'unexpected' AND now.outcome IN ('expected', 'flaky')";
const FAILING: &str = "now.outcome = 'unexpected' AND coalesce(old.outcome, '') <> 'unexpected'";
const STILL_FAILING: &str = "now.outcome = 'unexpected' AND old.outcome = 'unexpected'";
const FLAKY: &str = "now.outcome = 'flaky' AND coalesce(old.outcome, '') <> 'flaky'";

/// A run of the list.
pub(super) async fn run<T: Tables>(tables: &T, run: &RunId) -> Result<Option<ComparedRun>, CatalogError> {
    let sql = format!("SELECT {COLUMNS} FROM {} WHERE run_id = $1", T::DIALECT.runs);
    Ok(all(tables, CatalogStatement::new(sql).with(run), compared).await?.pop())
}

/// The last run before this one that has results to compare with.
pub(super) async fn run_before<T: Tables>(tables: &T, run: &ComparedRun) -> Result<Option<ComparedRun>, CatalogError> {
    // An index is of use only for a branch that is equal, or is none.
    let same = if run.branch.is_some() { "branch = $3" } else { "branch IS NULL AND $3 IS NULL" };
    let sql = format!(
        "SELECT {COLUMNS} FROM {} WHERE project = $1 AND created_at < $2 AND {same} \
         AND word IN ('passed', 'failed', 'timedout') ORDER BY created_at DESC LIMIT 1",
        T::DIALECT.runs
    );
    let select = CatalogStatement::new(sql).with(run.project.as_str()).with(run.created_at).with(run.branch.clone());
    Ok(all(tables, select, compared).await?.pop())
}

/// What has changed from a run to another.
pub(super) async fn compare<T: Tables>(
    tables: &T,
    now: &RunId,
    before: Option<&RunId>,
) -> Result<RunComparison, CatalogError> {
    // No run has this name: nothing is found of it.
    let before = || before.map_or("", RunId::as_str);
    let count = |what: &str, name: &str| format!("count(CASE WHEN {what} THEN 1 END) AS {name}");
    let sql = format!(
        "SELECT {}, {}, {}, {}, {} FROM {BOTH}",
        count(FIXED, "fixed"),
        count(FAILING, "failing"),
        count(STILL_FAILING, "still_failing"),
        count(FLAKY, "flaky"),
        count("old.run_id IS NULL", "added"),
    );
    let counts = all(tables, CatalogStatement::new(sql).with(now).with(before()), |row| {
        let names = ["fixed", "failing", "still_failing", "flaky", "added"];
        let mut counts = [0; 5];
        for (count, name) in counts.iter_mut().zip(names) {
            *count = number(row, name)? as u64;
        }
        Ok(counts)
    });
    let [fixed_count, failing_count, still_failing_count, flaky_count, added] = counts.await?.pop().unwrap_or_default();
    let sql = "SELECT count(*) AS removed FROM runcast_results AS old WHERE old.run_id = $2 AND NOT EXISTS \
               (SELECT 1 FROM runcast_results AS now WHERE now.run_id = $1 AND now.test_id = old.test_id \
               AND now.variant = old.variant)";
    let removed = CatalogStatement::new(sql).with(now).with(before());
    let removed = all(tables, removed, |row| number(row, "removed")).await?.pop().unwrap_or_default() as u64;
    let mut comparison = RunComparison {
        fixed_count,
        failing_count,
        still_failing_count,
        flaky_count,
        added,
        removed,
        ..RunComparison::default()
    };
    let lists = [
        (&mut comparison.fixed, fixed_count, FIXED, "now.title, now.test_id, now.variant", MAX_COMPARED),
        (&mut comparison.failing, failing_count, FAILING, "now.title, now.test_id, now.variant", MAX_COMPARED),
        (&mut comparison.flaky, flaky_count, FLAKY, "now.title, now.test_id, now.variant", MAX_COMPARED),
        (
            &mut comparison.slowest,
            1,
            "now.duration_ms IS NOT NULL",
            "now.duration_ms DESC, now.test_id, now.variant",
            MAX_SLOWEST,
        ),
    ];
    for (list, count, what, order, most) in lists {
        if count > 0 {
            let sql = format!(
                "SELECT now.test_id AS test_id, now.variant AS variant, now.title AS title, \
                 now.test_project AS test_project, coalesce(now.error, old.error) AS error, \
                 now.duration_ms AS duration_ms, old.duration_ms AS before_ms \
                 FROM {BOTH} AND {what} ORDER BY {order} LIMIT {most}"
            );
            *list = all(tables, CatalogStatement::new(sql).with(now).with(before()), compared_test).await?;
        }
    }
    Ok(comparison)
}

fn compared(row: &impl Cells) -> Result<ComparedRun, sqlx::Error> {
    Ok(ComparedRun {
        run: run_id(row, "run_id")?,
        project: row.text("project")?.unwrap_or_else(|| super::NO_PROJECT.to_owned()),
        branch: row.text("branch")?,
        commit: row.text("commit_id")?,
        number: row.integer("number")?.map(|number| number as u64),
        word: row.text("word")?.as_deref().and_then(RunWord::parse),
        created_at: Timestamp::from_millis(number(row, "created_at")?),
        ended_at: row.integer("ended_at")?.map(Timestamp::from_millis),
        summary: row.text("summary")?,
    })
}

fn compared_test(row: &impl Cells) -> Result<ComparedTest, sqlx::Error> {
    Ok(ComparedTest {
        test: TestKey { test_id: text(row, "test_id")?, variant: text(row, "variant")? },
        title: row.text("title")?,
        project: row.text("test_project")?,
        error: row.text("error")?,
        duration_ms: row.integer("duration_ms")?,
        before_ms: row.integer("before_ms")?,
    })
}
