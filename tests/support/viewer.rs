//! A well-behaved viewer: follows a run, keeps its cursor, resumes from it, and checks the delivery guarantee.

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::{SOON, Site, without_seq};

/// A received event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) epoch: String,
    pub(crate) seq: u64,
    /// The event as it was posted, without its seq.
    pub(crate) text: String,
}

/// A viewer that reads only while one of its methods is awaited. It checks each message on receipt: events are
/// consecutive within an epoch, nothing precedes `connected`, no event precedes its epoch, and no hole is unannounced.
pub(crate) struct Viewer {
    name: String,
    path: String,
    /// Size of the kernel's receive buffer, if it is not the default.
    buffer: Option<u32>,
    socket: Option<WebSocketStream<TcpStream>>,
    /// The cursor that a client has to keep; empty before the first `connected`.
    pub(crate) cursor: String,
    epoch: Option<String>,
    next: Option<u64>,
    /// The last `connected` message.
    pub(crate) connected: Value,
    pub(crate) events: Vec<Event>,
    /// The server's messages other than events, in order.
    pub(crate) said: Vec<Value>,
    /// Screen frames: header and image.
    pub(crate) screens: Vec<(Value, Bytes)>,
    /// Code of the last close frame; 1006 if the connection ended without one.
    pub(crate) closed: Option<u16>,
}

impl Viewer {
    /// Watches a run from its start.
    pub(crate) async fn join(node: &Site, run: &str) -> Self {
        Self::join_at(node, &format!("/ws/runs/{run}")).await
    }

    /// Watches a run after the cursor `after`.
    pub(crate) async fn join_after(node: &Site, run: &str, after: &str) -> Self {
        Self::join_at(node, &format!("/ws/runs/{run}?after={after}")).await
    }

    /// Watches the run of this path; returns once `connected` has been received.
    pub(crate) async fn join_at(node: &Site, path: &str) -> Self {
        let mut viewer = Self::absent(path);
        viewer.try_connect(node, path).await.unwrap();
        viewer.until("connected", |viewer| !viewer.connected.is_null()).await;
        viewer
    }

    /// Watches a run from its start with a kernel receive buffer of 4 KiB, which fills soon if it is not read.
    pub(crate) async fn join_narrow(node: &Site, run: &str) -> Self {
        let mut viewer = Self::absent_narrow(&format!("/ws/runs/{run}"));
        viewer.may_reconnect(node).await;
        viewer
    }

    /// A viewer with a receive buffer of 4 KiB that is not connected yet.
    pub(crate) fn absent_narrow(path: &str) -> Self {
        Self { buffer: Some(4_096), ..Self::absent(path) }
    }

    /// A viewer that is not connected yet.
    pub(crate) fn absent(path: &str) -> Self {
        Self {
            name: path.to_owned(),
            path: path.to_owned(),
            buffer: None,
            socket: None,
            cursor: String::new(),
            epoch: None,
            next: None,
            connected: Value::Null,
            events: Vec::new(),
            said: Vec::new(),
            screens: Vec::new(),
            closed: None,
        }
    }

    async fn try_connect(&mut self, node: &Site, path: &str) -> Result<(), String> {
        let connect = async {
            let tcp = TcpSocket::new_v4().map_err(|error| error.to_string())?;
            if let Some(bytes) = self.buffer {
                tcp.set_recv_buffer_size(bytes).map_err(|error| error.to_string())?;
            }
            let tcp = tcp.connect(node.address()).await.map_err(|error| error.to_string())?;
            let upgraded = client_async(node.ws_url(path), tcp).await.map_err(|error| error.to_string())?;
            Ok::<_, String>(upgraded.0)
        };
        let socket = tokio::time::timeout(SOON, connect).await.map_err(|_| "no handshake".to_owned())??;
        self.socket = Some(socket);
        self.connected = Value::Null;
        self.closed = None;
        Ok(())
    }

    /// Reconnects with its cursor and no other state, as a client does. Returns an error if the connection fails.
    pub(crate) async fn try_return(&mut self, node: &Site) -> Result<(), String> {
        let path = match self.cursor.as_str() {
            "" => self.path.clone(),
            cursor => format!("{}?after={cursor}", self.path.split('?').next().unwrap_or_default()),
        };
        self.try_connect(node, &path).await
    }

    /// Reconnects with its cursor; the connection must succeed.
    pub(crate) async fn may_reconnect(&mut self, node: &Site) {
        self.try_return(node).await.unwrap();
        self.until("connected", |viewer| !viewer.connected.is_null()).await;
    }

    /// Drops the connection without a close frame.
    pub(crate) fn vanish(&mut self) {
        self.socket = None;
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.socket.is_some()
    }

    /// Closes as RFC 6455 says, and reads until the server has closed too.
    pub(crate) async fn leave(&mut self) {
        if let Some(socket) = &mut self.socket {
            // If the server has closed first, reading shows it.
            let _ = socket.close(None).await;
            self.until("the close", |viewer| viewer.closed.is_some()).await;
        }
    }

