//! The heartbeat sends one message per second to each worker thread, whose thread agent then pings its viewers.
//!
//! It receives nothing, and sends [`Pulse`] to the thread agents. On failure it is restarted and finds the thread
//! agents in the shared list. On overload a thread misses a beat; deadlines are measured in time and not in beats.

use std::time::{Duration, Instant};

use actix::prelude::*;

use super::messages::thread_agent::Pulse;
use super::shared::ThreadAgents;
use super::supervision::LiveActorGuard;

/// Time between two beats.
const BEAT: Duration = Duration::from_secs(1);

/// The heartbeat of a node.
pub struct Heartbeat {
    thread_agents: ThreadAgents,
    /// The node's start. Pulses carry the seconds since then.
    started: Instant,
    _live: LiveActorGuard,
}

impl Heartbeat {
    /// Builds a heartbeat for the thread agents in this list, including those that are added later.
    pub fn new(thread_agents: ThreadAgents, started: Instant, live: LiveActorGuard) -> Self {
        Self { thread_agents, started, _live: live }
    }

    fn beat(&mut self, _: &mut Context<Self>) {
        let pulse = Pulse { now_secs: self.started.elapsed().as_secs() as u32 };
        for thread_agent in self.thread_agents.all() {
            // A thread agent that is restarting, or has not taken the last beats yet, gets the next one.
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
