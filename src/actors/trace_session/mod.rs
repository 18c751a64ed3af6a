//! The session of one viewer of a live trace: has Playwright's trace viewer load the trace again whenever there is more.
//!
//! It receives what the viewer sends, and is handed pulses and the drain by the thread agent, as calls on its
//! [`WriteHalf`]. Any node may have stored the parts of the trace, so it looks for more at intervals, and tells the run's
//! room that somebody watches the trace. When it fails, the connection ends and the page connects again. While the store
//! or the journal is away it stays, and looks again. A viewer that does not read is reset like any other.

use std::net::IpAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::{Duration, Instant};

use actix::fut::wrap_future;
use actix::prelude::*;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::{debug, info};

use super::hub::Hub;
use super::messages::broadcaster::TipIs;
use super::messages::registry::FindRoom;
use super::messages::screen::ShownFrame;
use super::messages::viewer::{Delivery, Viewer};
use super::session::write_half::{Flushed, Mode, WriteHalf};
use super::session::{Guards, RightsEnd, Wire};
use super::shared::{InterestPart, RoomGauge};
use super::supervision::{ServiceRecipient, TemporaryActor, spawn_temporary};
use crate::artifacts::{ArtifactError, ArtifactService, LiveTrace, LiveTraceError};
use crate::protocol::close::CloseReason;
use crate::protocol::frame::{self, Decoder, Incoming, Violation};
use crate::protocol::live_trace::viewer::{self, ViewerAsks};
use crate::protocol::segment::Encoding;
use crate::protocol::{Connection, Interest, ScreenChoice, Segment, TraceId};

#[cfg(test)]
mod tests;

/// Reads per poll of the socket, so that one busy peer does not hold the thread.
const READS_PER_POLL: usize = 4;
/// Lines that a viewer may be made to read anew, in bytes per millisecond: 4 MB a second.
const RELOADED_PER_MS: u64 = 4_000;

/// What the request of a viewer of a live trace said.
#[derive(Debug)]
pub struct TraceAdmission {
    /// The run, and who watches it.
    pub connection: Connection,
    /// The trace.
    pub trace: TraceId,
    /// When the viewer's rights end; `None`: never.
    pub until: Option<RightsEnd>,
    /// Close at once, with this: a browser can't read the status of a refused upgrade.
    pub refused: Option<CloseReason>,
    /// The client's address, for the log.
    pub client_ip: Option<IpAddr>,
}

/// When a session looks for more, and when it has its viewer load it.
#[derive(Clone, Copy, Debug)]
pub struct TraceTimes {
    /// Time between two looks.
    pub poll: Duration,
    /// Least time between two loads.
    pub update: Duration,
}

/// What the sessions of live traces are given by their thread.
pub struct TracePort {
    hub: Rc<Hub>,
    rooms: ServiceRecipient<FindRoom>,
    artifacts: ArtifactService,
    times: TraceTimes,
    /// A permit for each session of the node.
    sessions: Arc<Semaphore>,
}

impl TracePort {
    /// For the sessions of `hub`'s thread; there may be as many on the node as `sessions` has permits.
    pub fn new(
        hub: Rc<Hub>,
        rooms: ServiceRecipient<FindRoom>,
        artifacts: ArtifactService,
        times: TraceTimes,
        sessions: Arc<Semaphore>,
    ) -> Self {
        Self { hub, rooms, artifacts, times, sessions }
    }
}

/// The actor of one viewer of a live trace.
pub struct TraceSession<W: Wire> {
    /// Shared with the thread agent of this thread.
    write_half: Rc<WriteHalf<W>>,
    decoder: Decoder,
    port: Rc<TracePort>,
    trace: TraceId,
    /// The viewer has started, and takes traces.
    initialized: bool,
    /// A look for more is under way.
    looking: bool,
    /// The trace as the viewer was told to load it: its readable bytes, and when.
    loaded: Option<(u64, Instant)>,
    /// What the page was told of the trace: its bytes, and whether it is full.
    told: Option<(u64, bool)>,
    /// The room that knows that the trace is watched.
    room: Option<(Arc<RoomGauge>, InterestPart)>,
    peer_closed: bool,
    /// What arrives is thrown away: it followed a violation.
    ignores_input: bool,
    /// Its number on the hub.
    viewer: usize,
    client_ip: Option<IpAddr>,
    _permit: Option<OwnedSemaphorePermit>,
    _guards: Guards,
}

