//! The registry creates rooms, finds them, and is their parent.
//!
//! It receives [`FindRoom`] from sessions and the edge, [`Retire`] from rooms, [`RunsExpired`] from the lifecycle,
//! [`ListRooms`] from the edge, and [`BridgeBegan`] from a bridge, which it passes on to all rooms. Rooms are
//! transient: a failed one is created again for the next caller that looks for it. A run whose room fails repeatedly is
//! quarantined, while all other rooms continue. When the rooms together hold too much, the registry asks the least
//! recently used ones to free it. If the registry fails, its rooms end with it, and their viewers reconnect.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use actix::fut::wrap_future;
use actix::prelude::*;
use tracing::{error, warn};

use super::messages::registry::{
    BridgeBegan, FindError, FindRoom, ListRooms, Retire, RoomReport, RoomState, RunsExpired,
};
use super::messages::room::{Reclaim, RemoteUpdate, RoomPort};
use super::shared::RoomGauge;
use super::supervision::{Done, Exit, History, LiveActorGuard, Policy, RestartDecision};
use crate::protocol::RunId;
use crate::tasks::count_restart;

/// How often the rooms' memory is checked.
const WATCH: Duration = Duration::from_millis(500);

/// Builds and starts a room on this thread. Returns its port and a future of its exit.
pub type OpenRoom = Box<dyn Fn(RunId, u64, Arc<RoomGauge>) -> Result<(Arc<RoomPort>, Done), Exit>>;

/// Bounds for all rooms of a node together.
#[derive(Clone, Copy, Debug)]
pub struct RoomBounds {
    /// Most rooms.
    pub rooms: usize,
    /// About how many bytes of segments the rooms may hold.
    pub bytes: usize,
}

/// The registry of a node: its rooms and their failures.
pub struct Registry {
    open_room: OpenRoom,
    rooms: HashMap<RunId, Arc<RoomPort>>,
    /// Failures of runs' rooms; removed after a quiet window.
    histories: HashMap<RunId, Failures>,
    policy: Policy,
    bounds: RoomBounds,
    /// Generation of the next room. It grows over all rooms, so that two rooms of a run are never mistaken for each
    /// other. It starts at the node's uptime, so that a restarted registry continues above its predecessor.
    next_generation: u64,
    born: Instant,
    _live: LiveActorGuard,
}

struct Failures {
    history: History,
    count: u64,
    last: Exit,
}

impl Registry {
    /// A registry without rooms.
    pub fn new(open_room: OpenRoom, policy: Policy, bounds: RoomBounds, born: Instant, live: LiveActorGuard) -> Self {
        Self {
            open_room,
            rooms: HashMap::new(),
            histories: HashMap::new(),
            policy,
            bounds,
            next_generation: born.elapsed().as_nanos() as u64 + 1,
            born,
            _live: live,
        }
    }

    fn now_ms(&self) -> u64 {
        self.born.elapsed().as_millis() as u64
    }

    fn open(&mut self, run: RunId, ctx: &mut Context<Self>) -> Result<Arc<RoomPort>, FindError> {
        let generation = self.next_generation;
        self.next_generation += 1;
        match (self.open_room)(run.clone(), generation, Arc::default()) {
            Ok((port, done)) => {
                self.rooms.insert(run.clone(), port.clone());
                ctx.spawn(wrap_future::<_, Self>(done).map(move |exit, registry, _| {
                    registry.ended(run, generation, exit);
                }));
                Ok(port)
            }
            Err(exit) => {
                self.ended(run, generation, exit);
                Err(FindError::Quarantined { retry_after_ms: self.policy.backoff_ms })
            }
        }
    }

    fn ended(&mut self, run: RunId, generation: u64, exit: Exit) {
        if self.rooms.get(&run).is_some_and(|room| room.generation == generation) {
            self.rooms.remove(&run);
        }
        if exit == Exit::Stopped {
            return;
        }
        count_restart("room");
        error!(%run, %exit, child = "room", "a room failed");
        let now_ms = self.now_ms();
        let failures = self.histories.entry(run.clone()).or_insert_with(|| Failures {
            history: History::default(),
            count: 0,
            last: Exit::Stopped,
        });
        failures.count += 1;
        failures.last = exit;
        let jitter = f64::from(uuid::Uuid::now_v7().as_bytes()[15]) / 256.0;
        if let RestartDecision::Quarantine { until_ms } =
            self.policy.decide(&mut failures.history, &failures.last, now_ms, jitter)
        {
            warn!(%run, for_ms = until_ms - now_ms, "the run is quarantined");
        }
    }

