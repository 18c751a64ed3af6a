//! The part of the catalog that says who may do something: API keys, share links, sessions of people, and what has been
//! revoked.

use std::sync::Arc;

use async_trait::async_trait;

use super::CatalogError;
use super::tables::{CatalogStatement, Cells, Tables};
use crate::protocol::rights::ScopeError;
use crate::protocol::{PrincipalKind, Rights, RunId, RunPatterns, Scopes, Sha256, Timestamp};

/// What a credential is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialKind {
    /// An API key, for programs and for people who are programs' owners.
    Key,
    /// The secret of a share link.
    Share,
    /// What the browser of somebody who has signed in shows.
    Session,
}

/// An API key, a share link or a session, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialRow {
    /// Names it in lists and in the audit log.
    pub id: String,
    /// What it is.
    pub kind: CredentialKind,
    /// SHA-256 of the secret.
    pub digest: Sha256,
    /// Whose it is.
    pub subject: String,
    /// What people call it, or its holder.
    pub name: String,
    /// Who is to hold it.
    pub holder: PrincipalKind,
    /// What it is good for.
    pub rights: Rights,
    /// The subject of whoever made it.
    pub maker: String,
    /// The credentials that it was made with, the first one first; it is void when one of them is.
    pub made_with: Vec<Arc<str>>,
    /// Whose those were; it is void when one of these subjects was revoked.
    pub makers: Vec<Maker>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used, to the minute or so.
    pub used_at: Option<Timestamp>,
}

/// A subject that has made something, itself or through what it had made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Maker {
    /// The subject.
    pub subject: Arc<str>,
    /// When its credential was issued: a revocation holds for what was issued before, and for all that came of it.
    pub issued_at: Timestamp,
}

/// What is no longer good: a credential, or all of a subject that was issued up to a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// What it revokes.
    pub what: Revoked,
    /// What was issued after this is good.
    pub issued_until: Timestamp,
    /// When it was written.
    pub revoked_at: Timestamp,
    /// When nothing that it revokes would be good anyway; `None`: never.
    pub forget_at: Option<Timestamp>,
}

/// What a revocation is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Revoked {
    /// One credential: an API key, a share link, a token by its `jti`.
    Credential(String),
    /// Everything of a subject.
    Subject(String),
}

/// A part of the list of credentials.
#[derive(Clone, Debug, Default)]
pub struct CredentialFilter {
    /// Only of this kind.
    pub kind: Option<CredentialKind>,
    /// Only those that are for this run alone.
    pub run: Option<RunId>,
    /// Begins after this row, given by its time and id.
    pub after: Option<(Timestamp, String)>,
    /// Most rows.
    pub limit: usize,
}

/// API keys, share links, sessions and revocations.
#[async_trait]
pub trait AccessCatalog: Send + Sync + 'static {
    /// Adds a credential.
    async fn add_credential(&self, row: &CredentialRow) -> Result<(), CatalogError>;
    /// Finds the credential whose secret has this digest, also one that has expired or was revoked.
    async fn credential(&self, digest: Sha256) -> Result<Option<CredentialRow>, CatalogError>;
    /// Finds the credential with this id.
    async fn credential_by_id(&self, id: &str) -> Result<Option<CredentialRow>, CatalogError>;
    /// Lists credentials, newest first.
    async fn credentials(&self, filter: &CredentialFilter) -> Result<Vec<CredentialRow>, CatalogError>;
    /// How many credentials this subject has made that expire later than now or never; it counts no further than `most`.
    async fn count_made(&self, maker: &str, now: Timestamp, most: usize) -> Result<usize, CatalogError>;
    /// Writes down that these credentials were used.
    async fn used(&self, ids: &[String], at: Timestamp) -> Result<(), CatalogError>;
    /// Writes a revocation. The later one of two of the same thing holds.
    async fn revoke(&self, revocation: &Revocation) -> Result<(), CatalogError>;
    /// Lists all revocations that are not to be forgotten at this time: of as many credentials as makers may have.
    async fn revocations(&self, now: Timestamp) -> Result<Vec<Revocation>, CatalogError>;
    /// A page of what was revoked, newest first, behind the row with this time and text.
    async fn revocation_page(
        &self,
        after: Option<(Timestamp, String)>,
        limit: usize,
    ) -> Result<Vec<Revocation>, CatalogError>;
    /// Writes down that the token with this id is used; whether it is the first time. One of several who try is the first.
    async fn use_once(&self, token: Sha256, forget_at: Timestamp) -> Result<bool, CatalogError>;
    /// Deletes revocations and uses of tokens that are to be forgotten, and credentials that expired before `expired_before`.
    async fn forget_access(&self, now: Timestamp, expired_before: Timestamp) -> Result<(), CatalogError>;
}

const COLUMNS: &str =
    "id, kind, digest, subject, name, holder, scopes, runs, maker, made_with, makers, created_at, expires_at, used_at";

impl CredentialKind {
    /// The kind's name in the catalog and in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Share => "share",
            Self::Session => "session",
        }
    }
}

