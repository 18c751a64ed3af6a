//! The meaning of a request's head, from its bytes alone: the host, the path, and whether it asks for a WebSocket.

mod host;
mod path;
mod upgrade;

pub use host::{Host, is_pattern};
pub use path::{is_event_stream, is_live_trace_viewer, is_web_socket, plain};
pub use upgrade::{UpgradeDecision, UpgradeRefusal, UpgradeRequest};
