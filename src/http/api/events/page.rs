//! Page reads, with long polls.

use std::sync::Arc;
use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use tokio::sync::oneshot;

use super::super::super::edge::Responses;
use super::super::super::media_type::accepted_nd_json;
use super::super::super::problem::{Problem, responses_saturated, saturated};
use super::super::super::rooms::Rooms;
use super::super::super::transfer::{TransferKind, find_room};
use super::answer::{PAGE_BYTES, PageAnswer};
use super::earlier::{gather_earlier, gather_filtered};
use super::filter::{before, filter};
use super::{after, run_id};
use crate::actors::messages::room::{Freshness, ReadFrom, RoomPort, Verdict, WaitForEvents};
use crate::budget::{Buffer, Exceeded};
use crate::log_index::{FilteredQuery, LogQueries, PageFrom};
use crate::node::Node;
use crate::protocol::cursor::Place;
use crate::protocol::segment::Encoding;
use crate::protocol::{Cursor, Epoch, RunId, Segment, Seq};

/// Most events of a page, and the default of `limit`.
const PAGE_EVENTS: usize = 10_000;
/// Longest long poll.
const MAX_WAIT_SECS: u64 = 30;

/// Query parameters of a page read.
#[derive(Deserialize)]
pub(in crate::http) struct PageQuery {
    after: Option<String>,
    limit: Option<usize>,
    wait: Option<u64>,
    types: Option<String>,
    test: Option<String>,
    variant: Option<String>,
    before: Option<String>,
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
    (node, queries): (web::Data<Node>, web::Data<LogQueries>),
    (rooms, responses): (web::Data<Rooms>, web::Data<Responses>),
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
    let wanted = filter(query.types.as_deref(), query.test.as_deref(), query.variant.as_deref())?;
    let before = before(query.before.as_deref())?;
    if before.is_some() && query.after.as_deref().is_some_and(|after| !after.is_empty()) {
        return Err(Problem::bad_request("invalid_before", "before and after exclude one another"));
    }
    if wait > 0 && (before.is_some() || !wanted.is_empty()) {
        let rule = "wait is for pages of all events behind a cursor, not with types, test, variant or before";
        return Err(Problem::bad_request("invalid_wait", rule));
    }
    if let Some(before) = before.filter(|_| wanted.is_empty()) {
        let answer = gather_earlier(&rooms, &responses, &run, before, limit, nd_json.is_some()).await?;
        return Ok(answer.respond(&run, nd_json));
    }
    if !wanted.is_empty() {
        let from = before.map_or(PageFrom::After(from), PageFrom::Before);
        let query = FilteredQuery { filter: wanted, from, limit, max_bytes: PAGE_BYTES };
        let answer = gather_filtered(&queries, &responses, &run, query, nd_json.is_some()).await?;
        return Ok(answer.respond(&run, nd_json));
    }

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
    Ok(gathered.answer().respond(&run, nd_json))
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

    fn answer(self) -> PageAnswer {
        PageAnswer {
            epoch: self.epoch,
            cursor: self.cursor(),
            tip: self.tip,
            first: self.first,
            more: self.next <= self.tip,
            gap: self.gap,
            reset: self.reset,
            before: None,
            events: self.events,
        }
    }
}
