//! The runs: their list, and the folded state of one.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};

use super::Edge;
use super::error::Problem;
use super::events::run_id;
use crate::protocol::state::RunStatus;
use crate::protocol::{RunId, Seq, Timestamp};
use crate::storage::catalog::{RunFilter, RunRow};
use crate::storage::journal::RunPhase;

/// Rows of a page without `limit`.
const DEFAULT_LIMIT: usize = 50;
/// Most rows of a page.
const MAX_LIMIT: usize = 500;

/// Query of the list.
#[derive(Deserialize)]
pub(super) struct ListQuery {
    status: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    run_id: RunId,
    status: Option<RunStatus>,
    events: Seq,
    created_at: Timestamp,
    last_event_at: Timestamp,
}

/// `GET /api/runs`
pub(super) async fn list(edge: web::Data<Edge>, query: web::Query<ListQuery>) -> Result<HttpResponse, Problem> {
    let status = match query.status.as_deref() {
        None | Some("") => None,
        Some(text) => Some(RunStatus::parse(text).ok_or_else(|| {
            Problem::bad_request("invalid_status", format!("status {text:?} is not one of run_status"))
        })?),
    };
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Problem::bad_request("invalid_limit", format!("limit must be 1 to {MAX_LIMIT}, not {limit}")));
    }
    let after = query.cursor.as_deref().filter(|text| !text.is_empty()).map(parse_cursor).transpose()?;
    let filter = RunFilter { status, limit: limit + 1, after };
    let mut rows =
        edge.catalog.list(&filter).await.map_err(|e| Problem::unavailable("catalog_unavailable", e.to_string()))?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let cursor = rows.last().filter(|_| more).map(|row| format!("{}:{}", row.last_at.as_millis(), row.run));
    let runs: Vec<Listed> = rows.into_iter().map(listed).collect();
    Ok(HttpResponse::Ok().json(serde_json::json!({"runs": runs, "cursor": cursor, "more": more})))
}

fn listed(row: RunRow) -> Listed {
    Listed {
        run_id: row.run,
        status: row.status,
        events: row.tip,
        created_at: row.created_at,
        last_event_at: row.last_at,
    }
}

fn parse_cursor(text: &str) -> Result<(Timestamp, RunId), Problem> {
    let parsed = text
        .split_once(':')
        .and_then(|(millis, run)| Some((Timestamp::from_millis(millis.parse().ok()?), RunId::parse(run).ok()?)));
    parsed.ok_or_else(|| Problem::bad_request("invalid_cursor", "cursor is not one that a list gave"))
}

/// `GET /api/runs/{runId}`
pub(super) async fn show(edge: web::Data<Edge>, path: web::Path<String>) -> Result<HttpResponse, Problem> {
    let run = run_id(&path)?;
    let folded = edge.finder.fold(&run).await?;
    if folded.phase == RunPhase::Gone {
        return Err(Problem::new(StatusCode::GONE, "run_gone", format!("run {run} has expired")));
    }
    if folded.cursor.seq == 0 {
        return Err(Problem::new(StatusCode::NOT_FOUND, "run_not_found", format!("run {run} has no event yet")));
    }
    let mut body = serde_json::to_value(&*folded.state)
        .map_err(|error| Problem::unavailable("state_unavailable", error.to_string()))?;
    if let serde_json::Value::Object(members) = &mut body {
        members.insert("cursor".to_owned(), folded.cursor.to_string().into());
        members.insert("epoch".to_owned(), folded.cursor.epoch.map(|epoch| epoch.to_string()).into());
        let viewers = edge.viewers_of(&*edge.finder.find(&run).await?);
        members.insert("viewers".to_owned(), viewers.into());
    }
    Ok(HttpResponse::Ok().json(body))
}
