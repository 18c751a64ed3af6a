//! Posts of events.

use std::sync::Arc;
use std::time::Instant;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use super::super::super::body::read::{self, Limit, ReadBody};
use super::super::super::edge::{Bodies, IngestEdge, ViewersEdge};
use super::super::super::limits::RequestLimits;
use super::super::super::media_type::{content_type, nd_json};
use super::super::super::problem::Problem;
use super::super::super::rooms::Rooms;
use super::super::commands::{Given, Learned};
use super::super::hints::Addressee;
use super::run_id;
use crate::actors::messages::room::{Numbered, Publish};
use crate::protocol::event::{BodyKind, parse_body};
use crate::protocol::{Cursor, Epoch, Hints, ProducerId, RunId, Seq, Timestamp};
use crate::steering::Steering;
use crate::storage::journal::OnGap;

fn body_kind(request: &HttpRequest) -> Result<BodyKind, Problem> {
    match content_type(request).as_deref() {
        Some("application/json") => Ok(BodyKind::Json),
        Some(other) if nd_json(other).is_some() => Ok(BodyKind::NdJson),
        other => {
            let found = other.unwrap_or("none");
            let detail = format!("Content-Type must be application/json or application/x-ndjson, not {found:?}");
            Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_content_type", detail))
        }
    }
}

/// Parses `Runcast-Producer`, `Runcast-Producer-Seq` and `Runcast-Producer-Gap`; the first two go together.
fn numbering(request: &HttpRequest) -> Result<Option<Numbered>, Problem> {
    let get = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap_or_default());
    let invalid = |detail: String| Problem::bad_request("invalid_producer", detail);
    let gap = get("runcast-producer-gap");
    let (producer, n) = match (get("runcast-producer"), get("runcast-producer-seq")) {
        (None, None) if gap.is_none() => return Ok(None),
        (Some(producer), Some(n)) => (producer, n),
        _ => return Err(invalid("Runcast-Producer and Runcast-Producer-Seq go together".to_owned())),
    };
    let producer = ProducerId::parse(producer).map_err(|error| invalid(format!("Runcast-Producer {error}")))?;
    let n = n.parse().ok().filter(|n| *n >= 1);
    let n = n.ok_or_else(|| invalid("Runcast-Producer-Seq must be a whole number from 1 on".to_owned()))?;
    let on_gap = match gap {
        None => OnGap::Refuse,
        Some("accept") => OnGap::Announce,
        Some(other) => return Err(invalid(format!("Runcast-Producer-Gap must be accept, not {other:?}"))),
    };
    Ok(Some(Numbered { producer, n, on_gap }))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Accepted<'a> {
    run_id: &'a RunId,
    epoch: Epoch,
    first_seq: Option<Seq>,
    last_seq: Option<Seq>,
    stored: u64,
    duplicates: u64,
    producer_seq: Option<u64>,
    cursor: Cursor,
    viewers: Option<u64>,
    hints: Arc<Hints>,
    #[serde(flatten)]
    learned: Learned,
}

/// `POST /api/runs/{runId}/events`
pub(in crate::http) async fn post(
    (edge, bodies, limits): (web::Data<IngestEdge>, web::Data<Bodies>, web::Data<RequestLimits>),
    (rooms, viewers, steering): (web::Data<Rooms>, web::Data<ViewersEdge>, web::Data<Steering>),
    request: HttpRequest,
    path: web::Path<String>,
    mut payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let arrived = Instant::now();
    let run = run_id(&path)?;
    let kind = body_kind(&request)?;
    let numbered = numbering(&request)?;
    let mut given = Given::of(&request, numbered.as_ref().map(|numbered| numbered.producer.clone()))?;
    let bounds = edge.limits.borrow().events;
    let limit = Limit { bytes: bounds.max_batch_bytes, code: "batch_too_large" };
    let ReadBody { body, mut held } = read::take(&request, &mut payload, limit, &bodies.bounds()).await?;
    let batch = parse_body(kind, body, &run, &bounds, Timestamp::now())?;
    limits.events(&limits.key(&request), batch.lines.len())?;
    given.read(&batch);
    // The lines are a slice of the body, or a copy that is slightly longer.
    held.cover(batch.lines.bytes().len() + size_of::<u32>() * batch.lines.len());
    metrics::counter!("runcast_events_received_total").increment(batch.lines.len() as u64);
    let held = Arc::new(held);
    let publish = |reply| Publish::from_producer(batch.clone(), numbered.clone(), arrived, held.clone(), reply);
    let (published, room) = rooms.publish(&run, publish).await?;
    let learned = given.learn(&steering, &run, &published).await;
    let appended = published.appended;
    let producer = numbered.as_ref().map(|numbered| &numbered.producer);
    let addressee = match learned.variant() {
        Some(variant) => Addressee::of(&request).counted_as(variant, producer, &room),
        None => Addressee::of(&request).looked_up(producer, &room, &steering).await,
    };
    let audience = viewers.audience(&room);
    Ok(HttpResponse::Accepted().json(Accepted {
        run_id: &run,
        epoch: appended.epoch,
        first_seq: appended.seqs.map(|(first, _)| first),
        last_seq: appended.seqs.map(|(_, last)| last),
        stored: appended.stored,
        duplicates: appended.duplicates,
        producer_seq: numbered.is_some().then_some(appended.producer_high),
        cursor: published.cursor,
        viewers: audience.viewers,
        hints: audience.hints(&addressee),
        learned,
    }))
}
