//! Live traces: taking in their parts, and listing them. What viewers read of them is in [`files`].

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Map, Value, json};

use super::super::body::read::{self, Limit};
use super::super::edge::{ArtifactsEdge, Bodies};
use super::super::media_type::content_type;
use super::super::problem::Problem;
use super::artifacts::refuse_unknown;
use super::events::run_id;
use crate::artifacts::{ArtifactService, ListedTrace, LiveTrace, LiveTraceError};
use crate::protocol::live_trace::batch::{self, MAX_BATCH_BYTES, PARTS_TYPE};
use crate::protocol::live_trace::viewer as socket;
use crate::protocol::{RunId, TraceId};

mod files;

pub(in crate::http) use files::{directory, entry, viewer};

/// Checks the id of a trace.
pub(in crate::http) fn trace_id(text: &str) -> Result<TraceId, Problem> {
    TraceId::parse(text).map_err(|error| Problem::bad_request("invalid_trace_id", format!("traceId {error}")))
}

fn ids(path: &(String, String)) -> Result<(RunId, TraceId), Problem> {
    Ok((run_id(&path.0)?, trace_id(&path.1)?))
}

impl From<LiveTraceError> for Problem {
    fn from(error: LiveTraceError) -> Self {
        let detail = error.to_string();
        match error {
            LiveTraceError::Artifact(error) => error.into(),
            LiveTraceError::TooOften(_) => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "live_trace_throttled", detail).retry_after(1)
            }
            LiveTraceError::Gap(expected) => {
                let expected = expected.into_iter().map(|(entry, end)| (entry.to_string(), Value::from(end)));
                let expected: Map<_, _> = expected.collect();
                Self::new(StatusCode::CONFLICT, "live_trace_gap", detail).with("expected", expected)
            }
            LiveTraceError::Full(_) => Self::new(StatusCode::PAYLOAD_TOO_LARGE, "live_trace_full", detail),
            LiveTraceError::Changed { entry, offset } => {
                let problem = Self::new(StatusCode::CONFLICT, "live_trace_changed", detail);
                problem.with("entry", entry.as_str()).with("offset", offset)
            }
            LiveTraceError::Unknown(_) => Self::new(StatusCode::NOT_FOUND, "live_trace_unknown", detail),
            LiveTraceError::NoEntry => Self::new(StatusCode::NOT_FOUND, "not_found", detail),
        }
    }
}

/// A live trace as JSON.
fn described(run: &RunId, trace: &LiveTrace, artifacts: &ArtifactService) -> Value {
    let entries: Map<_, _> = trace.entries.iter().map(|(name, end)| (name.to_string(), Value::from(*end))).collect();
    json!({
        "runId": run,
        "traceId": trace.id,
        "bytes": trace.bytes,
        "maxBytes": artifacts.parts().live.limits().bytes,
        "full": trace.full,
        "entries": entries,
        "viewerUrl": viewer_url(run, &trace.id),
    })
}

/// The path of the viewer that follows a live trace.
fn viewer_url(run: &RunId, trace: &TraceId) -> String {
    format!("{}/v/?isServer", socket::path(run, trace))
}

/// `POST /api/runs/{runId}/live-traces/{traceId}`: a batch of parts.
pub(in crate::http) async fn post(
    edge: web::Data<ArtifactsEdge>,
    bodies: web::Data<Bodies>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    mut payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let (service, (run, trace)) = (edge.service()?, ids(&path)?);
    let found = content_type(&request);
    if found.as_deref() != Some(PARTS_TYPE) {
        let detail = format!("Content-Type must be {PARTS_TYPE}, not {:?}", found.as_deref().unwrap_or("none"));
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_content_type", detail));
    }
    service.count_live_post(&run, &trace)?;
    let permit = bodies.admit_upload(service).await?;
    let limit = Limit { bytes: MAX_BATCH_BYTES, code: "batch_too_large" };
    let body = read::take(&request, &mut payload, limit, &bodies.bounds()).await?;
    let parts = batch::parts(&body.body).map_err(|error| {
        let problem = Problem::bad_request("invalid_parts", error.to_string()).with("index", error.index);
        match error.entry {
            Some(entry) => problem.with("entry", entry.as_str()),
            None => problem,
        }
    })?;
    let stored = service.take_live_parts(permit, &run, &trace, &parts).await?;
    let mut answer = described(&run, &stored, service);
    if let Some(Value::Object(entries)) = answer.get_mut("entries") {
        entries.retain(|name, _| parts.iter().any(|part| part.entry.as_str() == name));
    }
    Ok(HttpResponse::Accepted().json(answer))
}

/// `GET /api/runs/{runId}/live-traces/{traceId}`: how far a live trace has come.
pub(in crate::http) async fn show(
    edge: web::Data<ArtifactsEdge>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (service, (run, trace)) = (edge.service()?, ids(&path)?);
    let found = service.live_trace(&run, &trace, std::time::Duration::ZERO).await?;
    Ok(HttpResponse::Ok().json(described(&run, &found, service)))
}

/// `GET /api/runs/{runId}/live-traces`: the live traces of a run.
pub(in crate::http) async fn list(
    edge: web::Data<ArtifactsEdge>,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let (service, run) = (edge.service()?, run_id(&path)?);
    let (traces, more) = service.live_traces(&run).await?;
    if traces.is_empty() {
        refuse_unknown(service, &run).await?;
    }
    let listed: Vec<_> = traces
        .iter()
        .map(|ListedTrace { id, bytes, updated_at, full }| {
            json!({
                "traceId": id,
                "bytes": bytes,
                "updatedAt": updated_at,
                "full": full,
                "viewerUrl": viewer_url(&run, id),
            })
        })
        .collect();
    let most = service.parts().live.limits().bytes;
    Ok(HttpResponse::Ok().json(json!({"runId": run, "liveTraces": listed, "more": more, "maxBytes": most})))
}
