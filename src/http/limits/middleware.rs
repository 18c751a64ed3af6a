//! Asks for each request whether its client may make it.

use std::rc::Rc;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, ResponseError as _, web};

use super::{CONNECTIONS_WAIT, CountedConnection, LimitKey, LimitKind, OverLimit, RequestLimits};
use crate::http::problem::Problem;
use crate::http::route;
use crate::http::watch::upgrade::Upgradable;
use crate::protocol::head::is_event_stream;

/// Streams that are no run's.
const STREAMS: [&str; 2] = ["/api/runs/stream", "/api/tests/stream"];

/// Middleware within [`check_origin`](crate::http::origin::check_origin) and within whoever finds out who sends a
/// request. Probes are not limited: a balancer whose address is that of many clients would take the node for dead.
///
/// Whoever wants to watch a run is refused in the protocol of the stream, by its handler, because a browser can't read
/// the status of a refused WebSocket, and its `EventSource` would never come back. The handler finds the [`OverLimit`] in
/// the extensions of the request, and any handler the [`LimitKey`].
pub async fn limit<B: MessageBody + 'static>(
    limits: web::Data<RequestLimits>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if matches!(request.path(), "/health" | "/ready") {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    limits.tell_of_forwarding(&request);
    let key = limits.key(request.request());
    let is_web_socket = request.extensions().contains::<Upgradable>();
    let watches = is_web_socket || (*request.method() == Method::GET && is_stream(&request));
    if let Err(exceeded) = judge(&limits, &request, &key, watches) {
        if !watches {
            return Ok(request.into_response(Problem::from(exceeded).error_response()));
        }
        request.extensions_mut().insert(exceeded);
    }
    request.extensions_mut().insert(key);
    Ok(next.call(request).await?.map_into_boxed_body())
}

fn judge(limits: &RequestLimits, request: &ServiceRequest, key: &LimitKey, watches: bool) -> Result<(), OverLimit> {
    let connection = request.conn_data::<Rc<CountedConnection>>();
    if connection.is_some_and(|connection| connection.is_too_many) {
        return Err(limits.exceeded(key, LimitKind::Connections, CONNECTIONS_WAIT));
    }
    limits.request(key)?;
    let Some(connection) = connection else { return Ok(()) };
    // What was watched on this connection before has ended.
    connection.watching.take();
    if watches { limits.watch(key, connection) } else { Ok(()) }
}

/// Whether the route is that of an event stream, whose reader can't read the status of a refusal.
fn is_stream(request: &ServiceRequest) -> bool {
    route::pattern(request).is_some_and(|pattern| is_event_stream(&pattern) || STREAMS.contains(&&*pattern))
}