impl Revoked {
    /// What a page of revocations goes on behind.
    pub fn text(&self) -> String {
        match self {
            Self::Credential(id) => format!("credential:{id}"),
            Self::Subject(subject) => format!("subject:{subject}"),
        }
    }

    fn read(text: &str) -> Option<Self> {
        match text.split_once(':')? {
            ("credential", id) => Some(Self::Credential(id.to_owned())),
            ("subject", subject) => Some(Self::Subject(subject.to_owned())),
            _ => None,
        }
    }
}

fn failed(error: impl ToString) -> CatalogError {
    CatalogError(error.to_string())
}

#[async_trait]
impl<T: Tables> AccessCatalog for T {
    async fn add_credential(&self, row: &CredentialRow) -> Result<(), CatalogError> {
        let runs = serde_json::to_string(&row.rights.runs).map_err(failed)?;
        let made_with = serde_json::to_string(&row.made_with).map_err(failed)?;
        let makers: Vec<_> = row.makers.iter().map(|maker| (&maker.subject, maker.issued_at.as_millis())).collect();
        let makers = serde_json::to_string(&makers).map_err(failed)?;
        let holder = if row.holder == PrincipalKind::Agent { "agent" } else { "human" };
        let sql = format!(
            "INSERT INTO runcast_credentials ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, \
             $13, $14)"
        );
        let insert = CatalogStatement::new(sql)
            .with(row.id.as_str())
            .with(row.kind.as_str())
            .with(row.digest.to_string())
            .with(row.subject.as_str())
            .with(row.name.as_str())
            .with(holder)
            .with(row.rights.scopes.to_string())
            .with(runs)
            .with(row.maker.as_str())
            .with(made_with)
            .with(makers)
            .with(row.created_at)
            .with(row.rights.expires)
            .with(row.used_at);
        self.ask(insert).await.map(drop)
    }

    async fn credential(&self, digest: Sha256) -> Result<Option<CredentialRow>, CatalogError> {
        let sql = format!("SELECT {COLUMNS} FROM runcast_credentials WHERE digest = $1");
        let rows = self.ask(CatalogStatement::new(sql).with(digest.to_string())).await?;
        rows.first().map(read).transpose()
    }

    async fn credential_by_id(&self, id: &str) -> Result<Option<CredentialRow>, CatalogError> {
        let sql = format!("SELECT {COLUMNS} FROM runcast_credentials WHERE id = $1");
        let rows = self.ask(CatalogStatement::new(sql).with(id)).await?;
        rows.first().map(read).transpose()
    }

    async fn credentials(&self, filter: &CredentialFilter) -> Result<Vec<CredentialRow>, CatalogError> {
        let run = filter.run.as_ref().map(|run| serde_json::to_string(&RunPatterns::only(run)));
        let run = run.transpose().map_err(failed)?;
        let (at, id) = filter.after.clone().unwrap_or((Timestamp::from_millis(i64::MAX), String::new()));
        let sql = format!(
            "SELECT {COLUMNS} FROM runcast_credentials \
             WHERE (kind = $1 OR $1 = '') AND (runs = $2 OR $2 = '') AND (created_at, id) < ($3, $4) \
             ORDER BY created_at DESC, id DESC LIMIT $5"
        );
        let statement = CatalogStatement::new(sql)
            .with(filter.kind.map_or("", CredentialKind::as_str))
            .with(run.unwrap_or_default())
            .with(at)
            .with(id)
            .with(filter.limit);
        self.ask(statement).await?.iter().map(read).collect()
    }

    async fn count_made(&self, maker: &str, now: Timestamp, most: usize) -> Result<usize, CatalogError> {
        let sql = "SELECT count(*) AS made FROM (SELECT 1 FROM runcast_credentials \
                   WHERE maker = $1 AND (expires_at IS NULL OR expires_at > $2) LIMIT $3) AS these";
        let rows = self.ask(CatalogStatement::new(sql).with(maker).with(now).with(most)).await?;
        let made = rows.first().map(|row| row.integer("made")).transpose().map_err(failed)?.flatten();
        Ok(made.and_then(|made| usize::try_from(made).ok()).unwrap_or_default())
    }

    async fn used(&self, ids: &[String], at: Timestamp) -> Result<(), CatalogError> {
        let ids = serde_json::to_string(ids).map_err(failed)?;
        let list = T::DIALECT.list;
        let sql = format!("UPDATE runcast_credentials SET used_at = $2 WHERE id IN (SELECT value FROM {list})");
        self.ask(CatalogStatement::new(sql).with(ids).with(at)).await.map(drop)
    }

    async fn revoke(&self, revocation: &Revocation) -> Result<(), CatalogError> {
        let sql = "INSERT INTO runcast_revocations AS r (what, issued_until, revoked_at, forget_at) \
                   VALUES ($1, $2, $3, $4) ON CONFLICT (what) DO UPDATE SET issued_until = excluded.issued_until, \
                   revoked_at = excluded.revoked_at, forget_at = excluded.forget_at \
                   WHERE r.issued_until <= excluded.issued_until";
        let Revocation { what, issued_until, revoked_at, forget_at } = revocation;
        let insert = CatalogStatement::new(sql).with(what.text()).with(*issued_until);
        self.ask(insert.with(*revoked_at).with(*forget_at)).await.map(drop)
    }

