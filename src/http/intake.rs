//! Reading a request's body: bounded per request and over the node, decoded within the same bound.

use std::time::Duration;

use actix_web::http::{StatusCode, header};
use actix_web::rt::time::timeout;
use actix_web::{HttpRequest, web};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;

use super::body::decode;
use super::claims;
use super::error::{Problem, saturated};
use crate::budget::{Budget, Held};
use crate::protocol::ContentCoding;

/// Coded bodies from this size on are decoded off the worker thread. 64 KiB.
const DECODE_ELSEWHERE: usize = 64 * 1024;

/// A body and its share of the node's memory for bodies.
pub(super) struct Intake {
    /// Decoded.
    pub(super) body: Bytes,
    /// Given back when dropped.
    pub(super) held: Held,
}

/// The most bytes of a decoded body, and the code of the refusal beyond it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    pub(super) bytes: usize,
    pub(super) code: &'static str,
}

impl Limit {
    fn exceeded(self) -> Problem {
        let detail = format!("the body has more than {} bytes", self.bytes);
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, self.code, detail)
    }
}

fn coding_of(request: &HttpRequest) -> Result<ContentCoding, Problem> {
    let Some(value) = request.headers().get(header::CONTENT_ENCODING) else { return Ok(ContentCoding::Identity) };
    let value = value.to_str().unwrap_or("\u{fffd}");
    ContentCoding::parse(value).ok_or_else(|| {
        let detail = format!("Content-Encoding must be gzip or zstd, not {value:?}");
        Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_encoding", detail)
    })
}

/// The body's next part; a sender that pauses for longer than `idle` may be gone, and must not keep what it holds.
pub(super) async fn next(payload: &mut web::Payload, idle: Duration) -> Result<Option<Bytes>, Problem> {
    match timeout(idle, payload.next()).await {
        Ok(None) => Ok(None),
        Ok(Some(Ok(chunk))) => Ok(Some(chunk)),
        Ok(Some(Err(error))) => Err(claims::refused(&error)),
        Err(_) => {
            let detail = format!("nothing of the body came for {} s", idle.as_secs());
            Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", detail))
        }
    }
}

/// Reads a body of at most `limit` bytes, decoded, that never pauses for longer than `idle`.
pub(super) async fn take(
    request: &HttpRequest,
    payload: &mut web::Payload,
    limit: Limit,
    idle: Duration,
    budget: &Budget,
) -> Result<Intake, Problem> {
    let coding = coding_of(request)?;
    let declared = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if declared.is_some_and(|length: usize| length > limit.bytes) {
        return Err(limit.exceeded());
    }
    let mut held = budget.hold();
    let mut first = Bytes::new();
    let mut body = BytesMut::new();
    while let Some(chunk) = next(payload, idle).await? {
        if first.len() + body.len() + chunk.len() > limit.bytes {
            return Err(limit.exceeded());
        }
        if !held.grow(chunk.len()) {
            return Err(saturated());
        }
        if first.is_empty() && body.is_empty() {
            first = chunk; // most bodies are one chunk, and are not copied
            continue;
        }
        if body.is_empty() {
            body.reserve(declared.unwrap_or(0).min(limit.bytes));
            body.extend_from_slice(&std::mem::take(&mut first));
        }
        body.extend_from_slice(&chunk);
    }
    let coded = if body.is_empty() { first } else { body.freeze() };
    if coding == ContentCoding::Identity {
        return Ok(Intake { body: coded, held });
    }
    let small = coded.len() < DECODE_ELSEWHERE;
    let body = match small {
        true => decode(coding, coded, limit.bytes),
        false => web::block(move || decode(coding, coded, limit.bytes)).await.map_err(|_| saturated())?,
    };
    let body = body.map_err(|error| {
        Problem::new(
            StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST),
            error.code(),
            error.to_string(),
        )
    })?;
    if !held.grow(body.len()) {
        return Err(saturated());
    }
    Ok(Intake { body, held })
}
