//! The heartbeat: every second, one message per worker thread; each thread's thread agent pulses its viewers in slices.
//!
//! Receives [`AddThread`] from the thread agents' maker. Sends [`Pulse`]. On failure it is restarted and told of the thread agents anew by
//! its factory. On overload a thread misses a beat; deadlines are measured in time, not in beats.

use std::time::{Duration, Instant};

use actix::prelude::*;

use super::messages::heartbeat::AddThread;
use super::messages::thread_agent::{Pulse, ThreadAgentPort};
use super::supervision::LiveActorGuard;

/// One beat.
const BEAT: Duration = Duration::from_secs(1);

/// See the module's page.
pub struct Heartbeat {
    /// One per worker thread.
    thread_agents: Vec<ThreadAgentPort>,
    started: Instant,
    _live: LiveActorGuard,
}

impl Heartbeat {
    /// A heartbeat for the thread agents known so far. `started` is the node's start.
    pub fn new(thread_agents: Vec<ThreadAgentPort>, started: Instant, live: LiveActorGuard) -> Self {
        Self { thread_agents, started, _live: live }
    }

    fn beat(&mut self, _: &mut Context<Self>) {
        let pulse = Pulse { now_secs: self.started.elapsed().as_secs() as u32 };
        for thread_agent in &self.thread_agents {
            // A thread that has not taken the last beats yet gets the next one.
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

impl Handler<AddThread> for Heartbeat {
    type Result = ();

    fn handle(&mut self, AddThread(thread_agent): AddThread, _: &mut Self::Context) {
        self.thread_agents.push(thread_agent);
    }
}
