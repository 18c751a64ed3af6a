//! Older routes of a run: the events of one of its steps, and where it is watched.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use memchr::memmem;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::edge::{ArtifactsEdge, Responses, StepsEdge};
use super::super::problem::{Problem, responses_saturated, saturated_with};
use super::super::rooms::Rooms;
use super::super::transfer::{ResponseParts, TransferKind, find_room};
use super::events::{after, run_id};
use crate::actors::messages::room::{Freshness, Page, ReadFrom};
use crate::budget::{Buffer, Exceeded};
use crate::protocol::cursor::Place;
use crate::protocol::json_text::readable;
use crate::protocol::segment::Encoding;
use crate::protocol::{Cursor, Epoch, RunId, Segment};

/// Bytes of the log that are read at a time. 1 MiB.
const READ_BYTES: usize = 1024 * 1024;
/// Reads of one request: what follows is for the next one.
const MAX_READS: usize = 16;
/// Bytes after which a page takes no further event. 1 MiB.
const PAGE_BYTES: usize = 1024 * 1024;

/// Query parameters of a step's events.
#[derive(Deserialize)]
pub(in crate::http) struct StepQuery {
    after: Option<String>,
    test: Option<String>,
}

/// Which events are wanted.
struct Wanted {
    step: u64,
    test: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StepHead<'a> {
    run_id: &'a RunId,
    step_number: u64,
    cursor: Cursor,
    more: bool,
}

/// `GET /api/tests/{runId}/steps/{stepNumber}`: the events with this step's number, at the top or in `step`. It looks
/// through the log, a part of it per request.
pub(in crate::http) async fn page(
    edge: web::Data<StepsEdge>,
    (rooms, responses): (web::Data<Rooms>, web::Data<Responses>),
    path: web::Path<(String, String)>,
    query: web::Query<StepQuery>,
) -> Result<HttpResponse, Problem> {
    let run = run_id(&path.0)?;
    let step = path.1.parse().map_err(|_| {
        Problem::bad_request("invalid_step", format!("stepNumber must be a whole number, not {:?}", path.1))
    })?;
    let StepQuery { after: from, test } = query.into_inner();
    let mut from = ReadFrom::After(after(from.as_deref())?);
    let wanted = Wanted { step, test };
    let busy = || saturated_with("as many runs are searched for a step as may be at a time");
    let _permit = edge.searches.try_acquire().map_err(|_| busy())?;

    let mut events = Buffer::new(&responses.budget);
    let (mut place, mut more, mut full) = (Place { epoch: None::<Epoch>, next: 1 }, true, false);
    for _ in 0..MAX_READS {
        let (read, _) = rooms.read(&run, from, READ_BYTES, Freshness::AsStored).await?;
        place = read.place;
        for segment in &read.segments {
            let mut take = async || wanted.take(segment, &mut place, &mut events).ok();
            match find_room(&responses.transfers, TransferKind::Response, &mut take).await {
                Some(is_full) => full = is_full,
                // What was found so far makes a page.
                None if !events.is_empty() => full = true,
                None => return Err(responses_saturated()),
            }
            if full {
                break;
            }
        }
        more = place.next <= read.tip;
        if full || !more || is_stuck(&read) {
            break;
        }
        from = ReadFrom::Place(place);
    }
    let head = StepHead { run_id: &run, step_number: step, cursor: place.cursor(), more };
    let mut body = serde_json::to_vec(&head).unwrap_or_default();
    body.pop();
    body.extend_from_slice(b",\"events\":[");
    let events = Arc::new(events).share();
    let body: ResponseParts = [body.into()].into_iter().chain(events).chain([Bytes::from_static(b"]}")]).collect();
    Ok(HttpResponse::Ok().content_type("application/json").body(body))
}

/// Whether a read brought nothing although there is more: the next one would not either.
fn is_stuck(page: &Page) -> bool {
    page.segments.is_empty()
}

impl Wanted {
    /// Takes the segment's events that are wanted, and moves `place` behind what was looked at. If there is no room for
    /// one, the call can be repeated. Whether the page is full.
    fn take(&self, segment: &Segment, place: &mut Place, events: &mut Buffer) -> Result<bool, Exceeded> {
        let encoded = segment.encoded(Encoding::NdJson);
        while place.next <= segment.last() {
            if events.len() >= PAGE_BYTES {
                return Ok(true);
            }
            let index = (place.next - segment.first()) as usize;
            let line = encoded.bytes()[encoded.start(index)..encoded.start(index + 1)].trim_ascii_end();
            if self.is(line) {
                events.extend(&[if events.is_empty() { b"" } else { b"," }, line])?;
            }
            place.next += 1;
        }
        Ok(false)
    }

    fn is(&self, event: &[u8]) -> bool {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Event {
            step_number: Option<Value>,
            step: Option<Value>,
            test_id: Option<Value>,
        }
        // Most events have no such member, and are not parsed.
        if memmem::find(event, b"\"stepNumber\"").is_none() {
            return false;
        }
        let Ok(event) = serde_json::from_slice::<Event>(&readable(event)) else { return false };
        let nested = event.step.as_ref().and_then(|step| step.get("stepNumber"));
        let found = [event.step_number.as_ref(), nested].into_iter().flatten().any(|n| n.as_u64() == Some(self.step));
        found && self.test.as_ref().is_none_or(|test| event.test_id.as_ref().is_some_and(|found| found == test))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Streams {
    web_socket: String,
    events: String,
    page: String,
}

/// `GET /api/tests/{runId}/stream`: where the run is watched.
pub(in crate::http) async fn streams(
    edge: web::Data<ArtifactsEdge>,
    request: HttpRequest,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let run = run_id(&path)?;
    let url = |path: String| edge.absolute(&request, path);
    let web_socket = url(format!("/ws/runs/{run}")).replacen("http", "ws", 1);
    let events = url(format!("/api/runs/{run}/events/stream"));
    Ok(HttpResponse::Ok().json(Streams { web_socket, events, page: url(format!("/runs/{run}")) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steps_events_are_those_with_its_number_wherever_it_stands() {
        let wanted = |test: Option<&str>| Wanted { step: 3, test: test.map(str::to_owned) };
        for (event, any, of_a) in [
            (r#"{"type":"test_step","testId":"a","step":{"stepNumber":3}}"#, true, true),
            (r#"{"type":"test_step","testId":"b","step":{"stepNumber":3}}"#, true, false),
            (r#"{"type":"replay_step_requested","stepNumber":3}"#, true, false),
            (r#"{"type":"test_step","testId":"a","step":{"stepNumber":4}}"#, false, false),
            (r#"{"type":"log","text":"\"stepNumber\":3"}"#, false, false),
            (r#"{"type":"x","step":"stepNumber","stepNumber":"3"}"#, false, false),
            (r#"{"type":"x"}"#, false, false),
        ] {
            assert_eq!(wanted(None).is(event.as_bytes()), any, "{event}");
            assert_eq!(wanted(Some("a")).is(event.as_bytes()), of_a, "{event}");
        }
    }
}
