//! A WebSocket server that plays one script per connection, and remembers how it was asked and left.

use std::sync::Arc;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::DEADLINE;

/// What a connection does, step by step.
#[derive(Clone, Debug)]
pub(crate) enum Do {
    /// Refuse the upgrade with this status and body.
    Refuse(u16, &'static str),
    /// Send a text frame.
    Send(String),
    /// Close with this code.
    Close(u16),
    /// Drop the connection without a word.
    HangUp,
    /// Wait until so many connections were opened.
    AwaitConnections(usize),
    /// Wait until the client closes.
    AwaitClose,
    /// Send this again and again until the client is gone.
    Flood(String),
}

/// What happened.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Happened {
    /// Connection `n` (from 0) was opened with this path and query.
    Opened(usize, String),
    /// The client closed connection `n`.
    ClosedByClient(usize),
}

pub(crate) struct WsDouble {
    pub(crate) url: String,
    happened: UnboundedReceiver<Happened>,
}

impl WsDouble {
    /// Plays `scripts` in order, one per connection; the last one again and again.
    pub(crate) async fn start(scripts: Vec<Vec<Do>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, happened) = unbounded_channel();
        let opened = Arc::new(watch::Sender::new(0));
        tokio::spawn(async move {
            for index in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                let script = scripts[index.min(scripts.len() - 1)].clone();
                tokio::spawn(play(index, stream, script, sender.clone(), opened.clone()));
            }
        });
        Self { url, happened }
    }

    pub(crate) async fn next(&mut self) -> Happened {
        timeout(DEADLINE, self.happened.recv()).await.expect("nothing happened").unwrap()
    }
}

#[allow(clippy::result_large_err)] // tungstenite's own signature
async fn play(
    index: usize,
    stream: TcpStream,
    script: Vec<Do>,
    happened: UnboundedSender<Happened>,
    opened: Arc<watch::Sender<usize>>,
) {
    let accept = |request: &Request, response: Response| {
        let _ = happened.send(Happened::Opened(index, request.uri().to_string()));
        match script.first() {
            Some(Do::Refuse(status, body)) => {
                let mut refusal = ErrorResponse::new(Some((*body).to_owned()));
                *refusal.status_mut() = (*status).try_into().unwrap();
                Err(refusal)
            }
            _ => Ok(response),
        }
    };
    let Ok(mut socket) = accept_hdr_async(stream, accept).await else { return };
    opened.send_modify(|count| *count += 1);
    for step in script {
        match step {
            Do::Refuse(..) => {}
            Do::Send(text) => {
                let _ = socket.send(Message::text(text)).await;
            }
            Do::Flood(text) => while socket.send(Message::text(text.clone())).await.is_ok() {},
            Do::Close(code) => {
                let frame = CloseFrame { code: code.into(), reason: "because".into() };
                let _ = socket.close(Some(frame)).await;
                while let Some(Ok(_)) = socket.next().await {}
            }
            Do::HangUp => return,
            Do::AwaitConnections(wanted) => {
                let _ = opened.subscribe().wait_for(|count| *count >= wanted).await;
            }
            Do::AwaitClose => {
                while let Some(Ok(message)) = socket.next().await {
                    if message.is_close() {
                        let _ = happened.send(Happened::ClosedByClient(index));
                    }
                }
            }
        }
    }
}
