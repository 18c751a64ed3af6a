//! The time that the heads of a connection's further requests may take. actix measures the first one's alone: a client that begins a
//! second and stops would keep its connection for ever.

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

/// Knows whether a connection's client is sending a head, and since when. One per connection.
#[derive(Debug)]
pub struct HeadClock {
    state: Cell<HeadState>,
    limit: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HeadState {
    /// Nothing has been asked yet: actix's own time counts.
    First,
    /// So many requests are in hand; what comes meanwhile is a body, or waits its turn.
    Busy(usize),
    /// All are answered, and nothing has come since.
    Idle,
    /// Something has.
    Upload(Instant),
}

impl HeadClock {
    fn new(limit: Duration) -> Self {
        Self { state: Cell::new(HeadState::First), limit }
    }

    fn received(&self, now: Instant) {
        if self.state.get() == HeadState::Idle {
            self.state.set(HeadState::Upload(now));
        }
    }

    fn due(&self) -> Option<Instant> {
        match self.state.get() {
            HeadState::Upload(since) => Some(since + self.limit),
            HeadState::First | HeadState::Busy(_) | HeadState::Idle => None,
        }
    }

    fn begin(&self) {
        self.state.set(match self.state.get() {
            HeadState::Busy(requests) => HeadState::Busy(requests + 1),
            HeadState::First | HeadState::Idle | HeadState::Upload(_) => HeadState::Busy(1),
        });
    }

    fn end(&self) {
        self.state.set(match self.state.get() {
            HeadState::Busy(requests @ 2..) => HeadState::Busy(requests - 1),
            _ => HeadState::Idle,
        });
    }
}

/// A request in hand, until it is dropped.
pub(super) struct InHand(Rc<HeadClock>);

impl InHand {
    pub(super) fn begin(clock: Rc<HeadClock>) -> Self {
        clock.begin();
        Self(clock)
    }

    /// For as long as the body is being sent.
    pub(super) fn until_sent(self, body: BoxBody) -> BoxBody {
        HeldBody::boxed(body, self)
    }
}

impl Drop for InHand {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// A socket whose reading ends when a head is too long in coming.
pub struct HeadTimed<T> {
    socket: T,
    clock: Rc<HeadClock>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl<T> HeadTimed<T> {
    /// Of a new connection, with the time that a head may take.
    pub fn new(socket: T, limit: Duration) -> Self {
        Self { socket, clock: Rc::new(HeadClock::new(limit)), timer: None }
    }

    /// For the requests of the connection.
    pub fn clock(&self) -> &Rc<HeadClock> {
        &self.clock
    }

    /// The socket below.
    pub fn get_ref(&self) -> &T {
        &self.socket
    }

    /// The socket below, for who speaks something else on it.
    pub fn into_inner(self) -> T {
        self.socket
    }

    /// Whether a head is due; else this is called again when it is. The timer stays from one head to the next, and is set anew
    /// only when it has fired: most heads come whole, and would pay for setting it.
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
            // As if the client had gone: there is nothing to answer.
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
        drop(InHand::begin(ours.clock().clone()));
        assert!(timeout(2 * LIMIT, ours.read(&mut seen)).await.is_err(), "idle");
        theirs.write_all(b"G").await.unwrap();
        assert_eq!(ours.read(&mut seen).await.unwrap(), 1);
        assert_eq!(timeout(100 * LIMIT, ours.read(&mut seen)).await.unwrap().unwrap(), 0);
    }
}
