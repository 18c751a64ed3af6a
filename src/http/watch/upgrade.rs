//! The WebSocket upgrade: hands the socket from HTTP to a session.
//!
//! actix passes on every connection whose request says `Upgrade: websocket`, whatever its path, before any handler has
//! seen it and without reading its body. The origin middleware refuses each one that is not a handshake on a WebSocket
//! route (see [`UpgradeDecision`]). A WebSocket route is an ordinary handler. If its response is a 101 that carries
//! `Upgraded`, the head is written, and the raw socket and the bytes already read go to a session on this thread;
//! HTTP's buffers are freed. Any other response is written as plain HTTP, and the connection closes.

use std::future::pending;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use actix_codec::{Framed, FramedParts};
use actix_http::body::{BodySize, BoxBody, to_bytes_limited};
use actix_http::h1::{Codec, Message};
use actix_http::header::{self, HeaderValue};
use actix_http::{HttpMessage as _, Request, RequestHead, Response, StatusCode, Version};
use actix_service::Service;
use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::codec::Encoder as _;
use tracing::debug;

use super::super::heads::HeadTimed;
use super::super::problem::Problem;
use super::super::transfer::HttpSocket;
use crate::actors::session::{Admission, Guards, Session, SessionPort};
use crate::actors::supervision::LiveActors;
use crate::actors::trace_session::{TraceAdmission, TracePort, TraceSession};
use crate::node::ConnectionSlot;
use crate::protocol::head::{UpgradeDecision, UpgradeRefusal, UpgradeRequest};

/// Largest response to a refused upgrade. 1 MiB.
const MAX_ANSWER: usize = 1024 * 1024;
/// Most bytes read after a request's head before the response is written; further bytes wait in the kernel.
const MAX_EARLY: usize = 16 * 1024;
/// How long the server reads and discards what a refused client still sends. If it closed at once, the client would get
/// a connection reset and could lose the response that explains the refusal.
const LINGER: Duration = Duration::from_secs(2);

/// A connection that has spoken HTTP so far.
trait Io: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Io for T {}

/// Marks, in a request's extensions, that its connection can become a WebSocket.
pub(in crate::http) struct Upgradable;

/// What a connection is from now on; in the extensions of a response that switches protocols.
#[derive(Debug)]
pub(in crate::http) enum Upgraded {
    /// A viewer of a run.
    Session(Admission),
    /// A viewer of a live trace.
    TraceSession(TraceAdmission),
}

/// Serves the upgrade requests of a worker thread.
#[derive(Clone)]
pub struct Upgrade {
    /// Passed to each new session.
    pub sessions: Rc<SessionPort>,
    /// Passed to each new session of a live trace; `None`: none are kept.
    pub trace_sessions: Option<Rc<TracePort>>,
    /// Counts the sessions among the live actors.
    pub live_actors: LiveActors,
    /// Longest time for a handshake until its response is written: `server.header_timeout_secs`.
    pub patience: Duration,
}

/// Decides whether a request is plain HTTP, a WebSocket handshake, or refused. `upgradable`: actix passed it on as an
/// upgrade.
pub(in crate::http) fn decide(head: &RequestHead, upgradable: bool) -> UpgradeDecision {
    let values = |name| head.headers().get_all(name).map(HeaderValue::as_bytes);
    let is_http_11 = head.version == Version::HTTP_11;
    let request = UpgradeRequest { method: head.method.as_str(), path: head.uri.path(), is_http_11, values };
    match request.decide() {
        // actix has not read the body of such a request, so no handler may run for it.
        UpgradeDecision::Plain if upgradable => UpgradeDecision::Refuse(UpgradeRefusal::NotHere),
        UpgradeDecision::WebSocket if !upgradable => {
            UpgradeDecision::Refuse(UpgradeRefusal::Malformed("it must not have a body"))
        }
        decision => decision,
    }
}

