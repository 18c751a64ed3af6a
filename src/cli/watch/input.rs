//! What a connection delivers.

use std::io;
use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{self, Message, Utf8Bytes, protocol::CloseFrame};

use super::dial::Socket;
use super::output::WatchOutput;
use crate::cli::terminal::plain;

/// What a connection delivered.
pub(super) enum SocketInput {
    Text(Utf8Bytes),
    /// A ping or a screen frame, which only shows that the connection is alive.
    Alive,
    Closed(Option<CloseFrame>),
    Lost(String),
}

/// Returns what the connection delivers next; pends for ever if there is none. Flushes the output before it waits.
pub(super) async fn next_input(
    socket: &mut Option<Socket>,
    silence: Duration,
    out: &mut WatchOutput,
) -> io::Result<SocketInput> {
    let Some(socket) = socket else { return std::future::pending().await };
    let message = match socket.next().now_or_never() {
        Some(message) => message,
        None => {
            out.flush()?;
            match timeout(silence, socket.next()).await {
                Ok(message) => message,
                Err(_) => return Ok(SocketInput::Lost(format!("silent for {} s", silence.as_secs()))),
            }
        }
    };
    Ok(match message {
        Some(Ok(Message::Text(text))) => SocketInput::Text(text),
        Some(Ok(Message::Close(frame))) => SocketInput::Closed(frame),
        Some(Ok(_)) => SocketInput::Alive,
        Some(Err(error)) => SocketInput::Lost(plain_error(&error)),
        None => SocketInput::Lost("ended".into()),
    })
}

fn plain_error(error: &tungstenite::Error) -> String {
    plain(&error.to_string(), 200)
}
