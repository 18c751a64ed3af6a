//! Share links: whoever has one may look at one run, or steer it.

use actix_web::cookie::time::Duration as CookieDuration;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::json;

use super::super::super::access::{AccessPolicy, RequestRights};
use super::super::super::audit::Auditor;
use super::super::super::edge::{ArtifactsEdge, Bodies};
use super::super::super::host;
use super::super::super::problem::Problem;
use super::super::events::run_id;
use super::super::run_list::unavailable;
use super::keys::{CredentialsQuery, page};
use super::{ShownCredential, asker, body, name};
use crate::access::{AuthError, IssueError, WantedCredential};
use crate::audit::AuditAction;
use crate::protocol::{PrincipalKind, Rights, RunId, RunPatterns, Scope, Scopes};
use crate::storage::catalog::access::{CredentialFilter, CredentialKind};

/// Days that a link is good for, if it is not said.
const DEFAULT_DAYS: u64 = 7;
/// Most days that a link may be good for.
const MAX_DAYS: u64 = 365;

/// What a link is wanted for.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WantedShare {
    /// Also to steer.
    #[serde(default)]
    control: bool,
    #[serde(default = "link")]
    name: String,
    #[serde(default = "week")]
    days: u64,
}

fn link() -> String {
    "share link".to_owned()
}

const fn week() -> u64 {
    DEFAULT_DAYS
}

/// `POST /api/runs/{runId}/shares`
pub(in crate::http) async fn share(
    (policy, edge): (web::Data<AccessPolicy>, web::Data<ArtifactsEdge>),
    (rights, audit): (RequestRights, Auditor),
    bodies: web::Data<Bodies>,
    request: HttpRequest,
    path: web::Path<String>,
    mut payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let maker = asker(&policy, &rights)?;
    let authenticator = policy.authenticator()?;
    let run = run_id(&path)?;
    let wanted: WantedShare = body(&bodies, &request, &mut payload).await?;
    if !(1..=MAX_DAYS).contains(&wanted.days) {
        return Err(Problem::bad_request("invalid_days", format!("days must be 1 to {MAX_DAYS}, not {}", wanted.days)));
    }
    let asked = authenticator.in_days(wanted.days);
    let scopes = [Some(Scope::View), wanted.control.then_some(Scope::Control)];
    let wanted = WantedCredential {
        kind: CredentialKind::Share,
        name: name(&wanted.name)?,
        holder: PrincipalKind::Human,
        rights: Rights {
            scopes: scopes.into_iter().flatten().collect::<Scopes>(),
            runs: RunPatterns::only(&run),
            expires: Some(maker.rights.expires.map_or(asked, |own| own.min(asked))),
        },
    };
    let (secret, row) = authenticator.issue(maker, wanted).await?;
    audit.did(AuditAction::ShareCreated).run(Some(&run)).item(&row.id).write();
    let base = match edge.public_url.is_empty() {
        false => edge.public_url.clone(),
        true => host::of(request.uri(), request.headers())?.map(|host| format!("http://{host}")).unwrap_or_default(),
    };
    let url = format!("{base}/s/{}", secret.reveal());
    Ok(HttpResponse::Created()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(json!({"url": url, "share": ShownCredential::of((row, true))})))
}

/// `GET /api/runs/{runId}/shares`
pub(in crate::http) async fn list_shares(
    policy: web::Data<AccessPolicy>,
    path: web::Path<String>,
    query: web::Query<CredentialsQuery>,
) -> Result<HttpResponse, Problem> {
    let run = Some(run_id(&path)?);
    page(&policy, CredentialFilter { kind: Some(CredentialKind::Share), run, ..query.filter()? }, "shares").await
}

/// `DELETE /api/runs/{runId}/shares/{shareId}`
pub(in crate::http) async fn revoke_share(
    policy: web::Data<AccessPolicy>,
    audit: Auditor,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (run, id) = (run_id(&path.0)?, &path.1);
    let authenticator = policy.authenticator()?;
    let row = authenticator.find(id).await.map_err(unavailable)?;
    let is_it = |runs: &RunPatterns| *runs == RunPatterns::only(&run);
    if !row.is_some_and(|row| row.kind == CredentialKind::Share && is_it(&row.rights.runs)) {
        return Err(IssueError::Unknown.into());
    }
    authenticator.revoke_credential(id).await?;
    audit.did(AuditAction::ShareRevoked).run(Some(&run)).item(id).write();
    Ok(HttpResponse::NoContent().finish())
}

/// `GET /s/{secret}`: the browser of whoever follows a link keeps its secret, and goes on to the run. The secret leaves the
/// address bar, and no page that is linked to learns it.
pub(in crate::http) async fn open_share(
    policy: web::Data<AccessPolicy>,
    request: HttpRequest,
    secret: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let authenticator = policy.authenticator()?;
    let identity = authenticator.authenticate(&secret).await.map_err(|error| match error {
        AuthError::Unavailable(_) => Problem::from(error),
        error => Problem::new(StatusCode::GONE, "share_gone", format!("this link leads nowhere: {error}")),
    })?;
    let run = identity.rights.runs.iter().next().and_then(|run| RunId::parse(run.as_str()).ok());
    let Some(run) = run.filter(|_| identity.is_guest()) else {
        return Err(Problem::new(StatusCode::GONE, "share_gone", "this is no share link"));
    };
    Auditor::of(&request).as_of(&identity).did(AuditAction::ShareOpened).run(Some(&run)).write();
    let left = identity.rights.expires.map_or(0, |at| (at.as_millis() - authenticator.now().as_millis()) / 1_000);
    let mut response = HttpResponse::SeeOther();
    response
        .insert_header((header::LOCATION, format!("/runs/{run}")))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::CACHE_CONTROL, "no-store"));
    for cookie in policy.cookies().of_share(&request, &identity.credential, &secret, CookieDuration::seconds(left)) {
        response.append_header((header::SET_COOKIE, cookie.encoded().to_string()));
    }
    Ok(response.finish())
}
