//! A run's events over plain HTTP: posts and page reads.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::super::body::read::{self, Intake, Limit};
use super::super::edge::{Bodies, IngestEdge, Responses, ViewersEdge};
use super::super::media_type::{accepted_nd_json, content_type, nd_json};
use super::super::problem::{Problem, responses_saturated};
use super::super::rooms::Rooms;
use super::super::transfer::{ResponseParts, TransferKind, find_room};
use crate::actors::messages::room::{
    Freshness, Numbered, Publish, ReadFrom, RoomPort, ShowScreen, Verdict, WaitForEvents,
};
use crate::budget::{Buffer, Exceeded};
use crate::protocol::cursor::AfterError;
use crate::protocol::event::{BodyKind, parse_body};
use crate::protocol::message::ScreenFrame;
use crate::protocol::segment::Encoding;
use crate::protocol::{After, Cursor, Epoch, ProducerId, RunId, Segment, Seq, Timestamp};
use crate::storage::journal::OnGap;

/// Most events of a page, and the default of `limit`.
const PAGE_EVENTS: usize = 10_000;
/// Bytes after which a page takes no further event. 1 MiB.
const PAGE_BYTES: usize = 1024 * 1024;
/// Longest long poll.
const MAX_WAIT_SECS: u64 = 30;

/// Parses a run id from the path.
pub(in crate::http) fn run_id(text: &str) -> Result<RunId, Problem> {
    RunId::parse(text).map_err(|error| Problem::bad_request("invalid_run_id", format!("runId {error}")))
}

/// Parses the query parameter `after`.
pub(in crate::http) fn after(text: Option<&str>) -> Result<After, Problem> {
    After::parse(text.unwrap_or_default()).map_err(invalid_after)
}

pub(in crate::http) fn invalid_after(error: AfterError) -> Problem {
    Problem::bad_request("invalid_after", error.to_string())
}

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
    commands: [(); 0],
}

/// `POST /api/runs/{runId}/events`
pub(in crate::http) async fn post(
    (edge, bodies): (web::Data<IngestEdge>, web::Data<Bodies>),
    (rooms, viewers): (web::Data<Rooms>, web::Data<ViewersEdge>),
    request: HttpRequest,
    path: web::Path<String>,
    mut payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let arrived = Instant::now();
    let run = run_id(&path)?;
    let kind = body_kind(&request)?;
    let numbered = numbering(&request)?;
    let limits = &edge.limits;
    let limit = Limit { bytes: limits.max_batch_bytes, code: "batch_too_large" };
    let Intake { body, mut held } = read::take(&request, &mut payload, limit, &bodies.intakes()).await?;
    let batch = parse_body(kind, body, &run, limits, Timestamp::now())?;
    // The lines are a slice of the body, or a copy that is slightly longer.
    held.cover(batch.lines.bytes().len() + size_of::<u32>() * batch.lines.len());
    metrics::counter!("runcast_events_received_total").increment(batch.lines.len() as u64);
    let held = Arc::new(held);
    let publish = |reply| Publish::from_producer(batch.clone(), numbered.clone(), arrived, held.clone(), reply);
    let (published, room) = rooms.publish(&run, publish).await?;
    let appended = published.appended;
    Ok(HttpResponse::Accepted().json(Accepted {
        run_id: &run,
        epoch: appended.epoch,
        first_seq: appended.seqs.map(|(first, _)| first),
        last_seq: appended.seqs.map(|(_, last)| last),
        stored: appended.stored,
        duplicates: appended.duplicates,
        producer_seq: numbered.is_some().then_some(appended.producer_high),
        cursor: published.cursor,
        viewers: viewers.viewers_of(&room),
        commands: [],
    }))
}

/// Query parameters of a page read.
#[derive(Deserialize)]
pub(in crate::http) struct PageQuery {
    after: Option<String>,
    limit: Option<usize>,
    wait: Option<u64>,
}

/// A page while its events are collected.
struct Gathered {
    epoch: Option<Epoch>,
    events: Buffer,
    count: usize,
    next: Seq,
    tip: Seq,
    first: Seq,
    gap: Option<(Seq, Seq)>,
    reset: Option<Seq>,
    room: Arc<RoomPort>,
}

