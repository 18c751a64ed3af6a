//! Response bodies, counted until their clients have received them.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::{Error, ResponseError as _, web};
use bytes::Bytes;

use super::{Outgoing, TransferKind, find_room};
use crate::budget::Held;
use crate::http::crowd::is_for_operators;
use crate::http::edge::Responses;
use crate::http::problem::responses_saturated;

/// Most bytes of a body that go into the connection's buffer at a time. 16 KiB. Smaller bodies are not counted.
const SLICE: usize = 16 * 1024;

/// Middleware that counts each body larger than 16 KiB in `server.response_bytes`, from when it exists until the
/// client has received it. When there is no room for a body, the response is 503 instead.
pub async fn count_response<B: MessageBody + 'static>(
    responses: web::Data<Responses>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let outgoing = request.request().conn_data::<Rc<Outgoing>>().cloned();
    let has_body = request.method() != Method::HEAD;
    let response = next.call(request).await?.map_into_boxed_body();
    let Some(outgoing) = outgoing.filter(|_| has_body) else { return Ok(response) };
    match response.response().body().size() {
        BodySize::None => return Ok(response),
        BodySize::Sized(size) if size <= SLICE as u64 => return Ok(response),
        BodySize::Sized(_) | BodySize::Stream => {}
    }
    let (request, response) = response.into_parts();
    let (head, body) = response.into_parts();
    let body = match body.try_into_bytes() {
        Ok(whole) => {
            let mut held = responses.budget.hold();
            if is_for_operators(request.path()) {
                held.cover(whole.len());
            } else {
                let grow = async || held.grow(whole.len()).then_some(());
                if find_room(&responses.transfers, TransferKind::Response, grow).await.is_none() {
                    return Ok(ServiceResponse::new(request, responses_saturated().error_response()));
                }
            }
            CountedBody {
                inner: BoxBody::new(ResponseParts::from_iter([whole])),
                rest: Bytes::new(),
                outgoing,
                _held: Some(held),
            }
        }
        Err(inner) => CountedBody { inner, rest: Bytes::new(), outgoing, _held: None },
    };
    Ok(ServiceResponse::new(request, head.set_body(BoxBody::new(body))))
}

/// A body made of several parts, sent in slices. The caller has counted the parts in the budget.
pub(crate) struct ResponseParts(VecDeque<Bytes>);

impl FromIterator<Bytes> for ResponseParts {
    fn from_iter<I: IntoIterator<Item = Bytes>>(parts: I) -> Self {
        Self(parts.into_iter().collect())
    }
}

impl MessageBody for ResponseParts {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.0.iter().map(|part| part.len() as u64).sum())
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        while let Some(part) = self.0.front_mut() {
            if !part.is_empty() {
                let slice = part.split_to(part.len().min(SLICE));
                return Poll::Ready(Some(Ok(slice)));
            }
            self.0.pop_front();
        }
        Poll::Ready(None)
    }
}

/// A body that is sent in slices. Each piece of the inner body counts as unsent once it has been taken.
struct CountedBody {
    inner: BoxBody,
    /// The unsent rest of the inner body's last piece.
    rest: Bytes,
    outgoing: Rc<Outgoing>,
    _held: Option<Held>,
}

impl MessageBody for CountedBody {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.inner.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        if self.outgoing.has_ended() {
            return Poll::Ready(None); // nothing of it would reach the socket
        }
        if self.rest.is_empty() {
            ready!(self.outgoing.poll_add(cx));
            match ready!(Pin::new(&mut self.inner).poll_next(cx)) {
                Some(Ok(piece)) => self.rest = piece,
                other => return Poll::Ready(other),
            }
            self.outgoing.add(self.rest.len());
        }
        let slice = self.rest.len().min(SLICE);
        Poll::Ready(Some(Ok(self.rest.split_to(slice))))
    }
}
