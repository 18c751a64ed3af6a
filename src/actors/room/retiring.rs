//! How a room goes: when nobody has used it for a while, or when the registry wants its place or its memory back.

use std::sync::atomic::Ordering;

use actix::fut::wrap_future;
use actix::prelude::*;

use super::{FAREWELL, Room};
use crate::actors::messages::registry::Retire;
use crate::actors::messages::room::Reclaim;
use crate::protocol::close::CloseReason;

impl Room {
    /// Asks to go when nobody has used the room for a while.
    pub(super) fn check_idle(&mut self, ctx: &mut Context<Self>) {
        self.waits.retain(|wait| !wait.reply.is_closed());
        self.update_following(ctx);
        self.remind_bridge(ctx);
        self.log.forget_unused_past();
        self.gauge.held_bytes.store(self.held_bytes(), Ordering::Relaxed);
        let now_ms = self.ports.started.elapsed().as_millis() as u64;
        let idle_ms = now_ms.saturating_sub(self.gauge.used_ms.load(Ordering::Relaxed));
        if u128::from(idle_ms) >= self.limits.idle.as_millis() {
            self.retire_if_unused(ctx);
        }
    }

    fn retire_if_unused(&mut self, ctx: &mut Context<Self>) {
        let unused = self.broadcasters.is_empty()
            && self.append_queue.is_idle()
            && self.reading.is_idle()
            && self.waits.is_empty()
            && self.catalog_updates.is_done()
            && !self.folding.is_waited_for();
        if self.retired || !unused {
            return;
        }
        let retire = self.ports.retire.clone();
        let question = Retire { run: self.run.clone(), generation: self.generation };
        let ask = async move { retire.ask(question).await };
        ctx.spawn(wrap_future::<_, Self>(ask).map(|agreed, room, ctx| {
            if agreed.unwrap_or(false) {
                room.retired = true;
                room.ending = CloseReason::Restart;
                ctx.run_later(FAREWELL, |_, ctx| ctx.stop());
            }
        }));
    }
}

impl Handler<Reclaim> for Room {
    type Result = ();

    fn handle(&mut self, what: Reclaim, ctx: &mut Self::Context) {
        match what {
            Reclaim::Memory => {
                self.log.free();
                self.folding.free(&self.run);
                self.gauge.held_bytes.store(self.held_bytes(), Ordering::Relaxed);
            }
            Reclaim::Place => self.retire_if_unused(ctx),
            Reclaim::Expired => self.learn_anew(ctx),
        }
    }
}