/// `GET /api/runs/{runId}/events`
pub(in crate::http) async fn page(
    rooms: web::Data<Rooms>,
    responses: web::Data<Responses>,
    request: HttpRequest,
    path: web::Path<String>,
    query: web::Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let run = run_id(&path)?;
    let from = after(query.after.as_deref())?;
    let limit = query.limit.unwrap_or(PAGE_EVENTS);
    if !(1..=PAGE_EVENTS).contains(&limit) {
        return Err(Problem::bad_request("invalid_limit", format!("limit must be 1 to {PAGE_EVENTS}, not {limit}")));
    }
    let wait = query.wait.unwrap_or(0);
    if wait > MAX_WAIT_SECS {
        return Err(Problem::bad_request("invalid_wait", format!("wait must be 0 to {MAX_WAIT_SECS}, not {wait}")));
    }
    let nd_json = accepted_nd_json(&request);

    let mut gathered = gather(&rooms, &responses, &run, ReadFrom::After(from), limit, nd_json.is_some()).await?;
    if wait > 0 && gathered.count == 0 && gathered.gap.is_none() && gathered.reset.is_none() {
        let (reply, grown) = oneshot::channel();
        let sent = gathered.room.wait.try_send(WaitForEvents { after: gathered.cursor(), reply });
        let patience = Duration::from_secs(wait);
        if sent.is_ok() && actix_web::rt::time::timeout(patience, grown).await.is_ok_and(|grown| grown.is_ok()) {
            let place = crate::protocol::cursor::Place { epoch: gathered.epoch, next: gathered.next };
            gathered = gather(&rooms, &responses, &run, ReadFrom::Place(place), limit, nd_json.is_some()).await?;
        }
    }
    Ok(match nd_json {
        Some(media_type) => as_nd_json(media_type, gathered),
        None => as_json(&run, gathered),
    })
}

async fn gather(
    rooms: &Rooms,
    responses: &Responses,
    run: &RunId,
    mut from: ReadFrom,
    limit: usize,
    nd_json: bool,
) -> Result<Gathered, Problem> {
    let mut gathered: Option<Gathered> = None;
    loop {
        let (page, room) = rooms.read(run, from, PAGE_BYTES, Freshness::AsStored).await?;
        let so_far = gathered.get_or_insert_with(|| Gathered {
            epoch: page.epoch,
            events: Buffer::new(&responses.budget),
            count: 0,
            next: page.place.next,
            tip: page.tip,
            first: page.first,
            gap: None,
            reset: None,
            room,
        });
        match page.verdict {
            Verdict::Continue => {}
            // A gap or reset in the middle of a page belongs to the next page.
            _ if so_far.count > 0 => break,
            Verdict::Gap { from, to } => so_far.gap = Some((from, to)),
            Verdict::Reset { from } => so_far.reset = Some(from),
        }
        (so_far.epoch, so_far.tip, so_far.first, so_far.next) = (page.epoch, page.tip, page.first, page.place.next);
        for segment in &page.segments {
            let taken = find_room(&responses.transfers, TransferKind::Response, async || {
                so_far.take(segment, limit, nd_json).ok()
            });
            if taken.await.is_none() {
                // The events collected so far make a page.
                return gathered.filter(|page| page.count > 0).ok_or_else(responses_saturated);
            }
        }
        let full = so_far.count >= limit || so_far.events.len() >= PAGE_BYTES;
        if full || page.segments.is_empty() || so_far.next > so_far.tip {
            break;
        }
        from = ReadFrom::Place(crate::protocol::cursor::Place { epoch: so_far.epoch, next: so_far.next });
    }
    gathered.ok_or_else(super::super::problem::saturated)
}

