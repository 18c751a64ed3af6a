//! The list of runs, and the folded state of one run.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::super::edge::{Responses, RunsEdge, ViewersEdge};
use super::super::problem::{Problem, responses_saturated};
use super::super::rooms::Rooms;
use super::super::transfer::{ResponseParts, TransferKind, find_room};
use super::events::run_id;
use crate::actors::messages::room::Folded;
use crate::budget::Buffer;
use crate::control::ControlView;
use crate::protocol::status::RunStatus;
use crate::protocol::{Cursor, Epoch, RunId, Seq, StatePart, Timestamp};
use crate::steering::Steering;
use crate::storage::catalog::{RunFilter, RunRow};
use crate::storage::journal::RunPhase;

/// Default rows of a page.
const DEFAULT_LIMIT: usize = 50;
/// Most rows of a page.
const MAX_LIMIT: usize = 500;

/// Query parameters of the list.
#[derive(Deserialize)]
pub(in crate::http) struct RunsQuery {
    status: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListedRun {
    run_id: RunId,
    status: Option<RunStatus>,
    events: Seq,
    created_at: Timestamp,
    last_event_at: Timestamp,
}

/// `GET /api/runs`
pub(in crate::http) async fn list(
    edge: web::Data<RunsEdge>,
    query: web::Query<RunsQuery>,
) -> Result<HttpResponse, Problem> {
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
    let runs: Vec<ListedRun> = rows.into_iter().map(listed).collect();
    Ok(HttpResponse::Ok().json(serde_json::json!({"runs": runs, "cursor": cursor, "more": more})))
}

fn listed(row: RunRow) -> ListedRun {
    ListedRun {
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

/// Members that the response adds to the run's state.
#[derive(Serialize)]
struct StateExtras<'a> {
    #[serde(flatten)]
    control: &'a ControlView,
    cursor: Cursor,
    epoch: Option<Epoch>,
    viewers: Option<u64>,
}

/// Query parameters of a run's state.
#[derive(Deserialize)]
pub(in crate::http) struct StateQuery {
    resume: Option<String>,
}

/// Whether a viewer wants to fold on by itself: `resume=1`.
///
/// # Errors
/// 400 `invalid_resume` for what is neither 1 nor 0.
pub(super) fn is_resumable(resume: Option<&str>) -> Result<bool, Problem> {
    match resume {
        None | Some("" | "0") => Ok(false),
        Some("1") => Ok(true),
        Some(text) => Err(Problem::bad_request("invalid_resume", format!("resume must be 1 or 0, not {text:?}"))),
    }
}

/// `GET /api/runs/{runId}`
pub(in crate::http) async fn show(
    rooms: web::Data<Rooms>,
    responses: web::Data<Responses>,
    (viewers, steering): (web::Data<ViewersEdge>, web::Data<Steering>),
    path: web::Path<String>,
    query: web::Query<StateQuery>,
) -> Result<HttpResponse, Problem> {
    let run = run_id(&path)?;
    let resumable = is_resumable(query.resume.as_deref())?;
    let part = if resumable { StatePart::Resumable } else { StatePart::Overview };
    let (text, cursor) = state_of(&rooms, &responses, &run, &part).await?;
    let viewers = viewers.viewers_of(&*rooms.find(&run).await?);
    let control = steering.look(&run, resumable).await?;
    let also = serde_json::to_vec(&StateExtras { control: &control, cursor, epoch: cursor.epoch, viewers })
        .map_err(|error| Problem::unavailable("state_unavailable", error.to_string()))?;
    let also = responses.budget.count(also.into()).map_err(|_| responses_saturated())?;
    // The two objects are joined into one without copying the shared text of the state.
    let mut state = text.share();
    if let Some(end) = state.last_mut() {
        end.truncate(end.len() - 1);
    }
    let body: ResponseParts = state.into_iter().chain([Bytes::from_static(b","), also.slice(1..)]).collect();
    Ok(HttpResponse::Ok().content_type("application/json").body(body))
}

/// A part of a run's state, and the cursor up to which it is folded. The slowest reader of a response is preempted when
/// there is no room for it.
///
/// # Errors
/// 404 `run_not_found`, 410 `run_gone`, and what the room refuses.
pub(super) async fn state_of(
    rooms: &Rooms,
    responses: &Responses,
    run: &RunId,
    part: &StatePart,
) -> Result<(Arc<Buffer>, Cursor), Problem> {
    let fold = async || match rooms.fold(run, part).await {
        Ok(Folded { text, cursor, phase }) => text.map(|text| Ok((text, cursor, phase))),
        Err(problem) => Some(Err(problem)),
    };
    let folded = find_room(&responses.transfers, TransferKind::Response, fold).await;
    let (text, cursor, phase) = folded.unwrap_or_else(|| Err(responses_saturated()))?;
    if phase == RunPhase::Gone {
        return Err(Problem::new(StatusCode::GONE, "run_gone", format!("run {run} has expired")));
    }
    if cursor.seq == 0 {
        return Err(Problem::new(StatusCode::NOT_FOUND, "run_not_found", format!("run {run} has no event yet")));
    }
    Ok((text, cursor))
}
