//! `PUT /api/runs/{runId}/artifacts/{name}`: an upload through the server.

use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;

use super::super::super::body::read::BodyReader;
use super::super::super::edge::{ArtifactsEdge, Bodies};
use super::super::super::problem::Problem;
use super::super::events::run_id;
use super::headers;
use super::json::Artifact;
use crate::artifacts::{Completed, UploadBody};

/// Answers 201 with a new artifact, or 200 with the one that this upload repeats.
pub(in crate::http) async fn upload(
    edge: web::Data<ArtifactsEdge>,
    bodies: web::Data<Bodies>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    mut payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let service = edge.service()?;
    let (run, name) = (run_id(&path.0)?, headers::name_in_path(&request)?);
    // What is wrong is said before anything is read.
    let new = headers::described(&request, run, name)?;
    let permit = bodies.admit_upload(service).await?;
    let Completed { kept, is_new } = service.upload(permit, new, bodies.upload(&mut payload)).await?;
    let mut response = if is_new { HttpResponse::Created() } else { HttpResponse::Ok() };
    Ok(response.json(Artifact::of(&kept, service)))
}

impl UploadBody for BodyReader<'_> {
    type Error = Problem;

    async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        BodyReader::next(self).await
    }
}
