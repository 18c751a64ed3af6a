//! Opens the next connection: chooses the server, and decides when the connection counts as established.

use std::io;
use std::pin::Pin;
use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message, Utf8Bytes, protocol::CloseFrame};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use crate::cli::ServerUrl;
use crate::cli::server_url::after_text;
use crate::protocol::{After, RunId};

/// Longest time to establish a connection.
pub(super) const CONNECT: Duration = Duration::from_secs(10);

/// Largest message accepted: the largest screen frame that a server can be set to forward (`ingest.frame_bytes`) and
/// its header. Events are smaller. A larger message ends the connection, and would come again on the next one.
const MOST_MESSAGE: usize = 65 << 20;

pub(super) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A connection that is being established.
pub(super) type Dialling = Pin<Box<dyn Future<Output = Result<Dialled, DialRefused>>>>;

/// An established connection.
pub(super) struct Dialled {
    pub(super) socket: Socket,
    /// The first message, if it was waited for.
    pub(super) first: Option<Utf8Bytes>,
}

/// A connection that was not established.
pub(super) enum DialRefused {
    /// The transport failed, or the server answered with plain HTTP.
    Failed(tungstenite::Error),
    /// The server accepted the connection and closed it at once: it can't serve the run now.
    Closed(Option<CloseFrame>),
}

/// The servers, tried in turn.
pub(super) struct Dialler {
    run: RunId,
    servers: Vec<ServerUrl>,
    attempts: usize,
}

impl Dialler {
    /// `servers` must not be empty.
    pub(super) fn new(run: RunId, servers: Vec<ServerUrl>) -> Self {
        Self { run, servers, attempts: 0 }
    }

    /// The server that was dialled last.
    pub(super) fn last(&self) -> &ServerUrl {
        &self.servers[self.attempts.saturating_sub(1) % self.servers.len()]
    }

    /// Whether there is no other server.
    pub(super) fn is_alone(&self) -> bool {
        self.servers.len() == 1
    }

    /// Connects to the next server, to read what follows `after`. With `greeted` the connection counts as established
    /// only once the server has sent a message that is no error: the present connection is not given up for one that may yet be refused.
    pub(super) fn dial(&mut self, after: After, greeted: bool) -> Dialling {
        let server = &self.servers[self.attempts % self.servers.len()];
        self.attempts += 1;
        let (url, authorization) = (server.live(&self.run, &after_text(after)), server.authorization());
        Box::pin(async move {
            match timeout(CONNECT, connect(url.as_str(), authorization, greeted)).await {
                Ok(dialled) => dialled,
                Err(_) => Err(DialRefused::Failed(io::Error::from(io::ErrorKind::TimedOut).into())),
            }
        })
    }
}

async fn connect(url: &str, authorization: Option<HeaderValue>, greeted: bool) -> Result<Dialled, DialRefused> {
    let config = WebSocketConfig::default().max_message_size(Some(MOST_MESSAGE)).max_frame_size(Some(MOST_MESSAGE));
    let mut request = url.into_client_request().map_err(DialRefused::Failed)?;
    if let Some(authorization) = authorization {
        request.headers_mut().insert(AUTHORIZATION, authorization);
    }
    let (mut socket, _) = connect_async_with_config(request, Some(config), false).await.map_err(DialRefused::Failed)?;
    let mut first = None;
    while greeted && first.is_none() {
        match socket.next().await {
            // A refusal says why before it closes.
            Some(Ok(Message::Text(text))) if !text.starts_with(r#"{"type":"error""#) => first = Some(text),
            Some(Ok(Message::Close(frame))) => return Err(DialRefused::Closed(frame)),
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(DialRefused::Failed(error)),
            None => return Err(DialRefused::Closed(None)),
        }
    }
    Ok(Dialled { socket, first })
}

/// The outcome of `dialling`; pends for ever if there is none.
pub(super) async fn dialled(dialling: &mut Option<Dialling>) -> Result<Dialled, DialRefused> {
    match dialling {
        Some(dialling) => dialling.await,
        None => std::future::pending().await,
    }
}
