//! Making, listing and revoking API keys, share links and sessions.

use super::{AccessSecret, Authenticator, Identity, jwt};
use crate::protocol::{MCP_SUBJECT, PrincipalKind, Rights, Sha256, Timestamp};
use crate::storage::catalog::CatalogError;
use crate::storage::catalog::access::{CredentialFilter, CredentialKind, CredentialRow, Maker, Revocation, Revoked};

/// Most credentials that one is made with, each with the one before it.
const MAX_MADE_WITH: usize = 16;

/// A credential that somebody wants made.
#[derive(Clone, Debug)]
pub struct WantedCredential {
    /// What it is to be.
    pub kind: CredentialKind,
    /// What people call it.
    pub name: String,
    /// Who is to hold it.
    pub holder: PrincipalKind,
    /// What it is to be good for.
    pub rights: Rights,
}

impl WantedCredential {
    /// A session of somebody, which lasts until then, and no longer than the rights that it is made with.
    pub fn session_of(holder: &Identity, end: Timestamp) -> Self {
        let expires = Some(holder.rights.expires.map_or(end, |own| own.min(end)));
        Self {
            kind: CredentialKind::Session,
            name: holder.name.as_ref().to_owned(),
            holder: holder.kind,
            rights: Rights { expires, ..holder.rights.clone() },
        }
    }
}

