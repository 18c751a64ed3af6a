//! The heartbeat: every second, one message per worker thread; each thread's usher pulses its viewers in slices.
//!
//! Receives [`Attend`] from the ushers' maker. Sends [`Pulse`]. On failure it is restarted and told of the ushers anew by
//! its factory. On overload a thread misses a beat; deadlines are measured in time, not in beats.

use std::time::{Duration, Instant};

use actix::prelude::*;

use super::messages::heartbeat::Attend;
use super::messages::usher::{Pulse, UsherPort};
use super::supervision::Alive;

/// One beat.
const BEAT: Duration = Duration::from_secs(1);

/// See the module's page.
pub struct Heartbeat {
    /// One per worker thread.
    ushers: Vec<UsherPort>,
    started: Instant,
    _alive: Alive,
}

impl Heartbeat {
    /// A heartbeat for the ushers known so far. `started` is the node's start.
    pub fn new(ushers: Vec<UsherPort>, started: Instant, alive: Alive) -> Self {
        Self { ushers, started, _alive: alive }
    }

    fn beat(&mut self, _: &mut Context<Self>) {
        let pulse = Pulse { now_secs: self.started.elapsed().as_secs() as u32 };
        for usher in &self.ushers {
            // A thread that has not taken the last beats yet gets the next one.
            let _ = usher.pulse.try_send(pulse);
        }
    }
}

impl Actor for Heartbeat {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(BEAT, Self::beat);
    }
}

impl Handler<Attend> for Heartbeat {
    type Result = ();

    fn handle(&mut self, Attend(usher): Attend, _: &mut Self::Context) {
        self.ushers.push(usher);
    }
}
