//! What becomes of a command line that asks to be let in. The catalog remembers it by the digest of its secret.

use serde::Serialize;

use super::{Authenticator, Identity, IssueError};
use crate::protocol::{Rights, Scopes, Sha256};
use crate::storage::catalog::CatalogError;
use crate::storage::catalog::access::{CredentialKind, CredentialRow};

/// Milliseconds of a day.
const DAY_MILLIS: i64 = 86_400_000;

/// What has become of a command line that asks to be let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceDecision {
    /// Nobody has said anything.
    Waiting,
    /// It is let in.
    Confirmed,
    /// It is not.
    Refused,
}

impl Authenticator {
    /// Writes down that nobody is let in with a secret: it is somebody's who may do nothing, and whose time is over.
    ///
    /// # Errors
    /// [`IssueError::Guest`], [`IssueError::Taken`], [`IssueError::Catalog`].
    pub async fn refuse(&self, by: &Identity, digest: Sha256) -> Result<(), IssueError> {
        if by.is_guest() {
            return Err(IssueError::Guest);
        }
        let now = self.now();
        let rights =
            Rights { scopes: Scopes::default(), expires: Some(now.plus_millis(-DAY_MILLIS)), ..by.rights.clone() };
        let row = CredentialRow {
            id: uuid::Uuid::now_v7().simple().to_string(),
            kind: CredentialKind::Session,
            digest,
            subject: by.subject.as_ref().to_owned(),
            name: "refused".to_owned(),
            holder: by.kind,
            rights,
            maker: by.subject.as_ref().to_owned(),
            made_with: Vec::new(),
            makers: Vec::new(),
            created_at: now,
            used_at: None,
        };
        self.add(&row).await
    }

    /// Whether somebody was let in with the secret that has this digest, or refused.
    ///
    /// # Errors
    /// [`CatalogError`]
    pub async fn decision(&self, digest: Sha256) -> Result<DeviceDecision, CatalogError> {
        let row = self.catalog().credential(digest).await?;
        Ok(match row {
            None => DeviceDecision::Waiting,
            Some(row) if row.rights.expires.is_some_and(|expires| expires <= row.created_at) => DeviceDecision::Refused,
            Some(_) => DeviceDecision::Confirmed,
        })
    }
}