/// Why a credential is not made, or not revoked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// A guest of a share link can't let others in.
    #[error("who came by a share link can't give anything further")]
    Guest,
    /// The maker has less than it wants to give.
    #[error("nobody can give more scopes, runs or time than it has itself")]
    TooMuch,
    /// It would be too far from the first key.
    #[error("a credential can be made with at most {MAX_MADE_WITH} others, each with the one before it")]
    TooFar,
    /// It is somebody's already.
    #[error("this secret is somebody's already")]
    Taken,
    /// The maker has made too many that are not over.
    #[error("somebody has at most {0} credentials at a time that have not expired (auth.max_credentials)")]
    TooMany(usize),
    /// There is no such credential.
    #[error("there is no such credential")]
    Unknown,
    /// The system has no randomness.
    #[error("the system has no randomness to make a secret of")]
    NoRandomness,
    /// The catalog does not answer.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl Authenticator {
    /// Makes a credential; its secret is shown this once, and kept nowhere.
    ///
    /// # Errors
    /// [`IssueError`] but for `Unknown`; then nothing was made.
    pub async fn issue(
        &self,
        maker: &Identity,
        wanted: WantedCredential,
    ) -> Result<(AccessSecret, CredentialRow), IssueError> {
        let secret = AccessSecret::generate().ok_or(IssueError::NoRandomness)?;
        let row = self.issue_for(maker, wanted, secret.digest()).await?;
        Ok((secret, row))
    }

    /// Makes a credential of a secret that somebody else has made and keeps.
    ///
    /// # Errors
    /// [`IssueError`] but for `Unknown`; then nothing was made.
    pub async fn issue_for(
        &self,
        maker: &Identity,
        wanted: WantedCredential,
        digest: Sha256,
    ) -> Result<CredentialRow, IssueError> {
        if maker.is_guest() {
            return Err(IssueError::Guest);
        }
        if !maker.rights.cover(&wanted.rights) {
            return Err(IssueError::TooMuch);
        }
        let mut made_with = maker.made_with.clone();
        if !maker.is_session {
            made_with.push(maker.credential.clone());
        }
        if made_with.len() > MAX_MADE_WITH {
            return Err(IssueError::TooFar);
        }
        // What was revoked counts until it would have expired: so long revocations are kept, too.
        let most = self.max_credentials();
        if self.catalog().count_made(&maker.subject, self.now(), most).await? >= most {
            return Err(IssueError::TooMany(most));
        }
        let WantedCredential { kind, name, holder, rights } = wanted;
        let id = uuid::Uuid::now_v7().simple().to_string();
        let row = CredentialRow {
            // A session is its maker's; a key is its own subject, and who comes by a share link is a guest of that link.
            subject: match kind {
                CredentialKind::Session => maker.subject.as_ref().to_owned(),
                CredentialKind::Key | CredentialKind::Share => format!("{}:{id}", kind.as_str()),
            },
            id,
            kind,
            digest,
            name,
            holder,
            rights,
            maker: maker.subject.as_ref().to_owned(),
            made_with,
            makers: makers_of_next(maker),
            created_at: self.now(),
            used_at: None,
        };
        self.add(&row).await?;
        Ok(row)
    }

    /// Makes the session of somebody whom an identity provider has verified just now: with no other credential, so that
    /// nothing voids it but its end, signing out, and a revocation of its subject.
    ///
    /// # Errors
    /// [`IssueError`] but for `Unknown`; then there is no session.
    pub async fn open_session(
        &self,
        verified: &Identity,
        expires: Timestamp,
    ) -> Result<(AccessSecret, CredentialRow), IssueError> {
        let verified = Identity {
            rights: Rights { expires: Some(expires), ..verified.rights.clone() },
            made_with: Vec::new(),
            is_session: true,
            ..verified.clone()
        };
        self.issue(&verified, WantedCredential::session_of(&verified, expires)).await
    }

    /// Adds a credential, whose secret nobody may have yet.
    pub(super) async fn add(&self, row: &CredentialRow) -> Result<(), IssueError> {
        // The catalog refuses a digest that it has; why it refuses, it does not say.
        if self.catalog().credential(row.digest).await?.is_some() {
            return Err(IssueError::Taken);
        }
        let Err(error) = self.catalog().add_credential(row).await else { return Ok(()) };
        match self.catalog().credential(row.digest).await? {
            Some(_) => Err(IssueError::Taken),
            None => Err(error.into()),
        }
    }

    /// A part of the list of credentials, each with whether it is good now.
    ///
    /// # Errors
    /// [`CatalogError`]
    pub async fn list(&self, filter: &CredentialFilter) -> Result<Vec<(CredentialRow, bool)>, CatalogError> {
        let rows = self.catalog().credentials(filter).await?;
        let judged = rows.into_iter().map(|row| {
            let is_good = self.check(&Identity::of(&row)).is_ok();
            (row, is_good)
        });
        Ok(judged.collect())
    }

    /// Finds a credential by its id.
    ///
    /// # Errors
    /// [`CatalogError`]
    pub async fn find(&self, id: &str) -> Result<Option<CredentialRow>, CatalogError> {
        self.catalog().credential_by_id(id).await
    }

    /// Revokes a credential, and with it those that were made with it; once more does no harm.
    ///
    /// # Errors
    /// [`IssueError::Unknown`], [`IssueError::Catalog`].
    pub async fn revoke_credential(&self, id: &str) -> Result<(), IssueError> {
        let row = self.find(id).await?.ok_or(IssueError::Unknown)?;
        let now = self.now();
        let revocation = Revocation {
            what: Revoked::Credential(row.id),
            issued_until: now,
            revoked_at: now,
            forget_at: row.rights.expires,
        };
        Ok(self.revoke(&revocation).await?)
    }

    /// Revokes all credentials of a subject that were issued until now, and with them what was made with those.
    ///
    /// # Errors
    /// [`CatalogError`]; then nothing is revoked.
    pub async fn revoke_subject(&self, subject: &str) -> Result<Revocation, CatalogError> {
        let now = self.now();
        // An agent of somebody stands in logs with this in front, and has no credentials of its own.
        let somebody = subject.strip_prefix(MCP_SUBJECT).unwrap_or(subject);
        let what = Revoked::Subject(jwt::subject_as_known(somebody));
        // It is never forgotten: nobody knows for how long tokens are good, and keys may be for ever.
        let revocation = Revocation { what, issued_until: now, revoked_at: now, forget_at: None };
        self.revoke(&revocation).await?;
        Ok(revocation)
    }

    /// A page of what was revoked, newest first, behind the row with this time and text.
    ///
    /// # Errors
    /// [`CatalogError`]
    pub async fn revocation_page(
        &self,
        after: Option<(Timestamp, String)>,
        limit: usize,
    ) -> Result<Vec<Revocation>, CatalogError> {
        self.catalog().revocation_page(after, limit).await
    }

    /// The time from which something that lasts for so many days has expired.
    pub fn in_days(&self, days: u64) -> Timestamp {
        self.now().plus_millis(i64::try_from(days).unwrap_or(i64::MAX).saturating_mul(86_400_000))
    }
}

/// The makers of what somebody makes: its own, and itself. A subject stands there once, with the earliest time.
fn makers_of_next(maker: &Identity) -> Vec<Maker> {
    let mut makers = maker.makers.clone();
    match makers.iter_mut().find(|known| known.subject == maker.subject) {
        Some(known) => known.issued_at = known.issued_at.min(maker.issued_at),
        None => makers.push(Maker { subject: maker.subject.clone(), issued_at: maker.issued_at }),
    }
    makers
}

impl Identity {
    /// The holder of a credential in the catalog.
    pub(super) fn of(row: &CredentialRow) -> Self {
        Self {
            subject: row.subject.as_str().into(),
            name: row.name.as_str().into(),
            kind: row.holder,
            rights: row.rights.clone(),
            credential: row.id.as_str().into(),
            made_with: row.made_with.clone(),
            makers: row.makers.clone(),
            is_session: row.kind == CredentialKind::Session,
            issued_at: row.created_at,
        }
    }
}
