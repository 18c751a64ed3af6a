//! The writing half of a session: the socket, its outbox and its place in the log.
//!
//! It is shared, on one thread, by the session that owns it and by the gallery that hands it segments: when nothing is
//! queued, a segment goes from the gallery straight to the socket, and the session is woken only when the socket would
//! block or something has to be decided. Calls from the gallery and the usher never call back.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytes::Bytes;
use tokio::io::ReadBuf;

use super::outbox::{MAX_SLICES, Outbox};
use super::transport::Wire;
use crate::actors::messages::viewer::{Delivery, Viewer};
use crate::budget::Budget;
use crate::meters::ThreadMeters;
use crate::protocol::close::CloseReason;
use crate::protocol::cursor::{Judgement, Place};
use crate::protocol::frame::{self, FrameLimits};
use crate::protocol::message::ServerMessage;
use crate::protocol::segment::Encoding;
use crate::protocol::{Cursor, Segment, Seq};

/// How long a closed session waits for its peer's half of the close, in seconds.
const CLOSE_WAIT_SECS: u32 = 2;

/// The limits of a session, one copy per thread.
#[derive(Clone, Debug)]
pub struct SessionLimits {
    /// Most unsent bytes of a session, an empty outbox's first segment apart.
    pub outbox_bytes: usize,
    /// Most bytes asked for in one page.
    pub page_bytes: usize,
    /// Unsent bytes of all sessions of the node.
    pub outboxes: Budget,
    /// Without a byte leaving for so long, the socket is reset.
    pub stall_secs: u32,
    /// Without a byte arriving for so long, the peer is dead.
    pub pong_deadline_secs: u32,
    /// Told to the viewer in `connected`.
    pub ping_secs: u32,
    /// Largest frame and message taken from a viewer.
    pub incoming: FrameLimits,
    /// Most unsent bytes in the kernel.
    pub send_buffer_bytes: u32,
}

/// Where a session stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Pulls pages until it reaches the tip.
    Behind,
    /// Segments are handed to it.
    Live,
    /// Writes what is queued, then its close frame, then waits for the peer's.
    Closing(CloseReason),
    /// The socket is no more.
    Broken,
}

/// What is left to do after a flush.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flushed {
    /// Nothing is queued.
    Clear,
    /// The socket takes no more now; the session will be woken.
    Blocked,
}

pub struct Outlet<W> {
    inner: RefCell<Inner<W>>,
    limits: Rc<SessionLimits>,
    meters: Arc<ThreadMeters>,
    encoding: Encoding,
}

struct Inner<W> {
    wire: W,
    outbox: Outbox,
    place: Place,
    mode: Mode,
    /// The session's task; set at its first poll.
    waker: Option<Waker>,
    /// Bytes counted in the node's budget.
    counted: usize,
    /// Newest screen that waits for an empty outbox.
    screen: Option<Bytes>,
    vitals: Vitals,
    drain_announced: bool,
    /// The last write ended in "would block".
    blocked: bool,
}

/// Signs of life, in seconds since the node's start.
#[derive(Clone, Copy, Debug)]
struct Vitals {
    now: u32,
    /// Last byte in, or last byte out of a socket that had been blocked: the peer took something.
    moved: u32,
    /// When the oldest unanswered ping left, or `None`.
    pinged: Option<u32>,
    /// When the outbox last made progress or became non-empty.
    progressed: u32,
    closing_since: Option<u32>,
}

impl<W: Wire> Outlet<W> {
    pub fn new(
        wire: W,
        encoding: Encoding,
        limits: Rc<SessionLimits>,
        meters: Arc<ThreadMeters>,
        now_secs: u32,
    ) -> Self {
        let vitals = Vitals { now: now_secs, moved: now_secs, pinged: None, progressed: now_secs, closing_since: None };
        let inner = Inner {
            wire,
            outbox: Outbox::new(encoding),
            place: Place { epoch: None, next: 1 },
            mode: Mode::Behind,
            waker: None,
            counted: 0,
            screen: None,
            vitals,
            drain_announced: false,
            blocked: false,
        };
        Self { inner: RefCell::new(inner), limits, meters, encoding }
    }

    pub fn limits(&self) -> &SessionLimits {
        &self.limits
    }

    pub fn mode(&self) -> Mode {
        self.inner.borrow().mode
    }

