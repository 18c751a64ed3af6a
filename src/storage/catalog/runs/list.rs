//! The list of runs in SQL.

use super::super::tables::{CatalogStatement, Cells, SqlDialect, Tables};
use super::super::{CatalogError, RunFilter, RunRow};
use super::query::{alternatives, conditions, looks_through_all, page_conditions};
use super::read::{all, number, run_id, text};
use super::statement::Parameters;
use super::{GroupCounts, ListedRun};
use crate::protocol::status::RunStatus;
use crate::protocol::{RunGroup, RunWord, Timestamp};

/// What is read of a run.
const COLUMNS: &str = "run_id, status, tip, created_at, last_at, word, summary, summary_tip, written_at";
const ORDER: &str = "ORDER BY last_at DESC, run_id DESC LIMIT";

/// A page of the list.
pub(in crate::storage::catalog) async fn list<T: Tables>(
    tables: &T,
    filter: &RunFilter,
) -> Result<Vec<ListedRun>, CatalogError> {
    all(tables, list_statement(filter, &T::DIALECT), listed).await
}

pub(in crate::storage::catalog) fn list_statement(filter: &RunFilter, dialect: &SqlDialect) -> CatalogStatement {
    let mut parameters = Parameters::default();
    let alternatives = alternatives(filter, &mut parameters);
    let rest = page_conditions(filter, dialect, &mut parameters);
    let limit = parameters.add(filter.limit);
    let runs = dialect.runs;
    // Each alternative has an index of its own, unless all runs are to be looked through.
    let pages = match alternatives.len() {
        0 => vec![rest],
        _ if looks_through_all(filter) => vec![format!("({}) AND {rest}", alternatives.join(" OR "))],
        _ => alternatives.iter().map(|one| format!("{one} AND {rest}")).collect(),
    };
    let page = |(place, one)| {
        format!("SELECT run_id FROM (SELECT run_id FROM {runs} WHERE {one} {ORDER} {limit}) AS page_{place}")
    };
    let pages: Vec<String> = pages.into_iter().enumerate().map(page).collect();
    let found = pages.join(" UNION ");
    parameters.of(format!("SELECT {COLUMNS} FROM {runs} WHERE run_id IN ({found}) {ORDER} {limit}"))
}

/// How many runs of each group match a filter.
pub(super) async fn groups<T: Tables>(tables: &T, filter: &RunFilter) -> Result<GroupCounts, CatalogError> {
    let mut parameters = Parameters::default();
    let conditions = conditions(filter, &T::DIALECT, &mut parameters);
    // By an expression, so that no index is read in the order of groups, with a look at each row.
    let name = "coalesce(run_group, '')";
    let runs = T::DIALECT.runs;
    let sql = format!("SELECT {name} AS run_group, count(*) AS runs FROM {runs} WHERE {conditions} GROUP BY {name}");
    let counted = all(tables, parameters.of(sql), |row| {
        Ok((row.text("run_group")?.as_deref().and_then(RunGroup::parse), number(row, "runs")? as u64))
    });
    let counted = counted.await?;
    Ok(GroupCounts {
        all: counted.iter().map(|(_, count)| count).sum(),
        groups: counted.into_iter().filter_map(|(group, count)| Some((group?, count))).collect(),
    })
}

/// The names of projects, each found by a step in their index.
pub(super) async fn projects<T: Tables>(tables: &T, limit: usize) -> Result<Vec<String>, CatalogError> {
    let runs = T::DIALECT.runs;
    let sql = format!(
        "WITH RECURSIVE named(project) AS (SELECT min(project) FROM {runs} UNION ALL \
         SELECT (SELECT min(project) FROM {runs} WHERE project > named.project) FROM named \
         WHERE named.project IS NOT NULL) \
         SELECT project FROM named WHERE project IS NOT NULL AND project <> '-' LIMIT $1"
    );
    all(tables, CatalogStatement::new(sql).with(limit), |row| text(row, "project")).await
}

/// The rows that were written lately.
pub(super) async fn written<T: Tables>(tables: &T, millis: i64, limit: usize) -> Result<Vec<ListedRun>, CatalogError> {
    let (runs, now) = (T::DIALECT.runs, T::DIALECT.now);
    let sql = format!("SELECT {COLUMNS} FROM {runs} WHERE written_at >= {now} - $1 ORDER BY written_at DESC LIMIT $2");
    all(tables, CatalogStatement::new(sql).with(millis).with(limit), listed).await
}

fn listed(row: &impl Cells) -> Result<ListedRun, sqlx::Error> {
    Ok(ListedRun {
        row: RunRow {
            run: run_id(row, "run_id")?,
            status: row.text("status")?.as_deref().and_then(RunStatus::parse),
            tip: number(row, "tip")? as u64,
            created_at: Timestamp::from_millis(number(row, "created_at")?),
            last_at: Timestamp::from_millis(number(row, "last_at")?),
        },
        word: row.text("word")?.as_deref().and_then(RunWord::parse),
        summary: row.text("summary")?,
        summary_tip: number(row, "summary_tip")? as u64,
        written_at: number(row, "written_at")?,
    })
}
