//! How a write half is handed segments by the broadcaster, and pulses and the drain by the thread agent. These calls
//! never call back: a session that has to act is woken.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;

use super::liveness::PulseAction;
use super::transport::Wire;
use super::write_half::{Mode, WriteHalf, WriteHalfState};
use crate::actors::messages::broadcaster::TipIs;
use crate::actors::messages::screen::ShownFrame;
use crate::actors::messages::viewer::{Delivery, Viewer};
use crate::protocol::close::CloseReason;
use crate::protocol::cursor::{Judgement, Place};
use crate::protocol::frame;
use crate::protocol::message::ServerMessage;
use crate::protocol::segment::Encoding;
use crate::protocol::{Connection, Cursor, ScreenChoice, Segment, Seq};

/// An event stream's comment comes at least so often: the shortest idle time-out of common proxies is 30 s.
const COMMENT_SECS: u32 = 15;

impl<W: Wire> WriteHalf<W> {
    /// Queues a message and wakes the session, which may have nothing else to do.
    fn queue(&self, inner: &mut WriteHalfState<W>, bytes: Bytes) {
        inner.outbox.push_message(bytes);
        self.count(inner);
        inner.wake();
    }

    /// The usual case: nothing is queued and one segment is next. Written without touching the outbox.
    fn write_through(
        &self,
        inner: &mut WriteHalfState<W>,
        segment: &Arc<Segment>,
        seq: Seq,
        now: Instant,
    ) -> io::Result<()> {
        let encoded = segment.encoded(self.encoding);
        let bytes = &encoded.bytes()[encoded.start((seq - segment.first()) as usize)..];
        inner.place = Place { epoch: Some(segment.epoch()), next: segment.last() + 1 };
        let WriteHalfState { wire, waker, .. } = &mut *inner;
        let Some(waker) = waker else {
            inner.outbox.push_segment(segment.clone(), seq, 0);
            return Ok(());
        };
        let sent = match Pin::new(wire).poll_write(&mut Context::from_waker(waker), bytes) {
            Poll::Ready(Ok(n)) => n,
            Poll::Ready(Err(error)) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => 0,
        };
        self.thread_metrics.sent(sent);
        if sent == bytes.len() {
            self.thread_metrics.delivered(segment.last() + 1 - seq);
            if let Some(arrived) = segment.arrived() {
                self.thread_metrics.lag(now.saturating_duration_since(arrived));
            }
        } else {
            inner.liveness.queued();
            inner.outbox.push_segment(segment.clone(), seq, sent);
            self.count(inner);
            // The rest waits for the session's own flush, which also registers for writability after a partial write.
            inner.wake();
        }
        Ok(())
    }

    /// Queues a segment; `false` when the session's or the node's bound is reached.
    fn enqueue(&self, inner: &mut WriteHalfState<W>, segment: &Arc<Segment>, seq: Seq) -> bool {
        let encoded = segment.encoded(self.encoding);
        let bytes = encoded.bytes().len() - encoded.start((seq - segment.first()) as usize);
        let full = inner.outbox.unsent() + bytes > self.limits.outbox_bytes || self.limits.outboxes.exceeded();
        if full && !inner.outbox.is_empty() {
            return false;
        }
        if inner.outbox.is_empty() {
            inner.liveness.queued();
        }
        inner.place = Place { epoch: Some(segment.epoch()), next: segment.last() + 1 };
        inner.outbox.push_segment(segment.clone(), seq, 0);
        true
    }

    fn hand_over(
        &self,
        inner: &mut WriteHalfState<W>,
        segments: &[Arc<Segment>],
        now: Instant,
    ) -> io::Result<Delivery> {
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
                inner.outbox.push_mark(self.encode_message(&message));
                inner.place.epoch = Some(segment.epoch());
            }
            if segments.len() == 1 && inner.outbox.is_empty() {
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

impl<W: Wire> Viewer for WriteHalf<W> {
    fn connection(&self) -> &Connection {
        &self.connection
    }

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

    fn tip_is(&self, TipIs { epoch, tip }: TipIs) -> Delivery {
        let mut inner = self.inner.borrow_mut();
        if inner.mode == Mode::Live && inner.place.misses(epoch, tip) {
            return self.fall_behind(&mut inner);
        }
        if inner.mode == Mode::Live { Delivery::Sent } else { Delivery::Behind }
    }

    fn choice(&self) -> ScreenChoice {
        match self.encoding {
            Encoding::WebSocket => self.inner.borrow().screens.choice(),
            Encoding::Sse | Encoding::NdJson => ScreenChoice::off(),
        }
    }

    fn choose(&self, choice: ScreenChoice) {
        self.inner.borrow_mut().screens.choose(choice);
    }

    fn show(&self, frame: &ShownFrame) {
        let mut inner = self.inner.borrow_mut();
        let is_open = inner.greeted && matches!(inner.mode, Mode::Live | Mode::Behind);
        if self.encoding != Encoding::WebSocket || !is_open || !inner.screens.offer(frame) {
            return;
        }
        if inner.outbox.has_screen() && self.limits.outboxes.is_tight() {
            // It keeps an older one in memory that nobody else needs.
            return self.close_inner(&mut inner, CloseReason::Stalled, "");
        }
        if inner.outbox.is_empty() {
            inner.wake();
        }
    }

    fn pulse(&self, now_secs: u32, number: u32, now: Instant) {
        let period = match self.encoding {
            Encoding::Sse => self.limits.ping_secs.min(COMMENT_SECS),
            Encoding::WebSocket | Encoding::NdJson => self.limits.ping_secs,
        };
        let ping = number % period.max(1) == now_secs % period.max(1);
        let mut inner = self.inner.borrow_mut();
        let waiting = !inner.outbox.is_empty();
        if matches!(inner.mode, Mode::Closing(_) | Mode::Broken) {
            inner.liveness.tick(now_secs);
            if inner.liveness.close_overdue() {
                inner.wake();
            }
            return;
        }
        if inner.screens.pulse(now) && !waiting {
            inner.wake();
        }
        match (inner.liveness.pulse(now_secs, waiting, ping, &self.limits), self.encoding) {
            (PulseAction::Nothing, _) | (PulseAction::Ping, Encoding::NdJson) => {}
            (PulseAction::Reset, _) => self.close_inner(&mut inner, CloseReason::Stalled, ""),
            (PulseAction::Dead, _) => self.close_inner(&mut inner, CloseReason::NoPong, CloseReason::NoPong.text()),
            (PulseAction::Ping, Encoding::WebSocket) => {
                inner.liveness.ping_sent();
                self.queue(&mut inner, frame::ping(b""));
            }
            // Nobody answers a comment; it keeps intermediaries from closing an idle stream.
            (PulseAction::Ping, Encoding::Sse) => {
                inner.liveness.queued();
                self.queue(&mut inner, Bytes::from_static(b": \n\n"));
            }
        }
    }

    fn announce_drain(&self, reconnect_after_ms: u64) {
        let bytes = self.encode_message(&ServerMessage::Draining { reconnect_after_ms });
        let mut inner = self.inner.borrow_mut();
        // A viewer that has not been greeted is told nothing before its greeting; the close sends it elsewhere as well.
        if inner.drain_announced || !inner.greeted || !matches!(inner.mode, Mode::Live | Mode::Behind) {
            return;
        }
        inner.drain_announced = true;
        self.queue(&mut inner, bytes);
    }

    fn close(&self, reason: CloseReason) {
        let mut inner = self.inner.borrow_mut();
        self.close_inner(&mut inner, reason, reason.text());
    }
}
