//! A crowded node, which has too many connections: what it still serves, and that each response ends its connection.

use std::rc::Rc;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{ConnectionType, Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, web};

use super::limits::CountedConnection;
use crate::node::Node;
use crate::protocol::head::{UpgradeDecision, is_event_stream};

/// Whether a crowded node serves the request: operators must see its state, and viewers get the refusal in their
/// protocol.
pub(super) fn is_served_in_a_crowd(request: &ServiceRequest, decision: UpgradeDecision) -> bool {
    let (method, path) = (request.method(), request.path());
    is_for_operators(path)
        || decision == UpgradeDecision::WebSocket
        || (matches!(*method, Method::GET | Method::HEAD) && is_event_stream(path))
}

/// Whether the node serves this path under any load.
pub(super) fn is_for_operators(path: &str) -> bool {
    matches!(path, "/health" | "/ready" | "/metrics" | "/api/ws/stats" | "/api/actors")
}

/// In the data of an application that serves everything also while the node is crowded: the one for operators.
#[derive(Clone, Copy, Debug)]
pub struct NeverCrowded;

/// Whether the node is crowded, and this application leaves that to others.
pub(super) fn is_crowded(node: &Node, request: &ServiceRequest) -> bool {
    node.is_crowded() && request.app_data::<NeverCrowded>().is_none()
}

/// Middleware around [`check_origin`](super::origin::check_origin): each response of a crowded node, and each on a
/// connection that is one too many of its client, ends its connection, except a switch to a WebSocket, so that file
/// descriptors do not run out.
pub async fn crowd<B: MessageBody + 'static>(
    node: web::Data<Node>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let is_one_too_many = |connection: &Rc<CountedConnection>| connection.is_too_many();
    let ends = node.is_crowded() || request.conn_data::<Rc<CountedConnection>>().is_some_and(is_one_too_many);
    let mut response = next.call(request).await?.map_into_boxed_body();
    if ends && response.status() != StatusCode::SWITCHING_PROTOCOLS {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    Ok(response)
}