impl Gathered {
    /// Takes the segment's events that belong in the page. If there is no room for all of them, the call can be
    /// repeated.
    fn take(&mut self, segment: &Segment, limit: usize, nd_json: bool) -> Result<(), Exceeded> {
        let encoded = segment.encoded(Encoding::NdJson);
        while self.next <= segment.last() && self.count < limit && self.events.len() < PAGE_BYTES {
            let index = (self.next - segment.first()) as usize;
            let line = &encoded.bytes()[encoded.start(index)..encoded.start(index + 1)];
            let separator = if nd_json || self.count == 0 { &b""[..] } else { b"," };
            let line = if nd_json { line } else { line.trim_ascii_end() };
            self.events.extend(&[separator, line])?;
            self.count += 1;
            self.next += 1;
        }
        Ok(())
    }

    fn cursor(&self) -> Cursor {
        Cursor { epoch: self.epoch, seq: self.next - 1 }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PageHead<'a> {
    run_id: &'a RunId,
    epoch: Option<Epoch>,
    cursor: Cursor,
    tip: Seq,
    more: bool,
    gap: Option<Span>,
    reset: Option<Cut>,
    first_available: Seq,
}

#[derive(Serialize)]
struct Span {
    from: Seq,
    to: Seq,
}

#[derive(Serialize)]
struct Cut {
    from: Seq,
}

fn as_json(run: &RunId, page: Gathered) -> HttpResponse {
    let head = PageHead {
        run_id: run,
        epoch: page.epoch,
        cursor: page.cursor(),
        tip: page.tip,
        more: page.next <= page.tip,
        gap: page.gap.map(|(from, to)| Span { from, to }),
        reset: page.reset.map(|from| Cut { from }),
        first_available: page.first,
    };
    // The encoded events are inserted unchanged, between the head's members and its closing brace.
    let mut body = serde_json::to_vec(&head).unwrap_or_default();
    body.pop();
    body.extend_from_slice(b",\"events\":[");
    let events = Arc::new(page.events).share();
    let body: ResponseParts = [body.into()].into_iter().chain(events).chain([Bytes::from_static(b"]}")]).collect();
    HttpResponse::Ok().content_type("application/json").body(body)
}

fn as_nd_json(media_type: &'static str, page: Gathered) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.content_type(media_type).insert_header(("Runcast-Cursor", page.cursor().to_string()));
    response.insert_header(("Runcast-More", (page.next <= page.tip).to_string()));
    if let Some((from, to)) = page.gap {
        response.insert_header(("Runcast-Gap", format!("{from}-{to}")));
    }
    if let Some(from) = page.reset {
        response.insert_header(("Runcast-Reset", from.to_string()));
    }
    response.body(ResponseParts::from_iter(Arc::new(page.events).share()))
}

/// `POST /api/runs/{runId}/frame`: a frame of the live screen.
pub(in crate::http) async fn frame(
    (edge, bodies): (web::Data<IngestEdge>, web::Data<Bodies>),
    (rooms, viewers): (web::Data<Rooms>, web::Data<ViewersEdge>),
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
    let test = get("Runcast-Test").map(str::to_owned);
    if test.as_ref().is_some_and(|test| test.chars().count() > 256) {
        return Err(Problem::bad_request("invalid_header", "Runcast-Test has more than 256 characters"));
    }
    let limit = Limit { bytes: edge.frame_bytes, code: "frame_too_large" };
    let intake = read::take(&request, &mut payload, limit, &bodies.intakes()).await?;
    if intake.body.is_empty() {
        return Err(Problem::bad_request("empty_body", "the frame is empty"));
    }
    let frame = ScreenFrame {
        content_type: kind,
        width: number("Runcast-Width")?,
        height: number("Runcast-Height")?,
        test_id: test,
        timestamp: Timestamp::now(),
        image: intake.body,
    };
    let frame = frame.to_frame().map_err(|error| Problem::bad_request("invalid_header", error.to_string()))?;
    let room = rooms.find(&run).await?;
    // The newest frame wins: a frame that finds the room busy is dropped, and the next one replaces it. A frame is
    // counted once for all its viewers, until the last of them has received it.
    let counted = edge.outboxes.count(frame);
    let shown = counted.is_ok_and(|frame| room.show.try_send(ShowScreen(frame)).is_ok());
    Ok(HttpResponse::Accepted()
        .json(serde_json::json!({"runId": run, "shown": shown, "viewers": viewers.viewers_of(&room)})))
}
