//! The usher of one worker thread: passes the heartbeat's pulse and the drain's steps on to the thread's viewers.
//!
//! Receives [`Pulse`] from the heartbeat, [`CallRoll`] from presence, [`ListViewers`] from the edge, [`AnnounceDrain`] and
//! [`DismissAll`] from the drain. Who asks when its mailbox is full is refused. On failure it is not
//! restarted: its thread's sessions would lose their pulse, so the node drains.

use std::rc::Rc;
use std::time::Duration;

use actix::{Actor, AsyncContext, Context, Handler};
use tokio::sync::oneshot;

use super::floor::{Floor, ViewerId};
use super::messages::usher::{AnnounceDrain, CallRoll, DismissAll, ListViewers, Pulse};
use super::supervision::Alive;
use crate::protocol::close::CloseReason;

/// Messages that may wait: requests for lists of viewers, above all.
const MAILBOX: usize = 256;

/// Time between two slices of a dismissal.
const SLICE_PACE: Duration = Duration::from_millis(10);

/// See the module's page.
pub struct Usher {
    floor: Rc<Floor>,
    _alive: Alive,
}

impl Usher {
    /// An usher for `floor`'s thread.
    pub fn new(floor: Rc<Floor>, alive: Alive) -> Self {
        Self { floor, _alive: alive }
    }

    fn dismiss_slice(
        &mut self,
        reason: CloseReason,
        from: ViewerId,
        per_slice: usize,
        done: oneshot::Sender<()>,
        ctx: &mut Context<Self>,
    ) {
        let next = self.floor.dismiss(reason, from, per_slice).unwrap_or(usize::MAX);
        if next == usize::MAX && self.floor.viewers() == 0 {
            // Nobody listens any more only when the drain's deadline has passed.
            let _ = done.send(());
            return;
        }
        ctx.run_later(SLICE_PACE, move |usher, ctx| usher.dismiss_slice(reason, next, per_slice, done, ctx));
    }
}

impl Actor for Usher {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
    }
}

impl Handler<Pulse> for Usher {
    type Result = ();

    fn handle(&mut self, Pulse { now_secs }: Pulse, _: &mut Self::Context) {
        self.floor.pulse(now_secs);
    }
}

impl Handler<CallRoll> for Usher {
    type Result = ();

    fn handle(&mut self, CallRoll { whole, reply }: CallRoll, _: &mut Self::Context) {
        // Nobody waits any more: the next one asks for everybody.
        let _ = reply.send(self.floor.call_roll(whole));
    }
}

impl Handler<ListViewers> for Usher {
    type Result = ();

    fn handle(&mut self, ListViewers { run, limit, reply }: ListViewers, _: &mut Self::Context) {
        // Nobody waits any more: the request has ended.
        let _ = reply.send(self.floor.viewers_of(&run, limit));
    }
}

impl Handler<AnnounceDrain> for Usher {
    type Result = ();

    fn handle(&mut self, AnnounceDrain { spread_ms }: AnnounceDrain, _: &mut Self::Context) {
        self.floor.announce_drain(spread_ms);
    }
}

impl Handler<DismissAll> for Usher {
    type Result = ();

    fn handle(&mut self, DismissAll { reason, per_slice, done }: DismissAll, ctx: &mut Self::Context) {
        self.dismiss_slice(reason, 0, per_slice, done, ctx);
    }
}
