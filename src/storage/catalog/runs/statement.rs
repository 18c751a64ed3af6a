//! A statement that grows part by part, with its parameters.

use super::super::tables::{CatalogStatement, SqlValue};

/// The parameters of a statement that is being written.
#[derive(Default)]
pub(in crate::storage::catalog) struct Parameters(Vec<SqlValue>);

impl Parameters {
    /// Adds a parameter; its name in the statement.
    pub(super) fn add(&mut self, value: impl Into<SqlValue>) -> String {
        self.0.push(value.into());
        format!("${}", self.0.len())
    }

    /// The statement with these parameters.
    pub(super) fn of(self, sql: String) -> CatalogStatement {
        self.0.into_iter().fold(CatalogStatement::new(sql), CatalogStatement::with)
    }
}
