//! Reads request bodies: limited per request and per node, decoded within the same limit, and at a minimum rate.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use actix_web::http::{StatusCode, header};
use actix_web::rt::time::{Sleep, sleep_until};
use actix_web::{HttpRequest, web};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;

use super::super::body_checks;
use super::super::problem::{Problem, saturated};
use super::super::transfer::{Rate, TooSlow, Transfer, TransferKind, Transfers, find_room};
use super::decode::{BodyError, decode};
use crate::budget::{Budget, Held};
use crate::protocol::ContentCoding;

/// Encoded bodies of this size and larger are decoded off the worker thread. 64 KiB.
const DECODE_ELSEWHERE: usize = 64 * 1024;

/// A body that has been read, and its part of the node's memory for bodies.
pub(in crate::http) struct ReadBody {
    /// The decoded bytes.
    pub(in crate::http) body: Bytes,
    /// The memory that the body takes; freed on drop.
    pub(in crate::http) held: Held,
}

/// Most bytes of a decoded body, and the error code for a larger one.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct Limit {
    pub(in crate::http) bytes: usize,
    pub(in crate::http) code: &'static str,
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

/// Reads a request's body, which must arrive at a minimum rate.
pub(in crate::http) struct BodyReader<'a> {
    payload: &'a mut web::Payload,
    transfers: &'a Transfers,
    kind: TransferKind,
    rate: Rate,
    /// Set once the body has had to be waited for.
    waiting: Option<(Transfer, Pin<Box<Sleep>>)>,
}

impl<'a> BodyReader<'a> {
    pub(in crate::http) fn new(
        payload: &'a mut web::Payload,
        transfers: &'a Transfers,
        kind: TransferKind,
        rate: Rate,
    ) -> Self {
        Self { payload, transfers, kind, rate, waiting: None }
    }

    /// Returns the body's next part; `None` at its end.
    pub(in crate::http) async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        let chunk = poll_fn(|cx| self.poll_next(cx)).await?;
        if let Some((transfer, _)) = &mut self.waiting {
            let now = Instant::now();
            transfer.moved(chunk.as_ref().map_or(0, Bytes::len), now);
            transfer.rest(now);
        }
        Ok(chunk)
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Problem>> {
        if let Poll::Ready(chunk) = self.payload.poll_next_unpin(cx) {
            return Poll::Ready(chunk.transpose().map_err(|error| body_checks::refused(&error)));
        }
        let now = Instant::now();
        let (transfer, timer) = self.waiting.get_or_insert_with(|| {
            let transfer = self.transfers.begin(self.kind, self.rate, now);
            let timer = Box::pin(sleep_until(transfer.due().into()));
            (transfer, timer)
        });
        transfer.resume(now);
        match transfer.is_too_slow(cx.waker(), now) {
            None => {
                timer.as_mut().reset(transfer.due().into());
                if timer.as_mut().poll(cx).is_ready() {
                    cx.waker().wake_by_ref();
                }
                Poll::Pending
            }
            Some(reason) => Poll::Ready(Err(self.too_slow(reason))),
        }
    }

    fn too_slow(&self, reason: TooSlow) -> Problem {
        let Rate { bytes_per_sec, pause } = self.rate;
        match reason {
            TooSlow::Rate => {
                let detail = format!(
                    "the body came too slowly: it was {} s behind {bytes_per_sec} bytes per second; nothing was stored",
                    pause.as_secs()
                );
                Problem::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", detail)
            }
            TooSlow::Preempted => {
                let detail = "the body was the slowest of those that the node had in hand, and others waited; nothing was \
                              stored";
                Problem::unavailable("preempted", detail)
            }
        }
    }
}

/// What bodies are read with: the node's memory for bodies, its list of transfers, and the minimum rate.
pub(in crate::http) struct BodyBounds<'a> {
    pub(in crate::http) budget: &'a Budget,
    pub(in crate::http) transfers: &'a Transfers,
    pub(in crate::http) rate: Rate,
}

impl BodyBounds<'_> {
    /// Takes `bytes` more of the node's memory for bodies.
    async fn grow(&self, held: &mut Held, bytes: usize) -> Result<(), Problem> {
        let grown = find_room(self.transfers, TransferKind::Post, async || held.grow(bytes).then_some(())).await;
        grown.ok_or_else(saturated)
    }

    /// Decodes a body; a large one off the worker thread.
    async fn decode(&self, coding: ContentCoding, coded: Bytes, limit: usize) -> Result<ReadBody, BodyError> {
        let (mut held, large) = (self.budget.hold(), coded.len() >= DECODE_ELSEWHERE);
        let work = move || decode(coding, coded, limit, |bytes| held.grow(bytes)).map(|body| ReadBody { body, held });
        match large {
            false => work(),
            true => web::block(work).await.unwrap_or(Err(BodyError::NoRoom)),
        }
    }

    /// Makes room for `len` bytes in `body`, and counts its whole capacity.
    async fn reserve(&self, body: &mut BytesMut, held: &mut Held, len: usize, most: usize) -> Result<(), Problem> {
        let capacity = body.capacity();
        if len > capacity {
            let wanted = len.max((2 * capacity).min(most));
            self.grow(held, wanted - capacity).await?;
            body.reserve(wanted - body.len());
            held.cover(body.capacity());
        }
        Ok(())
    }
}

/// Reads and decodes a body of at most `limit` bytes.
pub(in crate::http) async fn take(
    request: &HttpRequest,
    payload: &mut web::Payload,
    limit: Limit,
    bounds: &BodyBounds<'_>,
) -> Result<ReadBody, Problem> {
    let coding = coding_of(request)?;
    let mut held = bounds.budget.hold();
    let mut first = Bytes::new();
    let mut body = BytesMut::new();
    let mut reader = BodyReader::new(payload, bounds.transfers, TransferKind::Post, bounds.rate);
    while let Some(chunk) = reader.next().await? {
        let len = first.len() + body.len() + chunk.len();
        if len > limit.bytes {
            return Err(limit.exceeded());
        }
        if first.is_empty() && body.is_empty() {
            bounds.grow(&mut held, chunk.len()).await?;
            first = chunk; // most bodies are one chunk, which is not copied
            continue;
        }
        bounds.reserve(&mut body, &mut held, len, limit.bytes).await?;
        if !first.is_empty() {
            held.shrink(first.len());
            body.extend_from_slice(&std::mem::take(&mut first));
        }
        body.extend_from_slice(&chunk);
    }
    drop(reader);
    let coded = if body.is_empty() { first } else { body.freeze() };
    if coding == ContentCoding::Identity {
        return Ok(ReadBody { body: coded, held });
    }
    let try_to_decode = async || match bounds.decode(coding, coded.clone(), limit.bytes).await {
        Err(BodyError::NoRoom) => None,
        decoded => Some(decoded),
    };
    let decoded = find_room(bounds.transfers, TransferKind::Post, try_to_decode).await.ok_or_else(saturated)?;
    decoded.map_err(|error| {
        let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
        Problem::new(status, error.code(), error.to_string())
    })
}
