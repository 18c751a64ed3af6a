//! The supervisor owns permanent children: it starts them in order, restarts them when they end, and stops them in
//! reverse order.
//!
//! It receives [`Observe`] and [`Stop`]. It sends nothing; when a child ends too often it tells the root, which drains
//! the node. If the supervisor fails, its children stop, and the root drains the node, because nothing would restart
//! them. It can't be overloaded: only the edge and the root talk to it, and its mailbox is bounded. The node has one
//! supervisor, and each worker thread has one for its thread agent.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::{Duration, Instant};

use actix::{
    Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, MessageResult, ResponseFuture, WrapFuture,
};
use tokio::sync::watch;
use tokio::time::timeout;
use tracing::{error, info, warn};

use super::messages::supervisor::{ChildReport, ChildState, Observe, Stop, Survivors};
use super::supervision::{ChildSpec, Escalation, Exit, History, LiveActorGuard, RestartDecision, StopHandle};
use crate::protocol::Timestamp;
use crate::tasks::count_restart;

/// The root of the supervision tree.
#[derive(Debug)]
pub struct Supervisor {
    /// The children in the order of their start. The list never changes.
    children: Vec<ChildEntry>,
    /// Names of the children that run, in the order of their start.
    running: watch::Sender<Vec<&'static str>>,
    /// Tells the root that the node must be drained.
    escalation: Escalation,
    /// Set by [`Stop`]: no child is restarted any more.
    stopping: bool,
    /// The start of the clock that the restart policies use.
    born: Instant,
    _live: LiveActorGuard,
}

/// A child and its state.
#[derive(Debug)]
struct ChildEntry {
    spec: ChildSpec,
    history: History,
    state: ChildState,
    since: Timestamp,
    restarts: u64,
    last_exit: Option<Exit>,
    /// Stops the instance that was started last.
    stop: Option<StopHandle>,
}

impl Supervisor {
    /// Builds a supervisor of these children; their names must differ. When one ends too often it uses `escalation`:
    /// the node should then drain and exit.
    pub fn new(children: Vec<ChildSpec>, escalation: Escalation, live: LiveActorGuard) -> Self {
        Self {
            children: children.into_iter().map(ChildEntry::new).collect(),
            running: watch::Sender::default(),
            escalation,
            stopping: false,
            born: Instant::now(),
            _live: live,
        }
    }
}

impl Actor for Supervisor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        for index in 0..self.children.len() {
            self.start(index, ctx);
        }
    }
}

impl Handler<Observe> for Supervisor {
    type Result = MessageResult<Observe>;

    fn handle(&mut self, _: Observe, _: &mut Self::Context) -> Self::Result {
        MessageResult(self.children.iter().map(ChildEntry::report).collect())
    }
}

impl Handler<Stop> for Supervisor {
    type Result = ResponseFuture<Result<(), Survivors>>;

    fn handle(&mut self, Stop { within }: Stop, ctx: &mut Self::Context) -> Self::Result {
        self.stopping = true;
        for child in self.children.iter_mut().filter(|child| child.state == ChildState::Restarting) {
            child.enter(ChildState::Stopped);
        }
        self.tell_running(ctx);
        let last_first = self.children.iter().rev().filter_map(|child| Some((child.spec.clone(), child.stop.clone()?)));
        Box::pin(stop_in_turn(last_first.collect(), self.running.subscribe(), within))
    }
}

impl Supervisor {
    fn start(&mut self, index: usize, ctx: &mut Context<Self>) {
        let child = &mut self.children[index];
        match child.spec.start() {
            Ok(done) => {
                child.stop = Some(done.stop_handle());
                child.enter(ChildState::Running);
                self.tell_running(ctx);
                // The future belongs to the supervisor, so that its children stop if the supervisor ever panics.
                ctx.spawn(done.into_actor(self).map(move |exit, this, ctx| this.ended(index, exit, ctx)));
            }
            Err(exit) => self.ended(index, exit, ctx),
        }
    }

    fn restart(&mut self, index: usize, ctx: &mut Context<Self>) {
        if self.stopping {
            return;
        }
        let child = &mut self.children[index];
        child.restarts += 1;
        count_restart(child.spec.name());
        self.start(index, ctx);
    }

