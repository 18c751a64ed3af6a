//! Pages that are not simply what follows on a cursor: those that a filter picks, and those that end before an event.

use super::super::super::edge::Responses;
use super::super::super::problem::{Problem, responses_saturated};
use super::super::super::rooms::Rooms;
use super::super::super::transfer::{TransferKind, find_room};
use super::answer::{PAGE_BYTES, PageAnswer, add_event};
use crate::actors::messages::room::{Freshness, ReadFrom, Verdict};
use crate::budget::Buffer;
use crate::log_index::{FilteredQuery, FoundEvent, LogQueries, PageFrom};
use crate::protocol::cursor::Place;
use crate::protocol::{After, Cursor, RunId, Seq};

/// Bytes of the log that are read for a page that ends before an event. What it begins with is then sought nearer to
/// its end.
const MAX_READ: usize = 4 * PAGE_BYTES;

/// The page of events that a filter picks.
pub(super) async fn gather_filtered(
    queries: &LogQueries,
    responses: &Responses,
    run: &RunId,
    query: FilteredQuery,
    nd_json: bool,
) -> Result<PageAnswer, Problem> {
    let is_backward = matches!(query.from, PageFrom::Before(_));
    let page = queries.page(run, query).await?;
    Ok(PageAnswer {
        epoch: page.epoch,
        cursor: page.cursor,
        tip: page.tip,
        first: page.first,
        more: page.more,
        gap: page.gap,
        reset: page.reset,
        before: is_backward.then_some(page.before),
        events: written(responses, &page.events, nd_json).await?,
    })
}

/// The events as they are answered.
async fn written(responses: &Responses, found: &[FoundEvent], nd_json: bool) -> Result<Buffer, Problem> {
    let mut events = Buffer::new(&responses.budget);
    for FoundEvent { seq, line } in found {
        let mut add = async || add_event(&mut events, *seq, line, nd_json).ok();
        let added = find_room(&responses.transfers, TransferKind::Response, &mut add).await;
        added.ok_or_else(responses_saturated)?;
    }
    Ok(events)
}

/// The page of the last events, at most `limit`, before the one that `before` names.
pub(super) async fn gather_earlier(
    rooms: &Rooms,
    responses: &Responses,
    run: &RunId,
    before: After,
    limit: usize,
    nd_json: bool,
) -> Result<PageAnswer, Problem> {
    let claimed = match before {
        After::Cursor(Cursor { epoch, seq }) => After::Cursor(Cursor { epoch, seq: seq.saturating_sub(1) }),
        _ => After::Latest,
    };
    let (head, _) = rooms.read(run, ReadFrom::After(claimed), 1, Freshness::AsStored).await?;
    let claims = matches!(before, After::Cursor(Cursor { epoch: Some(_), .. }));
    let end = match (head.verdict, before) {
        (Verdict::Gap { from, .. }, _) => from,
        // A number alone claims nothing.
        (Verdict::Reset { .. }, _) if !claims => head.tip + 1,
        _ => head.place.next,
    };
    let gap = (head.first > 1 && end > 1).then(|| (1, end.min(head.first) - 1));
    let first = head.first.min(end);
    let found = last_events(rooms, run, &head.place, (first, end), limit).await?;
    let begin = found.first().map_or(end, |event| event.seq);
    let more = begin > first;
    Ok(PageAnswer {
        epoch: head.epoch,
        cursor: Cursor { epoch: head.epoch, seq: end - 1 },
        tip: head.tip,
        first: head.first,
        more,
        gap,
        reset: match head.verdict {
            Verdict::Reset { from } if claims => Some(from),
            _ => None,
        },
        before: Some(Some(begin).filter(|_| more)),
        events: written(responses, &found, nd_json).await?,
    })
}

/// The last events of `first..end` that make a page.
async fn last_events(
    rooms: &Rooms,
    run: &RunId,
    place: &Place,
    (first, end): (Seq, Seq),
    limit: usize,
) -> Result<Vec<FoundEvent>, Problem> {
    let mut count = (limit as Seq).min(end - first);
    while count > 0 {
        match read_between(rooms, run, Place { next: end - count, ..*place }, end).await? {
            Some(mut events) => {
                let mut bytes = 0;
                let fits = |event: &&FoundEvent| {
                    let before = bytes;
                    bytes += event.line.len();
                    before < PAGE_BYTES
                };
                let kept = events.iter().rev().take_while(fits).count();
                return Ok(events.split_off(events.len() - kept));
            }
            // There are large events among them.
            None => count = (count / 8).max(1),
        }
    }
    Ok(Vec::new())
}

/// The events from a place on and before `end`; `None` if they are more than is read for a page.
async fn read_between(
    rooms: &Rooms,
    run: &RunId,
    mut place: Place,
    end: Seq,
) -> Result<Option<Vec<FoundEvent>>, Problem> {
    let (mut events, mut bytes, count) = (Vec::new(), 0, end - place.next);
    while place.next < end {
        let (page, _) = rooms.read(run, ReadFrom::Place(place), PAGE_BYTES, Freshness::AsKnown).await?;
        if page.verdict != Verdict::Continue || page.segments.is_empty() {
            return Err(Problem::unavailable("journal_unavailable", "the run's events are expiring, or were lost"));
        }
        for segment in &page.segments {
            for seq in place.next.max(segment.first())..end.min(segment.last() + 1) {
                let Some(line) = segment.lines().get((seq - segment.first()) as usize) else { continue };
                bytes += line.len();
                events.push(FoundEvent { seq, line: segment.lines().bytes().slice_ref(line) });
                place.next = seq + 1;
            }
            if bytes > MAX_READ && count > 1 && place.next < end {
                return Ok(None);
            }
        }
    }
    Ok(Some(events))
}
