//! A session: one viewer's connection, a cursor that follows one run.
//!
//! Receives pages from the run's room and whatever its peer sends; is handed segments by the broadcaster and pulses by
//! the thread agent, as calls on its [`WriteHalf`]. Sends `Read` to the room. When it fails, the connection ends and
//! the client resumes with its cursor. A peer that does not read is overload: the session drops what is not on the
//! wire, pulls later at the socket's pace, and is reset when nothing leaves for too long.
//!
//! The rules are in [`core`], which does no I/O. The actor tells it what happens, and is the [`Environment`] in which
//! [`drive`] performs what it wants done.

use std::cell::Cell;
use std::net::IpAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::{Duration, Instant};

use actix::fut::wrap_future;
use actix::prelude::*;
use bytes::Bytes;
use tokio::sync::oneshot;
use tracing::info;

use super::hub::Hub;
use super::hub::subscribers::{SubscriberId, Subscribers};
use super::messages::registry::FindRoom;
use super::messages::room::{Freshness, Read, ReadFrom, RoomPort};
use super::messages::viewer::Viewer;
use super::supervision::{LiveActorGuard, ServiceRecipient, TemporaryActor, spawn_temporary};
use crate::node::ConnectionSlot;
use crate::protocol::close::CloseReason;
use crate::protocol::cursor::Place;
use crate::protocol::message::{ServerMessage, sse_retry};
use crate::protocol::segment::Encoding;
use crate::protocol::{After, Connection, Principal, ScreenChoice, Timestamp};
use crate::steering::{Steering, SteeringError, command_message};

mod commands;
pub mod core;
pub mod drive;
mod liveness;
mod memory;
mod outbox;
mod rights_end;
mod screens;
mod transport;
mod viewer;
pub mod write_half;

use commands::SocketCommands;
use core::{Arrival, Effects, Input, SessionCore};
use drive::{Driver, Environment};
pub use rights_end::RightsEnd;
pub use transport::Wire;
use write_half::{Mode, WriteHalf};

/// When a reader of a stream that has ended comes back, at the earliest.
const SSE_RETRY_MS: u64 = 1_000;

/// What a connection wants, as its request said.
#[derive(Debug)]
pub struct Admission {
    /// The run to follow, and who wants it.
    pub connection: Connection,
    /// From where.
    pub after: After,
    /// Who gives commands on it; `None`: one who gave no name, known by the session's id.
    pub principal: Option<Principal>,
    /// Whether commands are taken from it.
    pub may_steer: bool,
    /// When its rights end; `None`: never.
    pub until: Option<RightsEnd>,
    /// How messages are written.
    pub encoding: Encoding,
    /// What it looks at; of no matter where no frames can be shown.
    pub screen: ScreenChoice,
    /// Close at once, with this: the request was refused after an upgrade, because a browser can't read the status of a
    /// refused one.
    pub refused: Option<CloseReason>,
    /// Told right after the greeting; before the close of one that is refused.
    pub notice: Option<ServerMessage>,
    /// The client's address, for the log.
    pub client_ip: Option<IpAddr>,
}

/// What sessions are given by their thread.
pub struct SessionPort {
    /// What the thread's actors share.
    pub hub: Rc<Hub>,
    rooms: ServiceRecipient<FindRoom>,
    /// Takes the viewers' commands.
    steering: Steering,
    /// Shown in `connected`.
    node_id: Arc<str>,
    /// The buffer of whichever session has something to do.
    effects: Cell<Effects>,
}

impl SessionPort {
    /// For the sessions of `hub`'s thread. `rooms` finds their rooms, `steering` takes their viewers' commands; viewers
    /// are told `node_id`.
    pub fn new(hub: Rc<Hub>, rooms: ServiceRecipient<FindRoom>, steering: Steering, node_id: Arc<str>) -> Self {
        Self { hub, rooms, steering, node_id, effects: Cell::default() }
    }
}

/// A slot among a run's subscribers on this thread.
type Subscription = (Rc<Subscribers>, SubscriberId);

/// The actor of one connection.
pub struct Session<W: Wire> {
    core: SessionCore,
    /// Shared with the broadcaster and the thread agent of this thread.
    write_half: Rc<WriteHalf<W>>,
    subscription: Option<Subscription>,
    /// Of a viewer that gave a name, or a command.
    commands: Option<Box<SocketCommands>>,
    port: Rc<SessionPort>,
    /// Its [`ViewerId`](super::hub::ViewerId), of which a thread has far fewer than this holds.
    viewer: u32,
    /// Whether commands are taken from it.
    may_steer: bool,
    client_ip: Option<IpAddr>,
    _guards: Guards,
}

