//! The routes that viewers watch runs by: the WebSocket handshake and the Server-Sent Events stream. Both start a
//! session.

use std::convert::Infallible;
use std::future::ready;
use std::rc::Rc;

use actix_web::http::{Method, StatusCode, header};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError as _, web};
use actix_web_actors::ws;
use bytes::Bytes;
use futures_util::stream;
use serde::Deserialize;
use tracing::info;

use self::upgrade::Upgradable;
use super::api::events::{after, invalid_after, run_id};
use super::client_ip;
use super::edge::WatchEdge;
use super::problem::{Problem, saturated};
use super::rooms::Rooms;
use super::transfer::{Outgoing, pipe};
use crate::actors::messages::room::{Freshness, ReadFrom, Verdict};
use crate::actors::session::{Admission, Guards, Session};
use crate::node::NodePhase;
use crate::protocol::close::CloseReason;
use crate::protocol::cursor::UNREADABLE_ID;
use crate::protocol::message::{ServerMessage, sse_retry};
use crate::protocol::segment::Encoding;
use crate::protocol::{After, Connection, connection};
use crate::storage::journal::RunPhase;

pub mod upgrade;

/// WebSocket sub-protocols; a client need not ask for one.
const PROTOCOLS: &[&str] = &["runcast.v1"];
/// Least reconnect delay, in ms, that the node gives to an event stream that it can't serve now.
const COME_BACK_MS: u64 = 5_000;

/// Query parameters of a viewer's request.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct WatchQuery {
    after: Option<String>,
    run_id: Option<String>,
    user_id: Option<String>,
}

/// `GET /ws/runs/{runId}`
pub(in crate::http) async fn web_socket(
    edge: web::Data<WatchEdge>,
    request: HttpRequest,
    path: web::Path<String>,
    query: web::Query<WatchQuery>,
) -> Result<HttpResponse, Problem> {
    handshake(&edge, &request, Connection::begin(run_id(&path)?, None), after(query.after.as_deref())?)
}

/// `GET /ws/test-control?runId=R&userId=U`: the older route of the WebSocket.
pub(in crate::http) async fn test_control(
    edge: web::Data<WatchEdge>,
    request: HttpRequest,
    query: web::Query<WatchQuery>,
) -> Result<HttpResponse, Problem> {
    let run = query.run_id.as_deref().ok_or_else(|| Problem::bad_request("invalid_run_id", "runId is missing"))?;
    let user = connection::user(query.user_id.as_deref().unwrap_or_default())
        .map_err(|error| Problem::bad_request("invalid_user_id", format!("userId {error}")))?;
    handshake(&edge, &request, Connection::begin(run_id(run)?, user), after(query.after.as_deref())?)
}

/// Answers the handshake. The upgrade takes the [`Admission`] from the response's extensions and starts the session.
fn handshake(
    edge: &WatchEdge,
    request: &HttpRequest,
    connection: Connection,
    after: After,
) -> Result<HttpResponse, Problem> {
    if !request.extensions().contains::<Upgradable>() {
        return Err(Problem::bad_request("not_a_websocket", "a WebSocket handshake is needed here (RFC 6455)"));
    }
    let mut response = ws::handshake_with_protocols(request, PROTOCOLS)
        .map_err(|error| Problem::bad_request("not_a_websocket", error.to_string()))?;
    let refused = if edge.node.phase() == NodePhase::Draining {
        Some(CloseReason::Restart)
    } else if edge.node.is_crowded() {
        Some(CloseReason::Saturated)
    } else {
        None
    };
    let mut response = response.finish();
    let peer = client_ip::of(request, &edge.trusted_proxies);
    let admission = Admission { connection, after, encoding: Encoding::WebSocket, refused, notice: None, peer };
    response.extensions_mut().insert(admission);
    Ok(response)
}

/// `GET /api/runs/{runId}/events/stream`
pub(in crate::http) async fn server_sent_events(
    edge: web::Data<WatchEdge>,
    rooms: web::Data<Rooms>,
    request: HttpRequest,
    path: web::Path<String>,
    query: web::Query<WatchQuery>,
) -> Result<HttpResponse, Problem> {
    let run = run_id(&path)?;
    let last = request.headers().get("last-event-id").map(|value| value.as_bytes());
    let (after, unreadable) = After::resume(last, query.after.as_deref()).map_err(invalid_after)?;
    let connection = Connection::begin(run, None);
    if edge.node.is_crowded() {
        return Ok(may_reconnect(&connection));
    }
    let read = rooms.read(&connection.run, ReadFrom::After(after), 1, Freshness::AsKnown).await;
    let page = match read {
        Ok((page, _)) => page,
        Err(problem) if problem.status_code() == StatusCode::SERVICE_UNAVAILABLE => {
            info!(run = %connection.run, %problem, "an event stream is to come back");
            return Ok(may_reconnect(&connection));
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
    let peer = client_ip::of(&request, &edge.trusted_proxies);
    let refused = (edge.node.phase() == NodePhase::Draining).then_some(CloseReason::Restart);
    let notice = unreadable.map(|unreadable| ServerMessage::Error {
        code: UNREADABLE_ID,
        error: unreadable.to_string(),
        reconnect_after_ms: None,
    });
    let admission = Admission { connection, after, encoding: Encoding::Sse, refused, notice, peer };
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
fn may_reconnect(connection: &Connection) -> HttpResponse {
    let retry = Ok::<_, Infallible>(sse_retry(COME_BACK_MS, connection.session));
    stream_head().force_close().streaming(stream::once(ready(retry)))
}
