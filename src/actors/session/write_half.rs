//! The writing half of a session: the socket, the outbox and the place in the log.
//!
//! The session that owns it and the broadcaster that hands it segments share it on one thread. When nothing is queued,
//! a segment goes from the broadcaster straight to the socket; the session is woken only when the socket would block or
//! something has to be decided. Calls from the broadcaster and the thread agent (`viewer`) never call back.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytes::Bytes;
use tokio::io::ReadBuf;

pub use super::core::{Flushed, Mode, Standing};
use super::liveness::Liveness;
use super::outbox::{MAX_SLICES, Outbox};
use super::screens::ViewerScreens;
use super::transport::Wire;
use crate::actors::hub::SessionLimits;
use crate::actors::messages::room::{Page, Verdict};
use crate::actors::messages::viewer::Delivery;
use crate::protocol::close::CloseReason;
use crate::protocol::cursor::Place;
use crate::protocol::frame;
use crate::protocol::message::{GapReason, ServerMessage};
use crate::protocol::segment::Encoding;
use crate::protocol::{Connection, Cursor};
use crate::thread_metrics::ThreadMetrics;

/// The writing half of a connection, which the session and the broadcaster share.
pub struct WriteHalf<W> {
    pub(super) inner: RefCell<WriteHalfState<W>>,
    pub(super) limits: Rc<SessionLimits>,
    pub(super) thread_metrics: Arc<ThreadMetrics>,
    pub(super) encoding: Encoding,
    pub(super) connection: Connection,
}

pub(super) struct WriteHalfState<W> {
    pub(super) wire: W,
    pub(super) outbox: Outbox,
    pub(super) place: Place,
    pub(super) mode: Mode,
    /// The session's task; set at its first poll.
    pub(super) waker: Option<Waker>,
    /// Bytes of a message that has not come whole.
    pub(super) half_received: u32,
    /// Bytes that are counted in the node's budget for it.
    pub(super) counted: usize,
    /// What the viewer looks at, and the frames that wait until the outbox is empty.
    pub(super) screens: ViewerScreens,
    pub(super) liveness: Liveness,
    /// The viewer has been told where it stands; nothing but a close may come before that.
    pub(super) greeted: bool,
    pub(super) drain_announced: bool,
    /// The last write ended in "would block".
    pub(super) blocked: bool,
}

impl<W: Wire> WriteHalf<W> {
    /// The write half of a new session, behind the log until it has pulled its first page.
    pub fn new(
        wire: W,
        connection: Connection,
        encoding: Encoding,
        limits: Rc<SessionLimits>,
        thread_metrics: Arc<ThreadMetrics>,
        now_secs: u32,
    ) -> Self {
        let inner = WriteHalfState {
            wire,
            outbox: Outbox::new(encoding),
            place: Place { epoch: None, next: 1 },
            mode: Mode::Behind,
            waker: None,
            half_received: 0,
            counted: 0,
            screens: ViewerScreens::default(),
            liveness: Liveness::new(now_secs),
            greeted: false,
            drain_announced: false,
            blocked: false,
        };
        Self { inner: RefCell::new(inner), limits, thread_metrics, encoding, connection }
    }

    /// The bounds and times that it keeps.
    pub fn limits(&self) -> &SessionLimits {
        &self.limits
    }

    /// How messages are written.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The state of the session.
    pub fn mode(&self) -> Mode {
        self.inner.borrow().mode
    }

    /// Where it stands in the log.
    pub fn place(&self) -> Place {
        self.inner.borrow().place
    }

    /// Sets its place, as the log has told it and the viewer is told next.
    pub fn set_place(&self, place: Place) {
        let mut inner = self.inner.borrow_mut();
        inner.place = place;
        inner.greeted = true;
    }

    /// The session has reached the tip and been admitted.
    pub fn go_live(&self) {
        let mut inner = self.inner.borrow_mut();
        if inner.mode == Mode::Behind {
            inner.mode = Mode::Live;
        }
    }

