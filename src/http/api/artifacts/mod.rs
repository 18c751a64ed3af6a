//! Artifacts over HTTP: listing them, showing one, deleting one, and keeping those of a run.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::super::audit::Auditor;
use super::super::body::read::{self, Limit};
use super::super::edge::{ArtifactsEdge, Bodies};
use super::super::expect::MAX_DESCRIPTION;
use super::super::host;
use super::super::problem::Problem;
use super::events::run_id;
use crate::artifacts::{ArtifactService, ListedArtifacts};
use crate::audit::AuditAction;
use crate::protocol::json_text::{readable, without_bom};
use crate::protocol::{ArtifactId, RunId, Timestamp};

mod content;
mod direct;
mod download;
mod headers;
mod json;
mod problem;
mod upload;

pub(in crate::http) use content::{get as content, put as put_content};
pub(in crate::http) use direct::{complete, create};
pub(in crate::http) use download::download;
pub(in crate::http) use upload::upload;

/// Artifacts of a page without `limit`.
const DEFAULT_LIMIT: usize = 100;
/// Most artifacts of a page.
const MAX_LIMIT: usize = 1_000;
/// Longest reason of a pin, in characters.
const MAX_REASON: usize = 1_000;

impl ArtifactsEdge {
    /// The service, or 501 where no artifacts are kept.
    pub(in crate::http) fn service(&self) -> Result<&ArtifactService, Problem> {
        self.service.as_ref().ok_or_else(|| {
            let detail = "this server keeps no artifacts: objects.url names no store";
            Problem::new(StatusCode::NOT_IMPLEMENTED, "artifacts_off", detail)
        })
    }

    /// Puts the host by which this server is reached before a URL that has none.
    pub(in crate::http::api) fn absolute(&self, request: &HttpRequest, url: String) -> String {
        host::absolute(request, &self.public_url, url)
    }
}

fn artifact_id(text: &str) -> Result<ArtifactId, Problem> {
    let detail = || format!("artifactId {text:?} must be as the server gave it");
    ArtifactId::parse(text).ok_or_else(|| Problem::bad_request("invalid_artifact_id", detail()))
}

fn ids(path: &(String, String)) -> Result<(RunId, ArtifactId), Problem> {
    Ok((run_id(&path.0)?, artifact_id(&path.1)?))
}

/// Reads a body of JSON.
async fn description<T: DeserializeOwned>(
    bodies: &Bodies,
    request: &HttpRequest,
    payload: &mut web::Payload,
) -> Result<T, Problem> {
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = content_type.unwrap_or("none").split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        let detail = format!("Content-Type must be application/json, not {essence:?}");
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_content_type", detail));
    }
    let limit = Limit { bytes: MAX_DESCRIPTION, code: "body_too_large" };
    let body = read::take(request, payload, limit, &bodies.bounds()).await?;
    let json = readable(without_bom(&body.body));
    serde_json::from_slice(&json).map_err(|error| Problem::bad_request("invalid_body", error.to_string()))
}

/// Query of the list.
#[derive(Deserialize)]
pub(in crate::http) struct ArtifactsQuery {
    limit: Option<usize>,
    cursor: Option<String>,
}

/// Refuses a listing of a run that never was with 404. The answer has the terms for uploads to it, too: it may come.
pub(in crate::http::api) async fn refuse_unknown(service: &ArtifactService, run: &RunId) -> Result<(), Problem> {
    if service.knows(run).await? {
        return Ok(());
    }
    let detail = format!("there is no run {run}: it has neither events nor artifacts");
    Err(Problem::new(StatusCode::NOT_FOUND, "run_not_found", detail)
        .with("direct", service.parts().objects.serves_itself())
        .with("maxBytes", service.parts().limits().bytes))
}

