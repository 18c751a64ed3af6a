//! The upgrade: takes the socket from HTTP and gives it to a session.
//!
//! A WebSocket route is an ordinary handler. If its response is a 101 that carries an [`Admission`], the head is written,
//! and the raw socket and the bytes already read go to a session on this thread; HTTP's buffers are freed. Any other
//! response is written as plain HTTP, and the connection closes.

use std::io;
use std::rc::Rc;

use actix_codec::Framed;
use actix_http::body::{BodySize, BoxBody, to_bytes_limited};
use actix_http::h1::{Codec, Message};
use actix_http::header::{self, HeaderValue};
use actix_http::{Request, Response, StatusCode};
use actix_rt::net::TcpStream;
use actix_service::Service;
use bytes::{Bytes, BytesMut};
use tokio::io::AsyncWriteExt as _;
use tracing::debug;

use super::transfer::HttpSocket;
use crate::actors::session::{Admission, Guards, Session, SessionPort};
use crate::actors::supervision::Census;
use crate::node::ConnectionSlot;

/// Largest answer to a refused upgrade. 1 MiB.
const MAX_ANSWER: usize = 1024 * 1024;

/// What the upgrade works with on its thread.
#[derive(Clone)]
pub struct Upgrade {
    /// Given to each session.
    pub sessions: Rc<SessionPort>,
    /// Sessions enter it.
    pub census: Census,
}

impl Upgrade {
    /// Serves one upgrade request with `app`. A peer that goes meanwhile is no error.
    pub async fn serve<S, R>(&self, app: &S, request: Request, framed: Framed<HttpSocket, Codec>)
    where
        S: Service<Request, Response = R>,
        S::Error: Into<Response<BoxBody>>,
        R: Into<Response<BoxBody>>,
    {
        let slot = request.conn_data::<Rc<ConnectionSlot>>().cloned();
        let mut response: Response<BoxBody> = match app.call(request).await {
            Ok(response) => response.into(),
            Err(error) => error.into(),
        };
        let admission = response.extensions_mut().remove::<Admission>();
        match admission.filter(|_| response.status() == StatusCode::SWITCHING_PROTOCOLS) {
            Some(admission) => {
                let (wire, early) = match switch(framed, response).await {
                    Ok(switched) => switched,
                    Err(error) => return debug!(%error, "the connection broke at its upgrade"),
                };
                let guards = Guards { alive: self.census.enter("session"), slot };
                Session::launch(wire, early, admission, self.sessions.clone(), guards);
            }
            None => {
                if let Err(error) = answer(framed, response).await {
                    debug!(%error, "the connection broke before its answer");
                }
            }
        }
    }
}

async fn switch(mut framed: Framed<HttpSocket, Codec>, response: Response<BoxBody>) -> io::Result<(TcpStream, Bytes)> {
    put(&mut framed, Message::Item((response.drop_body(), BodySize::None)))?;
    let parts = framed.into_parts();
    let mut wire = parts.io;
    wire.write_all(&parts.write_buf).await?;
    // Copied: even an empty part of HTTP's 8 KiB buffer would keep the whole of it.
    Ok((wire.into_tcp(), Bytes::copy_from_slice(&parts.read_buf)))
}

fn put(framed: &mut Framed<HttpSocket, Codec>, message: Message<(Response<()>, BodySize)>) -> io::Result<()> {
    std::pin::Pin::new(framed).write(message)
}

async fn answer(mut framed: Framed<HttpSocket, Codec>, response: Response<BoxBody>) -> io::Result<()> {
    let mut kept = None;
    let mut response = response.map_body(|_, body| kept = Some(body));
    let body = kept.unwrap_or_else(|| BoxBody::new(()));
    let body = to_bytes_limited(body, MAX_ANSWER).await;
    let body = body.ok().and_then(Result::ok).unwrap_or_default();
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    put(&mut framed, Message::Item((response, BodySize::Sized(body.len() as u64))))?;
    put(&mut framed, Message::Chunk(Some(body)))?;
    put(&mut framed, Message::Chunk(None))?;
    let parts = framed.into_parts();
    let mut wire = parts.io;
    let out: BytesMut = parts.write_buf;
    wire.write_all(&out).await?;
    wire.shutdown().await
}