    pub fn place(&self) -> Place {
        self.inner.borrow().place
    }

    pub fn set_place(&self, place: Place) {
        self.inner.borrow_mut().place = place;
    }

    /// The session has reached the tip and been admitted.
    pub fn go_live(&self) {
        let mut inner = self.inner.borrow_mut();
        if inner.mode == Mode::Behind {
            inner.mode = Mode::Live;
        }
    }

    /// Whether a further page fits: little enough is queued.
    pub fn wants_page(&self) -> bool {
        let inner = self.inner.borrow();
        inner.mode == Mode::Behind && inner.outbox.unsent() * 4 <= self.limits.outbox_bytes
    }

    /// Bytes to ask for: one segment when the node as a whole holds too much.
    pub fn page_bytes(&self) -> usize {
        if self.limits.outboxes.exceeded() { 1 } else { self.limits.page_bytes }
    }

    /// Takes a page's segments; its place goes on.
    pub fn take_page(&self, segments: Vec<Arc<Segment>>) {
        let mut inner = self.inner.borrow_mut();
        for segment in segments {
            let next = inner.place.next;
            if segment.last() < next {
                continue;
            }
            debug_assert!(segment.first() <= next, "I1: a page starts at the reader's place");
            inner.place = Place { epoch: Some(segment.epoch()), next: segment.last() + 1 };
            inner.outbox.push_segment(segment, next, 0);
        }
        self.count(&mut inner);
    }