    fn ended(&mut self, index: usize, exit: Exit, ctx: &mut Context<Self>) {
        let now_ms = u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX);
        match self.children[index].ended(exit, self.stopping, now_ms) {
            RestartDecision::Restart { after_ms } => {
                ctx.run_later(Duration::from_millis(after_ms), move |this, ctx| this.restart(index, ctx));
            }
            RestartDecision::Escalate => self.escalate(index),
            // The child was let go, or it is a transient one, and this supervisor does not restart it on demand.
            RestartDecision::Done | RestartDecision::Quarantine { .. } => {}
        }
        self.tell_running(ctx);
    }

    fn escalate(&mut self, index: usize) {
        let child = &self.children[index];
        let (name, exits) = (child.spec.name(), child.spec.policy.max_restarts + 1);
        error!(child = name, exits, "child ends too often: the node must go");
        let last = child.last_exit.as_ref().map_or_else(String::new, Exit::to_string);
        self.escalation.tell(format!("{name} ended {exits} times in too short a time; the last time it {last}"));
    }

    /// Publishes the names of the running children. It must be called after each change of a child's state.
    fn tell_running(&self, ctx: &mut Context<Self>) {
        let running = self.children.iter().filter(|child| child.state == ChildState::Running);
        let running: Vec<_> = running.map(|child| child.spec.name()).collect();
        if self.stopping && running.is_empty() {
            ctx.stop();
        }
        self.running.send_replace(running);
    }
}

impl ChildEntry {
    fn new(spec: ChildSpec) -> Self {
        Self {
            spec,
            history: History::default(),
            state: ChildState::Restarting,
            since: Timestamp::now(),
            restarts: 0,
            last_exit: None,
            stop: None,
        }
    }

    fn enter(&mut self, state: ChildState) {
        self.state = state;
        self.since = Timestamp::now();
    }

    /// Records the exit of an instance, and decides what happens to the child.
    fn ended(&mut self, exit: Exit, stopping: bool, now_ms: u64) -> RestartDecision {
        self.stop = None;
        log_exit(self.spec.name(), &exit, stopping);
        let decision = match stopping {
            true => RestartDecision::Done,
            false => self.spec.policy.decide(&mut self.history, &exit, now_ms, jitter()),
        };
        self.enter(match decision {
            RestartDecision::Restart { .. } => ChildState::Restarting,
            RestartDecision::Done if exit == Exit::Stopped => ChildState::Stopped,
            RestartDecision::Done | RestartDecision::Quarantine { .. } | RestartDecision::Escalate => {
                ChildState::Failed
            }
        });
        self.last_exit = Some(exit);
        decision
    }

    fn report(&self) -> ChildReport {
        ChildReport {
            name: self.spec.name(),
            kind: self.spec.policy.kind,
            state: self.state,
            restarts: self.restarts,
            last_exit: self.last_exit.clone(),
            pending: self.spec.pending(),
            since: self.since,
        }
    }
}

/// Stops the children one after the other. Each one gets an equal share of the time that is left when it is stopped.
async fn stop_in_turn(
    children: Vec<(ChildSpec, StopHandle)>,
    mut running: watch::Receiver<Vec<&'static str>>,
    within: Duration,
) -> Result<(), Survivors> {
    let deadline = Instant::now() + within;
    let turns = (1..=children.len() as u32).rev();
    for (left, (child, stop)) in turns.zip(children) {
        child.unbind();
        stop.stop();
        let share = deadline.saturating_duration_since(Instant::now()) / left;
        let _ = timeout(share, running.wait_for(|running| !running.contains(&child.name()))).await;
    }
    let rest = deadline.saturating_duration_since(Instant::now());
    let _ = timeout(rest, running.wait_for(Vec::is_empty)).await;
    let survivors = running.borrow().clone();
    if survivors.is_empty() { Ok(()) } else { Err(Survivors(survivors)) }
}

/// Logs an exit. A panic is a bug that someone must look at, so it is logged at `error` even while the node stops.
fn log_exit(child: &str, exit: &Exit, stopping: bool) {
    match exit {
        Exit::Panicked(_) => error!(child, %exit, "child ended"),
        Exit::Stopped if stopping => info!(child, "child stopped"),
        _ => warn!(child, %exit, "child ended"),
    }
}

/// A random number in `0.0..1.0` for the back-off, taken from the hash keys of std, which differ each time.
fn jitter() -> f64 {
    (RandomState::new().build_hasher().finish() >> 11) as f64 / (1_u64 << 53) as f64
}
