//! Uploads that do not pass the server: `POST /api/runs/{runId}/artifacts`, and `POST .../{artifactId}/complete`.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::super::Edge;
use super::super::super::problem::Problem;
use super::super::events::run_id;
use super::json::Artifact;
use super::upload::{panicked, refuse_if_gone};
use super::{content, description, event, headers, ids};
use crate::artifacts::{ArtifactError, ArtifactService, Completed, NewArtifact, Repeat};
use crate::protocol::{ArtifactKind, ArtifactState, Sha256, Timestamp};
use crate::storage::catalog::artifacts::{ArtifactRow, KeptArtifact};
use crate::tasks;

/// What is announced.
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

/// Where and how it is to be put.
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
    edge: web::Data<Edge>,
    request: HttpRequest,
    path: web::Path<String>,
    mut payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let (artifacts, run) = (edge.artifacts()?, run_id(&path)?);
    let announced: AnnouncedUpload = description(&edge, &request, &mut payload).await?;
    let name = headers::name(&announced.name)?;
    let content_type =
        announced.content_type.as_deref().map_or_else(|| Ok(headers::content_type_of(&name)), headers::content_type)?;
    let kind = match announced.kind.as_deref() {
        Some(text) => headers::kind(text)?,
        None => ArtifactKind::guess(name.as_str(), &content_type),
    };
    let digest = |text: &str| {
        let form = || Problem::bad_request("invalid_digest", "sha256 must be 64 hexadecimal digits");
        Sha256::parse_hex(text).ok_or_else(form)
    };
    let sha256 = announced.sha256.as_deref().map(digest).transpose()?;
    let test = announced.test.as_deref().map(headers::test).transpose()?;
    let idempotency_key = headers::idempotency_key(&request)?;
    refuse_if_gone(&edge, &run).await?;
    let size = Some(announced.size);
    let repeat = Repeat { run: &run, name: &name, size, sha256, key: idempotency_key.as_deref() };
    let (mut response, kept) = match artifacts.repeated(repeat, true).await? {
        Some(kept) => (HttpResponse::Ok(), kept),
        None => {
            let new = NewArtifact { run, name, kind, content_type, test, size, sha256, idempotency_key };
            (HttpResponse::Created(), KeptArtifact { artifact: artifacts.expect(new).await?, pin: None })
        }
    };
    // Of one that is there nothing is to be sent.
    let upload = match kept.artifact.state {
        ArtifactState::Ready => None,
        _ => Some(upload_to(&edge, &request, artifacts, &kept.artifact).await?),
    };
    let artifact = Artifact::of(&kept, &edge, artifacts);
    Ok(response.json(json!({"artifact": artifact, "upload": upload})))
}

async fn upload_to(
    edge: &Edge,
    request: &HttpRequest,
    artifacts: &ArtifactService,
    row: &ArtifactRow,
) -> Result<UploadTo, Problem> {
    let ttl_ms = artifacts.upload_ttl_ms();
    let objects = &artifacts.parts().objects;
    if !objects.serves_itself() {
        let (url, expires_at) = content::put_url(edge, request, artifacts, row, ttl_ms);
        return Ok(UploadTo { method: "PUT", url, headers: serde_json::Map::new(), expires_at });
    }
    let ttl = Duration::from_millis(ttl_ms.unsigned_abs());
    let signed = objects.sign_put(&row.key, &artifacts.meta_of_upload(row), ttl).await.map_err(ArtifactError::from)?;
    let headers = signed.headers.into_iter().map(|(name, value)| (name, value.into())).collect();
    Ok(UploadTo { method: signed.method, url: signed.url.into(), headers, expires_at: signed.expires_at })
}

/// `POST /api/runs/{runId}/artifacts/{artifactId}/complete`
pub(in crate::http) async fn complete(
    edge: web::Data<Edge>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (artifacts, (run, id)) = (edge.artifacts()?.clone(), ids(&path)?);
    // It holds a lease, and goes on when the client does not wait for the answer.
    let completing = tasks::spawn_local("artifact_store", async move {
        let Completed { kept, is_new } = artifacts.complete(&run, id).await?;
        if is_new {
            event::tell(&edge, &kept.artifact).await;
        }
        Ok(HttpResponse::Ok().json(Artifact::of(&kept, &edge, &artifacts)))
    });
    completing.await.unwrap_or_else(|failed| Err(panicked(&failed)))
}