    /// Bytes to ask for: one segment when the node as a whole holds too much.
    pub fn page_bytes(&self) -> usize {
        if self.limits.outboxes.exceeded() { 1 } else { self.limits.page_bytes }
    }

    /// Queues a page: what became of the viewer's place, then the events. Its place moves behind them.
    pub fn take_page(&self, page: Page) {
        // A page that was asked for before the close frame was queued comes too late.
        if self.mode() != Mode::Behind {
            return;
        }
        let Page { verdict, place, segments, .. } = page;
        let held = self.place();
        match (verdict, place.epoch) {
            (Verdict::Reset { from }, epoch) => {
                self.tell(&ServerMessage::Reset { epoch, from, cursor: place.cursor() });
            }
            // The run was born, or its log goes on in a new incarnation of the store, while the viewer was behind: its
            // cursor is to name the epoch of what follows.
            (_, Some(epoch)) if held.epoch != place.epoch => {
                let cursor = Cursor { epoch: place.epoch, ..held.cursor() };
                self.tell(&ServerMessage::Epoch { epoch, cursor });
            }
            _ => {}
        }
        if let Verdict::Gap { from, to } = verdict {
            self.tell(&ServerMessage::Gap { from, to, reason: GapReason::Expired, cursor: place.cursor() });
        }
        let mut inner = self.inner.borrow_mut();
        inner.place = place;
        for segment in segments {
            let next = inner.place.next;
            if segment.last() < next {
                continue;
            }
            debug_assert!(segment.first() <= next, "I1: a page starts at the reader's place");
            // The epoch stays the one that the viewer was told: it holds for what older ones stored, too.
            inner.place.next = segment.last() + 1;
            inner.outbox.push_segment(segment, next, 0);
        }
        self.count(&mut inner);
    }

    /// Queues one of the server's own messages.
    pub fn tell(&self, message: &ServerMessage) {
        let bytes = self.encode_message(message);
        if !message.moves_viewer() {
            return self.push(bytes);
        }
        let mut inner = self.inner.borrow_mut();
        if matches!(inner.mode, Mode::Live | Mode::Behind) {
            inner.outbox.push_mark(bytes);
            self.count(&mut inner);
        }
    }

    /// Queues encoded bytes; they leave with the next flush.
    pub fn push(&self, bytes: Bytes) {
        let mut inner = self.inner.borrow_mut();
        if matches!(inner.mode, Mode::Live | Mode::Behind) {
            inner.outbox.push_message(bytes);
            self.count(&mut inner);
        }
    }

    /// Whether unsent answers are more than a session may hold: a peer that asks but does not read. Events and a screen
    /// are bounded elsewhere, and are not the peer's doing.
    pub fn overrun(&self) -> bool {
        self.inner.borrow().outbox.messages() > self.limits.outbox_bytes
    }

    pub(super) fn encode_message(&self, message: &ServerMessage) -> Bytes {
        match self.encoding {
            Encoding::WebSocket => message.to_frame(),
            Encoding::Sse => message.to_sse(),
            Encoding::NdJson => format!("{}\n", message.to_json()).into(),
        }
    }

    /// Begins to close: what is queued still goes out, then the close frame.
    pub fn begin_close(&self, reason: CloseReason, text: &str) {
        let mut inner = self.inner.borrow_mut();
        self.close_inner(&mut inner, reason, text);
    }

    pub(super) fn close_inner(&self, inner: &mut WriteHalfState<W>, reason: CloseReason, text: &str) {
        if matches!(inner.mode, Mode::Closing(_) | Mode::Broken) {
            return;
        }
        inner.screens.clear();
        match reason.code() {
            Some(code) if self.encoding == Encoding::WebSocket => {
                inner.outbox.push_message(frame::close(Some(code), text));
            }
            Some(_) => {}
            None => {
                // The peer takes nothing: no close frame could reach it.
                inner.wire.reset();
                inner.outbox = Outbox::new(self.encoding);
            }
        }
        inner.mode = Mode::Closing(reason);
        inner.liveness.closing();
        self.count(inner);
        inner.wake();
    }

