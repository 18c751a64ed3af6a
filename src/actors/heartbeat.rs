//! The heartbeat: every second, one message per worker thread; each thread's thread agent pulses its viewers.
//!
//! Receives nothing. Sends [`Pulse`] to the thread agents. On failure it is restarted, and knows the thread agents from the
//! list that all read. On overload a thread misses a beat; deadlines are measured in time, not in beats.

use std::time::{Duration, Instant};

use actix::prelude::*;

use super::messages::thread_agent::Pulse;
use super::shared::ThreadAgents;
use super::supervision::LiveActorGuard;

/// One beat.
const BEAT: Duration = Duration::from_secs(1);

/// See the module's page.
pub struct Heartbeat {
    thread_agents: ThreadAgents,
    /// The node's start, from which pulses count.
    started: Instant,
    _live: LiveActorGuard,
}

impl Heartbeat {
    /// A heartbeat for these thread agents, and for those that come.
    pub fn new(thread_agents: ThreadAgents, started: Instant, live: LiveActorGuard) -> Self {
        Self { thread_agents, started, _live: live }
    }

    fn beat(&mut self, _: &mut Context<Self>) {
        let pulse = Pulse { now_secs: self.started.elapsed().as_secs() as u32 };
        for thread_agent in self.thread_agents.all() {
            // A thread agent that is away or has not taken the last beats yet gets the next one.
            let _ = thread_agent.pulse.try_send(pulse);
        }
    }
}

impl Actor for Heartbeat {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(BEAT, Self::beat);
    }
}
