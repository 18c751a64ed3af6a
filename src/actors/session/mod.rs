//! A session: one viewer's connection, a cursor that follows one run.
//!
//! Receives pages from the run's room and whatever its peer sends; is handed segments by the broadcaster and pulses by the
//! thread agent, as calls on its [`WriteHalf`]. Sends `Read` to the room. On failure the connection ends and the client resumes
//! with its cursor. A peer that does not read is overload: the session drops what is not on the wire, pulls later at the
//! socket's pace, and is reset when nothing leaves for too long.

use std::net::IpAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use actix::fut::wrap_future;
use actix::prelude::*;
use bytes::Bytes;
use tokio::sync::oneshot;
use tracing::info;

use super::hub::subscribers::{SubscriberId, Subscribers};
use super::hub::{Hub, ViewerId};
use super::messages::registry::{FindError, FindRoom};
use super::messages::room::{Freshness, Page, Read, ReadError, ReadFrom, RoomPort};
use super::messages::viewer::Viewer;
use super::supervision::{LiveActorGuard, ServiceRecipient, TemporaryActor, spawn_temporary};
use crate::node::ConnectionSlot;
use crate::protocol::close::CloseReason;
use crate::protocol::frame::Decoder;
use crate::protocol::message::{ServerMessage, sse_retry};
use crate::protocol::segment::Encoding;
use crate::protocol::{After, Connection, Timestamp};
use crate::storage::journal::RunPhase;

mod incoming;
mod limits;
mod liveness;
mod memory;
mod outbox;
mod transport;
mod viewer;
pub mod write_half;

pub use limits::SessionLimits;
pub use transport::Wire;
use write_half::{Flushed, Mode, WriteHalf};

/// Reads per poll of the socket, so that one busy peer does not hold the thread.
const READS_PER_POLL: usize = 4;
/// Most bytes that a peer may send before it is greeted; nobody has that much to say before it knows where it stands.
const MAX_EARLY: usize = 16 * 1024;
/// When a reader of a stream that has ended comes back, at the earliest.
const SSE_RETRY_MS: u64 = 1_000;
/// First pause before a page is asked for again after a failure.
const RETRY_MIN: Duration = Duration::from_millis(100);
/// Longest such pause, after [`MAX_ATTEMPTS`] doublings.
const RETRY_MAX: Duration = Duration::from_secs(2);
const MAX_ATTEMPTS: u8 = 5;

/// What a connection wants, as its request said.
#[derive(Debug)]
pub struct Admission {
    /// The run to follow, and who wants it.
    pub connection: Connection,
    /// From where.
    pub after: After,
    /// How messages are written.
    pub encoding: Encoding,
    /// Close at once, with this: the request was refused after an upgrade, because a browser can't read the status of a
    /// refused one.
    pub refused: Option<CloseReason>,
    /// Told right after the greeting.
    pub notice: Option<ServerMessage>,
    /// The client's address, for the log.
    pub peer: Option<IpAddr>,
}

/// What sessions are given by their thread.
pub struct SessionPort {
    /// The thread's shared things.
    pub hub: Rc<Hub>,
    /// Finds rooms.
    pub rooms: ServiceRecipient<FindRoom>,
    /// Shown in `connected`.
    pub node_id: Arc<str>,
}

/// See the module's page.
pub struct Session<W: Wire> {
    peer: Option<IpAddr>,
    port: Rc<SessionPort>,
    /// Shared with the broadcaster and the thread agent of this thread.
    write_half: Rc<WriteHalf<W>>,
    viewer: ViewerId,
    subscription: Option<(Rc<Subscribers>, SubscriberId)>,
    room: Option<Arc<RoomPort>>,
    decoder: Decoder,
    /// Until `connected` has been sent. Boxed: an idle viewer is as small as it can be.
    arrival: Option<Box<Arrival>>,
    /// A page, a room or a pause is awaited.
    awaiting: bool,
    /// How often in a row the next page could not be had.
    attempts: u8,
    /// The peer has sent its close frame.
    peer_closed: bool,
    /// What arrives is thrown away: it followed a violation, so it can't be trusted to be framed.
    ignores_input: bool,
    _guards: Guards,
}

/// What matters only at a session's start.
struct Arrival {
    after: After,
    refused: Option<CloseReason>,
    notice: Option<ServerMessage>,
    /// What came before `connected` was said, which is the first message always: answered then. At most [`MAX_EARLY`] bytes
    /// and what one read brings beyond them.
    early: Vec<u8>,
}

/// What a session holds for as long as it lives.
pub struct Guards {
    /// Its entry in the count of live actors.
    pub live: LiveActorGuard,
    /// Its connection's slot under `server.max_connections`; a streamed response's is with its HTTP connection.
    pub slot: Option<Rc<ConnectionSlot>>,
}