impl From<UpgradeRefusal> for Problem {
    fn from(refusal: UpgradeRefusal) -> Self {
        let detail = refusal.to_string();
        match refusal {
            UpgradeRefusal::NotHere => Self::bad_request("upgrade_not_here", detail),
            UpgradeRefusal::Malformed(_) => Self::bad_request("not_a_websocket", detail),
            UpgradeRefusal::Version => Self::new(StatusCode::UPGRADE_REQUIRED, "websocket_version", detail)
                .header(header::SEC_WEBSOCKET_VERSION, "13")
                .header(header::UPGRADE, "websocket"),
            UpgradeRefusal::Connect => Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
                .header(header::ALLOW, "GET, HEAD, POST, PUT, DELETE, OPTIONS"),
        }
    }
}

impl Upgrade {
    /// Serves one upgrade request with `app`. A peer that disconnects meanwhile is not an error.
    pub async fn serve<S, R>(&self, app: &S, request: Request, framed: Framed<HeadTimed<HttpSocket>, Codec>)
    where
        S: Service<Request, Response = R>,
        S::Error: Into<Response<BoxBody>>,
        R: Into<Response<BoxBody>>,
    {
        let slot = request.conn_data::<Rc<ConnectionSlot>>().cloned();
        request.extensions_mut().insert(Upgradable);
        let call = async {
            match app.call(request).await {
                Ok(response) => response.into(),
                Err(error) => error.into(),
            }
        };
        let mut parts = framed.into_parts();
        match timeout(self.patience, settle(call, &mut parts)).await {
            Ok(Ok(Some(upgraded))) => {
                // Copied, because a slice would keep HTTP's whole 8 KiB buffer alive, even when it is empty.
                let early = Bytes::copy_from_slice(&parts.read_buf);
                self.launch(parts.io.into_inner().into_tcp(), early, upgraded, slot);
            }
            Ok(Ok(None)) => linger(&mut parts.io).await,
            Ok(Err(error)) => debug!(%error, "the connection broke at its upgrade"),
            Err(_) => debug!("an upgrade took too long"),
        }
    }
}

impl Upgrade {
    /// Starts the session that a connection is for.
    fn launch(&self, wire: TcpStream, early: Bytes, upgraded: Upgraded, slot: Option<Rc<ConnectionSlot>>) {
        match (upgraded, &self.trace_sessions) {
            (Upgraded::Session(admission), _) => {
                let guards = Guards { live: self.live_actors.enter("session"), slot };
                Session::launch(wire, early, admission, self.sessions.clone(), guards);
            }
            (Upgraded::TraceSession(admission), Some(port)) => {
                let guards = Guards { live: self.live_actors.enter("trace_session"), slot };
                TraceSession::launch(wire, &early, admission, port.clone(), guards);
            }
            (Upgraded::TraceSession(_), None) => debug!("a handshake for a live trace where none are kept"),
        }
    }
}

/// Runs the handler and writes its response. Returns what the connection is for if the connection is now a WebSocket.
async fn settle<T: Io>(
    call: impl Future<Output = Response<BoxBody>>,
    parts: &mut FramedParts<T, Codec>,
) -> io::Result<Option<Upgraded>> {
    let mut response = tokio::select! {
        biased;
        response = call => response,
        error = gone(&mut parts.io, &mut parts.read_buf) => return Err(error),
    };
    let upgraded = response.extensions_mut().remove::<Upgraded>();
    let switches = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    match upgraded.filter(|_| switches) {
        Some(upgraded) => {
            put(parts, Message::Item((response.drop_body(), BodySize::None)))?;
            write(parts).await?;
            Ok(Some(upgraded))
        }
        None if switches => Err(io::Error::other("a switch of protocols without an admission")),
        None => {
            answer(parts, response).await?;
            Ok(None)
        }
    }
}

/// Resolves when the peer has disconnected. Bytes that it sends meanwhile are kept in `early`, up to [`MAX_EARLY`].
async fn gone<T: Io>(wire: &mut T, early: &mut BytesMut) -> io::Error {
    while early.len() < MAX_EARLY {
        match wire.read_buf(early).await {
            Ok(0) => return io::ErrorKind::UnexpectedEof.into(),
            Ok(_) => {}
            Err(error) => return error,
        }
    }
    pending().await
}

