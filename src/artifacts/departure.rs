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
