//! Commands of viewers, agents and services.

use actix_web::{HttpRequest, HttpResponse, web};

use super::super::super::edge::Bodies;
use super::super::super::principal::Caller;
use super::super::super::problem::Problem;
use super::super::events::run_id;
use super::json;
use crate::steering::Steering;

/// `POST /api/runs/{runId}/commands`
pub(in crate::http) async fn post(
    (bodies, steering): (web::Data<Bodies>, web::Data<Steering>),
    caller: Caller,
    request: HttpRequest,
    path: web::Path<String>,
    mut payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let run = run_id(&path)?;
    let command = json(&bodies, &request, &mut payload).await?;
    let answer = steering.command(&run, &caller.over_http(), &command).await?;
    Ok(HttpResponse::Accepted().json(answer))
}