    /// Queues one of the server's own messages.
    pub fn tell(&self, message: &ServerMessage) {
        let bytes = self.encode_message(message);
        self.push(bytes);
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

    fn encode_message(&self, message: &ServerMessage) -> Bytes {
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

    fn close_inner(&self, inner: &mut Inner<W>, reason: CloseReason, text: &str) {
        if matches!(inner.mode, Mode::Closing(_) | Mode::Broken) {
            return;
        }
        inner.screen = None;
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
        inner.vitals.closing_since = Some(inner.vitals.now);
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
            inner.vitals.closing_since = Some(inner.vitals.now);
            self.count(&mut inner);
        }
    }

    /// Has the session's task polled again.
    pub fn wake(&self) {
        self.inner.borrow().wake();
    }

    /// The socket failed or the peer is gone.
    pub fn set_broken(&self) {
        self.inner.borrow_mut().mode = Mode::Broken;
    }

    /// Whether the peer has had its time to answer the close.
    pub fn close_overdue(&self) -> bool {
        let vitals = self.inner.borrow().vitals;
        vitals.closing_since.is_some_and(|since| vitals.now.saturating_sub(since) > CLOSE_WAIT_SECS)
    }

    /// A byte arrived.
    pub fn note_inbound(&self) {
        let mut inner = self.inner.borrow_mut();
        inner.vitals.moved = inner.vitals.now;
        inner.vitals.pinged = None;
    }

    /// Reads into `scratch`; `Ready(Ok(0))` is the end of the stream.
    pub fn poll_read(&self, cx: &mut Context<'_>, scratch: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut inner = self.inner.borrow_mut();
        let mut buffer = ReadBuf::new(scratch);
        match Pin::new(&mut inner.wire).poll_read(cx, &mut buffer) {
            Poll::Ready(Ok(())) => Poll::Ready(Ok(buffer.filled().len())),
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
    pub fn poll_flush(&self, cx: &mut Context<'_>) -> io::Result<Flushed> {
        let mut inner = self.inner.borrow_mut();
        if !inner.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            inner.waker = Some(cx.waker().clone());
        }
        self.flush(&mut inner, cx, None)
    }

    /// `now` is given on the live path, whose lag counts.
    fn flush(&self, inner: &mut Inner<W>, cx: &mut Context<'_>, now: Option<Instant>) -> io::Result<Flushed> {
        let flushed = loop {
            if inner.outbox.is_empty() {
                let Some(screen) = inner.screen.take() else { break Flushed::Clear };
                inner.outbox.push_screen(screen);
            }
            let Inner { wire, outbox, .. } = &mut *inner;
            let mut slices = [IoSlice::new(&[]); MAX_SLICES];
            let count = outbox.slices(&mut slices);
            match Pin::new(wire).poll_write_vectored(cx, &slices[..count]) {
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(n)) => {
                    let written = outbox.advance(n);
                    if written.events > 0 {
                        self.meters.delivered(written.events);
                        if let Some(arrived) = written.oldest {
                            self.meters.lag(now.unwrap_or_else(Instant::now) - arrived);
                        }
                    }
                    self.meters.sent(n);
                    inner.vitals.progressed = inner.vitals.now;
                    if inner.blocked {
                        inner.vitals.moved = inner.vitals.now;
                    }
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

    /// Brings the node's count of unsent bytes up to date.
    fn count(&self, inner: &mut Inner<W>) {
        let unsent = inner.outbox.unsent();
        if unsent > inner.counted {
            self.limits.outboxes.add(unsent - inner.counted);
        } else if unsent < inner.counted {
            self.limits.outboxes.sub(inner.counted - unsent);
        }
        inner.counted = unsent;
    }

    /// Drops what is not yet on the wire, remembers from where, and has the session pull.
    fn fall_behind(&self, inner: &mut Inner<W>) -> Delivery {
        if let Some(first) = inner.outbox.cut() {
            inner.place.next = first;
        }
        inner.mode = Mode::Behind;
        self.meters.fell_behind();
        self.count(inner);
        inner.wake();
        Delivery::Behind
    }

    /// The usual case: nothing is queued and one segment is next. Written without touching the outbox.
    fn write_through(&self, inner: &mut Inner<W>, segment: &Arc<Segment>, seq: Seq, now: Instant) -> io::Result<()> {
        let encoded = segment.encoded(self.encoding);
        let bytes = &encoded.bytes()[encoded.start((seq - segment.first()) as usize)..];
        inner.place = Place { epoch: Some(segment.epoch()), next: segment.last() + 1 };
        let Inner { wire, waker, .. } = &mut *inner;
        let Some(waker) = waker else {
            inner.outbox.push_segment(segment.clone(), seq, 0);
            return Ok(());
        };
        let sent = match Pin::new(wire).poll_write(&mut Context::from_waker(waker), bytes) {
            Poll::Ready(Ok(n)) => n,
            Poll::Ready(Err(error)) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => 0,
        };
        self.meters.sent(sent);
        if sent == bytes.len() {
            self.meters.delivered(segment.last() + 1 - seq);
            if let Some(arrived) = segment.arrived() {
                self.meters.lag(now.saturating_duration_since(arrived));
            }
        } else {
            inner.vitals.progressed = inner.vitals.now;
            inner.outbox.push_segment(segment.clone(), seq, sent);
            self.count(inner);
            // The rest waits for the session's own flush, which also registers for writability after a partial write.
            inner.wake();
        }
        Ok(())
    }

    /// Queues a segment; `false` when the session's or the node's bound is reached.
    fn enqueue(&self, inner: &mut Inner<W>, segment: &Arc<Segment>, seq: Seq) -> bool {
        let encoded = segment.encoded(self.encoding);
        let bytes = encoded.bytes().len() - encoded.start((seq - segment.first()) as usize);
        let full = inner.outbox.unsent() + bytes > self.limits.outbox_bytes || self.limits.outboxes.exceeded();
        if full && !inner.outbox.is_empty() {
            return false;
        }
        if inner.outbox.is_empty() {
            inner.vitals.progressed = inner.vitals.now;
        }
        inner.place = Place { epoch: Some(segment.epoch()), next: segment.last() + 1 };
        inner.outbox.push_segment(segment.clone(), seq, 0);
        true
    }

    fn hand_over(&self, inner: &mut Inner<W>, segments: &[Arc<Segment>], now: Instant) -> io::Result<Delivery> {
        let mut queued = false;
        for segment in segments {
            let seq = match inner.place.judge(segment.epoch(), segment.first(), segment.last()) {
                Judgement::Skip => continue,
                Judgement::Hole => return Ok(self.fall_behind(inner)),
                Judgement::Take => segment.first(),
                Judgement::Trim(seq) => seq,
            };
            if inner.place.epoch.is_none() {
                // The run is born: from now on cursors have an epoch.
                let cursor = Cursor { epoch: Some(segment.epoch()), seq: inner.place.next - 1 };
                let message = ServerMessage::Epoch { epoch: segment.epoch(), cursor };
                inner.outbox.push_message(self.encode_message(&message));
                // Said once, also when the event itself has to be pulled.
                inner.place.epoch = Some(segment.epoch());
            }
            if segments.len() == 1 && inner.outbox.is_empty() && inner.screen.is_none() {
                self.write_through(inner, segment, seq, now)?;
                return Ok(Delivery::Sent);
            }
            if !self.enqueue(inner, segment, seq) {
                return Ok(self.fall_behind(inner));
            }
            queued = true;
        }
        if queued {
            match inner.waker.clone() {
                Some(waker) => {
                    self.flush(inner, &mut Context::from_waker(&waker), Some(now))?;
                }
                None => self.count(inner),
            }
        }
        Ok(Delivery::Sent)
    }
}

impl<W> Inner<W> {
    fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }

    fn break_off(&mut self) {
        self.mode = Mode::Broken;
        self.wake();
    }
}

impl<W: Wire> Viewer for Outlet<W> {
    fn deliver(&self, segments: &[Arc<Segment>], now: Instant) -> Delivery {
        let mut inner = self.inner.borrow_mut();
        if inner.mode != Mode::Live {
            return Delivery::Behind;
        }
        match self.hand_over(&mut inner, segments, now) {
            Ok(delivery) => delivery,
            Err(_) => {
                inner.break_off();
                Delivery::Behind
            }
        }
    }

    fn tip_is(&self, tip: Seq) -> Delivery {
        let mut inner = self.inner.borrow_mut();
        if inner.mode == Mode::Live && inner.place.next <= tip {
            return self.fall_behind(&mut inner);
        }
        if inner.mode == Mode::Live { Delivery::Sent } else { Delivery::Behind }
    }

    fn show(&self, frame: &Bytes) {
        let mut inner = self.inner.borrow_mut();
        if self.encoding != Encoding::WebSocket || !matches!(inner.mode, Mode::Live | Mode::Behind) {
            return;
        }
        inner.screen = Some(frame.clone());
        if inner.outbox.is_empty() {
            inner.wake();
        }
    }

    fn pulse(&self, now_secs: u32, ping: bool) {
        let mut inner = self.inner.borrow_mut();
        inner.vitals.now = now_secs;
        if matches!(inner.mode, Mode::Closing(_) | Mode::Broken) {
            if inner.vitals.closing_since.is_some_and(|since| now_secs.saturating_sub(since) > CLOSE_WAIT_SECS) {
                inner.wake();
            }
            return;
        }
        let waiting = !inner.outbox.is_empty();
        if waiting && now_secs.saturating_sub(inner.vitals.progressed) >= self.limits.stall_secs {
            self.close_inner(&mut inner, CloseReason::Stalled, "");
            return;
        }
        if self.encoding != Encoding::WebSocket {
            // A comment keeps intermediaries from closing an idle stream.
            if ping && self.encoding == Encoding::Sse && !waiting {
                inner.outbox.push_message(Bytes::from_static(b": \n\n"));
                inner.vitals.progressed = now_secs;
                self.count(&mut inner);
                inner.wake();
            }
            return;
        }
        // The deadline runs only once the ping has left, and any byte in either direction is life.
        if !waiting && let Some(pinged) = inner.vitals.pinged {
            let since = pinged.max(inner.vitals.moved);
            if now_secs.saturating_sub(since) >= self.limits.pong_deadline_secs {
                self.close_inner(&mut inner, CloseReason::NoPong, "no pong");
                return;
            }
        }
        if ping && !waiting {
            inner.outbox.push_message(frame::ping(b""));
            inner.vitals.progressed = now_secs;
            inner.vitals.pinged = inner.vitals.pinged.or(Some(now_secs));
            self.count(&mut inner);
            inner.wake();
        }
    }

    fn announce_drain(&self, reconnect_after_ms: u64) {
        let bytes = self.encode_message(&ServerMessage::Draining { reconnect_after_ms });
        let mut inner = self.inner.borrow_mut();
        if inner.drain_announced || !matches!(inner.mode, Mode::Live | Mode::Behind) {
            return;
        }
        inner.drain_announced = true;
        inner.outbox.push_message(bytes);
        self.count(&mut inner);
        inner.wake();
    }

    fn close(&self, reason: CloseReason) {
        let mut inner = self.inner.borrow_mut();
        self.close_inner(&mut inner, reason, reason.text());
    }
}

impl<W> Drop for Outlet<W> {
    fn drop(&mut self) {
        self.limits.outboxes.sub(self.inner.borrow().counted);
    }
}