    async fn revocations(&self, now: Timestamp) -> Result<Vec<Revocation>, CatalogError> {
        let sql = "SELECT what, issued_until, revoked_at, forget_at FROM runcast_revocations \
                   WHERE forget_at IS NULL OR forget_at > $1";
        let rows = self.ask(CatalogStatement::new(sql).with(now)).await?;
        rows.iter().map(read_revocation).collect()
    }

    async fn revocation_page(
        &self,
        after: Option<(Timestamp, String)>,
        limit: usize,
    ) -> Result<Vec<Revocation>, CatalogError> {
        let (at, what) = after.unwrap_or((Timestamp::from_millis(i64::MAX), String::new()));
        let sql = "SELECT what, issued_until, revoked_at, forget_at FROM runcast_revocations \
                   WHERE (revoked_at, what) < ($1, $2) ORDER BY revoked_at DESC, what DESC LIMIT $3";
        let rows = self.ask(CatalogStatement::new(sql).with(at).with(what).with(limit)).await?;
        rows.iter().map(read_revocation).collect()
    }

    async fn use_once(&self, token: Sha256, forget_at: Timestamp) -> Result<bool, CatalogError> {
        let sql =
            "INSERT INTO runcast_used_tokens (id, forget_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING RETURNING id";
        let rows = self.ask(CatalogStatement::new(sql).with(token.to_string()).with(forget_at)).await?;
        Ok(!rows.is_empty())
    }

    async fn forget_access(&self, now: Timestamp, expired_before: Timestamp) -> Result<(), CatalogError> {
        let used = "DELETE FROM runcast_used_tokens WHERE forget_at <= $1";
        self.ask(CatalogStatement::new(used).with(now)).await?;
        let forget = "DELETE FROM runcast_revocations WHERE forget_at <= $1";
        self.ask(CatalogStatement::new(forget).with(now)).await?;
        let expired = "DELETE FROM runcast_credentials WHERE expires_at <= $1";
        self.ask(CatalogStatement::new(expired).with(expired_before)).await.map(drop)
    }
}

fn text(row: &impl Cells, column: &str) -> Result<String, CatalogError> {
    row.text(column).map_err(failed)?.ok_or_else(|| CatalogError(format!("{column} is null")))
}

fn time(row: &impl Cells, column: &str) -> Result<Option<Timestamp>, CatalogError> {
    Ok(row.integer(column).map_err(failed)?.map(Timestamp::from_millis))
}

fn certain_time(row: &impl Cells, column: &str) -> Result<Timestamp, CatalogError> {
    time(row, column)?.ok_or_else(|| CatalogError(format!("{column} is null")))
}

fn read(row: &impl Cells) -> Result<CredentialRow, CatalogError> {
    let kind = match text(row, "kind")?.as_str() {
        "key" => CredentialKind::Key,
        "share" => CredentialKind::Share,
        "session" => CredentialKind::Session,
        other => return Err(CatalogError(format!("{other:?} is no kind of a credential"))),
    };
    let digest = text(row, "digest")?;
    let runs: RunPatterns = serde_json::from_str(&text(row, "runs")?).map_err(failed)?;
    let makers: Vec<(Arc<str>, i64)> = serde_json::from_str(&text(row, "makers")?).map_err(failed)?;
    let makers = makers.into_iter().map(|(subject, at)| Maker { subject, issued_at: Timestamp::from_millis(at) });
    let scopes: Scopes = text(row, "scopes")?.parse().map_err(|error: ScopeError| failed(error))?;
    Ok(CredentialRow {
        id: text(row, "id")?,
        kind,
        digest: Sha256::parse_hex(&digest).ok_or_else(|| failed("digest is none"))?,
        subject: text(row, "subject")?,
        name: text(row, "name")?,
        holder: if text(row, "holder")? == "agent" { PrincipalKind::Agent } else { PrincipalKind::Human },
        rights: Rights { scopes, runs, expires: time(row, "expires_at")? },
        maker: text(row, "maker")?,
        made_with: serde_json::from_str(&text(row, "made_with")?).map_err(failed)?,
        makers: makers.collect(),
        created_at: certain_time(row, "created_at")?,
        used_at: time(row, "used_at")?,
    })
}

fn read_revocation(row: &impl Cells) -> Result<Revocation, CatalogError> {
    let what = text(row, "what")?;
    Ok(Revocation {
        what: Revoked::read(&what).ok_or_else(|| CatalogError(format!("{what:?} is nothing that is revoked")))?,
        issued_until: certain_time(row, "issued_until")?,
        revoked_at: certain_time(row, "revoked_at")?,
        forget_at: time(row, "forget_at")?,
    })
}