impl<W: Wire> TraceSession<W> {
    /// Starts a session on this thread. `early` are bytes that were read behind the request's head.
    pub fn launch(wire: W, early: &[u8], admission: TraceAdmission, port: Rc<TracePort>, guards: Guards) {
        let TraceAdmission { connection, trace, until, refused, client_ip } = admission;
        let hub = &port.hub;
        // A socket that can't be tuned has failed already; its first read tells.
        let _ = wire.tune(hub.limits.send_buffer_bytes);
        let (limits, thread_metrics) = (hub.limits.clone(), hub.thread_metrics.clone());
        let (encoding, now) = (Encoding::WebSocket, hub.now_secs());
        let write_half = Rc::new(WriteHalf::new(wire, connection, encoding, limits, thread_metrics, now));
        let viewer = hub.enter(Rc::new(Unlisted(write_half.clone())));
        let permit = port.sessions.clone().try_acquire_owned().ok();
        let refused = refused.or_else(|| permit.is_none().then_some(CloseReason::Saturated));
        let mut session = Self {
            write_half,
            decoder: Decoder::default(),
            port,
            trace,
            initialized: false,
            looking: false,
            loaded: None,
            told: None,
            room: None,
            peer_closed: false,
            ignores_input: false,
            viewer,
            client_ip,
            _permit: permit,
            _guards: guards,
        };
        metrics::gauge!("runcast_live_trace_viewers").increment(1.0);
        match refused {
            Some(reason) => session.close(reason),
            None => session.received(early),
        }
        let mut ctx = Context::new();
        if let Some(until) = until {
            let ended = wrap_future::<_, Self>(until.reached());
            ctx.spawn(ended.map(|(), session, _| session.close(CloseReason::Unauthorized)));
        }
        spawn_temporary(ctx, session);
    }

    fn close(&self, reason: CloseReason) {
        self.write_half.begin_close(reason, reason.text());
    }

    fn say(&self, text: &str) {
        self.write_half.push(frame::text(text));
        self.write_half.wake();
    }

    /// Takes what the viewer has sent.
    fn received(&mut self, mut data: &[u8]) {
        let limits = self.write_half.limits().incoming;
        while !data.is_empty() && !self.peer_closed && !self.ignores_input {
            match self.decoder.feed(&mut data, &limits) {
                Ok(Some(incoming)) => self.take(incoming),
                Ok(None) => {}
                Err(Violation { close, what }) => {
                    self.write_half.begin_close(close, what);
                    self.ignores_input = true;
                }
            }
        }
        if !self.write_half.hold_half_received(self.decoder.held_bytes()) {
            self.close(CloseReason::Saturated);
        } else if self.write_half.overrun() {
            self.close(CloseReason::Policy);
        }
    }

    fn take(&mut self, incoming: Incoming) {
        match incoming {
            Incoming::Ping(payload) => self.write_half.push(frame::pong(&payload)),
            Incoming::Pong(_) => {}
            Incoming::Close { code, .. } => {
                self.peer_closed = true;
                self.write_half.echo_close(code);
            }
            Incoming::Text(text) => match viewer::read(&text) {
                ViewerAsks::Initialize(answer) => {
                    self.initialized = true;
                    self.say(&answer);
                }
                ViewerAsks::Answer(answer) => self.say(&answer),
                ViewerAsks::Nothing => {}
                ViewerAsks::Unreadable => self.close(CloseReason::Policy),
            },
            Incoming::Binary(_) => self.close(CloseReason::Policy),
        }
    }

    /// Looks for more of the trace.
    fn look(&mut self, ctx: &mut Context<Self>) {
        if self.looking || !self.initialized || !matches!(self.write_half.mode(), Mode::Behind | Mode::Live) {
            return;
        }
        self.looking = true;
        let (port, trace) = (self.port.clone(), self.trace.clone());
        let run = self.write_half.connection().run.clone();
        let look = async move {
            let room = port.rooms.ask(FindRoom { run: run.clone() }).await;
            // Sessions that watch the same trace share a listing.
            let found = port.artifacts.live_trace(&run, &trace, port.times.poll / 2).await;
            (room.ok().and_then(Result::ok), found)
        };
        ctx.spawn(wrap_future::<_, Self>(look).map(|(room, found), session, _| {
            session.looking = false;
            if let Some(room) = room {
                session.tell_interest(room.gauge.clone());
            }
            session.found(found);
        }));
    }

    /// Tells the room that the trace is watched; a room that was built anew knows nothing of it.
    fn tell_interest(&mut self, gauge: Arc<RoomGauge>) {
        if self.room.as_ref().is_some_and(|(told, _)| Arc::ptr_eq(told, &gauge)) {
            return;
        }
        let part = gauge.interest.part();
        part.tell(Interest::in_trace(self.trace.as_str()));
        self.room = Some((gauge, part));
    }

    fn found(&mut self, found: Result<LiveTrace, LiveTraceError>) {
        match found {
            Ok(trace) => self.update(&trace, Instant::now()),
            // It has not begun. One that was shown is gone; what the viewer has loaded stays.
            Err(LiveTraceError::Unknown(_)) if self.loaded.is_none() => {}
            Err(LiveTraceError::Unknown(_) | LiveTraceError::Artifact(ArtifactError::RunGone)) => {
                self.close(CloseReason::Gone);
            }
            Err(error) => debug!(trace = %self.trace, %error, "it is not known whether there is more of a live trace"),
        }
    }

