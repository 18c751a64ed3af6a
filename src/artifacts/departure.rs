//! When and why an artifact went, as far as its row and the present retention tell.

use std::fmt;

use crate::protocol::Timestamp;
use crate::protocol::retention::{Expiry, RetainedBy};
use crate::storage::catalog::artifacts::ArtifactRow;

const DAY_MS: i64 = 86_400_000;

/// What has made an artifact go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeletedBy {
    /// The retention, by this rule. A pin kept it longer, and ended.
    Retention(RetainedBy),
    /// Somebody who deleted it, or its run.
    Request,
    /// Nothing of it was ever whole: its upload failed, or did not end.
    Upload,
}

/// The end of an artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Departure {
    /// When it went.
    pub at: Timestamp,
    /// What has made it go.
    pub by: DeletedBy,
    /// When it was announced.
    pub created_at: Timestamp,
}

impl Departure {
    /// The end of an artifact whose row says that it is deleted, or that has expired. A time behind its expiry was the
    /// retention's: what has expired can't be deleted by anybody else.
    pub(super) fn of(row: &ArtifactRow, expiry: Expiry) -> Self {
        let expired = expiry.at.filter(|at| row.deleted_at.is_none_or(|deleted| *at <= deleted));
        let (at, by) = match (row.stored, expired) {
            (Some(_), Some(at)) => (at, DeletedBy::Retention(expiry.by)),
            (Some(_), None) => (row.deleted_at.unwrap_or(row.created_at), DeletedBy::Request),
            (None, _) => (row.deleted_at.unwrap_or(row.created_at), DeletedBy::Upload),
        };
        Self { at, by, created_at: row.created_at }
    }
}

impl fmt::Display for DeletedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Retention(rule) => rule.fmt(f),
            Self::Request => f.write_str("request"),
            Self::Upload => f.write_str("upload"),
        }
    }
}

/// A sentence.
impl fmt::Display for Departure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, by, created_at } = self;
        let days = at.as_millis().saturating_sub(created_at.as_millis()) / DAY_MS;
        let days = if days == 1 { "1 day".to_owned() } else { format!("{days} days") };
        match by {
            DeletedBy::Retention(RetainedBy::Days) => {
                write!(f, "the artifact expired at {at}: artifacts are kept for {days}")
            }
            DeletedBy::Retention(RetainedBy::Rule(kind)) => {
                write!(f, "the artifact expired at {at}: artifacts of kind {} are kept for {days}", kind.as_str())
            }
            DeletedBy::Retention(RetainedBy::Pin) => write!(f, "the artifact expired at {at}, with the pin of its run"),
            DeletedBy::Request => write!(f, "the artifact was deleted at {at}"),
            DeletedBy::Upload => write!(f, "the artifact was removed at {at}: its upload had not ended"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{ArtifactKind, ArtifactState, ContentCoding, Sha256};
    use crate::storage::catalog::artifacts::StoredForm;

    fn at(days: i64) -> Timestamp {
        Timestamp::from_millis(days * DAY_MS)
    }

    fn row(whole: bool, deleted_at: Option<Timestamp>) -> ArtifactRow {
        let (sha256, method) = (Sha256([7; 32]), crate::protocol::artifact::Method::Kept);
        let stored = StoredForm { size: 1, sha256, coding: ContentCoding::Identity, method, decoded: Some(1) };
        ArtifactRow {
            state: ArtifactState::Deleted,
            stored: whole.then_some(stored),
            deleted_at,
            ..ArtifactRow::sample()
        }
    }

    #[test]
    fn an_end_is_told_with_what_has_made_it() {
        let expiry = |days: Option<i64>, by| Expiry { at: days.map(at), by };
        for (row, expiry, day, by, text) in [
            (row(true, Some(at(31))), expiry(Some(30), RetainedBy::Days), 30, "days", "artifacts are kept for 30 days"),
            (row(true, None), expiry(Some(1), RetainedBy::Days), 1, "days", "artifacts are kept for 1 day"),
            (
                row(true, Some(at(8))),
                expiry(Some(7), RetainedBy::Rule(ArtifactKind::Log)),
                7,
                "rule:log",
                "of kind log are kept for 7 days",
            ),
            (row(true, Some(at(9))), expiry(Some(9), RetainedBy::Pin), 9, "pin", "with the pin of its run"),
            (row(true, Some(at(2))), expiry(Some(30), RetainedBy::Days), 2, "request", "was deleted at 1970-01-03"),
            (row(true, Some(at(2))), expiry(None, RetainedBy::Pin), 2, "request", "was deleted at 1970-01-03"),
            (row(false, Some(at(1))), expiry(Some(30), RetainedBy::Days), 1, "upload", "its upload had not ended"),
        ] {
            let end = Departure::of(&row, expiry);
            assert_eq!((end.at, end.by.to_string().as_str()), (at(day), by));
            assert!(end.to_string().contains(text), "{end}");
        }
    }
}