    /// The peer closed: answer in kind, then end.
    pub fn echo_close(&self, code: Option<u16>) {
        let mut inner = self.inner.borrow_mut();
        if matches!(inner.mode, Mode::Live | Mode::Behind) {
            inner.outbox.cut();
            inner.outbox.push_message(frame::close(code, ""));
            inner.mode = Mode::Closing(CloseReason::Normal);
            inner.liveness.closing();
            self.count(&mut inner);
        }
    }

    /// Has the session's task polled again.
    pub fn wake(&self) {
        self.inner.borrow().wake();
    }

    /// Reads into `scratch`; `Ready(Ok(0))` is the end of the stream.
    pub fn poll_read(&self, cx: &mut Context<'_>, scratch: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut inner = self.inner.borrow_mut();
        let mut buffer = ReadBuf::new(scratch);
        match Pin::new(&mut inner.wire).poll_read(cx, &mut buffer) {
            Poll::Ready(Ok(())) => {
                let read = buffer.filled().len();
                if read > 0 {
                    inner.liveness.inbound();
                }
                Poll::Ready(Ok(read))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Says that nothing more will be written.
    pub fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut inner = self.inner.borrow_mut();
        Pin::new(&mut inner.wire).poll_shutdown(cx)
    }

    /// Writes what is queued; remembers the task to wake.
    pub fn poll_flush(&self, cx: &mut Context<'_>) -> io::Result<Standing> {
        let mut inner = self.inner.borrow_mut();
        if !inner.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            inner.waker = Some(cx.waker().clone());
        }
        match self.flush(&mut inner, cx, None) {
            Ok(flushed) => Ok(Standing {
                mode: inner.mode,
                flushed,
                wants_page: inner.outbox.unsent() * 4 <= self.limits.outbox_bytes,
                close_overdue: inner.liveness.close_overdue(),
            }),
            Err(error) => {
                inner.mode = Mode::Broken;
                Err(error)
            }
        }
    }

    /// `now` is given on the live path, whose lag counts.
    pub(super) fn flush(
        &self,
        inner: &mut WriteHalfState<W>,
        cx: &mut Context<'_>,
        now: Option<Instant>,
    ) -> io::Result<Flushed> {
        let flushed = loop {
            if inner.outbox.is_empty() {
                let Some(frame) = inner.screens.next() else { break Flushed::Clear };
                inner.outbox.push_screen(frame);
            }
            let WriteHalfState { wire, outbox, .. } = &mut *inner;
            let mut slices = [IoSlice::new(&[]); MAX_SLICES];
            let count = outbox.slices(&mut slices);
            match Pin::new(wire).poll_write_vectored(cx, &slices[..count]) {
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(n)) => {
                    let written = outbox.advance(n);
                    if written.events > 0 {
                        self.thread_metrics.delivered(written.events);
                        if let Some(arrived) = written.oldest {
                            self.thread_metrics.lag(now.unwrap_or_else(Instant::now) - arrived);
                        }
                    }
                    self.thread_metrics.sent(n);
                    inner.liveness.wrote(inner.blocked);
                }
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => break Flushed::Blocked,
            }
        };
        inner.blocked = flushed == Flushed::Blocked;
        self.count(inner);
        Ok(flushed)
    }

    /// Drops what is not yet on the wire, remembers from where, and has the session pull.
    pub(super) fn fall_behind(&self, inner: &mut WriteHalfState<W>) -> Delivery {
        if let Some(first) = inner.outbox.cut() {
            inner.place.next = first;
        }
        inner.mode = Mode::Behind;
        self.thread_metrics.fell_behind();
        self.count(inner);
        inner.wake();
        Delivery::Behind
    }
}

impl<W> WriteHalfState<W> {
    pub(super) fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }

    pub(super) fn break_off(&mut self) {
        self.mode = Mode::Broken;
        self.wake();
    }
}
