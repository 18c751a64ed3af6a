//! The Server-Sent Events stream of a run.

use std::convert::Infallible;
use std::future::ready;
use std::rc::Rc;

use actix_web::http::{Method, StatusCode, header};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError as _, web};
use bytes::Bytes;
use futures_util::stream;
use tracing::info;

use super::super::access::{AccessPolicy, RequestRights};
use super::super::api::events::{invalid_after, run_id};
use super::super::client_ip;
use super::super::edge::WatchEdge;
use super::super::limits::OverLimit;
use super::super::problem::{Problem, saturated};
use super::super::rooms::Rooms;
use super::super::transfer::{Outgoing, pipe};
use super::WatchQuery;
use crate::actors::messages::room::{Freshness, ReadFrom, Verdict};
use crate::actors::session::{Admission, Guards, Session};
use crate::node::NodePhase;
use crate::protocol::close::CloseReason;
use crate::protocol::cursor::UNREADABLE_ID;
use crate::protocol::message::{ServerMessage, sse_retry};
use crate::protocol::segment::Encoding;
use crate::protocol::{After, Connection, ScreenChoice};
use crate::storage::journal::RunPhase;

/// Least reconnect delay, in ms, that the node gives to an event stream that it can't serve now.
const COME_BACK_MS: u64 = 5_000;

/// `GET /api/runs/{runId}/events/stream`
pub(in crate::http) async fn server_sent_events(
    edge: web::Data<WatchEdge>,
    rooms: web::Data<Rooms>,
    (rights, policy): (RequestRights, web::Data<AccessPolicy>),
    request: HttpRequest,
    path: web::Path<String>,
    query: web::Query<WatchQuery>,
) -> Result<HttpResponse, Problem> {
    let run = run_id(&path)?;
    let last = request.headers().get("last-event-id").map(|value| value.as_bytes());
    let (after, unreadable) = After::resume(last, query.after.as_deref()).map_err(invalid_after)?;
    let connection = Connection::begin(run, None);
    if edge.node.is_crowded() {
        return Ok(come_back(&connection, COME_BACK_MS));
    }
    if let Some(exceeded) = request.extensions().get::<OverLimit>() {
        return Ok(come_back(&connection, exceeded.wait_ms().max(COME_BACK_MS)));
    }
    let read = rooms.read(&connection.run, ReadFrom::After(after), 1, Freshness::AsKnown).await;
    let page = match read {
        Ok((page, _)) => page,
        Err(problem) if problem.status_code() == StatusCode::SERVICE_UNAVAILABLE => {
            info!(run = %connection.run, %problem, "an event stream is to come back");
            return Ok(come_back(&connection, COME_BACK_MS));
        }
        Err(problem) => return Err(problem),
    };
    if page.phase == RunPhase::Gone && page.verdict == Verdict::Continue {
        // The run will never have an event. 204 is the only answer after which an `EventSource` does not reconnect.
        return Ok(HttpResponse::NoContent().finish());
    }
    if request.method() == Method::HEAD {
        // A HEAD request gets the headers and starts no session.
        return Ok(stream_head().streaming(stream::empty::<Result<Bytes, Infallible>>()));
    }
    let outgoing = request.conn_data::<Rc<Outgoing>>().cloned().ok_or_else(saturated)?;
    let (ours, body) = pipe(outgoing);
    let client_ip = client_ip::of(&request, &edge.trusted_proxies);
    let refused = (edge.node.phase() == NodePhase::Draining).then_some(CloseReason::Restart);
    let notice = unreadable.map(|unreadable| ServerMessage::Error {
        code: UNREADABLE_ID,
        error: unreadable.to_string(),
        reconnect_after_ms: None,
    });
    let admission = Admission {
        connection,
        principal: None,
        may_steer: false,
        until: policy.end_of(&rights),
        after,
        encoding: Encoding::Sse,
        screen: ScreenChoice::off(),
        refused,
        notice,
        client_ip,
    };
    let guards = Guards { live: edge.live_actors.enter("session"), slot: None };
    Session::launch(ours, Bytes::new(), admission, edge.sessions.clone(), guards);
    Ok(stream_head().body(body))
}

fn stream_head() -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-store, no-transform"))
        .insert_header(("X-Accel-Buffering", "no"));
    response
}

/// A stream that ends at once. An `EventSource` reconnects after it, whereas an error status would stop it for good.
fn come_back(connection: &Connection, after_ms: u64) -> HttpResponse {
    let retry = Ok::<_, Infallible>(sse_retry(after_ms, connection.session));
    stream_head().force_close().streaming(stream::once(ready(retry)))
}
