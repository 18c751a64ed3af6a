//! Artifacts over HTTP: listing them, showing one, deleting one, and keeping those of a run.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::super::body::read::{self, Limit};
use super::super::edge::{ArtifactsEdge, Bodies};
use super::super::host;
use super::super::problem::{Problem, saturated_with};
use super::events::run_id;
use crate::artifacts::{ArtifactError, ArtifactService, ListedArtifacts};
use crate::protocol::json_text::{readable, without_bom};
use crate::protocol::{ArtifactId, ArtifactState, RunId, Timestamp};
use crate::storage::objects::ObjectsError;

mod content;
mod direct;
mod download;
mod headers;
mod json;
mod upload;

pub(in crate::http) use content::{get as content, put as put_content};
pub(in crate::http) use direct::{complete, create};
pub(in crate::http) use download::download;
pub(in crate::http) use upload::upload;

/// Artifacts of a page without `limit`.
const DEFAULT_LIMIT: usize = 100;
/// Most artifacts of a page.
const MAX_LIMIT: usize = 1_000;
/// Most bytes of a request that describes something.
pub(in crate::http) const MAX_DESCRIPTION: usize = 16 * 1024;
/// Longest reason of a pin, in characters.
const MAX_REASON: usize = 1_000;

impl From<ArtifactError> for Problem {
    fn from(error: ArtifactError) -> Self {
        let detail = error.to_string();
        match error {
            ArtifactError::RunGone => Self::new(StatusCode::GONE, "run_gone", detail),
            ArtifactError::Runs(_) => Self::unavailable("journal_unavailable", detail),
            ArtifactError::Catalog(_) => Self::unavailable("catalog_unavailable", detail),
            ArtifactError::Objects(ObjectsError::Full(_)) | ArtifactError::Spool(_) => {
                Self::unavailable("storage_full", detail).retry_after(10)
            }
            ArtifactError::Objects(ObjectsError::TooLarge(_))
            | ArtifactError::TooLarge(_)
            | ArtifactError::MoreThanAnnounced(_) => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "artifact_too_large", detail)
            }
            ArtifactError::Objects(_) => Self::unavailable("storage_unavailable", detail).retry_after(5),
            ArtifactError::Saturated(_) | ArtifactError::Busy(_) | ArtifactError::Changing => saturated_with(detail),
            ArtifactError::TooMany(_) => Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_artifacts", detail),
            ArtifactError::Mismatch(_) => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "upload_mismatch", detail),
            ArtifactError::Reused(_) => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_mismatch", detail),
            ArtifactError::Missing => Self::new(StatusCode::CONFLICT, "not_uploaded", detail),
            ArtifactError::Unknown(_) => Self::new(StatusCode::NOT_FOUND, "artifact_unknown", detail),
            ArtifactError::NotReady(ArtifactState::Failed, why) => {
                let detail = format!("the upload failed: {}", why.unwrap_or_default());
                Self::new(StatusCode::CONFLICT, "artifact_failed", detail)
            }
            ArtifactError::NotReady(ArtifactState::Ready, _) => {
                Self::new(StatusCode::CONFLICT, "artifact_ready", "the artifact is whole: what it is can't be changed")
            }
            ArtifactError::NotReady(_, why) => {
                let detail = why.map_or(detail.clone(), |why| format!("{detail}: {why}"));
                Self::new(StatusCode::CONFLICT, "artifact_pending", detail).retry_after(1)
            }
            ArtifactError::Gone => Self::new(StatusCode::GONE, "artifact_gone", detail),
            ArtifactError::Interrupted => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", detail),
        }
    }
}

impl ArtifactsEdge {
    /// What keeps artifacts, if the node keeps any.
    pub(in crate::http) fn service(&self) -> Result<&ArtifactService, Problem> {
        self.service.as_ref().ok_or_else(|| {
            let detail = "this server keeps no artifacts: objects.url names no store";
            Problem::new(StatusCode::NOT_IMPLEMENTED, "artifacts_off", detail)
        })
    }

    /// A URL with the host by which we are reached, if it has none.
    fn absolute(&self, request: &HttpRequest, url: String) -> String {
        if !url.starts_with('/') {
            return url;
        }
        match self.public_url.as_str() {
            "" => {
                // As it was read, and not as it came: nothing else can be hidden in it.
                let host = host::of(request.uri(), request.headers()).ok().flatten().map(|host| host.to_string());
                format!("http://{}{url}", host.as_deref().unwrap_or("localhost"))
            }
            public => format!("{public}{url}"),
        }
    }
}

fn artifact_id(text: &str) -> Result<ArtifactId, Problem> {
    let detail = || format!("artifactId {text:?} must be as the server gave it");
    ArtifactId::parse(text).ok_or_else(|| Problem::bad_request("invalid_artifact_id", detail()))
}

fn ids(path: &(String, String)) -> Result<(RunId, ArtifactId), Problem> {
    Ok((run_id(&path.0)?, artifact_id(&path.1)?))
}

/// A body of JSON.
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
    let intake = read::take(request, payload, limit, &bodies.intakes()).await?;
    let json = readable(without_bom(&intake.body));
    serde_json::from_slice(&json).map_err(|error| Problem::bad_request("invalid_body", error.to_string()))
}

/// Query of the list.
#[derive(Deserialize)]
pub(in crate::http) struct ArtifactsQuery {
    limit: Option<usize>,
    cursor: Option<String>,
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
    let cursor = artifacts.last().filter(|_| more).map(|kept| kept.artifact.id);
    let listed: Vec<_> = artifacts.iter().map(|kept| json::Artifact::of(kept, service)).collect();
    Ok(HttpResponse::Ok().json(json!({
        "runId": run,
        "artifacts": listed,
        "cursor": cursor,
        "more": more,
        "pin": pin,
        "direct": service.parts().objects.serves_itself(),
        "maxBytes": service.parts().limits.bytes,
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
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (service, (run, id)) = (edge.service()?, ids(&path)?);
    service.delete(&run, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// What a pin is made of.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PinRequest {
    reason: String,
    until: Option<String>,
}

/// `PUT /api/runs/{runId}/pin`
pub(in crate::http) async fn pin(
    edge: web::Data<ArtifactsEdge>,
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
    Ok(HttpResponse::Ok().json(json!({"runId": run, "pin": pin})))
}

/// `DELETE /api/runs/{runId}/pin`
pub(in crate::http) async fn unpin(
    edge: web::Data<ArtifactsEdge>,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let (service, run) = (edge.service()?, run_id(&path)?);
    service.unpin(&run).await?;
    Ok(HttpResponse::NoContent().finish())
}
