//! `PUT /api/runs/{runId}/artifacts/{name}`: an upload through the server.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use tracing::error;

use super::super::super::Edge;
use super::super::super::body::read::BodyReader;
use super::super::super::problem::Problem;
use super::super::events::run_id;
use super::headers::{self, Described};
use super::{event, json};
use crate::actors::messages::compression::Compress;
use crate::artifacts::{ArtifactError, ArtifactService, Completed, NewArtifact, Received, Repeat, Upload};
use crate::protocol::RunId;
use crate::storage::journal::RunPhase;
use crate::tasks;

/// See the module.
pub(in crate::http) async fn upload(
    edge: web::Data<Edge>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    mut payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let artifacts = edge.artifacts()?.clone();
    let (run, name) = (run_id(&path.0)?, headers::name_in_path(&request)?);
    // What is wrong is said before anything is read.
    let Described { size, sha256, idempotency_key, .. } = Described::read(&request, &name, b"")?;
    let place = edge.upload_place(&artifacts).await?;
    refuse_if_gone(&edge, &run).await?;
    let mut body = edge.upload(&mut payload);
    let repeat = Repeat { run: &run, name: &name, size, sha256, key: idempotency_key.as_deref() };
    if let Some(kept) = artifacts.repeated(repeat, false).await? {
        drain(&mut body, artifacts.parts().limits.bytes).await?;
        return Ok(HttpResponse::Ok().json(json::Artifact::of(&kept, &edge, &artifacts)));
    }
    let first = body.next().await?.unwrap_or_default();
    let Described { content_type, kind, test, .. } = Described::read(&request, &name, &first)?;
    let new = NewArtifact { run, name, kind, content_type, test, size, sha256, idempotency_key };
    let mut upload = artifacts.receive(new).await?;
    if let Err(problem) = fill(&mut upload, first, &mut body).await {
        upload.fail(&problem.to_string()).await;
        return Err(problem);
    }
    drop(body);
    let arrived = upload.finish().await?;
    // From here on it does not depend on whether the client waits for the answer.
    let storing = tasks::spawn_local("artifact_store", async move {
        let stored = store(&edge, &artifacts, arrived).await;
        drop(place);
        stored
    });
    storing.await.unwrap_or_else(|failed| Err(panicked(&failed)))
}

/// The answer when the work behind it panicked.
pub(super) fn panicked(failed: &dyn std::fmt::Display) -> Problem {
    error!(%failed, "work on an artifact panicked");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", "the server failed; the artifact is not ready")
}

/// A run that has expired takes nothing any more.
pub(super) async fn refuse_if_gone(edge: &Edge, run: &RunId) -> Result<(), Problem> {
    let head = edge.journal.head(run).await;
    let head = head.map_err(|error| Problem::unavailable("journal_unavailable", error.to_string()))?;
    match head.phase {
        RunPhase::Gone => Err(Problem::new(StatusCode::GONE, "run_gone", "the run has expired")),
        RunPhase::Live | RunPhase::Sealed => Ok(()),
    }
}

async fn fill(upload: &mut Upload, first: Bytes, body: &mut BodyReader<'_>) -> Result<(), Problem> {
    upload.write(&first).await?;
    while let Some(bytes) = body.next().await? {
        upload.write(&bytes).await?;
    }
    Ok(())
}

/// Reads what nobody needs: most clients read the answer only once they have sent everything.
async fn drain(body: &mut BodyReader<'_>, most: u64) -> Result<(), Problem> {
    let mut size = 0;
    while let Some(bytes) = body.next().await? {
        size += bytes.len() as u64;
        if size > most {
            return Err(ArtifactError::TooLarge(most).into());
        }
    }
    Ok(())
}

async fn store(edge: &Edge, artifacts: &ArtifactService, arrived: Received) -> Result<HttpResponse, Problem> {
    let smaller = match arrived.spooled() {
        Some(file) => {
            let source = file.path().to_owned();
            let ask = Compress { source, content_type: arrived.row.content_type.clone() };
            // Refused, or gone before it answered: it is stored as it came.
            edge.compress.ask(ask).await.unwrap_or_else(|refused| {
                metrics::counter!("runcast_compressions_total", "outcome" => "refused").increment(1);
                tracing::info!(%refused, "an artifact is stored as it came");
                None
            })
        }
        None => None,
    };
    let Completed { kept, is_new } = artifacts.store(arrived, smaller).await?;
    let artifact = json::Artifact::of(&kept, edge, artifacts);
    if !is_new {
        return Ok(HttpResponse::Ok().json(artifact));
    }
    event::tell(edge, &kept.artifact).await;
    Ok(HttpResponse::Created().json(artifact))
}
