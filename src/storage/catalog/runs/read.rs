//! Reads what statements answer.

use super::super::CatalogError;
use super::super::tables::{CatalogStatement, Cells, Tables};
use crate::protocol::RunId;

/// Runs a statement and reads each row.
pub(super) async fn all<T: Tables, A>(
    tables: &T,
    statement: CatalogStatement,
    read: impl Fn(&T::Row) -> Result<A, sqlx::Error>,
) -> Result<Vec<A>, CatalogError> {
    let rows = tables.ask(statement).await?;
    rows.iter().map(read).collect::<Result<_, _>>().map_err(|error| CatalogError(error.to_string()))
}

/// A number that is there.
pub(super) fn number(row: &impl Cells, column: &str) -> Result<i64, sqlx::Error> {
    row.integer(column)?.ok_or_else(|| sqlx::Error::ColumnNotFound(column.to_owned()))
}

/// A text that is there.
pub(super) fn text(row: &impl Cells, column: &str) -> Result<String, sqlx::Error> {
    row.text(column)?.ok_or_else(|| sqlx::Error::ColumnNotFound(column.to_owned()))
}

/// A run's id.
pub(super) fn run_id(row: &impl Cells, column: &str) -> Result<RunId, sqlx::Error> {
    RunId::parse(&text(row, column)?).map_err(|error| sqlx::Error::Decode(error.into()))
}
