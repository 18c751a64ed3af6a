//! The routes that viewers watch runs by: the WebSocket handshake and the Server-Sent Events stream. Both start a
//! session.

use serde::Deserialize;

mod sse;
pub mod upgrade;
mod websocket;

pub(super) use sse::server_sent_events;
pub(super) use websocket::{live_trace, test_control, web_socket};

/// Query parameters of a viewer's request.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct WatchQuery {
    after: Option<String>,
    run_id: Option<String>,
}
