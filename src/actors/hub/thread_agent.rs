//! The thread agent of one worker thread: passes the heartbeat's pulse and the drain's steps on to the thread's
//! viewers.
//!
//! Receives [`Pulse`] from the heartbeat, [`CollectChanges`] from presence, [`ListViewers`] from the edge,
//! [`AnnounceDrain`] and [`CloseAll`] from the drain. Sends nothing but its answers. On failure its thread's supervisor
//! builds it anew around the same [`Hub`]: viewers miss a pulse at most, and the drain asks again. When it ends too
//! often, the node drains. On overload it refuses whoever asks: its mailbox is bounded.

use std::rc::Rc;
use std::time::{Duration, Instant};

use actix::{Actor, AsyncContext, Context, Handler};
use tokio::sync::oneshot;

use super::super::messages::supervisor::Observe;
use super::super::messages::thread_agent::{
    AnnounceDrain, CloseAll, CollectChanges, ListViewers, Pulse, ThreadAgentPort,
};
use super::super::supervision::{ChildSpec, LiveActorGuard, LiveActors, Service, ServiceRecipient};
use super::{Hub, ViewerId};
use crate::protocol::close::CloseReason;

/// Messages that may wait; most are questions for lists of viewers.
pub const MAILBOX: usize = 256;

/// Time between two slices of a close.
const SLICE_PACE: Duration = Duration::from_millis(10);

/// The actor that pings and closes the viewers of one worker thread.
pub struct ThreadAgent {
    hub: Rc<Hub>,
    _live: LiveActorGuard,
}

impl ThreadAgent {
    /// A thread agent for `hub`'s thread.
    pub fn new(hub: Rc<Hub>, live: LiveActorGuard) -> Self {
        Self { hub, _live: live }
    }

    /// How the thread's supervisor builds it.
    pub fn child(service: &Service<Self>, hub: Rc<Hub>, live_actors: LiveActors) -> ChildSpec {
        ChildSpec::permanent(service, move |_, _| Ok(Self::new(hub.clone(), live_actors.enter("thread_agent"))))
    }

    /// Its addresses, with that of its thread's supervisor.
    pub fn port(service: &Service<Self>, supervisor: ServiceRecipient<Observe>) -> ThreadAgentPort {
        ThreadAgentPort {
            pulse: service.recipient(),
            changes: service.recipient(),
            list: service.recipient(),
            announce: service.recipient(),
            close_all: service.recipient(),
            supervisor,
        }
    }

    fn close_slice(
        &mut self,
        reason: CloseReason,
        from: ViewerId,
        per_slice: usize,
        done: oneshot::Sender<()>,
        ctx: &mut Context<Self>,
    ) {
        let next = self.hub.close_slice(reason, from, per_slice).unwrap_or(usize::MAX);
        if next == usize::MAX && self.hub.viewers() == 0 {
            // The drain does not listen any more when its deadline has passed.
            let _ = done.send(());
            return;
        }
        ctx.run_later(SLICE_PACE, move |thread_agent, ctx| {
            thread_agent.close_slice(reason, next, per_slice, done, ctx)
        });
    }
}

impl Actor for ThreadAgent {
    type Context = Context<Self>;
}

impl Handler<Pulse> for ThreadAgent {
    type Result = ();

    fn handle(&mut self, Pulse { now_secs }: Pulse, _: &mut Self::Context) {
        self.hub.pulse(now_secs, Instant::now());
    }
}

impl Handler<CollectChanges> for ThreadAgent {
    type Result = ();

    fn handle(&mut self, CollectChanges { whole, reply }: CollectChanges, _: &mut Self::Context) {
        // Changes that nobody waits for are lost; presence then asks for everybody.
        let _ = reply.send(self.hub.collect_changes(whole));
    }
}

impl Handler<ListViewers> for ThreadAgent {
    type Result = ();

    fn handle(&mut self, ListViewers { run, limit, reply }: ListViewers, _: &mut Self::Context) {
        // The request may have ended meanwhile.
        let _ = reply.send(self.hub.viewers_of(&run, limit));
    }
}

impl Handler<AnnounceDrain> for ThreadAgent {
    type Result = ();

    fn handle(&mut self, AnnounceDrain { spread_ms }: AnnounceDrain, _: &mut Self::Context) {
        self.hub.announce_drain(spread_ms);
    }
}

impl Handler<CloseAll> for ThreadAgent {
    type Result = ();

    fn handle(&mut self, CloseAll { reason, per_slice, done }: CloseAll, ctx: &mut Self::Context) {
        self.close_slice(reason, 0, per_slice, done, ctx);
    }
}
