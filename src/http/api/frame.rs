//! Frames of a run's screens.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use super::super::body::read::{self, Limit};
use super::super::edge::{Bodies, IngestEdge, ViewersEdge};
use super::super::media_type::content_type;
use super::super::problem::Problem;
use super::super::rooms::Rooms;
use super::commands::producer;
use super::events::run_id;
use super::hints::Addressee;
use crate::actors::messages::room::{FrameTaken, ShowScreen};
use crate::protocol::message::ScreenFrame;
use crate::protocol::{StreamId, Timestamp};
use crate::steering::Steering;

/// `POST /api/runs/{runId}/frame`: a frame of one of the run's screens.
pub(in crate::http) async fn post(
    (edge, bodies): (web::Data<IngestEdge>, web::Data<Bodies>),
    (rooms, viewers, steering): (web::Data<Rooms>, web::Data<ViewersEdge>, web::Data<Steering>),
    request: HttpRequest,
    path: web::Path<String>,
    mut payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let run = run_id(&path)?;
    let kind = content_type(&request);
    let kind = match kind.as_deref() {
        Some("image/jpeg") => Some("image/jpeg"),
        Some("image/png") => Some("image/png"),
        Some("image/webp") => Some("image/webp"),
        _ => None,
    };
    let kind = kind.ok_or_else(|| {
        let detail = "Content-Type must be image/jpeg, image/png or image/webp";
        Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_content_type", detail)
    })?;
    let get = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let number = |name: &str| match get(name) {
        None => Ok(None),
        Some(text) => text.parse().map(Some).map_err(|_| {
            Problem::bad_request("invalid_header", format!("{name} must be a whole number, not {text:?}"))
        }),
    };
    let stream = match get("Runcast-Stream") {
        None => StreamId::unnamed(),
        Some(name) => StreamId::parse(name)
            .map_err(|error| Problem::bad_request("invalid_header", format!("Runcast-Stream {error}")))?,
    };
    let producer = producer(&request)?;
    let test = get("Runcast-Test").map(str::to_owned);
    if test.as_ref().is_some_and(|test| test.chars().count() > 256) {
        return Err(Problem::bad_request("invalid_header", "Runcast-Test has more than 256 characters"));
    }
    let limit = Limit { bytes: edge.limits.borrow().frame_bytes, code: "frame_too_large" };
    let body = read::take(&request, &mut payload, limit, &bodies.bounds()).await?;
    if body.body.is_empty() {
        return Err(Problem::bad_request("empty_body", "the frame is empty"));
    }
    let at = Timestamp::now();
    let frame = ScreenFrame {
        stream: stream.clone(),
        content_type: kind,
        width: number("Runcast-Width")?,
        height: number("Runcast-Height")?,
        test_id: test,
        timestamp: at,
        image: body.body,
    };
    let frame = frame.to_frame().map_err(|error| Problem::bad_request("invalid_header", error.to_string()))?;
    let (FrameTaken { shown, kept }, room) = rooms.show(&run, ShowScreen { stream, at, frame }).await?;
    let audience = viewers.audience(&room);
    let addressee = Addressee::of(&request).looked_up(producer.as_ref(), &room, &steering).await;
    Ok(HttpResponse::Accepted().json(serde_json::json!({
        "runId": run,
        "shown": shown,
        "kept": kept,
        "viewers": audience.viewers,
        "hints": audience.hints(&addressee),
    })))
}
