//! Steering by HTTP: commands of viewers and agents, and what workers ask and say about them.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};
use bytes::Bytes;

use super::super::body::read::{self, Limit};
use super::super::edge::Bodies;
use super::super::media_type::content_type;
use super::super::problem::Problem;
use crate::protocol::{After, Cursor, ProducerId};
use crate::steering::{MAX_COMMAND_BYTES, SteeringError};

mod claim;
mod older;
mod poll;
mod post;
mod worker;

pub(in crate::http) use claim::claim;
pub(in crate::http) use older::{override_step, pause, resume, update_instructions};
pub(in crate::http) use poll::poll;
pub(in crate::http) use post::post;
pub(super) use worker::{Given, Learned};
pub(in crate::http) use worker::{alive, finish};

impl From<SteeringError> for Problem {
    fn from(error: SteeringError) -> Self {
        let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::CONFLICT);
        let SteeringError { code, detail, retry_after_secs, members } = error;
        let problem =
            members.into_iter().fold(Self::new(status, code, detail), |all, (name, value)| all.with(&name, value));
        match retry_after_secs {
            Some(secs) => problem.retry_after(secs),
            None => problem,
        }
    }
}

/// Reads a body of JSON that is no longer than a command.
async fn json(bodies: &Bodies, request: &HttpRequest, payload: &mut web::Payload) -> Result<Bytes, Problem> {
    match content_type(request).as_deref() {
        Some("application/json") => body(bodies, request, payload).await,
        other => {
            let detail = format!("Content-Type must be application/json, not {:?}", other.unwrap_or("none"));
            Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_content_type", detail))
        }
    }
}

/// Reads a body of any type, which may be empty.
async fn body(bodies: &Bodies, request: &HttpRequest, payload: &mut web::Payload) -> Result<Bytes, Problem> {
    let limit = Limit { bytes: MAX_COMMAND_BYTES, code: "command_too_large" };
    Ok(read::take(request, payload, limit, &bodies.bounds()).await?.body)
}

/// The producer that a request names, if it does.
pub(super) fn producer(request: &HttpRequest) -> Result<Option<ProducerId>, Problem> {
    let Some(value) = request.headers().get("runcast-producer") else { return Ok(None) };
    let id = ProducerId::parse(value.to_str().unwrap_or_default());
    id.map(Some).map_err(|error| Problem::bad_request("invalid_producer", format!("Runcast-Producer {error}")))
}

/// The producer that a request must name.
fn named_producer(request: &HttpRequest) -> Result<ProducerId, Problem> {
    let missing = || Problem::bad_request("invalid_producer", "Runcast-Producer is missing");
    producer(request)?.ok_or_else(missing)
}

/// A cursor, `epoch:seq` or `seq`; of an empty text there is none.
fn cursor(name: &str, text: Option<&str>) -> Result<Option<Cursor>, Problem> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    match After::parse(text) {
        Ok(After::Cursor(cursor)) => Ok(Some(cursor)),
        _ => Err(Problem::bad_request("invalid_after", format!("{name} {text:?} must be a cursor, epoch:seq"))),
    }
}
