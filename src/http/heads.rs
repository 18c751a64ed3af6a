//! Timeout for the request heads of a kept-alive connection. actix limits only the first one: without this, a client
//! that begins a second head and stops would keep its connection for ever.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use actix_web::body::BoxBody;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep_until};

use super::held_body::HeldBody;

/// Tracks since when a connection's client has been sending a head. One per connection.
#[derive(Debug)]
pub struct HeadClock {
    state: Cell<HeadState>,
    limit: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HeadState {
    /// No request has arrived yet; actix's own timeout applies.
    First,
    /// This many requests are being served; bytes that arrive meanwhile belong to a body or to a pipelined request.
    Busy(usize),
    /// All requests are answered, and nothing has arrived since.
    Idle,
    /// A head has been arriving since this time.
    Receiving(Instant),
}

impl HeadClock {
    fn new(limit: Duration) -> Self {
        Self { state: Cell::new(HeadState::First), limit }
    }

    fn received(&self, now: Instant) {
        if self.state.get() == HeadState::Idle {
            self.state.set(HeadState::Receiving(now));
        }
    }

    fn due(&self) -> Option<Instant> {
        match self.state.get() {
            HeadState::Receiving(since) => Some(since + self.limit),
            HeadState::First | HeadState::Busy(_) | HeadState::Idle => None,
        }
    }

    fn begin(&self) {
        self.state.set(match self.state.get() {
            HeadState::Busy(requests) => HeadState::Busy(requests + 1),
            HeadState::First | HeadState::Idle | HeadState::Receiving(_) => HeadState::Busy(1),
        });
    }

    fn end(&self) {
        self.state.set(match self.state.get() {
            HeadState::Busy(requests @ 2..) => HeadState::Busy(requests - 1),
            _ => HeadState::Idle,
        });
    }
}

/// A request that is being served; it counts until this is dropped.
pub(super) struct OpenRequest(Rc<HeadClock>);

impl OpenRequest {
    pub(super) fn begin(clock: Rc<HeadClock>) -> Self {
        clock.begin();
        Self(clock)
    }

    /// Keeps the request counted until `body` has been sent.
    pub(super) fn until_sent(self, body: BoxBody) -> BoxBody {
        HeldBody::boxed(body, self)
    }
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// A socket that reports the end of input when a head takes too long to arrive.
pub struct HeadTimed<T> {
    socket: T,
    clock: Rc<HeadClock>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl<T> HeadTimed<T> {
    /// The socket of a new connection; `limit` is the time allowed for a head.
    pub fn new(socket: T, limit: Duration) -> Self {
        Self { socket, clock: Rc::new(HeadClock::new(limit)), timer: None }
    }

    /// The clock that the connection's requests share.
    pub fn clock(&self) -> &Rc<HeadClock> {
        &self.clock
    }

    /// The wrapped socket.
    pub fn get_ref(&self) -> &T {
        &self.socket
    }

    /// Unwraps the socket, for a protocol other than HTTP.
    pub fn into_inner(self) -> T {
        self.socket
    }

    /// Whether the head's time is up; if not, the task is woken when it is. The timer is kept from one head to the next
    /// and reset only once it has fired: most heads arrive whole, and need not pay for a reset.
    fn is_due(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(due) = self.clock.due() else { return false };
        if Instant::now() >= due {
            return true;
        }
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(due.into())));
        while timer.as_mut().poll(cx).is_ready() {
            if timer.deadline() >= due.into() {
                return true;
            }
            timer.as_mut().reset(due.into());
        }
        false
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for HeadTimed<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        match Pin::new(&mut self.socket).poll_read(cx, buf) {
            // Reported as if the client had closed: there is no request to answer.
            Poll::Pending if self.is_due(cx) => Poll::Ready(Ok(())),
            Poll::Ready(Ok(())) if buf.filled().len() > before => {
                self.clock.received(Instant::now());
                Poll::Ready(Ok(()))
            }
            other => other,
        }
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for HeadTimed<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
    use tokio::time::timeout;

    use super::*;

    const LIMIT: Duration = Duration::from_millis(50);

    #[test]
    fn a_head_has_its_time_from_its_first_byte_on() {
        let (clock, now) = (HeadClock::new(LIMIT), Instant::now());
        clock.received(now);
        assert_eq!(clock.due(), None, "the first is actix's");
        clock.begin();
        clock.received(now);
        clock.begin(); // pipelined
        clock.begin();
        clock.end();
        clock.end();
        clock.received(now);
        assert_eq!(clock.due(), None, "a body, or what waits its turn");
        clock.end();
        assert_eq!(clock.due(), None, "idle: the keep-alive time counts");
        clock.received(now);
        clock.received(now + LIMIT / 2);
        assert_eq!(clock.due(), Some(now + LIMIT), "a byte now and then does not prolong it");
        clock.begin();
        assert_eq!(clock.due(), None);
    }

    #[actix_web::test]
    async fn a_head_that_does_not_come_in_time_ends_the_reading() {
        let (mut theirs, ours) = duplex(1024);
        let mut ours = HeadTimed::new(ours, LIMIT);
        let mut seen = [0; 8];
        theirs.write_all(b"GET").await.unwrap();
        assert_eq!(ours.read(&mut seen).await.unwrap(), 3);
        assert!(timeout(2 * LIMIT, ours.read(&mut seen)).await.is_err(), "the first");
        drop(OpenRequest::begin(ours.clock().clone()));
        assert!(timeout(2 * LIMIT, ours.read(&mut seen)).await.is_err(), "idle");
        theirs.write_all(b"G").await.unwrap();
        assert_eq!(ours.read(&mut seen).await.unwrap(), 1);
        assert_eq!(timeout(100 * LIMIT, ours.read(&mut seen)).await.unwrap().unwrap(), 0);
    }
}
