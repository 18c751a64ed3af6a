//! The WebSocket routes: check the request and answer the handshake. What follows it is in [`super::upgrade`].

use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, web};
use actix_web_actors::ws;

use super::super::api::events::{after, run_id};
use super::super::client_ip;
use super::super::edge::WatchEdge;
use super::super::problem::Problem;
use super::WatchQuery;
use super::upgrade::Upgradable;
use crate::actors::session::Admission;
use crate::node::NodePhase;
use crate::protocol::close::CloseReason;
use crate::protocol::segment::Encoding;
use crate::protocol::{After, Connection, connection};

/// WebSocket sub-protocols; a client need not ask for one.
const PROTOCOLS: &[&str] = &["runcast.v1"];

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
    let client_ip = client_ip::of(request, &edge.trusted_proxies);
    let admission = Admission { connection, after, encoding: Encoding::WebSocket, refused, notice: None, client_ip };
    response.extensions_mut().insert(admission);
    Ok(response)
}
