//! Checks whether this build can open the stored files, by their format versions.

use std::fmt::Display;

use super::{Check, DoctorVerdict};
use crate::config::{CatalogSetting, Config, JournalUrl};
use crate::storage::catalog::sqlite::SqliteCatalog;
use crate::storage::format::{OpenError, SQLITE_JOURNAL};
use crate::storage::journal::sqlite::stored_format;

/// Reads the format versions of the files that exist.
pub(super) fn checks(config: &Config) -> Vec<Check> {
    let data_dir = &config.server.data_dir;
    let mut checks = Vec::new();
    if let JournalUrl::Sqlite(path) = &config.journal.url {
        let detail = |format| format!("the journal has {}", describe(format, SQLITE_JOURNAL));
        checks.extend(check(super::super::block_on(stored_format(&data_dir.join(path))), detail));
    }
    if let CatalogSetting::Sqlite(path) = &config.catalog.url {
        let detail = |format| format!("the catalog has format version {format}");
        checks.extend(check(super::super::block_on(SqliteCatalog::stored_format(&data_dir.join(path))), detail));
    }
    checks
}

/// Describes a version, and the one that this build writes if it differs.
pub(super) fn describe(format: u32, known: u32) -> String {
    match format {
        format if format == known => format!("format version {format}"),
        0 => format!("no format version yet (the server makes it version {known})"),
        format => format!("format version {format} (the server makes it version {known})"),
    }
}

fn check<E: Display>(
    found: std::io::Result<Result<Option<u32>, OpenError<E>>>,
    detail: impl FnOnce(u32) -> String,
) -> Option<Check> {
    let check = |verdict, detail| Some(Check::new("format", verdict, detail));
    match found {
        Ok(Ok(None)) => None,
        Ok(Ok(Some(format))) => check(DoctorVerdict::Ok, detail(format)),
        Ok(Err(OpenError::NewerFormat(newer))) => check(DoctorVerdict::Fail, newer.to_string()),
        Ok(Err(OpenError::Failed(error))) => check(DoctorVerdict::Warn, format!("can't be read: {error}")),
        Err(error) => check(DoctorVerdict::Warn, format!("can't be read: {error}")),
    }
}
