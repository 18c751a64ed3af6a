//! The WebSocket routes: check the request and answer the handshake. What follows it is in [`super::upgrade`].

use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, web};
use actix_web_actors::ws;

use super::super::access::{AccessPolicy, RequestRights};
use super::super::api::events::{after, run_id};
use super::super::api::live_traces::trace_id;
use super::super::client_ip;
use super::super::edge::{ArtifactsEdge, WatchEdge};
use super::super::limits::OverLimit;
use super::super::principal::Caller;
use super::super::problem::Problem;
use super::WatchQuery;
use super::upgrade::{Upgradable, Upgraded};
use crate::actors::session::Admission;
use crate::actors::trace_session::TraceAdmission;
use crate::node::NodePhase;
use crate::protocol::close::CloseReason;
use crate::protocol::message::ServerMessage;
use crate::protocol::segment::Encoding;
use crate::protocol::{Connection, RunId, Scope, Scopes};

/// WebSocket sub-protocols; a client need not ask for one.
const PROTOCOLS: &[&str] = &["runcast.v1"];

/// `GET /ws/runs/{runId}`
pub(in crate::http) async fn web_socket(
    edge: web::Data<WatchEdge>,
    request: HttpRequest,
    (caller, policy): (Caller, web::Data<AccessPolicy>),
    rights: RequestRights,
    path: web::Path<String>,
    query: web::Query<WatchQuery>,
) -> Result<HttpResponse, Problem> {
    handshake(&edge, &request, &caller, (&rights, &policy), run_id(&path)?, &query)
}

/// `GET /ws/test-control?runId=R&userId=U`: the older route of the WebSocket.
pub(in crate::http) async fn test_control(
    edge: web::Data<WatchEdge>,
    request: HttpRequest,
    (caller, policy): (Caller, web::Data<AccessPolicy>),
    rights: RequestRights,
    query: web::Query<WatchQuery>,
) -> Result<HttpResponse, Problem> {
    let run = query.run_id.as_deref().ok_or_else(|| Problem::bad_request("invalid_run_id", "runId is missing"))?;
    let run = run_id(run)?;
    rights.require(Scopes::from_iter([Scope::View]), Some(&run))?;
    handshake(&edge, &request, &caller, (&rights, &policy), run, &query)
}

/// Answers the handshake. The upgrade takes the [`Admission`] from the response's extensions and starts the session.
fn handshake(
    edge: &WatchEdge,
    request: &HttpRequest,
    caller: &Caller,
    (rights, policy): (&RequestRights, &AccessPolicy),
    run: RunId,
    query: &WatchQuery,
) -> Result<HttpResponse, Problem> {
    let (after, screen) = (after(query.after.as_deref())?, query.screens()?);
    let mut response = switch(request, PROTOCOLS)?;
    let client_ip = client_ip::of(request, &edge.trusted_proxies);
    let may_steer = rights.permit(Scope::Control, Some(&run));
    let admission = Admission {
        connection: Connection::begin(run, caller.user.clone()),
        principal: caller.over_websocket(),
        may_steer,
        until: policy.end_of(rights),
        after,
        encoding: Encoding::WebSocket,
        screen,
        refused: refused(edge, request),
        notice: exceeded(request).map(come_back),
        client_ip,
    };
    response.extensions_mut().insert(Upgraded::Session(admission));
    Ok(response)
}

/// `GET /live-traces/{runId}/{traceId}/ws`: the socket of Playwright's trace viewer.
pub(in crate::http) async fn live_trace(
    edge: web::Data<WatchEdge>,
    artifacts: web::Data<ArtifactsEdge>,
    (rights, policy): (RequestRights, web::Data<AccessPolicy>),
    request: HttpRequest,
    caller: Caller,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    artifacts.service()?;
    let (run, trace) = (run_id(&path.0)?, trace_id(&path.1)?);
    let mut response = switch(&request, &[])?;
    let admission = TraceAdmission {
        connection: Connection::begin(run, caller.user.clone()),
        trace,
        until: policy.end_of(&rights),
        refused: refused(&edge, &request),
        client_ip: client_ip::of(&request, &edge.trusted_proxies),
    };
    response.extensions_mut().insert(Upgraded::TraceSession(admission));
    Ok(response)
}

/// The answer to a handshake.
fn switch(request: &HttpRequest, protocols: &[&str]) -> Result<HttpResponse, Problem> {
    if !request.extensions().contains::<Upgradable>() {
        return Err(Problem::bad_request("not_a_websocket", "a WebSocket handshake is needed here (RFC 6455)"));
    }
    let response = ws::handshake_with_protocols(request, protocols);
    Ok(response.map_err(|error| Problem::bad_request("not_a_websocket", error.to_string()))?.finish())
}

/// Why a viewer that comes now is closed at once.
fn refused(edge: &WatchEdge, request: &HttpRequest) -> Option<CloseReason> {
    if edge.node.phase() == NodePhase::Draining {
        Some(CloseReason::Restart)
    } else if edge.node.is_crowded() {
        Some(CloseReason::Saturated)
    } else {
        exceeded(request).map(|_| CloseReason::TooMany)
    }
}

/// The limit that the client is over.
fn exceeded(request: &HttpRequest) -> Option<OverLimit> {
    request.extensions().get().copied()
}

/// What such a client is told before the close.
fn come_back(exceeded: OverLimit) -> ServerMessage {
    ServerMessage::Error {
        code: OverLimit::CODE,
        error: exceeded.detail().into(),
        reconnect_after_ms: Some(exceeded.wait_ms()),
    }
}