/// What a session holds for as long as it is open.
pub struct Guards {
    /// Its entry in the count of live actors.
    pub live: LiveActorGuard,
    /// Its connection's slot under `server.max_connections`; a streamed response's is with its HTTP connection.
    pub slot: Option<Rc<ConnectionSlot>>,
}

impl<W: Wire> Session<W> {
    /// Starts a session on this thread. `early` are bytes that were read behind the request's head.
    pub fn launch(wire: W, early: Bytes, admission: Admission, port: Rc<SessionPort>, guards: Guards) {
        let Admission { connection, principal, may_steer, until, after, encoding, screen, refused, notice, client_ip } =
            admission;
        let retry = (encoding == Encoding::Sse).then(|| sse_retry(SSE_RETRY_MS, connection.session));
        let hub = &port.hub;
        // A socket that can't be tuned has failed already; its first read tells.
        let _ = wire.tune(hub.limits.send_buffer_bytes);
        let (limits, thread_metrics) = (hub.limits.clone(), hub.thread_metrics.clone());
        let write_half = Rc::new(WriteHalf::new(wire, connection, encoding, limits, thread_metrics, hub.now_secs()));
        if let Some(retry) = retry {
            write_half.push(retry);
        }
        write_half.choose(screen);
        let viewer = hub.enter(write_half.clone() as Rc<dyn Viewer>) as u32;
        let arrival = Arrival { after, refused, notice, expiring: None, early: early.into() };
        let core = SessionCore::new(arrival, encoding == Encoding::WebSocket);
        let commands = principal.map(|by| Box::new(SocketCommands::of(by)));
        let subscription = None;
        let session =
            Self { core, write_half, subscription, commands, port, viewer, may_steer, client_ip, _guards: guards };
        let mut ctx = Context::new();
        if let Some(mut until) = until {
            if let Some(warning) = until.take_warning() {
                let warned = wrap_future::<_, Self>(warning);
                ctx.spawn(warned.map(|in_secs, session, ctx| session.warn_of_end(in_secs, ctx)));
            }
            let ended = wrap_future::<_, Self>(until.reached());
            ctx.spawn(ended.map(|(), session, ctx| session.on(Input::RightsEnded, ctx)));
        }
        spawn_temporary(ctx, session);
    }

    /// Has the core's driver deal with something; `found` is the room of an input that says so.
    fn drive<T>(
        &mut self,
        found: Option<Arc<RoomPort>>,
        ctx: &mut Context<Self>,
        act: impl FnOnce(&mut Driver<'_, W, Surroundings<'_, W>>) -> T,
    ) -> T {
        let Self { core, write_half, subscription, commands, port, may_steer, .. } = self;
        let mut effects = port.effects.take();
        let may_steer = *may_steer;
        let mut environment = Surroundings { write_half, subscription, commands, may_steer, port, found, ctx };
        let done = act(&mut Driver { core, write_half, effects: &mut effects, environment: &mut environment });
        effects.shrink();
        port.effects.set(effects);
        done
    }

    fn on(&mut self, input: Input<'_>, ctx: &mut Context<Self>) {
        self.drive(None, ctx, |driver| driver.on(input));
    }

    fn warn_of_end(&mut self, in_secs: u64, ctx: &mut Context<Self>) {
        let message = ServerMessage::expiring(in_secs, self.write_half.connection().session);
        self.on(Input::RightsExpiring(Box::new(message)), ctx);
    }
}

/// What is around a session in a running node: its thread's hub, the registry, the run's room, timers.
struct Surroundings<'a, W: Wire> {
    write_half: &'a Rc<WriteHalf<W>>,
    subscription: &'a mut Option<Subscription>,
    commands: &'a mut Option<Box<SocketCommands>>,
    may_steer: bool,
    port: &'a SessionPort,
    /// The room that the registry has just found.
    found: Option<Arc<RoomPort>>,
    ctx: &'a mut Context<Session<W>>,
}

