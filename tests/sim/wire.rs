//! A socket whose far end is simulated: it takes as much as its window allows, in pieces; it stalls, breaks, is reset.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use runcast::actors::session::Wire;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::chance::Dice;

/// A task's waker that only remembers that it was woken: the scheduler decides when the task runs.
#[derive(Debug, Default)]
pub(crate) struct Alarm(AtomicBool);

impl Alarm {
    /// An alarm that has gone off: a new task is polled once.
    pub(crate) fn ringing() -> Arc<Self> {
        Arc::new(Self(AtomicBool::new(true)))
    }

    pub(crate) fn rings(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn ring(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn silence(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.ring();
    }
}

/// What both ends share.
#[derive(Debug)]
struct Pipe {
    /// Bytes that the server may still write before it blocks.
    window: usize,
    /// Decides in which pieces.
    dice: Dice,
    /// Accepted from the server, not yet read by the client.
    transit: Vec<u8>,
    /// Sent by the client, not yet read by the server.
    inbound: Vec<u8>,
    /// The client's end is gone.
    broken: bool,
    /// The server's end is gone.
    ended: bool,
    writer: Option<Waker>,
    reader: Option<Waker>,
}

/// Either end of a connection.
#[derive(Clone, Debug)]
pub(crate) struct SimWire(Rc<RefCell<Pipe>>);

impl SimWire {
    pub(crate) fn new(window: usize, dice: Dice) -> Self {
        Self(Rc::new(RefCell::new(Pipe {
            window,
            dice,
            transit: Vec::new(),
            inbound: Vec::new(),
            broken: false,
            ended: false,
            writer: None,
            reader: None,
        })))
    }

    /// The client reads on: so many more bytes may be written. True when somebody waited for that.
    pub(crate) fn widen(&self, bytes: usize) -> bool {
        let mut pipe = self.0.borrow_mut();
        pipe.window = pipe.window.saturating_add(bytes);
        let writer = pipe.writer.take();
        drop(pipe);
        writer.map(Waker::wake).is_some()
    }

    /// The client stops reading.
    pub(crate) fn stall(&self) {
        self.0.borrow_mut().window = 0;
    }

    /// What has arrived at the client, at most `bytes` of it.
    pub(crate) fn receive(&self, bytes: usize) -> Vec<u8> {
        let transit = &mut self.0.borrow_mut().transit;
        let count = bytes.min(transit.len());
        transit.drain(..count).collect()
    }

    pub(crate) fn in_transit(&self) -> usize {
        self.0.borrow().transit.len()
    }

    /// The client sends bytes.
    pub(crate) fn send(&self, bytes: &[u8]) {
        let mut pipe = self.0.borrow_mut();
        pipe.inbound.extend_from_slice(bytes);
        let reader = pipe.reader.take();
        drop(pipe);
        reader.into_iter().for_each(Waker::wake);
    }

    /// The client is gone, and what it had not read is lost.
    pub(crate) fn break_off(&self) {
        let mut pipe = self.0.borrow_mut();
        pipe.broken = true;
        pipe.transit.clear();
        let wakers = [pipe.reader.take(), pipe.writer.take()];
        drop(pipe);
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    /// The server's end is gone. What it wrote may still arrive.
    pub(crate) fn end(&self) {
        self.0.borrow_mut().ended = true;
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.0.borrow().ended
    }
}

impl AsyncRead for SimWire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut pipe = self.0.borrow_mut();
        if !pipe.inbound.is_empty() {
            let count = pipe.inbound.len().min(into.remaining());
            into.put_slice(&pipe.inbound[..count]);
            pipe.inbound.drain(..count);
            return Poll::Ready(Ok(()));
        }
        if pipe.broken {
            let error = pipe.dice.one_in(2);
            return Poll::Ready(if error { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(()) });
        }
        pipe.reader = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl AsyncWrite for SimWire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[io::IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut pipe = self.0.borrow_mut();
        if pipe.broken {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if pipe.dice.one_in(40) {
            return Poll::Ready(Err(io::ErrorKind::Interrupted.into()));
        }
        let piece = if pipe.dice.one_in(3) { pipe.dice.between(1, 90) } else { usize::MAX };
        let mut left = pipe.window.min(piece);
        if left == 0 {
            pipe.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let before = pipe.transit.len();
        for slice in slices {
            let count = left.min(slice.len());
            pipe.transit.extend_from_slice(&slice[..count]);
            left -= count;
        }
        let written = pipe.transit.len() - before;
        pipe.window -= written.min(pipe.window);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Wire for SimWire {
    fn tune(&self, _: u32) -> io::Result<()> {
        Ok(())
    }

    fn reset(&self) {
        // Whatever the kernel held is gone.
        self.0.borrow_mut().transit.clear();
    }
}