    /// Sends a text message; ignores a closed connection.
    pub(crate) async fn say(&mut self, text: &str) {
        let socket = self.socket.as_mut().expect("connected");
        let _ = socket.send(Message::text(text)).await;
    }

    /// Reads until `done`.
    pub(crate) async fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let read = tokio::time::timeout(SOON, async {
            while !done(self) {
                self.read().await;
            }
        });
        if read.await.is_err() {
            let Self { name, events, said, closed, .. } = self;
            let last = events.last().map(|event| event.seq);
            panic!("{name}: {what} not within {SOON:?}; last seq {last:?}, closed {closed:?}, said {said:?}");
        }
    }

    /// Reads until it has `count` events.
    pub(crate) async fn until_events(&mut self, count: usize) {
        self.until(&format!("{count} events"), |viewer| {
            assert!(viewer.closed.is_none(), "{}: closed with {:?}", viewer.name, viewer.closed);
            viewer.events.len() >= count
        })
        .await;
    }

    /// Reads until it is past event `last`; reconnects whenever the connection ends.
    pub(crate) async fn until_end(&mut self, node: &Site, last: u64) {
        while self.next.is_none_or(|next| next <= last) {
            if self.socket.is_none() {
                self.try_return(node).await.unwrap();
            }
            self.until("the end", |viewer| viewer.socket.is_none() || viewer.next.is_some_and(|next| next > last))
                .await;
        }
    }

    /// The server's messages of this type.
    pub(crate) fn told(&self, kind: &str) -> Vec<&Value> {
        self.said.iter().filter(|message| message["type"] == kind).collect()
    }

    /// The events as they were posted.
    pub(crate) fn texts(&self) -> Vec<&str> {
        self.events.iter().map(|event| event.text.as_str()).collect()
    }

    /// Reads one message, or the end of the connection. Pends for ever if there is no connection.
    pub(crate) async fn read(&mut self) {
        let Some(socket) = &mut self.socket else { return std::future::pending().await };
        match socket.next().await {
            Some(Ok(Message::Text(text))) => self.take(text.as_str()),
            Some(Ok(Message::Binary(bytes))) => self.take_screen(&bytes),
            Some(Ok(Message::Close(frame))) => self.closed = Some(frame.map_or(1005, |frame| frame.code.into())),
            Some(Ok(_)) => {}
            // The end of the stream, which also follows a close frame.
            None | Some(Err(_)) => {
                self.closed = self.closed.or(Some(1006));
                self.socket = None;
            }
        }
    }

    fn take_screen(&mut self, bytes: &Bytes) {
        let (size, rest) = bytes.split_first_chunk::<2>().unwrap();
        let (head, image) = rest.split_at(u16::from_be_bytes(*size) as usize);
        self.screens.push((serde_json::from_slice(head).unwrap(), bytes.slice_ref(image)));
    }

    fn take(&mut self, text: &str) {
        if text.starts_with("{\"seq\":") {
            return self.take_event(text);
        }
        let message: Value = serde_json::from_str(text).unwrap();
        let name = &self.name;
        assert!(message.get("seq").is_none(), "{name}: seq is not in front: {text}");
        let kind = message["type"].as_str().unwrap_or_default().to_owned();
        let first = self.connected.is_null();
        assert!(first == (kind == "connected") || kind == "error", "{name}: out of turn: {text}");
        let number = |field: &str| message[field].as_u64().unwrap_or_else(|| panic!("{name}: no {field}: {text}"));
        match kind.as_str() {
            "connected" => {
                // The cursor that the viewer sent; a gap or a reset that follows may move it.
                let held = message["cursor"].as_str().and_then(|cursor| cursor.rsplit(':').next()?.parse::<u64>().ok());
                let next = held.unwrap_or_else(|| panic!("{name}: no cursor: {text}")) + 1;
                assert_eq!(self.next.unwrap_or(next), next, "{name}: does not go on where it was: {text}");
                self.next = Some(next);
                self.connected = message.clone();
            }
            "gap" => {
                assert_eq!(Some(number("from")), self.next, "{name}: {text}");
                self.next = Some(number("to") + 1);
            }
            "reset" => {
                let from = number("from");
                self.events.retain(|event| event.seq < from);
                self.next = Some(from);
            }
            _ => {}
        }
        if let Some(cursor) = message["cursor"].as_str().filter(|_| kind != "command") {
            self.cursor = cursor.to_owned();
            self.epoch = cursor.split_once(':').map(|(epoch, _)| epoch.to_owned());
        }
        self.said.push(message);
    }

    fn take_event(&mut self, text: &str) {
        let name = &self.name;
        assert!(!self.connected.is_null(), "{name}: an event before connected: {text}");
        let (seq, posted) = without_seq(text);
        assert_eq!(Some(seq), self.next, "{name}: not the next event: {text}");
        let epoch = self.epoch.clone().unwrap_or_else(|| panic!("{name}: an event of an unknown epoch: {text}"));
        self.cursor = format!("{epoch}:{seq}");
        self.next = Some(seq + 1);
        self.events.push(Event { epoch, seq, text: posted });
    }
}
