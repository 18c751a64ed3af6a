//! A stream that holds a permit until it is dropped.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::Stream;
use futures_util::stream::BoxStream;
use tokio::sync::OwnedSemaphorePermit;

/// A stream that holds a permit until it ends or is dropped.
pub(super) struct PermitStream<T> {
    stream: BoxStream<'static, T>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl<T> PermitStream<T> {
    /// This stream with this permit, if it needs one.
    pub(super) fn new(stream: BoxStream<'static, T>, permit: Option<OwnedSemaphorePermit>) -> Self {
        Self { stream, _permit: permit }
    }
}

impl<T> Stream for PermitStream<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.stream.as_mut().poll_next(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.stream.size_hint()
    }
}
