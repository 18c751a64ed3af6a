//! API keys.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::json;

use super::super::super::access::{AccessPolicy, RequestRights};
use super::super::super::audit::Auditor;
use super::super::super::edge::Bodies;
use super::super::super::problem::Problem;
use super::super::run_list::unavailable;
use super::{DEFAULT_LIMIT, MAX_LIMIT, ShownCredential, asker, body, name, scopes};
use crate::access::WantedCredential;
use crate::audit::AuditAction;
use crate::protocol::{PrincipalKind, Rights, RunPatterns, Timestamp};
use crate::storage::catalog::access::{CredentialFilter, CredentialKind};

/// Most days that a key may be good for.
const MAX_DAYS: u64 = 3_650;

/// What a key is wanted for.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WantedKey {
    name: String,
    scopes: Vec<String>,
    /// Patterns over names of runs.
    #[serde(default = "all_runs")]
    runs: Vec<String>,
    /// Days that it is to be good for; the server's default if missing.
    days: Option<u64>,
    /// `human` or `agent`.
    #[serde(default)]
    holder: KeyHolder,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum KeyHolder {
    Human,
    #[default]
    Agent,
}

fn all_runs() -> Vec<String> {
    vec!["*".to_owned()]
}

/// `POST /api/keys`
pub(in crate::http) async fn create_key(
    policy: web::Data<AccessPolicy>,
    (rights, audit): (RequestRights, Auditor),
    bodies: web::Data<Bodies>,
    request: HttpRequest,
    mut payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let maker = asker(&policy, &rights)?;
    let authenticator = policy.authenticator()?;
    let wanted: WantedKey = body(&bodies, &request, &mut payload).await?;
    let days = wanted.days.unwrap_or(policy.key_days());
    if !(1..=MAX_DAYS).contains(&days) {
        return Err(Problem::bad_request("invalid_days", format!("days must be 1 to {MAX_DAYS}, not {days}")));
    }
    let runs = RunPatterns::parse(&wanted.runs);
    let asked = authenticator.in_days(days);
    let wanted = WantedCredential {
        kind: CredentialKind::Key,
        name: name(&wanted.name)?,
        holder: match wanted.holder {
            KeyHolder::Human => PrincipalKind::Human,
            KeyHolder::Agent => PrincipalKind::Agent,
        },
        rights: Rights {
            scopes: scopes(&wanted.scopes)?,
            runs: runs.map_err(|error| Problem::bad_request("invalid_runs", format!("runs: {error}")))?,
            // Nobody's key lasts longer than what it was made with.
            expires: Some(maker.rights.expires.map_or(asked, |own| own.min(asked))),
        },
    };
    let (secret, row) = authenticator.issue(maker, wanted).await?;
    audit.did(AuditAction::KeyCreated).item(&row.id).write();
    let shown = ShownCredential::of((row, true));
    Ok(HttpResponse::Created()
        .insert_header(("Cache-Control", "no-store"))
        .json(json!({"key": secret.reveal(), "credential": shown})))
}

/// Query parameters of a list of credentials.
#[derive(Deserialize)]
pub(in crate::http) struct CredentialsQuery {
    limit: Option<usize>,
    cursor: Option<String>,
}

impl CredentialsQuery {
    pub(super) fn filter(&self) -> Result<CredentialFilter, Problem> {
        let limit = self.limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(Problem::bad_request("invalid_limit", format!("limit must be 1 to {MAX_LIMIT}, not {limit}")));
        }
        let cursor = self.cursor.as_deref().filter(|cursor| !cursor.is_empty());
        let after = cursor.map(|cursor| {
            let parts = cursor.split_once(':').and_then(|(at, id)| Some((at.parse().ok()?, id.to_owned())));
            parts
                .map(|(at, id)| (Timestamp::from_millis(at), id))
                .ok_or_else(|| Problem::bad_request("invalid_cursor", "cursor must be that of the page before"))
        });
        Ok(CredentialFilter { after: after.transpose()?, limit, ..CredentialFilter::default() })
    }
}

/// A page of credentials of one kind.
pub(super) async fn page(policy: &AccessPolicy, filter: CredentialFilter, name: &str) -> Result<HttpResponse, Problem> {
    let limit = filter.limit;
    let asked = CredentialFilter { limit: limit + 1, ..filter };
    let mut rows = policy.authenticator()?.list(&asked).await.map_err(unavailable)?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let last = rows.last().filter(|_| more);
    let cursor = last.map(|(row, _)| format!("{}:{}", row.created_at.as_millis(), row.id));
    let rows: Vec<_> = rows.into_iter().map(ShownCredential::of).collect();
    Ok(HttpResponse::Ok().json(json!({name: rows, "cursor": cursor, "more": more})))
}

/// `GET /api/keys`
pub(in crate::http) async fn list_keys(
    policy: web::Data<AccessPolicy>,
    query: web::Query<CredentialsQuery>,
) -> Result<HttpResponse, Problem> {
    let filter = CredentialFilter { kind: Some(CredentialKind::Key), ..query.filter()? };
    page(&policy, filter, "keys").await
}

/// `DELETE /api/keys/{keyId}`
pub(in crate::http) async fn revoke_key(
    policy: web::Data<AccessPolicy>,
    audit: Auditor,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    policy.authenticator()?.revoke_credential(&path).await?;
    audit.did(AuditAction::KeyRevoked).item(&path).write();
    Ok(HttpResponse::NoContent().finish())
}
