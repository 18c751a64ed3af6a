//! Claims of acts.

use std::sync::Arc;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};

use super::super::super::problem::Problem;
use super::super::events::run_id;
use super::named_producer;
use crate::steering::{ClaimKey, Steering};

/// `POST /api/runs/{runId}/commands/{commandId}/claim`
pub(in crate::http) async fn claim(
    steering: web::Data<Steering>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (run, command_id) = path.into_inner();
    let run = run_id(&run)?;
    let producer: Arc<str> = named_producer(&request)?.as_str().into();
    let key = request.headers().get("runcast-claim-key").and_then(|value| value.to_str().ok());
    let key = ClaimKey::parse(key.unwrap_or_default())?;
    let claimed = steering.claim(&run, &command_id, &producer, &key).await?;
    // It may have a secret in it.
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(claimed))
}