    /// Asks the least recently used rooms to free their segments until the others fit the bound, and removes old
    /// failures.
    fn watch(&mut self) {
        let now_ms = self.now_ms();
        let policy = self.policy;
        self.histories.retain(|_, failures| !failures.history.is_quiet(&policy, now_ms));
        self.ask_unused_to_go();
        let held = |room: &Arc<RoomPort>| room.gauge.held_bytes.load(Ordering::Relaxed);
        let mut total: usize = self.rooms.values().map(held).sum();
        if total <= self.bounds.bytes {
            return;
        }
        let mut rooms: Vec<_> = self.rooms.values().filter(|room| held(room) > 0).collect();
        rooms.sort_by_key(|room| room.gauge.used_ms.load(Ordering::Relaxed));
        for room in rooms {
            if total <= self.bounds.bytes {
                break;
            }
            total -= held(room);
            // A room that is too busy to take the message is not least recently used any more.
            let _ = room.reclaim.try_send(Reclaim::Memory);
        }
    }
}

impl Registry {
    /// Asks the least recently used rooms without viewers to retire, when the number of rooms is near the bound.
    fn ask_unused_to_go(&self) {
        let wanted = self.rooms.len().saturating_sub(self.bounds.rooms * 3 / 4);
        if wanted == 0 {
            return;
        }
        let mut rooms: Vec<_> = self.rooms.values().filter(|room| room.gauge.viewers() == 0).collect();
        rooms.sort_by_key(|room| room.gauge.used_ms.load(Ordering::Relaxed));
        for room in rooms.into_iter().take(wanted) {
            // A room that is too busy to take the message is in use.
            let _ = room.reclaim.try_send(Reclaim::Slot);
        }
    }
}

impl Actor for Registry {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(WATCH, |registry, _| registry.watch());
    }
}

impl Handler<FindRoom> for Registry {
    type Result = Result<Arc<RoomPort>, FindError>;

    fn handle(&mut self, FindRoom { run }: FindRoom, ctx: &mut Self::Context) -> Self::Result {
        if let Some(room) = self.rooms.get(&run) {
            // A room that has just failed stays in the map until its exit is handled.
            if room.read.connected() {
                return Ok(room.clone());
            }
            self.rooms.remove(&run);
        }
        let now_ms = self.now_ms();
        let until = self.histories.get(&run).and_then(|failures| failures.history.quarantined_until(now_ms));
        match until {
            Some(until) => Err(FindError::Quarantined { retry_after_ms: until - now_ms }),
            None if self.rooms.len() >= self.bounds.rooms => Err(FindError::TooManyRooms(self.bounds.rooms)),
            None => self.open(run, ctx),
        }
    }
}

impl Handler<Retire> for Registry {
    type Result = bool;

    fn handle(&mut self, Retire { run, generation }: Retire, _: &mut Self::Context) -> bool {
        if self.rooms.get(&run).is_some_and(|room| room.generation == generation) {
            self.rooms.remove(&run);
        }
        true
    }
}

impl Handler<RunsExpired> for Registry {
    type Result = ();

    fn handle(&mut self, RunsExpired(runs): RunsExpired, _: &mut Self::Context) {
        for room in runs.iter().filter_map(|run| self.rooms.get(run)) {
            // A room that is too busy for it learns it from the journal's next answer.
            let _ = room.reclaim.try_send(Reclaim::Expired);
        }
    }
}

impl Handler<BridgeBegan> for Registry {
    type Result = ();

    fn handle(&mut self, _: BridgeBegan, _: &mut Self::Context) {
        for room in self.rooms.values() {
            // A room that is too busy for it tells the bridge again when it next checks whether it is used.
            let _ = room.updates.try_send(RemoteUpdate::Forgotten);
        }
    }
}

impl Handler<ListRooms> for Registry {
    type Result = MessageResult<ListRooms>;

    fn handle(&mut self, ListRooms { limit }: ListRooms, _: &mut Self::Context) -> Self::Result {
        let now_ms = self.now_ms();
        let mut reports: Vec<_> = self
            .rooms
            .values()
            .map(|room| RoomReport {
                run: room.run.clone(),
                state: RoomState::Running,
                restarts: self.histories.get(&room.run).map_or(0, |failures| failures.count),
                last_exit: self.histories.get(&room.run).map(|failures| failures.last.to_string()),
                viewers: room.gauge.viewers(),
                held_bytes: room.gauge.held_bytes.load(Ordering::Relaxed),
            })
            .collect();
        let absent = self.histories.iter().filter(|(run, _)| !self.rooms.contains_key(*run));
        reports.extend(absent.map(|(run, failures)| RoomReport {
            run: run.clone(),
            state: match failures.history.quarantined_until(now_ms) {
                Some(_) => RoomState::Quarantined,
                None => RoomState::Failed,
            },
            restarts: failures.count,
            last_exit: Some(failures.last.to_string()),
            viewers: 0,
            held_bytes: 0,
        }));
        reports.sort_by_key(|report| (report.state == RoomState::Running, Reverse(report.viewers), report.run.clone()));
        reports.truncate(limit);
        MessageResult(reports)
    }
}
