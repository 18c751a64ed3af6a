//! Watching: the WebSocket's handshake and the Server-Sent Events stream. Both end in a session.

use std::rc::Rc;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use actix_web_actors::ws;
use bytes::Bytes;
use serde::Deserialize;

use super::Edge;
use super::error::{Problem, saturated};
use super::events::{after, run_id};
use super::peer;
use super::transfer::{Outgoing, pipe};
use crate::actors::messages::room::{Freshness, ReadFrom, Verdict};
use crate::actors::session::{Admission, Guards, Session};
use crate::node::Phase;
use crate::protocol::close::CloseReason;
use crate::protocol::segment::Encoding;
use crate::protocol::{After, Connection, connection};
use crate::storage::journal::RunPhase;

/// The sub-protocol, optional.
const PROTOCOLS: &[&str] = &["runcast.v1"];

/// Query of a viewer.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WatchQuery {
    after: Option<String>,
    run_id: Option<String>,
    user_id: Option<String>,
}

/// `GET /ws/runs/{runId}`
pub(super) async fn web_socket(
    edge: web::Data<Edge>,
    request: HttpRequest,
    path: web::Path<String>,
    query: web::Query<WatchQuery>,
) -> Result<HttpResponse, Problem> {
    handshake(&edge, &request, Connection::begin(run_id(&path)?, None), after(query.after.as_deref())?)
}

/// `GET /ws/test-control?runId=R&userId=U`: the older name.
pub(super) async fn test_control(
    edge: web::Data<Edge>,
    request: HttpRequest,
    query: web::Query<WatchQuery>,
) -> Result<HttpResponse, Problem> {
    let run = query.run_id.as_deref().ok_or_else(|| Problem::bad_request("invalid_run_id", "runId is missing"))?;
    let user = connection::user(query.user_id.as_deref().unwrap_or_default())
        .map_err(|error| Problem::bad_request("invalid_user_id", format!("userId {error}")))?;
    handshake(&edge, &request, Connection::begin(run_id(run)?, user), after(query.after.as_deref())?)
}

/// Answers the handshake; the upgrade finds the [`Admission`] in the response and starts the session.
fn handshake(
    edge: &Edge,
    request: &HttpRequest,
    connection: Connection,
    after: After,
) -> Result<HttpResponse, Problem> {
    let mut response = ws::handshake_with_protocols(request, PROTOCOLS)
        .map_err(|error| Problem::bad_request("not_a_websocket", error.to_string()))?;
    let refused = if edge.node.phase() == Phase::Draining {
        Some(CloseReason::Restart)
    } else if edge.node.is_crowded() {
        Some(CloseReason::Saturated)
    } else {
        None
    };
    let mut response = response.finish();
    let peer = peer::of(request, &edge.trusted_proxies);
    let admission = Admission { connection, after, encoding: Encoding::WebSocket, refused, peer };
    response.extensions_mut().insert(admission);
    Ok(response)
}

/// `GET /api/runs/{runId}/events/stream`
pub(super) async fn server_sent_events(
    edge: web::Data<Edge>,
    request: HttpRequest,
    path: web::Path<String>,
    query: web::Query<WatchQuery>,
) -> Result<HttpResponse, Problem> {
    let run = run_id(&path)?;
    let last = request.headers().get("last-event-id").map(|value| value.to_str().unwrap_or("\u{fffd}"));
    let after = after(last.filter(|id| !id.is_empty()).or(query.after.as_deref()))?;
    if edge.node.is_crowded() {
        return Err(saturated());
    }
    let (page, _) = edge.finder.read(&run, ReadFrom::After(after), 1, Freshness::AsHeard).await?;
    if page.phase == RunPhase::Gone && page.verdict == Verdict::Continue {
        // Nothing will ever come: the one answer after which an EventSource does not ask again.
        return Ok(HttpResponse::NoContent().finish());
    }
    let outgoing = request.conn_data::<Rc<Outgoing>>().cloned().ok_or_else(saturated)?;
    let (ours, body) = pipe(outgoing);
    let peer = peer::of(&request, &edge.trusted_proxies);
    // Opened and ended: an EventSource comes back by itself, and gives up for good when it is refused.
    let refused = (edge.node.phase() == Phase::Draining).then_some(CloseReason::Restart);
    let connection = Connection::begin(run, None);
    let admission = Admission { connection, after, encoding: Encoding::Sse, refused, peer };
    let guards = Guards { alive: edge.census.enter("session"), slot: None };
    Session::launch(ours, Bytes::new(), admission, edge.sessions.clone(), guards);
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-store, no-transform"))
        .insert_header(("X-Accel-Buffering", "no"))
        .body(body))
}