fn put<T>(parts: &mut FramedParts<T, Codec>, message: Message<(Response<()>, BodySize)>) -> io::Result<()> {
    parts.codec.encode(message, &mut parts.write_buf)
}

async fn write<T: Io>(parts: &mut FramedParts<T, Codec>) -> io::Result<()> {
    let out = std::mem::take(&mut parts.write_buf);
    parts.io.write_all(&out).await
}

/// Writes the whole response, or nothing if its body can't be read, and shuts down our side of the connection.
async fn answer<T: Io>(parts: &mut FramedParts<T, Codec>, response: Response<BoxBody>) -> io::Result<()> {
    let mut kept = None;
    let mut response = response.map_body(|_, body| kept = Some(body));
    let body = to_bytes_limited(kept.unwrap_or_else(|| BoxBody::new(())), MAX_ANSWER).await;
    let body = body.map_err(io::Error::other)?.map_err(|error| io::Error::other(error.to_string()))?;
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response.head_mut().set_connection_type(actix_http::ConnectionType::Close);
    put(parts, Message::Item((response, BodySize::Sized(body.len() as u64))))?;
    put(parts, Message::Chunk(Some(body)))?;
    put(parts, Message::Chunk(None))?;
    write(parts).await?;
    parts.io.shutdown().await
}

async fn linger<T: Io>(wire: &mut T) {
    let mut rest = BytesMut::with_capacity(8 * 1024);
    let read_on = async {
        while matches!(wire.read_buf(&mut rest).await, Ok(1..)) {
            rest.clear();
        }
    };
    // The connection ends either way: after the timeout, or because the peer has closed it.
    let _ = timeout(LINGER, read_on).await;
}

#[cfg(test)]
mod tests {
    use tokio::io::{DuplexStream, duplex};

    use super::*;

    fn connection() -> (DuplexStream, FramedParts<DuplexStream, Codec>) {
        let (ours, theirs) = duplex(256 * 1024);
        (theirs, FramedParts::new(ours, Codec::default()))
    }

    #[actix_web::test]
    async fn a_peer_that_goes_ends_the_handling_of_its_request() {
        let (mut theirs, mut parts) = connection();
        theirs.write_all(b"early").await.unwrap();
        drop(theirs);
        let error = settle(pending(), &mut parts).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(&parts.read_buf[..], b"early");
    }

    #[actix_web::test]
    async fn what_comes_before_the_answer_is_bounded() {
        let (mut theirs, mut parts) = connection();
        theirs.write_all(&vec![7; 200 * 1024]).await.unwrap();
        let waited = timeout(Duration::from_millis(50), settle(pending(), &mut parts)).await;
        assert!(waited.is_err() && parts.read_buf.len() <= 2 * MAX_EARLY, "{}", parts.read_buf.len());
    }

    #[actix_web::test]
    async fn an_answer_comes_whole_or_not_at_all() {
        let (mut theirs, mut parts) = connection();
        let response = Response::build(StatusCode::BAD_REQUEST).body("why").map_into_boxed_body();
        assert!(settle(async { response }, &mut parts).await.unwrap().is_none());
        let mut text = String::new();
        theirs.read_to_string(&mut text).await.unwrap();
        assert!(text.starts_with("HTTP/1.1 400 ") && text.ends_with("\r\n\r\nwhy"), "{text}");
        assert!(text.contains("content-length: 3\r\n") && text.contains("connection: close\r\n"), "{text}");

        let (mut theirs, mut parts) = connection();
        let large = Response::ok().set_body(BoxBody::new(vec![0; MAX_ANSWER + 1]));
        assert!(settle(async { large }, &mut parts).await.is_err());
        let bare = Response::new(StatusCode::SWITCHING_PROTOCOLS);
        assert!(settle(async { bare }, &mut parts).await.is_err());
        drop(parts);
        assert_eq!(theirs.read_to_string(&mut String::new()).await.unwrap(), 0);
    }
}
