//! The next connection: to which server, and when it stands.

use std::io;
use std::pin::Pin;
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message, Utf8Bytes, protocol::CloseFrame};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use crate::cli::ServerUrl;
use crate::cli::server_url::after_text;
use crate::protocol::{After, RunId};

/// Longest wait for a connection.
pub(super) const CONNECT: Duration = Duration::from_secs(10);

/// Largest message that is taken: the largest screen that a server can be set to pass on (`ingest.frame_bytes`), with what
/// stands before it. An event is smaller. What is larger ends the connection, and would come again on the next one.
const MOST_MESSAGE: usize = 65 << 20;

pub(super) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A connection on its way.
pub(super) type Dialling = Pin<Box<dyn Future<Output = Result<Dialled, DialRefused>>>>;

/// A connection that stands.
pub(super) struct Dialled {
    pub(super) socket: Socket,
    /// What it said already; none when it was not waited for.
    pub(super) first: Option<Utf8Bytes>,
}

/// There is no connection.
pub(super) enum DialRefused {
    /// By the transport, or by a plain HTTP answer.
    Failed(tungstenite::Error),
    /// The server accepted it and closed it at once: so a node says that it can't serve the run now.
    Closed(Option<CloseFrame>),
}

/// Servers that are asked in turn.
pub(super) struct Dialler {
    run: RunId,
    servers: Vec<ServerUrl>,
    turn: usize,
}

impl Dialler {
    /// `servers` must not be empty.
    pub(super) fn new(run: RunId, servers: Vec<ServerUrl>) -> Self {
        Self { run, servers, turn: 0 }
    }

    /// Asks the next server for what follows `after`. With `greeted` the connection stands only when the server has said
    /// something: as long as there is another one, nothing is given up for a mere promise.
    pub(super) fn dial(&mut self, after: After, greeted: bool) -> Dialling {
        let server = &self.servers[self.turn % self.servers.len()];
        self.turn += 1;
        let url = server.live(&self.run, &after_text(after));
        Box::pin(async move {
            match timeout(CONNECT, connect(url.as_str(), greeted)).await {
                Ok(dialled) => dialled,
                Err(_) => Err(DialRefused::Failed(io::Error::from(io::ErrorKind::TimedOut).into())),
            }
        })
    }
}

async fn connect(url: &str, greeted: bool) -> Result<Dialled, DialRefused> {
    let config = WebSocketConfig::default().max_message_size(Some(MOST_MESSAGE)).max_frame_size(Some(MOST_MESSAGE));
    let (mut socket, _) = connect_async_with_config(url, Some(config), false).await.map_err(DialRefused::Failed)?;
    let mut first = None;
    while greeted && first.is_none() {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => first = Some(text),
            Some(Ok(Message::Close(frame))) => return Err(DialRefused::Closed(frame)),
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(DialRefused::Failed(error)),
            None => return Err(DialRefused::Closed(None)),
        }
    }
    Ok(Dialled { socket, first })
}

/// What comes of `dialling`; pends for ever when there is none.
pub(super) async fn dialled(dialling: &mut Option<Dialling>) -> Result<Dialled, DialRefused> {
    match dialling {
        Some(dialling) => dialling.await,
        None => std::future::pending().await,
    }
}