impl<W: Wire> Session<W> {
    /// Starts a session on this thread. `early` are bytes that were read behind the request's head.
    pub fn launch(wire: W, early: Bytes, admission: Admission, port: Rc<SessionPort>, guards: Guards) {
        let Admission { connection, after, encoding, refused, notice, peer } = admission;
        let retry = (encoding == Encoding::Sse).then(|| sse_retry(SSE_RETRY_MS, connection.session));
        let hub = &port.hub;
        // A socket that can't be tuned has failed already; its first read tells.
        let _ = wire.tune(hub.limits.send_buffer_bytes);
        let (limits, thread_metrics) = (hub.limits.clone(), hub.thread_metrics.clone());
        let write_half = Rc::new(WriteHalf::new(wire, connection, encoding, limits, thread_metrics, hub.now_secs()));
        if let Some(retry) = retry {
            write_half.push(retry);
        }
        let viewer = hub.enter(write_half.clone() as Rc<dyn Viewer>);
        let session = Self {
            peer,
            port,
            write_half,
            viewer,
            subscription: None,
            room: None,
            decoder: Decoder::default(),
            arrival: Some(Box::new(Arrival { after, refused, notice, early: early.into() })),
            awaiting: false,
            attempts: 0,
            peer_closed: false,
            ignores_input: false,
            _guards: guards,
        };
        spawn_temporary(Context::new(), session);
    }

    /// Finds the run's room, subscribes to it here, and asks for the first page.
    fn seek(&mut self, ctx: &mut Context<Self>) {
        self.awaiting = true;
        let (rooms, run) = (self.port.rooms.clone(), self.write_half.connection().run.clone());
        let found = async move { rooms.ask(FindRoom { run }).await };
        ctx.spawn(wrap_future::<_, Self>(found).map(|found, session, ctx| {
            session.awaiting = false;
            match found {
                Ok(Ok(room)) => session.take_seat(room),
                Ok(Err(FindError::TooManyRooms(_))) => session.close(CloseReason::Saturated),
                Err(_) => session.pause(ctx), // the registry is being restarted, or overloaded
                Ok(Err(FindError::Quarantined { retry_after_ms })) => {
                    session.write_half.tell(&ServerMessage::Error {
                        code: "room_failed",
                        error: "this run's room failed repeatedly".into(),
                        reconnect_after_ms: Some(retry_after_ms),
                    });
                    session.close(CloseReason::TryAgain);
                }
            }
            session.write_half.wake();
        }));
    }

    fn take_seat(&mut self, room: Arc<RoomPort>) {
        let subscribers = self.port.hub.subscribers(&room);
        match subscribers.subscribe(self.write_half.clone()) {
            Some(subscription) => {
                self.subscription = Some((subscribers, subscription));
                self.room = Some(room);
            }
            None => self.close(CloseReason::TryAgain),
        }
    }

    fn leave_seat(&mut self) {
        self.room = None;
        if let Some((subscribers, subscription)) = self.subscription.take() {
            subscribers.leave(subscription);
        }
    }

    /// Asks for what follows.
    fn pull(&mut self, ctx: &mut Context<Self>) {
        let Some(room) = &self.room else { return self.seek(ctx) };
        let from = match &self.arrival {
            None => ReadFrom::Place(self.write_half.place()),
            Some(arrival) => ReadFrom::After(arrival.after),
        };
        let (reply, page) = oneshot::channel();
        let (max_bytes, freshness) = (self.write_half.page_bytes(), Freshness::AsHeard);
        match room.read.try_send(Read { from, max_bytes, freshness, reply }) {
            Ok(()) => {}
            Err(SendError::Full(_)) => return self.pause(ctx),
            Err(SendError::Closed(_)) => return self.close(CloseReason::TryAgain),
        }
        self.awaiting = true;
        ctx.spawn(wrap_future::<_, Self>(page).map(|page, session, ctx| {
            session.awaiting = false;
            match page {
                Ok(Ok(page)) => session.take_page(page),
                Ok(Err(ReadError::Unavailable(_))) => session.pause(ctx),
                Ok(Err(ReadError::Retired)) => {
                    session.leave_seat();
                    session.pause(ctx);
                }
                Err(_) => session.close(CloseReason::TryAgain),
            }
            session.write_half.wake();
        }));
    }

    /// Waits a little before the next attempt; the viewer stays and is told nothing false.
    fn pause(&mut self, ctx: &mut Context<Self>) {
        self.awaiting = true;
        let pause = (RETRY_MIN * 2_u32.pow(u32::from(self.attempts))).min(RETRY_MAX);
        self.attempts = (self.attempts + 1).min(MAX_ATTEMPTS);
        ctx.run_later(pause, |session, _| {
            session.awaiting = false;
            session.write_half.wake();
        });
    }