    /// Has the viewer load the trace if there is more of it, and if the last time is long enough ago.
    fn update(&mut self, trace: &LiveTrace, now: Instant) {
        let connection = self.write_half.connection();
        if self.told != Some((trace.bytes, trace.full)) {
            self.told = Some((trace.bytes, trace.full));
            self.say(&viewer::state(trace.bytes, self.port.artifacts.parts().live.limits().bytes, trace.full));
        }
        let pause = self.port.times.update.max(Duration::from_millis(trace.line_bytes / RELOADED_PER_MS));
        let is_due =
            self.loaded.is_none_or(|(readable, at)| readable != trace.readable && now.duration_since(at) >= pause);
        if trace.can_be_shown && is_due {
            self.say(&viewer::load(&connection.run, &trace.id, trace.readable));
            self.loaded = Some((trace.readable, now));
        }
    }

    /// Writes and reads as far as the socket lets it. Ready: the session is over.
    fn poll(&mut self, cx: &mut TaskContext<'_>, scratch: &mut [u8]) -> Poll<()> {
        for _ in 0..READS_PER_POLL {
            let Ok(standing) = self.write_half.poll_flush(cx) else { return Poll::Ready(()) };
            match standing.mode {
                Mode::Broken => return Poll::Ready(()),
                Mode::Closing(reason) => {
                    if reason.code().is_none() || standing.close_overdue {
                        return Poll::Ready(());
                    }
                    if standing.flushed == Flushed::Clear {
                        // Our side is said; the peer's close frame or end of stream comes, or its time runs out.
                        let failed = matches!(self.write_half.poll_shutdown(cx), Poll::Ready(Err(_)));
                        if failed || self.peer_closed {
                            return Poll::Ready(());
                        }
                    }
                }
                Mode::Behind | Mode::Live => {}
            }
            match self.write_half.poll_read(cx, scratch) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(n)) if n > 0 => self.received(&scratch[..n]),
                Poll::Ready(_) => return Poll::Ready(()),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<W: Wire> Actor for TraceSession<W> {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.spawn(Drive);
        ctx.run_interval(self.port.times.poll, Self::look);
    }
}

impl<W: Wire> TemporaryActor for TraceSession<W> {
    const NAME: &'static str = "trace_session";
}

/// The write half as the thread agent sees it. Who looks at a trace has the run's page open besides, and is counted there.
struct Unlisted<W>(Rc<WriteHalf<W>>);

impl<W: Wire> Viewer for Unlisted<W> {
    fn connection(&self) -> &Connection {
        self.0.connection()
    }

    fn is_listed(&self) -> bool {
        false
    }

    fn deliver(&self, segments: &[Arc<Segment>], now: Instant) -> Delivery {
        self.0.deliver(segments, now)
    }

    fn tip_is(&self, tip: TipIs) -> Delivery {
        self.0.tip_is(tip)
    }

    fn choice(&self) -> ScreenChoice {
        ScreenChoice::off()
    }

    /// The viewer of a trace is shown no screen, and nobody asks it to choose.
    fn choose(&self, _: ScreenChoice) {}

    fn show(&self, _: &ShownFrame) {}

    fn pulse(&self, now_secs: u32, number: u32, now: Instant) {
        self.0.pulse(now_secs, number, now);
    }

    fn announce_drain(&self, reconnect_after_ms: u64) {
        self.0.announce_drain(reconnect_after_ms);
    }

    fn close(&self, reason: CloseReason) {
        self.0.close(reason);
    }
}

/// The one future of a session that always runs: its socket.
struct Drive;

impl<W: Wire> ActorFuture<TraceSession<W>> for Drive {
    type Output = ();

    fn poll(
        self: Pin<&mut Self>,
        session: &mut TraceSession<W>,
        ctx: &mut Context<TraceSession<W>>,
        cx: &mut TaskContext<'_>,
    ) -> Poll<()> {
        let hub = session.port.hub.clone();
        let mut scratch = hub.take_scratch();
        let was_initialized = session.initialized;
        let polled = session.poll(cx, &mut scratch);
        hub.put_scratch(scratch);
        if session.initialized && !was_initialized {
            session.look(ctx);
        }
        polled.map(|()| ctx.stop())
    }
}

impl<W: Wire> Drop for TraceSession<W> {
    fn drop(&mut self) {
        let reason = match self.write_half.mode() {
            Mode::Closing(reason) => reason,
            _ => CloseReason::Left,
        };
        self.port.hub.leave(self.viewer);
        self.port.hub.thread_metrics.closed(reason);
        metrics::gauge!("runcast_live_trace_viewers").decrement(1.0);
        let Connection { run, session, .. } = self.write_half.connection();
        let client_ip = self.client_ip.map(tracing::field::display);
        info!(%run, %session, trace = %self.trace, client_ip, reason = reason.as_str(), "viewer of a live trace left");
    }
}
