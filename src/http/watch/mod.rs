//! The routes that viewers watch runs by: the WebSocket handshake and the Server-Sent Events stream. Both start a
//! session.

use serde::Deserialize;

use super::problem::Problem;
use crate::protocol::ScreenChoice;

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
    screen: Option<String>,
    max_fps: Option<String>,
    max_width: Option<String>,
}

impl WatchQuery {
    /// Which screens the viewer looks at: `screen`, `maxFps`, `maxWidth`.
    fn screens(&self) -> Result<ScreenChoice, Problem> {
        // What is no number is out of range.
        let number = |text: &Option<String>| text.as_deref().map(|text| text.parse().unwrap_or(0));
        let of = self.screen.as_deref().unwrap_or("auto");
        let choice = ScreenChoice::checked(of, number(&self.max_fps), number(&self.max_width));
        choice.map_err(|error| {
            let detail = error.to_string();
            // The message of the same meaning has the member `of`.
            Problem::bad_request("invalid_screen", detail.replacen("`of`", "`screen`", 1))
        })
    }
}