/// `GET /api/runs/{runId}/artifacts`
pub(in crate::http) async fn list(
    edge: web::Data<ArtifactsEdge>,
    path: web::Path<String>,
    query: web::Query<ArtifactsQuery>,
) -> Result<HttpResponse, Problem> {
    let (service, run) = (edge.service()?, run_id(&path)?);
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Problem::bad_request("invalid_limit", format!("limit must be 1 to {MAX_LIMIT}, not {limit}")));
    }
    let after = query.cursor.as_deref().filter(|text| !text.is_empty()).map(artifact_id).transpose();
    let after = after.map_err(|_| Problem::bad_request("invalid_cursor", "cursor must be that of an earlier page"))?;
    let ListedArtifacts { artifacts, more, pin } = service.list(&run, after, limit).await?;
    if artifacts.is_empty() {
        refuse_unknown(service, &run).await?;
    }
    let cursor = artifacts.last().filter(|_| more).map(|kept| kept.artifact.id);
    let listed: Vec<_> = artifacts.iter().map(|kept| json::Artifact::of(kept, service)).collect();
    Ok(HttpResponse::Ok().json(json!({
        "runId": run,
        "artifacts": listed,
        "cursor": cursor,
        "more": more,
        "pin": pin,
        "direct": service.parts().objects.serves_itself(),
        "maxBytes": service.parts().limits().bytes,
    })))
}

/// `GET /api/runs/{runId}/artifacts/{artifactId}`
pub(in crate::http) async fn show(
    edge: web::Data<ArtifactsEdge>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (service, (run, id)) = (edge.service()?, ids(&path)?);
    let kept = service.find(&run, id).await?;
    Ok(HttpResponse::Ok().json(json::Artifact::of(&kept, service)))
}

/// `DELETE /api/runs/{runId}/artifacts/{artifactId}`
pub(in crate::http) async fn delete(
    edge: web::Data<ArtifactsEdge>,
    audit: Auditor,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (service, (run, id)) = (edge.service()?, ids(&path)?);
    service.delete(&run, id).await?;
    audit.did(AuditAction::ArtifactDeleted).run(Some(&run)).item(&id.to_string()).write();
    Ok(HttpResponse::NoContent().finish())
}

/// The body of a pin.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PinRequest {
    reason: String,
    until: Option<String>,
}

/// `PUT /api/runs/{runId}/pin`
pub(in crate::http) async fn pin(
    edge: web::Data<ArtifactsEdge>,
    audit: Auditor,
    bodies: web::Data<Bodies>,
    request: HttpRequest,
    path: web::Path<String>,
    mut payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let (service, run) = (edge.service()?, run_id(&path)?);
    let PinRequest { reason, until } = description(&bodies, &request, &mut payload).await?;
    if !(1..=MAX_REASON).contains(&reason.chars().count()) || reason.chars().any(char::is_control) {
        let detail = format!("reason must have 1 to {MAX_REASON} characters, and no control characters");
        return Err(Problem::bad_request("invalid_reason", detail));
    }
    let until = until.as_deref().map(|text| {
        let time = Timestamp::parse(text).filter(|until| *until > service.parts().clock.expected());
        let detail = || format!("until {text:?} must be a time to come, like 2027-01-31T12:00:00Z");
        time.ok_or_else(|| Problem::bad_request("invalid_until", detail()))
    });
    let pin = service.pin(&run, &reason, until.transpose()?).await?;
    audit.did(AuditAction::RunPinned).run(Some(&run)).write();
    Ok(HttpResponse::Ok().json(json!({"runId": run, "pin": pin})))
}

/// `DELETE /api/runs/{runId}/pin`
pub(in crate::http) async fn unpin(
    edge: web::Data<ArtifactsEdge>,
    audit: Auditor,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let (service, run) = (edge.service()?, run_id(&path)?);
    service.unpin(&run).await?;
    audit.did(AuditAction::RunUnpinned).run(Some(&run)).write();
    Ok(HttpResponse::NoContent().finish())
}
