//! A page of events as it is answered, as JSON or as NDJSON.

use std::sync::Arc;

use actix_web::HttpResponse;
use bytes::Bytes;
use serde::Serialize;

use super::super::super::transfer::ResponseParts;
use crate::budget::{Buffer, Exceeded};
use crate::protocol::{Cursor, Epoch, RunId, Seq};

/// Bytes after which a page takes no further event. 1 MiB.
pub(super) const PAGE_BYTES: usize = 1024 * 1024;

/// A page of events.
pub(super) struct PageAnswer {
    pub(super) epoch: Option<Epoch>,
    /// The events as they are answered, without what stands around them.
    pub(super) events: Buffer,
    pub(super) cursor: Cursor,
    pub(super) tip: Seq,
    pub(super) first: Seq,
    pub(super) more: bool,
    pub(super) gap: Option<(Seq, Seq)>,
    pub(super) reset: Option<Seq>,
    /// Of a page that was asked for by its end: where the page before it ends, if there is one.
    pub(super) before: Option<Option<Seq>>,
}

/// Appends an event to those of a page, in the same form as a segment's encoding has.
pub(super) fn add_event(events: &mut Buffer, seq: Seq, line: &[u8], nd_json: bool) -> Result<(), Exceeded> {
    let head = format!("{{\"seq\":{seq},");
    let separator = if nd_json || events.is_empty() { &b""[..] } else { b"," };
    let end = if nd_json { &b"\n"[..] } else { b"" };
    events.extend(&[separator, head.as_bytes(), line.get(1..).unwrap_or_default(), end])
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PageHead<'a> {
    run_id: &'a RunId,
    epoch: Option<Epoch>,
    cursor: Cursor,
    tip: Seq,
    more: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Option<Seq>>,
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

impl PageAnswer {
    /// As NDJSON of this media type, or as JSON.
    pub(super) fn respond(self, run: &RunId, nd_json: Option<&'static str>) -> HttpResponse {
        match nd_json {
            Some(media_type) => self.into_nd_json(media_type),
            None => self.into_json(run),
        }
    }

    fn into_json(self, run: &RunId) -> HttpResponse {
        let head = PageHead {
            run_id: run,
            epoch: self.epoch,
            cursor: self.cursor,
            tip: self.tip,
            more: self.more,
            before: self.before,
            gap: self.gap.map(|(from, to)| Span { from, to }),
            reset: self.reset.map(|from| CutFrom { from }),
            first_available: self.first,
        };
        // The encoded events are inserted unchanged, between the head's members and its closing brace.
        let mut body = serde_json::to_vec(&head).unwrap_or_default();
        body.pop();
        body.extend_from_slice(b",\"events\":[");
        let events = Arc::new(self.events).share();
        let body: ResponseParts = [body.into()].into_iter().chain(events).chain([Bytes::from_static(b"]}")]).collect();
        HttpResponse::Ok().content_type("application/json").body(body)
    }

    fn into_nd_json(self, media_type: &'static str) -> HttpResponse {
        let mut response = HttpResponse::Ok();
        response.content_type(media_type).insert_header(("Runcast-Cursor", self.cursor.to_string()));
        response.insert_header(("Runcast-More", self.more.to_string()));
        if let Some((from, to)) = self.gap {
            response.insert_header(("Runcast-Gap", format!("{from}-{to}")));
        }
        if let Some(from) = self.reset {
            response.insert_header(("Runcast-Reset", from.to_string()));
        }
        if let Some(before) = self.before.flatten() {
            response.insert_header(("Runcast-Before", before.to_string()));
        }
        response.body(ResponseParts::from_iter(Arc::new(self.events).share()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Budget;

    #[test]
    fn an_event_stands_in_a_page_as_it_was_posted_behind_its_seq() {
        for (nd_json, want) in [
            (false, r#"{"seq":4,"type":"a"},{"seq":7, "type":"b"}"#),
            (true, "{\"seq\":4,\"type\":\"a\"}\n{\"seq\":7, \"type\":\"b\"}\n"),
        ] {
            let mut events = Buffer::new(&Budget::new(1 << 20));
            add_event(&mut events, 4, br#"{"type":"a"}"#, nd_json).unwrap();
            add_event(&mut events, 7, br#"{ "type":"b"}"#, nd_json).unwrap();
            assert_eq!(Arc::new(events).share().concat(), want.as_bytes());
        }
    }
}