impl<W: Wire> Environment for Surroundings<'_, W> {
    fn find_room(&mut self) {
        let (rooms, run) = (self.port.rooms.clone(), self.write_half.connection().run.clone());
        let found = async move { rooms.ask(FindRoom { run }).await };
        self.ctx.spawn(wrap_future::<_, Session<W>>(found).map(|found, session, ctx| match found {
            Ok(Ok(room)) => session.drive(Some(room), ctx, |driver| driver.on(Input::RoomFound)),
            Ok(Err(error)) => session.on(Input::NoRoom(error), ctx),
            Err(_) => session.on(Input::RegistryAway, ctx),
        }));
    }

    fn subscribe(&mut self) -> bool {
        let Some(room) = self.found.take() else { return false };
        let subscribers = self.port.hub.subscribers(&room);
        let id = subscribers.subscribe(self.write_half.clone());
        *self.subscription = id.map(|id| (subscribers, id));
        self.subscription.is_some()
    }

    fn leave(&mut self) {
        if let Some((subscribers, id)) = self.subscription.take() {
            subscribers.leave(id);
        }
    }

    fn choose_screens(&mut self, choice: ScreenChoice) {
        match self.subscription.as_ref() {
            Some((subscribers, id)) => subscribers.choose(*id, choice, Instant::now()),
            None => self.write_half.choose(choice),
        }
    }

    fn show_kept(&mut self) {
        if let Some((subscribers, id)) = self.subscription.as_ref() {
            subscribers.show_kept(*id, Instant::now());
        }
    }

    fn admit(&mut self, place: Place) -> bool {
        self.subscription.as_ref().is_some_and(|(subscribers, id)| subscribers.admit(*id, place))
    }

    fn read_page(&mut self, from: ReadFrom, max_bytes: usize) -> Result<(), Input<'static>> {
        let (subscribers, _) = self.subscription.as_ref().ok_or(Input::RoomGone)?;
        let (reply, page) = oneshot::channel();
        let read = Read { from, max_bytes, freshness: Freshness::AsKnown, reply };
        subscribers.room().read.try_send(read).map_err(|error| match error {
            SendError::Full(_) => Input::ReadFailed,
            SendError::Closed(_) => Input::RoomGone,
        })?;
        self.ctx.spawn(wrap_future::<_, Session<W>>(page).map(|page, session, ctx| {
            session.on(Input::read(page.ok()), ctx);
        }));
        Ok(())
    }

    fn pause(&mut self, pause: Duration) {
        self.ctx.run_later(pause, |session, ctx| session.on(Input::PauseOver, ctx));
    }

    fn steer(&mut self, command: Box<str>) -> Result<(), Box<ServerMessage>> {
        if !self.may_steer {
            if let Some(commands) = self.commands {
                commands.refuse(&self.write_half.connection.run);
            }
            return Err(Box::new(command_message(Err(SteeringError::not_permitted(&command)))));
        }
        SocketCommands::take(self.commands, command, self.write_half)?;
        SocketCommands::proceed(self.commands, self.write_half, self.port, self.ctx);
        Ok(())
    }

    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn node_id(&self) -> Arc<str> {
        self.port.node_id.clone()
    }
}

impl<W: Wire> Actor for Session<W> {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.on(Input::Started, ctx);
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
        let hub = session.port.hub.clone();
        let mut scratch = hub.take_scratch();
        let polled = session.drive(None, ctx, |driver| driver.poll(cx, &mut scratch));
        hub.put_scratch(scratch);
        polled.map(|()| ctx.stop())
    }
}

impl<W: Wire> Drop for Session<W> {
    fn drop(&mut self) {
        let reason = match self.write_half.mode() {
            Mode::Closing(reason) => reason,
            _ => CloseReason::Left,
        };
        if let Some((subscribers, id)) = self.subscription.take() {
            subscribers.leave(id);
        }
        self.port.hub.leave(self.viewer as usize);
        self.port.hub.thread_metrics.closed(reason);
        let Connection { run, session, .. } = self.write_half.connection();
        let client_ip = self.client_ip.map(tracing::field::display);
        info!(%run, %session, client_ip, reason = reason.as_str(), "session closed");
    }
}

#[cfg(test)]
mod tests {
    use actix_rt::net::TcpStream;

    use super::*;

    /// Of what an idle viewer costs; a node holds hundreds of thousands of them.
    #[test]
    fn a_session_is_no_larger_than_it_was() {
        assert!(size_of::<Session<TcpStream>>() <= 120, "{}", size_of::<Session<TcpStream>>());
        assert!(size_of::<WriteHalf<TcpStream>>() <= 280, "{}", size_of::<WriteHalf<TcpStream>>());
    }
}
