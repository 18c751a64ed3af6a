//! A live connection of a client. It sends requests and receives replies until it is lost or the client is closed.

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::RedisCommand;
use super::link::{Frames, Link};
use super::metrics::ConnectionMetrics;
use super::pipeline::Pipeline;
use super::request::Request;

/// About how many bytes are collected for one write; what waits beyond that goes into the next write. 256 KiB.
const BATCH_BYTES: usize = 256 * 1024;

/// Requests that are taken before the socket is looked at.
const TAKE: usize = 256;

/// How the connection ended.
#[derive(Debug)]
pub(super) enum ConnectionEnded {
    /// The client was closed, or all its clones were dropped.
    Closed,
    /// The connection was lost, for this reason.
    Lost(String),
}

/// A live connection and the pipeline of its commands.
pub(super) struct RedisConnection {
    frames: Frames,
    pipeline: Pipeline,
    metrics: ConnectionMetrics,
    /// Bytes encoded so far.
    encoded: u64,
    /// Encoded bytes may not have reached the socket.
    unflushed: bool,
    /// Bytes received when the codec was last asked.
    received: u64,
    /// The client was closed: only the commands in flight are still answered.
    closing: bool,
}

impl RedisConnection {
    pub(super) fn new(link: Link, command_timeout: Duration, metrics: ConnectionMetrics) -> Self {
        let mut frames = link.into_frames();
        frames.set_backpressure_boundary(BATCH_BYTES);
        let received = frames.codec().received();
        let pipeline = Pipeline::new(command_timeout, Instant::now(), metrics.missed_deadlines.clone());
        Self { frames, pipeline, metrics, encoded: 0, unflushed: false, received, closing: false }
    }

    /// Serves until the connection ends. Every caller has been answered when it returns.
    pub(super) async fn serve(mut self, requests: &mut mpsc::UnboundedReceiver<Request>) -> ConnectionEnded {
        let ended = self.converse(requests).await;
        let reason = match &ended {
            ConnectionEnded::Closed => "the connection was closed",
            ConnectionEnded::Lost(reason) => reason,
        };
        // Redis can't have bytes that the socket has not taken.
        let written = self.encoded - self.frames.write_buffer().len() as u64;
        self.pipeline.lose(reason, written);
        if self.closing { ConnectionEnded::Closed } else { ended }
    }

    async fn converse(&mut self, requests: &mut mpsc::UnboundedReceiver<Request>) -> ConnectionEnded {
        let mut timer = pin!(sleep_until(self.pipeline.due()));
        let mut taken = Vec::with_capacity(TAKE);
        loop {
            let now = Instant::now();
            if now >= self.pipeline.due()
                && let Err(reason) = self.expire(now)
            {
                return ConnectionEnded::Lost(reason);
            }
            if self.closing && self.pipeline.is_idle() {
                return ConnectionEnded::Closed;
            }
            if timer.deadline() > self.pipeline.due() || timer.deadline() <= now {
                timer.as_mut().reset(self.pipeline.due());
            }
            tokio::select! {
                biased; // everything that waits goes into one write
                count = requests.recv_many(&mut taken, TAKE), if !self.closing => {
                    if count == 0 {
                        return ConnectionEnded::Closed;
                    }
                    let mut given_up = None;
                    for request in taken.drain(..) {
                        match request {
                            Request::Call(call) => self.pipeline.push(call),
                            Request::Burst(calls) => calls.into_iter().for_each(|call| self.pipeline.push(call)),
                            Request::GiveUp(reason) => given_up = Some(reason),
                            Request::Close => self.closing = true,
                        }
                    }
                    if let Some(reason) = given_up {
                        return ConnectionEnded::Lost(reason.to_string());
                    }
                }
                moved = poll_fn(|cx| self.poll(cx)) => {
                    if let Err(reason) = moved {
                        return ConnectionEnded::Lost(reason);
                    }
                }
                () = timer.as_mut() => {}
            }
        }
    }

    fn expire(&mut self, now: Instant) -> Result<(), String> {
        if self.pipeline.expire(now, self.encoded)? {
            self.encode(RedisCommand::new("PING")).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn encode(&mut self, command: RedisCommand) -> std::io::Result<()> {
        let before = self.frames.write_buffer().len();
        self.frames.start_send_unpin(command)?;
        self.encoded += (self.frames.write_buffer().len() - before) as u64;
        self.unflushed = true;
        Ok(())
    }

    /// Writes and reads as far as the socket allows. Ready when replies came, or with the reason why the connection is
    /// lost.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), String>> {
        if let Poll::Ready(Err(error)) = self.poll_write(cx) {
            return Poll::Ready(Err(format!("can't write: {error}")));
        }
        let mut moved = false;
        loop {
            let read = self.frames.poll_next_unpin(cx);
            let received = self.frames.codec().received();
            if received != self.received {
                self.received = received;
                self.pipeline.heard(Instant::now());
            }
            match read {
                Poll::Ready(Some(Ok(reply))) => self.pipeline.answer(reply)?,
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(format!("can't read: {error}"))),
                Poll::Ready(None) => return Poll::Ready(Err("closed by Redis".to_owned())),
                Poll::Pending if moved => return Poll::Ready(Ok(())),
                Poll::Pending => return Poll::Pending,
            }
            moved = true;
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        while self.pipeline.has_waiting() {
            // Ready while less than a batch is buffered; otherwise it writes.
            ready!(self.frames.poll_ready_unpin(cx))?;
            if let Some(command) = self.pipeline.send_next(self.encoded) {
                self.metrics.commands.increment(1);
                self.encode(command)?;
            }
        }
        if self.unflushed {
            ready!(self.frames.poll_flush_unpin(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }
}
