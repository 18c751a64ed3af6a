//! What was revoked, and the revocation of all that somebody has.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::super::access::AccessPolicy;
use super::super::super::audit::Auditor;
use super::super::super::edge::Bodies;
use super::super::super::problem::Problem;
use super::super::run_list::unavailable;
use super::body;
use super::keys::CredentialsQuery;
use crate::audit::AuditAction;
use crate::protocol::Timestamp;
use crate::storage::catalog::access::{Revocation, Revoked};

/// Most characters of a subject.
const MAX_SUBJECT: usize = 256;

/// Who is revoked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WantedRevocation {
    subject: String,
}

/// A revocation as it is shown.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownRevocation {
    /// The credential, if it is of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    credential: Option<String>,
    /// The subject, if it is of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    issued_until: Timestamp,
    revoked_at: Timestamp,
}

impl From<Revocation> for ShownRevocation {
    fn from(revocation: Revocation) -> Self {
        let Revocation { what, issued_until, revoked_at, .. } = revocation;
        let (credential, subject) = match what {
            Revoked::Credential(id) => (Some(id), None),
            Revoked::Subject(subject) => (None, Some(subject)),
        };
        Self { credential, subject, issued_until, revoked_at }
    }
}

/// `POST /api/revocations`: all of a subject's credentials that were issued until now are void.
pub(in crate::http) async fn revoke_subject(
    policy: web::Data<AccessPolicy>,
    audit: Auditor,
    bodies: web::Data<Bodies>,
    request: HttpRequest,
    mut payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let authenticator = policy.authenticator()?;
    let WantedRevocation { subject } = body(&bodies, &request, &mut payload).await?;
    if !(1..=MAX_SUBJECT).contains(&subject.chars().count()) || subject.chars().any(char::is_control) {
        let detail = format!("subject must have 1 to {MAX_SUBJECT} characters, and no control characters");
        return Err(Problem::bad_request("invalid_subject", detail));
    }
    let revocation = authenticator.revoke_subject(&subject).await.map_err(unavailable)?;
    let shown = ShownRevocation::from(revocation);
    audit.did(AuditAction::SubjectRevoked).item(shown.subject.as_deref().unwrap_or_default()).write();
    Ok(HttpResponse::Created().json(shown))
}

/// `GET /api/revocations`
pub(in crate::http) async fn list_revocations(
    policy: web::Data<AccessPolicy>,
    query: web::Query<CredentialsQuery>,
) -> Result<HttpResponse, Problem> {
    let filter = query.filter()?;
    let read = policy.authenticator()?.revocation_page(filter.after, filter.limit + 1).await;
    let mut rows = read.map_err(unavailable)?;
    let more = rows.len() > filter.limit;
    rows.truncate(filter.limit);
    let last = rows.last().filter(|_| more);
    let cursor = last.map(|row| format!("{}:{}", row.revoked_at.as_millis(), row.what.text()));
    let rows: Vec<_> = rows.into_iter().map(ShownRevocation::from).collect();
    Ok(HttpResponse::Ok().json(json!({"revocations": rows, "cursor": cursor, "more": more})))
}