    fn take_page(&mut self, page: Page) {
        self.attempts = 0;
        let write_half = self.write_half.clone();
        if let Some(arrival) = self.arrival.take() {
            self.greet(arrival.after, &page);
            if let Some(notice) = &arrival.notice {
                write_half.tell(notice);
            }
            self.receive(&arrival.early);
        }
        let (tip, phase) = (page.tip, page.phase);
        write_half.take_page(page);
        let place = write_half.place();
        if place.next <= tip {
            return;
        }
        if phase == RunPhase::Gone {
            return self.close(CloseReason::Gone);
        }
        if let Some((subscribers, subscription)) = &self.subscription
            && subscribers.admit(*subscription, place)
        {
            write_half.go_live();
        }
    }

    fn greet(&self, after: After, page: &Page) {
        self.write_half.set_place(page.place);
        match self.write_half.encoding() {
            Encoding::WebSocket => self.write_half.tell(&ServerMessage::Connected {
                run_id: self.write_half.connection().run.clone(),
                session_id: self.write_half.connection().session.to_string().into(),
                node_id: self.port.node_id.clone(),
                timestamp: Timestamp::now(),
                epoch: page.epoch,
                from: page.place.next,
                tip: page.tip,
                cursor: page.stood(after),
                heartbeat_secs: u64::from(self.write_half.limits().ping_secs),
            }),
            Encoding::Sse => self.write_half.push(Bytes::from_static(b": connected\n\n")),
            Encoding::NdJson => {}
        }
    }

    fn close(&mut self, reason: CloseReason) {
        self.write_half.begin_close(reason, reason.text());
    }

    /// Writes, reads and pulls as far as the socket lets it. Ready: the session is over.
    fn drive(&mut self, ctx: &mut Context<Self>, cx: &mut TaskContext<'_>) -> Poll<()> {
        for _ in 0..READS_PER_POLL {
            let Ok(flushed) = self.write_half.poll_flush(cx) else {
                self.write_half.set_broken();
                return Poll::Ready(());
            };
            match self.write_half.mode() {
                Mode::Broken => return Poll::Ready(()),
                Mode::Closing(reason) if self.is_over(reason, flushed, cx) => return Poll::Ready(()),
                Mode::Behind if !self.awaiting && self.write_half.wants_page() => self.pull(ctx),
                _ => {}
            }
            let mut scratch = self.port.hub.take_scratch();
            let read = self.write_half.poll_read(cx, &mut scratch);
            let more = match read {
                Poll::Pending => false,
                Poll::Ready(Ok(n)) if n > 0 => {
                    self.hear(&scratch[..n]);
                    true
                }
                Poll::Ready(_) => {
                    self.port.hub.put_scratch(scratch);
                    return Poll::Ready(());
                }
            };
            self.port.hub.put_scratch(scratch);
            if !more {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Whether a closing session has nothing left to wait for.
    fn is_over(&self, reason: CloseReason, flushed: Flushed, cx: &mut TaskContext<'_>) -> bool {
        if reason.code().is_none() || self.write_half.close_overdue() {
            return true;
        }
        if flushed == Flushed::Blocked {
            return false;
        }
        // Our side is said; the peer's close frame or end of stream comes, or its time runs out.
        let shut = self.write_half.poll_shutdown(cx);
        self.peer_closed || self.write_half.encoding() != Encoding::WebSocket || matches!(shut, Poll::Ready(Err(_)))
    }
}

impl<W: Wire> Actor for Session<W> {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let early = self.arrival.as_ref().map_or(0, |arrival| arrival.early.len());
        match self.arrival.as_ref().and_then(|arrival| arrival.refused) {
            Some(reason) => self.close(reason),
            None if !self.write_half.hold_half_received(early) => self.close(CloseReason::Saturated),
            None => self.seek(ctx),
        }
        ctx.spawn(Drive);
    }
}

impl<W: Wire> TemporaryActor for Session<W> {
    const NAME: &'static str = "session";
}

/// The one future of a session that always runs: its socket.
struct Drive;

impl<W: Wire> ActorFuture<Session<W>> for Drive {
    type Output = ();

    fn poll(
        self: Pin<&mut Self>,
        session: &mut Session<W>,
        ctx: &mut Context<Session<W>>,
        cx: &mut TaskContext<'_>,
    ) -> Poll<()> {
        session.drive(ctx, cx).map(|()| ctx.stop())
    }
}

impl<W: Wire> Drop for Session<W> {
    fn drop(&mut self) {
        let reason = match self.write_half.mode() {
            Mode::Closing(reason) => reason,
            _ => CloseReason::Left,
        };
        self.leave_seat();
        self.port.hub.leave(self.viewer);
        self.port.hub.thread_metrics.closed(reason);
        let Connection { run, session, .. } = self.write_half.connection();
        let peer = self.peer.map(tracing::field::display);
        info!(%run, %session, peer, reason = reason.as_str(), "session closed");
    }
}
