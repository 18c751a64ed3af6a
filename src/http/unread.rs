//! What is left of a chunked body when its request is answered.
//!
//! actix would read such a rest and throw it away. But where it had stopped reading, because the handler did not keep up, it
//! never goes on: a client that sends everything before it reads the answer would wait for ever, and its connection with it.
//! While the body is held, actix treats it as one of a known length: it closes the connection after a while in which it throws
//! away what comes.

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

/// A body that its handler reads and that is held until it has been answered.
#[derive(Clone)]
struct SharedPayload(Rc<RefCell<Pin<Box<Payload>>>>);

impl Stream for SharedPayload {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.borrow_mut().as_mut().poll_next(cx)
    }
}

/// The middleware: see the module.
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
