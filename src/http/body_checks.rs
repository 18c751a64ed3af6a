//! Checks, for every route, what a request's head says of its body: that it is whole (`Content-Range` is refused),
//! and its MD5 (`Content-MD5`, which some clients of object stores send).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::http::{Method, StatusCode, header};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::Stream;
use md5::{Digest as _, Md5};

use super::problem::Problem;

const CONTENT_MD5: &str = "content-md5";
/// Bytes of an MD5.
const LENGTH: usize = 16;

/// The body does not match its `Content-MD5`.
#[derive(Debug, thiserror::Error)]
#[error("the body's MD5 is {found}, and Content-MD5 says {announced}")]
struct Mismatch {
    found: String,
    announced: String,
}

/// A body that ends in an error if its MD5 is not the announced one. The MD5 is that of the bytes as sent (RFC 1864),
/// before any `Content-Encoding` is decoded.
struct Checked {
    body: Payload,
    announced: [u8; LENGTH],
    /// `None` after the end of the body.
    digest: Option<Md5>,
}

impl Stream for Checked {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = Pin::new(&mut self.body).poll_next(cx);
        match (&polled, &mut self.digest) {
            (Poll::Ready(Some(Ok(bytes))), Some(digest)) => digest.update(bytes),
            (Poll::Ready(None), digest) => {
                let found = digest.take().map(Md5::finalize);
                if let Some(found) = found.filter(|found| found[..] != self.announced) {
                    let [found, announced] = [STANDARD.encode(found), STANDARD.encode(self.announced)];
                    let mismatch = io::Error::new(io::ErrorKind::InvalidData, Mismatch { found, announced });
                    return Poll::Ready(Some(Err(PayloadError::Io(mismatch))));
                }
            }
            _ => {}
        }
        polled
    }
}

/// The problem for a body that ended in an error.
pub(super) fn refused(error: &PayloadError) -> Problem {
    if let PayloadError::Io(io) = error
        && let Some(mismatch) = io.get_ref().and_then(|inner| inner.downcast_ref::<Mismatch>())
    {
        return Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "digest_mismatch", mismatch.to_string());
    }
    Problem::bad_request("incomplete_body", format!("the body broke off: {error}"))
}

fn announced(value: &header::HeaderValue) -> Result<[u8; LENGTH], Problem> {
    let decoded = value.to_str().ok().and_then(|text| STANDARD.decode(text.trim()).ok()?.try_into().ok());
    decoded.ok_or_else(|| {
        let detail = format!("Content-MD5 must be {LENGTH} bytes in base64, 24 characters");
        Problem::bad_request("invalid_digest", detail)
    })
}

/// Middleware that refuses `Content-Range` on a PUT and checks `Content-MD5`.
pub async fn check_body<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if request.method() == Method::PUT && request.headers().contains_key(header::CONTENT_RANGE) {
        let detail = "Content-Range: a part of something can't be stored, only the whole (RFC 9110, 14.5)";
        return Ok(request.error_response(Problem::bad_request("partial_body", detail)));
    }
    if let Some(value) = request.headers().get(CONTENT_MD5) {
        let announced = match announced(value) {
            Ok(announced) => announced,
            Err(problem) => return Ok(request.error_response(problem)),
        };
        let body = Checked { body: request.take_payload(), announced, digest: Some(Md5::new()) };
        request.set_payload(Payload::Stream { payload: Box::pin(body) });
    }
    Ok(next.call(request).await?.map_into_boxed_body())
}
