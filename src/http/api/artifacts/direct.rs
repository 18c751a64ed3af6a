//! Uploads that do not pass the server: `POST /api/runs/{runId}/artifacts`, and `POST .../{artifactId}/complete`.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::super::edge::{ArtifactsEdge, Bodies};
use super::super::super::problem::Problem;
use super::super::events::run_id;
use super::json::Artifact;
use super::{description, headers, ids};
use crate::artifacts::{AnnouncedArtifact, Completed, NewArtifact, UploadUrl};
use crate::protocol::{Sha256, Timestamp};

/// The body of an announcement.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AnnouncedUpload {
    name: String,
    content_type: Option<String>,
    kind: Option<String>,
    size: u64,
    sha256: Option<String>,
    test: Option<String>,
}

/// Where and how the bytes are put.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UploadTo {
    method: &'static str,
    url: String,
    headers: serde_json::Map<String, serde_json::Value>,
    expires_at: Timestamp,
}

/// `POST /api/runs/{runId}/artifacts`
pub(in crate::http) async fn create(
    edge: web::Data<ArtifactsEdge>,
    bodies: web::Data<Bodies>,
    request: HttpRequest,
    path: web::Path<String>,
    mut payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let (service, run) = (edge.service()?, run_id(&path)?);
    let announced: AnnouncedUpload = description(&bodies, &request, &mut payload).await?;
    let new = NewArtifact {
        name: headers::name(&announced.name)?,
        content_type: announced.content_type.as_deref().map(headers::content_type).transpose()?,
        kind: announced.kind.as_deref().map(headers::kind).transpose()?,
        size: Some(announced.size),
        sha256: announced.sha256.as_deref().map(digest).transpose()?,
        test: announced.test.as_deref().map(headers::test).transpose()?,
        idempotency_key: headers::idempotency_key(&request)?,
        run,
    };
    let AnnouncedArtifact { kept, is_new, upload } = service.announce_direct(new).await?;
    let upload = upload.map(|UploadUrl { method, url, headers, expires_at }| UploadTo {
        method,
        url: edge.absolute(&request, url),
        headers: headers.into_iter().map(|(name, value)| (name, value.into())).collect(),
        expires_at,
    });
    let mut response = if is_new { HttpResponse::Created() } else { HttpResponse::Ok() };
    Ok(response.json(json!({"artifact": Artifact::of(&kept, service), "upload": upload})))
}

fn digest(text: &str) -> Result<Sha256, Problem> {
    let form = || Problem::bad_request("invalid_digest", "sha256 must be 64 hexadecimal digits");
    Sha256::parse_hex(text).ok_or_else(form)
}

/// `POST /api/runs/{runId}/artifacts/{artifactId}/complete`
pub(in crate::http) async fn complete(
    edge: web::Data<ArtifactsEdge>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (service, (run, id)) = (edge.service()?, ids(&path)?);
    let Completed { kept, .. } = service.complete(&run, id).await?;
    Ok(HttpResponse::Ok().json(Artifact::of(&kept, service)))
}
