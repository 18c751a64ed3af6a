//! The thread agent of one worker thread: passes the heartbeat's pulse and the drain's steps on to the thread's viewers.
//!
//! Receives [`Pulse`] from the heartbeat, [`CollectChanges`] from presence, [`ListViewers`] from the edge, [`AnnounceDrain`] and
//! [`CloseAll`] from the drain. Who asks when its mailbox is full is refused. On failure it is not
//! restarted: its thread's sessions would lose their pulse, so the node drains.

use std::rc::Rc;
use std::time::Duration;

use actix::{Actor, AsyncContext, Context, Handler};
use tokio::sync::oneshot;

use super::super::messages::thread_agent::{AnnounceDrain, CloseAll, CollectChanges, ListViewers, Pulse};
use super::super::supervision::LiveActorGuard;
use super::{Hub, ViewerId};
use crate::protocol::close::CloseReason;

/// Messages that may wait: requests for lists of viewers, above all.
const MAILBOX: usize = 256;

/// Time between two slices of a close.
const SLICE_PACE: Duration = Duration::from_millis(10);

/// See the module's page.
pub struct ThreadAgent {
    hub: Rc<Hub>,
    _live: LiveActorGuard,
}

impl ThreadAgent {
    /// An thread agent for `hub`'s thread.
    pub fn new(hub: Rc<Hub>, live: LiveActorGuard) -> Self {
        Self { hub, _live: live }
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
            // Nobody listens any more only when the drain's deadline has passed.
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

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
    }
}

impl Handler<Pulse> for ThreadAgent {
    type Result = ();

    fn handle(&mut self, Pulse { now_secs }: Pulse, _: &mut Self::Context) {
        self.hub.pulse(now_secs);
    }
}

impl Handler<CollectChanges> for ThreadAgent {
    type Result = ();

    fn handle(&mut self, CollectChanges { whole, reply }: CollectChanges, _: &mut Self::Context) {
        // Nobody waits any more: the next one asks for everybody.
        let _ = reply.send(self.hub.collect_changes(whole));
    }
}

impl Handler<ListViewers> for ThreadAgent {
    type Result = ();

    fn handle(&mut self, ListViewers { run, limit, reply }: ListViewers, _: &mut Self::Context) {
        // Nobody waits any more: the request has ended.
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
