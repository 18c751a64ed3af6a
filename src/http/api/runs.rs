//! The folded state of one run.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::super::edge::{Responses, ViewersEdge};
use super::super::problem::{Problem, responses_saturated};
use super::super::rooms::Rooms;
use super::super::transfer::{ResponseParts, TransferKind, find_room};
use super::earlier_state::{at, state_at};
use super::events::run_id;
use crate::actors::messages::room::Folded;
use crate::budget::Buffer;
use crate::control::ControlView;
use crate::log_index::{EarlierState, LogQueries};
use crate::protocol::{Cursor, Epoch, RunId, StatePart};
use crate::steering::Steering;
use crate::storage::journal::RunPhase;

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
    at: Option<String>,
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
    (rooms, queries): (web::Data<Rooms>, web::Data<LogQueries>),
    responses: web::Data<Responses>,
    (viewers, steering): (web::Data<ViewersEdge>, web::Data<Steering>),
    path: web::Path<String>,
    query: web::Query<StateQuery>,
) -> Result<HttpResponse, Problem> {
    let run = run_id(&path)?;
    let resumable = is_resumable(query.resume.as_deref())?;
    let part = if resumable { StatePart::Resumable } else { StatePart::Overview };
    if let Some(at) = at(query.at.as_deref()) {
        let (text, EarlierState { state, cursor }) = state_at(&queries, &responses, &run, at, &part).await?;
        let control = if resumable { state.control.resumable_view() } else { state.control.view() };
        return joined(&responses, &text, &control, cursor, None);
    }
    let (text, cursor) = state_of(&rooms, &responses, &run, &part).await?;
    let viewers = viewers.viewers_of(&*rooms.find(&run).await?);
    let control = steering.look(&run, resumable).await?;
    joined(&responses, &text, &control, cursor, viewers)
}

/// The state of a run with what belongs to it besides.
fn joined(
    responses: &Responses,
    text: &Arc<Buffer>,
    control: &ControlView,
    cursor: Cursor,
    viewers: Option<u64>,
) -> Result<HttpResponse, Problem> {
    let also = serde_json::to_vec(&StateExtras { control, cursor, epoch: cursor.epoch, viewers })
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
