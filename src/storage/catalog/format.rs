//! A catalog's format version is the number of the last migration that has been applied to its tables.

use std::fmt;

use sqlx::migrate::Migrator;

use crate::storage::format::{self, NewerFormat};

/// The version of tables whose last migration is `last`, 0 when they are yet to be made; refused when a newer build
/// made them.
pub(super) fn check(store: impl fmt::Display, last: Option<i64>, known: &Migrator) -> Result<u32, NewerFormat> {
    let last = last.map(|version| version.to_string());
    format::check(store, last.as_deref(), newest(known))
}

/// The version that tables have once all migrations have been applied.
pub(super) fn newest(known: &Migrator) -> u32 {
    let newest = known.iter().map(|migration| migration.version).max().unwrap_or_default();
    u32::try_from(newest).unwrap_or(u32::MAX)
}
