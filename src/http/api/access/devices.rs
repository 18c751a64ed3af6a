//! Command lines that ask to be let in, by somebody in front of a browser: `runcast login`.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::json;

use super::super::super::access::{AccessPolicy, RequestRights};
use super::super::super::audit::Auditor;
use super::super::super::edge::{Bodies, SignInEdge};
use super::super::super::host;
use super::super::super::problem::Problem;
use super::super::run_list::unavailable;
use super::{asker, body, name};
use crate::access::{DeviceRequest, SealError, WantedCredential, device_code};
use crate::audit::AuditAction;
use crate::protocol::{Sha256, Timestamp};

/// What a command line asks with: it keeps the secret.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// SHA-256 of its secret, in hexadecimal digits.
    digest: String,
    /// What it calls itself: `user@host`.
    label: String,
}

/// What somebody says to it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    request: String,
    confirmed: bool,
}

/// Query parameters that say which command line is meant.
#[derive(Deserialize)]
pub(in crate::http) struct DeviceQuery {
    request: String,
}

/// `POST /api/login`: a link by which somebody can let this command line in, and the code that stands on both.
pub(in crate::http) async fn ask_device(
    (policy, edge): (web::Data<AccessPolicy>, web::Data<SignInEdge>),
    bodies: web::Data<Bodies>,
    request: HttpRequest,
    mut payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let now = policy.authenticator()?.now();
    let Asked { digest, label } = body(&bodies, &request, &mut payload).await?;
    let digest = Sha256::parse_hex(&digest)
        .ok_or_else(|| Problem::bad_request("invalid_digest", "digest must be 64 hexadecimal digits"))?;
    let devices = edge.devices.as_ref().ok_or_else(no_key)?;
    let (sealed, until) = devices
        .seal(digest, &name(&label)?, now)
        .ok_or_else(|| Problem::unavailable("no_randomness", "the system has no randomness to seal a request with"))?;
    let path = format!("/auth/device?request={}", utf8_percent_encode(&sealed, NON_ALPHANUMERIC));
    Ok(HttpResponse::Created().insert_header((header::CACHE_CONTROL, "no-store")).json(json!({
        "url": host::absolute(&request, &edge.public_url, path),
        "request": sealed,
        "code": device_code(digest),
        "expiresAt": until,
    })))
}

/// `GET /api/login`: which command line asks, and what has become of it. Only a request that this server has sealed is looked
/// up, so nobody can find out by it which secrets there are.
pub(in crate::http) async fn show_device(
    (policy, edge): (web::Data<AccessPolicy>, web::Data<SignInEdge>),
    query: web::Query<DeviceQuery>,
) -> Result<HttpResponse, Problem> {
    let authenticator = policy.authenticator()?;
    let asked = open(&edge, &query.request, authenticator.now())?;
    let decision = authenticator.decision(asked.digest).await.map_err(unavailable)?;
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(json!({
        "label": asked.label,
        "code": device_code(asked.digest),
        "state": decision,
        "expiresAt": asked.until,
    })))
}

/// `POST /api/login/answer`: lets a command line in with the rights and for the time of whoever says so, or refuses it.
pub(in crate::http) async fn answer_device(
    (policy, edge): (web::Data<AccessPolicy>, web::Data<SignInEdge>),
    (rights, audit): (RequestRights, Auditor),
    bodies: web::Data<Bodies>,
    request: HttpRequest,
    mut payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let maker = asker(&policy, &rights)?;
    let authenticator = policy.authenticator()?;
    let Answer { request, confirmed } = body(&bodies, &request, &mut payload).await?;
    let now = authenticator.now();
    let asked = open(&edge, &request, now)?;
    if !confirmed {
        authenticator.refuse(maker, asked.digest).await?;
        audit.did(AuditAction::DeviceRefused).item(&asked.label).write();
        return Ok(HttpResponse::NoContent().finish());
    }
    // A session, not a key: it is of the same person, and ends when that person's rights are revoked.
    let wanted = WantedCredential::session_of(maker, policy.session_end(now));
    let row = authenticator.issue_for(maker, wanted, asked.digest).await?;
    audit.did(AuditAction::DeviceLetIn).item(&row.id).write();
    Ok(HttpResponse::NoContent().finish())
}

fn open(edge: &SignInEdge, sealed: &str, now: Timestamp) -> Result<DeviceRequest, Problem> {
    edge.devices.as_ref().ok_or_else(no_key)?.open(sealed, now).map_err(|error| match error {
        SealError::Foreign => Problem::bad_request("invalid_login_request", format!("request: {error}")),
        SealError::Expired => Problem::new(StatusCode::GONE, "login_request_over", format!("request: {error}")),
    })
}

fn no_key() -> Problem {
    let detail = "the nodes of this cluster share no key to seal requests with: auth.signing_keys is empty";
    Problem::bad_request("login_not_offered", detail)
}
