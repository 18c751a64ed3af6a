//! The room of one run on this node: the local sequencer of its log.
//!
//! Receives posts from producers, reads from viewers, subscriptions from broadcasters. Sends appends and reads to the
//! journal, segments to its broadcasters, changes to the catalog writer, and asks the registry to let it go when idle.
//! When the journal is away, producers are told and viewers wait. On failure its broadcasters close their viewers with
//! "try again", and the next join builds it anew. On overload its queue refuses posts, and a broadcaster that can't
//! keep up is told the tip instead.
//!
//! [`core`] decides what is done. This actor feeds it what comes and performs its effects (`perform.rs`).

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use actix::prelude::*;
use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;

use super::messages::bridge::{Follow, Mirror};
use super::messages::broadcaster::BroadcasterPort;
use super::messages::catalog_writer::RunChanged;
use super::messages::registry::Retire;
use super::messages::room::{
    Fold, Publish, Read, Reclaim, RemoteUpdate, RoomPort, Show, Steer, Subscribe, Unsubscribe, WaitForControl,
    WaitForEvents,
};
use super::shared::RoomGauge;
use super::supervision::{LiveActorGuard, ServiceRecipient};
use crate::protocol::{ProducerId, RunId};
use crate::storage::journal::Journal;

pub mod core;
mod perform;
mod states;

use self::core::{RoomCore, RoomEffect, RoomEffects, RoomInput};
pub use self::core::{RoomLimits, ScreenLimits};
pub use states::States;

/// What a room works with.
#[derive(Clone)]
pub struct RoomPorts {
    /// The log.
    pub journal: Arc<dyn Journal>,
    /// Told of every change.
    pub catalog_writer: ServiceRecipient<RunChanged>,
    /// Asked before the room goes.
    pub retire: ServiceRecipient<Retire>,
    /// How it hears of what other nodes store; `None` on a single node.
    pub remote_feed: Option<RemoteFeed>,
    /// What states are built with.
    pub states: States,
    /// The node's start, for "last used".
    pub started: Instant,
}

/// What lets a room hear of other nodes.
#[derive(Clone)]
pub struct RemoteFeed {
    /// The bridge.
    pub follow: ServiceRecipient<Follow>,
    /// The bridge, for screens that this node is shown.
    pub mirror: ServiceRecipient<Mirror>,
    /// How long what is missing before a notice may still come by itself.
    pub reorder: Duration,
}

/// The actor of one run's room: a core, and what it takes to perform its effects.
pub struct Room {
    run: RunId,
    generation: u64,
    core: RoomCore,
    /// What the core wants done; empty between two messages.
    effects: RoomEffects,
    ports: RoomPorts,
    /// Those that the core knows by their ids; at most one per worker thread and room generation.
    broadcasters: Vec<BroadcasterPort>,
    /// A permit to fold, while the core needs one.
    permit: Option<OwnedSemaphorePermit>,
    gauge: Arc<RoomGauge>,
    /// Requests that the metric counts as waiting to be decided.
    undecided: usize,
    _live: LiveActorGuard,
}

impl Room {
    /// One generation of a run's room.
    pub fn new(
        run: RunId,
        generation: u64,
        limits: RoomLimits,
        ports: RoomPorts,
        gauge: Arc<RoomGauge>,
        live: LiveActorGuard,
    ) -> Self {
        let own = ProducerId::own(&Uuid::now_v7().to_string());
        let reorder = ports.remote_feed.as_ref().map(|feed| feed.reorder);
        Self {
            core: RoomCore::new(run.clone(), limits, own, reorder, Instant::now()),
            effects: RoomEffects::new(),
            run,
            generation,
            ports,
            broadcasters: Vec::new(),
            permit: None,
            gauge,
            undecided: 0,
            _live: live,
        }
    }

    /// The addresses of a room that was started.
    pub fn port(addr: &Addr<Self>, run: RunId, generation: u64, gauge: Arc<RoomGauge>) -> Arc<RoomPort> {
        Arc::new(RoomPort {
            run,
            generation,
            publish: addr.clone().recipient(),
            read: addr.clone().recipient(),
            wait: addr.clone().recipient(),
            fold: addr.clone().recipient(),
            steer: addr.clone().recipient(),
            wait_control: addr.clone().recipient(),
            show: addr.clone().recipient(),
            subscribe: addr.clone().recipient(),
            unsubscribe: addr.clone().recipient(),
            reclaim: addr.clone().recipient(),
            updates: addr.clone().recipient(),
            gauge,
        })
    }

    /// Tells the core what has happened, and does what it wants done about it.
    fn on(&mut self, input: RoomInput, ctx: &mut Context<Self>) {
        let now = Instant::now();
        self.core.on(input, now, &mut self.effects);
        while let Some(effect) = self.effects.pop_front() {
            if let Some(outcome) = self.perform(effect, ctx) {
                self.core.on(outcome, now, &mut self.effects);
            }
        }
        self.update_gauge();
        self.count_undecided(self.core.undecided());
    }

    fn count_undecided(&mut self, count: usize) {
        let before = std::mem::replace(&mut self.undecided, count);
        if count != before {
            metrics::gauge!("runcast_decisions_waiting").increment(count as f64 - before as f64);
        }
    }

    fn update_gauge(&self) {
        let used = self.core.used_at().saturating_duration_since(self.ports.started).as_millis() as u64;
        self.gauge.used_ms.store(used, Ordering::Relaxed);
        self.gauge.held_bytes.store(self.core.held_bytes(), Ordering::Relaxed);
        // A room that learns its head anew still has the tip that it had.
        if let Some(head) = self.core.log().head() {
            self.gauge.tip.store(head.tip, Ordering::Relaxed);
        }
    }
}

impl Actor for Room {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.on(RoomInput::Started, ctx);
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.count_undecided(0);
        // After a panic it holds what was not done any more.
        self.effects.clear();
        self.core.end(&mut self.effects);
        while let Some(effect) = self.effects.pop_front() {
            match effect {
                RoomEffect::Evict(broadcaster, reason) => self.evict(broadcaster, reason),
                // A bridge that does not take it finds the room gone.
                RoomEffect::Follow(_) => _ = self.follow(None),
                _ => {}
            }
        }
    }
}

/// Messages that the core takes as they are.
macro_rules! passed_on {
    ($($message:ident as $input:ident),*) => {
        $(impl Handler<$message> for Room {
            type Result = ();

            fn handle(&mut self, message: $message, ctx: &mut Self::Context) {
                self.on(RoomInput::$input(message), ctx);
            }
        })*
    };
}

passed_on!(
    Publish as Publish,
    Read as Read,
    WaitForEvents as Wait,
    Fold as Fold,
    Steer as Steer,
    WaitForControl as WaitForControl,
    Show as Show,
    Reclaim as Reclaim,
    RemoteUpdate as RemoteUpdate
);

impl Handler<Subscribe> for Room {
    type Result = ();

    fn handle(&mut self, Subscribe(port): Subscribe, ctx: &mut Self::Context) {
        let id = port.id;
        self.broadcasters.push(port);
        self.on(RoomInput::Subscribe(id), ctx);
    }
}

impl Handler<Unsubscribe> for Room {
    type Result = ();

    fn handle(&mut self, Unsubscribe { broadcaster }: Unsubscribe, ctx: &mut Self::Context) {
        self.forget(broadcaster);
        self.on(RoomInput::Unsubscribe(broadcaster), ctx);
    }
}
