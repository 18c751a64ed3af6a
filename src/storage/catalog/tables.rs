//! The interface of a database with the tables of artifacts and packages. SQLite and PostgreSQL take the same statements
//! but for a few words.

use async_trait::async_trait;
use sqlx::encode::Encode;
use sqlx::query::Query;
use sqlx::{Arguments, AssertSqlSafe, ColumnIndex, Database, Decode, IntoArguments, Row, Type};

use crate::protocol::{ArtifactId, RunId, Timestamp};
use crate::storage::catalog::CatalogError;

/// A database with the tables of artifacts and packages.
#[async_trait]
pub trait Tables: Send + Sync + 'static {
    /// A row of a result.
    type Row: Cells;
    /// Its SQL dialect.
    const DIALECT: SqlDialect;

    /// Runs a statement in a transaction of its own; returns its rows.
    async fn ask(&self, statement: CatalogStatement) -> Result<Vec<Self::Row>, CatalogError>;
}

/// The words of SQL in which the databases differ.
pub struct SqlDialect {
    /// A table expression whose column `value` has the texts of the JSON array in the first parameter.
    pub list: &'static str,
    /// The same with a JSON value each, whose parts `->>` takes.
    pub rows: &'static str,
    /// The operator that finds names by a pattern.
    pub matches_pattern: &'static str,
    /// A pattern over names of runs, in which `*` stands for any characters, for that operator.
    pub pattern: fn(&str) -> String,
    /// The table of the runs.
    pub runs: &'static str,
    /// The function that finds the second text in the first: its place, or 0.
    pub find: &'static str,
    /// The database's time in milliseconds.
    pub now: &'static str,
    /// The clause that locks selected rows of the table that is called `run`, waiting for them.
    pub lock_run: &'static str,
    /// The clause that locks selected rows, waiting for them.
    pub lock: &'static str,
    /// The clause that locks selected rows, skipping those that are locked.
    pub lock_free: &'static str,
}

/// A statement and its parameters; `$1` is the first one.
pub struct CatalogStatement {
    sql: String,
    values: Vec<SqlValue>,
    /// The run that the statement locks; see [`CatalogStatement::alone`].
    pub alone: Option<RunId>,
}

/// A parameter. It has a type also when it is null.
pub enum SqlValue {
    /// A number or a time.
    Integer(Option<i64>),
    /// A text.
    Text(Option<String>),
    /// A boolean.
    Flag(bool),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl CatalogStatement {
    /// A statement. Its text is a constant; data goes into parameters.
    pub fn new(sql: impl Into<String>) -> Self {
        Self { sql: sql.into(), values: Vec::new(), alone: None }
    }

    /// Adds the next parameter.
    pub fn with(mut self, value: impl Into<SqlValue>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Whether the statement certainly changes nothing.
    pub fn only_reads(&self) -> bool {
        self.sql.starts_with("SELECT")
    }

    /// Serialises the statement with other announcements for this run, so that it may count rows.
    pub fn alone(mut self, run: &RunId) -> Self {
        self.alone = Some(run.clone());
        self
    }

    /// The statement as SQLite's `EXPLAIN QUERY PLAN`.
    #[cfg(test)]
    pub fn explained(self) -> Self {
        Self { sql: format!("EXPLAIN QUERY PLAN {}", self.sql), ..self }
    }

    /// The text for a dialect.
    pub fn query<D: Database>(self) -> Result<Query<'static, D, D::Arguments>, sqlx::Error>
    where
        D::Arguments: IntoArguments<D>,
        Option<i64>: Encode<'static, D> + Type<D>,
        Option<String>: Encode<'static, D> + Type<D>,
        bool: Encode<'static, D> + Type<D>,
        Vec<u8>: Encode<'static, D> + Type<D>,
    {
        let mut arguments = D::Arguments::default();
        let added = self.values.into_iter().try_for_each(|value| match value {
            SqlValue::Integer(integer) => arguments.add(integer),
            SqlValue::Text(text) => arguments.add(text),
            SqlValue::Flag(flag) => arguments.add(flag),
            SqlValue::Bytes(bytes) => arguments.add(bytes),
        });
        added.map_err(sqlx::Error::Encode)?;
        Ok(sqlx::query_with(AssertSqlSafe(self.sql), arguments))
    }
}

/// The cells of a row by the names of their columns.
pub trait Cells: Send {
    /// A number or a time.
    fn integer(&self, column: &str) -> Result<Option<i64>, sqlx::Error>;
    /// A text.
    fn text(&self, column: &str) -> Result<Option<String>, sqlx::Error>;
    /// Yes or no.
    fn flag(&self, column: &str) -> Result<bool, sqlx::Error>;
    /// Bytes.
    fn bytes(&self, column: &str) -> Result<Vec<u8>, sqlx::Error>;
}

impl<R: Row> Cells for R
where
    for<'n> &'n str: ColumnIndex<R>,
    for<'r> i64: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> String: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> bool: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> Vec<u8>: Decode<'r, R::Database> + Type<R::Database>,
{
    fn integer(&self, column: &str) -> Result<Option<i64>, sqlx::Error> {
        self.try_get(column)
    }

    fn text(&self, column: &str) -> Result<Option<String>, sqlx::Error> {
        self.try_get(column)
    }

    fn flag(&self, column: &str) -> Result<bool, sqlx::Error> {
        self.try_get(column)
    }

    fn bytes(&self, column: &str) -> Result<Vec<u8>, sqlx::Error> {
        self.try_get(column)
    }
}

impl From<i64> for SqlValue {
    fn from(integer: i64) -> Self {
        Self::Integer(Some(integer))
    }
}

/// A size as a database number. No size comes near the limit of `i64`.
impl From<u64> for SqlValue {
    fn from(size: u64) -> Self {
        Some(size).into()
    }
}

impl From<Option<u64>> for SqlValue {
    fn from(size: Option<u64>) -> Self {
        Self::Integer(size.map(|size| size as i64))
    }
}

/// A limit as a database number.
impl From<usize> for SqlValue {
    fn from(limit: usize) -> Self {
        Self::Integer(Some(i64::try_from(limit).unwrap_or(i64::MAX)))
    }
}

impl From<Timestamp> for SqlValue {
    fn from(time: Timestamp) -> Self {
        Some(time).into()
    }
}

impl From<Option<Timestamp>> for SqlValue {
    fn from(time: Option<Timestamp>) -> Self {
        Self::Integer(time.map(Timestamp::as_millis))
    }
}

impl From<String> for SqlValue {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<Option<String>> for SqlValue {
    fn from(text: Option<String>) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for SqlValue {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<&RunId> for SqlValue {
    fn from(run: &RunId) -> Self {
        run.as_str().into()
    }
}

impl From<ArtifactId> for SqlValue {
    fn from(id: ArtifactId) -> Self {
        id.to_string().into()
    }
}

impl From<bool> for SqlValue {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<&[u8]> for SqlValue {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}
