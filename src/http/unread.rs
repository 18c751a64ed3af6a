//! Handles the unread rest of a chunked body when its request is answered.
//!
//! actix reads such a rest and discards it. But if it had stopped reading because the handler did not keep up, it never
//! resumes: a client that sends everything before it reads the response would wait for ever, and hold its connection.
//! While the body is held, actix treats it like a body of known length: it discards what arrives and closes the
//! connection after a while.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _};
use bytes::Bytes;
use futures_util::Stream;

use super::held_body::HeldBody;

/// A body that its handler reads and that is held until the response has been sent.
#[derive(Clone)]
struct SharedPayload(Rc<RefCell<Pin<Box<Payload>>>>);

impl Stream for SharedPayload {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.borrow_mut().as_mut().poll_next(cx)
    }
}

/// Middleware that holds the chunked body of a request until its response has been sent.
pub async fn unread<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if !request.headers().contains_key(header::TRANSFER_ENCODING) {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    let body = SharedPayload(Rc::new(RefCell::new(Box::pin(request.take_payload()))));
    request.set_payload(Payload::Stream { payload: Box::pin(body.clone()) });
    let answer = next.call(request).await?;
    Ok(answer.map_body(|_, answer| HeldBody::boxed(answer.boxed(), body)))
}
