//! Page reads, with long polls.

use std::sync::Arc;
use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::super::super::edge::Responses;
use super::super::super::media_type::accepted_nd_json;
use super::super::super::problem::{Problem, responses_saturated, saturated};
use super::super::super::rooms::Rooms;
use super::super::super::transfer::{ResponseParts, TransferKind, find_room};
use super::{after, run_id};
use crate::actors::messages::room::{Freshness, ReadFrom, RoomPort, Verdict, WaitForEvents};
use crate::budget::{Buffer, Exceeded};
use crate::node::Node;
use crate::protocol::cursor::Place;
use crate::protocol::segment::Encoding;
use crate::protocol::{Cursor, Epoch, RunId, Segment, Seq};

/// Most events of a page, and the default of `limit`.
const PAGE_EVENTS: usize = 10_000;
/// Bytes after which a page takes no further event. 1 MiB.
const PAGE_BYTES: usize = 1024 * 1024;
/// Longest long poll.
const MAX_WAIT_SECS: u64 = 30;

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
    node: web::Data<Node>,
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
        let grown = async {
            tokio::select! {
                grown = grown => grown.is_ok(),
                () = actix_web::rt::time::sleep(Duration::from_secs(wait)) => false,
                // The client asks again elsewhere; later its connection would be cut.
                () = node.drains() => false,
            }
        };
        if sent.is_ok() && grown.await {
            let place = Place { epoch: gathered.epoch, next: gathered.next };
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
        from = ReadFrom::Place(Place { epoch: so_far.epoch, next: so_far.next });
    }
    gathered.ok_or_else(saturated)
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
    reset: Option<CutFrom>,
    first_available: Seq,
}

#[derive(Serialize)]
struct Span {
    from: Seq,
    to: Seq,
}

#[derive(Serialize)]
struct CutFrom {
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
        reset: page.reset.map(|from| CutFrom { from }),
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
