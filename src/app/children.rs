//! The supervision tree, as a list: what runs on a node, who brings it back, and how it is built.
//!
//! [`TREE`] is the tree in words; ARCHITECTURE.md shows the same, and a test compares them. [`NodeParts::children`] builds the
//! permanent children of the supervisor, in the same order.

use std::sync::Arc;
use std::time::Duration;

use super::Storage;
use super::limits::control_limits;
use super::parts::NodeParts;
use super::shares::compressions;
use super::storage::redis_settings;
use crate::actors::bridge::{Bridge, BridgePorts, BridgeTimes, ScreenSharing};
use crate::actors::catalog_writer::{CatalogWriter, SummaryLimits};
use crate::actors::cleanup::{Cleanup, CleanupRules};
use crate::actors::compression::Compression;
use crate::actors::deadlines::{Deadlines, DeadlinesPorts};
use crate::actors::heartbeat::Heartbeat;
use crate::actors::lifecycle::{Lifecycle, LifecyclePorts};
use crate::actors::presence::{Presence, PresencePorts};
use crate::actors::registry::{OpenRoom, Registry, RoomBounds};
use crate::actors::room::{RemoteFeed, Room, RoomLimits, RoomPorts, ScreenLimits};
use crate::actors::supervision::ChildKind::{self, Permanent, Temporary, Transient};
use crate::actors::supervision::{ChildSpec, Policy, spawn};
use crate::node::NodePhase;
use crate::storage::redis::RedisClient;
use crate::storage::screens::ScreenStore;

/// One kind of actor.
#[derive(Clone, Copy, Debug)]
pub struct TreeEntry {
    /// Whose child it is.
    pub parent: &'static str,
    /// Its name: in the log, in metrics and in `/api/actors`.
    pub name: &'static str,
    /// Who brings it back when it ends.
    pub kind: ChildKind,
    /// How many there are.
    pub present: &'static str,
    /// What it is there for.
    pub purpose: &'static str,
}

const fn entry(
    parent: &'static str,
    name: &'static str,
    kind: ChildKind,
    present: &'static str,
    purpose: &'static str,
) -> TreeEntry {
    TreeEntry { parent, name, kind, present, purpose }
}

/// The node's supervisor; what it supervises is started in the order of [`TREE`] and stopped in reverse.
const SUPERVISOR: &str = "supervisor";
/// Each worker thread has a supervisor of its own.
const THREAD: &str = "thread_supervisor";

/// All actors of a node. The two supervisors are not in it: when one of them ends, the node drains.
#[rustfmt::skip]
pub const TREE: &[TreeEntry] = &[
    entry(SUPERVISOR, "bridge", Permanent, "in a cluster", "lets rooms hear what other nodes store"),
    entry(SUPERVISOR, "presence", Permanent, "in a cluster", "tells the other nodes who is connected here"),
    entry(SUPERVISOR, "registry", Permanent, "always", "creates rooms, finds them, and is their parent"),
    entry("registry", "room", Transient, "one per run in use", "puts a run's events in order, stores them and hands them out"),
    entry(SUPERVISOR, "catalog_writer", Permanent, "always", "writes the list of runs, behind the log"),
    entry(SUPERVISOR, "heartbeat", Permanent, "always", "sends every thread agent a pulse each second"),
    entry(SUPERVISOR, "lifecycle", Permanent, "always", "ends, seals and expires runs"),
    entry(SUPERVISOR, "deadlines", Permanent, "always", "has rooms decide what is due in their runs"),
    entry(SUPERVISOR, "compression", Permanent, "where artifacts are kept", "finds smaller forms of artifacts"),
    entry(SUPERVISOR, "cleanup", Permanent, "where artifacts are kept", "removes artifacts whose time has come"),
    entry(THREAD, "thread_agent", Permanent, "one per worker thread", "pings the thread's viewers and closes them when the node goes"),
    entry(THREAD, "broadcaster", Temporary, "one per run with viewers on the thread", "hands a run's events to the thread's viewers"),
    entry(THREAD, "session", Temporary, "one per connection", "follows one run for one viewer"),
    entry(THREAD, "trace_session", Temporary, "one per open live trace", "has a trace viewer load what is new of a live trace"),
];

impl NodeParts {
    /// The children of the supervisor, in the order of their start.
    pub(super) fn children(&self) -> Vec<ChildSpec> {
        let children = [
            self.bridge(),
            self.presence(),
            Some(self.registry()),
            Some(self.catalog_writer()),
            Some(self.heartbeat()),
            Some(self.lifecycle()),
            Some(self.deadlines()),
            self.compression(),
            self.cleanup(),
        ];
        children.into_iter().flatten().map(|child| child.with_policy(self.policy())).collect()
    }

    /// The rules for permanent children.
    pub(super) fn policy(&self) -> Policy {
        let supervisor = &self.config.supervisor;
        Policy {
            backoff_ms: supervisor.backoff_ms,
            backoff_max_ms: supervisor.backoff_max_ms,
            max_restarts: supervisor.max_restarts,
            window_secs: supervisor.window_secs,
            ..Policy::permanent()
        }
    }

    /// `None` on a single node.
    fn bridge(&self) -> Option<ChildSpec> {
        let (bridge, room) = (&self.config.bridge, &self.config.room);
        let times = BridgeTimes {
            linger: Duration::from_secs(bridge.linger_secs),
            tip_check: Duration::from_secs(bridge.tip_check_secs),
            probe: Duration::from_secs(bridge.probe_secs),
        };
        let ports = BridgePorts {
            journal: self.storage.redis.clone()?,
            // Storage was opened with the same settings.
            settings: redis_settings(&self.config, "doorbell").ok()?,
            shown: self.outboxes.clone(),
            screens: ScreenStore::new(
                RedisClient::start(redis_settings(&self.config, "screens").ok()?, Arc::new(())),
                &self.config.redis.prefix,
                &self.config.server.node_id,
                Duration::from_secs(room.screen_keep_secs),
            ),
            screen_sharing: ScreenSharing {
                bytes_per_sec: bridge.screen_bytes_per_sec,
                kept_bytes: room.screens_total_bytes,
                keep: Duration::from_secs(room.screen_keep_secs),
            },
            peers: self.peers.clone(),
            interest: self.interest.clone(),
            node: self.config.server.node_id.clone(),
            doorbell: self.doorbell.clone()?,
            revocations: self.storage.authenticator.as_ref().map(|authenticator| authenticator.bell().clone()),
            rooms: self.services.registry.recipient(),
        };
        let live_actors = self.live_actors.clone();
        Some(ChildSpec::permanent(&self.services.bridge, move |_, _| {
            Ok(Bridge::new(times, ports.clone(), live_actors.enter("bridge")))
        }))
    }

    /// `None` on a single node.
    fn presence(&self) -> Option<ChildSpec> {
        let ports = PresencePorts {
            register: self.storage.presence.clone()?,
            node: self.node.id().clone(),
            thread_agents: self.thread_agents.clone(),
            interest: self.interest.clone(),
            peers: self.peers.clone(),
            node_id_conflict: self.node_id_conflict.clone(),
            figures: self.tell_figures(),
            report_every: Duration::from_secs(self.config.presence.report_secs),
        };
        let live_actors = self.live_actors.clone();
        Some(ChildSpec::permanent(&self.services.presence, move |_, _| {
            Ok(Presence::new(ports.clone(), live_actors.enter("presence")))
        }))
    }

    fn registry(&self) -> ChildSpec {
        let parts = self.clone();
        ChildSpec::permanent(&self.services.registry, move |_, _| {
            let policy = Policy { max_restarts: parts.config.supervisor.room_failures - 1, ..Policy::transient() };
            let room = &parts.config.room;
            let bounds = RoomBounds { rooms: room.max_rooms, bytes: room.ring_total_bytes };
            let live = parts.live_actors.enter("registry");
            Ok(Registry::new(parts.open_room(), policy, bounds, parts.node.started(), live))
        })
    }

    /// How the registry builds a room.
    fn open_room(&self) -> OpenRoom {
        let (parts, limits) = (self.clone(), self.room_limits());
        Box::new(move |run, generation, gauge| {
            let (limits, ports) = (limits.clone(), parts.room_ports());
            gauge.interest.belongs_to(run.clone(), &parts.interest);
            let (name, figures, alive) = (run.clone(), gauge.clone(), parts.live_actors.enter("room"));
            let child = spawn("room", parts.config.room.mailbox, move |_, _| {
                Ok(Room::new(name, generation, limits, ports, figures, alive))
            })?;
            Ok((Room::port(&child.addr, run, generation, gauge), child.done))
        })
    }

    fn room_limits(&self) -> RoomLimits {
        let (room, ingest) = (&self.config.room, &self.config.ingest);
        RoomLimits {
            ring_bytes: room.ring_bytes,
            page_bytes: room.page_bytes,
            queue_bytes: room.queue_bytes,
            append_timeout: Duration::from_millis(ingest.append_timeout_ms),
            idle: Duration::from_secs(room.idle_secs),
            max_waiting: self.config.control.max_waiting,
            screens: ScreenLimits {
                keep: Duration::from_secs(room.screen_keep_secs),
                auto_hold: Duration::from_secs(room.screen_auto_secs),
                kept: self.screens.clone(),
                outboxes: self.outboxes.clone(),
            },
            control: Arc::new(control_limits(&self.config)),
        }
    }

    fn room_ports(&self) -> RoomPorts {
        RoomPorts {
            journal: self.storage.journal.clone(),
            catalog_writer: self.services.catalog_writer.recipient(),
            retire: self.services.registry.recipient(),
            remote_feed: self.storage.redis.is_some().then(|| RemoteFeed {
                follow: self.services.bridge.recipient(),
                mirror: self.services.bridge.recipient(),
                reorder: Duration::from_millis(self.config.bridge.reorder_ms),
            }),
            states: self.states.clone(),
            started: self.node.started(),
        }
    }

    fn catalog_writer(&self) -> ChildSpec {
        const DAY_MS: i64 = 86_400_000;
        let (parts, settings) = (self.clone(), &self.config.catalog);
        let limits = SummaryLimits {
            pace: Duration::from_millis(settings.summary_ms),
            bytes: settings.summary_bytes,
            history_ms: settings.history_days as i64 * DAY_MS,
            sweep: Duration::from_secs(self.config.journal.sweep_secs),
        };
        ChildSpec::permanent(&self.services.catalog_writer, move |_, _| {
            let Storage { journal, catalog, run_catalog, .. } = parts.storage.clone();
            let live = parts.live_actors.enter("catalog_writer");
            Ok(CatalogWriter::new(catalog, run_catalog, journal, limits.clone(), live))
        })
    }

    fn heartbeat(&self) -> ChildSpec {
        let (thread_agents, started) = (self.thread_agents.clone(), self.node.started());
        let live_actors = self.live_actors.clone();
        ChildSpec::permanent(&self.services.heartbeat, move |_, _| {
            Ok(Heartbeat::new(thread_agents.clone(), started, live_actors.enter("heartbeat")))
        })
    }

    fn lifecycle(&self) -> ChildSpec {
        let parts = self.clone();
        ChildSpec::permanent(&self.services.lifecycle, move |_, _| {
            let services = &parts.services;
            let ports = LifecyclePorts {
                journal: parts.storage.journal.clone(),
                rooms: services.registry.recipient(),
                expired: services.registry.recipient(),
                catalog_writer: services.catalog_writer.recipient(),
                budget: parts.bodies.clone(),
            };
            Ok(Lifecycle::new(parts.live.lifecycle.clone(), ports, parts.live_actors.enter("lifecycle")))
        })
    }

    fn deadlines(&self) -> ChildSpec {
        let parts = self.clone();
        ChildSpec::permanent(&self.services.deadlines, move |_, _| {
            let node = parts.node.clone();
            let ports = DeadlinesPorts {
                journal: parts.storage.journal.clone(),
                rooms: parts.services.registry.recipient(),
                signs: parts.signs.clone(),
                drains: Arc::new(move || node.phase() == NodePhase::Draining),
            };
            let interval = Duration::from_millis(parts.config.control.due_interval_ms);
            Ok(Deadlines::new(interval, ports, parts.live_actors.enter("deadlines")))
        })
    }

    /// `None` where no artifacts are kept.
    fn compression(&self) -> Option<ChildSpec> {
        let (artifacts, live_actors) = (self.artifacts.clone()?, self.live_actors.clone());
        let threads = compressions(&self.config);
        Some(ChildSpec::permanent(&self.services.compression, move |_, _| {
            Ok(Compression::new(artifacts.clone(), threads, live_actors.enter("compression")))
        }))
    }

    /// `None` where no artifacts are kept.
    fn cleanup(&self) -> Option<ChildSpec> {
        let (artifacts, live_actors) = (self.artifacts.clone()?, self.live_actors.clone());
        let (cleanup, node) = (&self.config.cleanup, self.node.id().to_string());
        let rules = CleanupRules {
            enabled: cleanup.enabled,
            interval: Duration::from_secs(cleanup.interval_hours * 3_600),
            batch: cleanup.batch,
            orphans: cleanup.orphans,
            orphan_grace: Duration::from_secs(cleanup.orphan_grace_secs),
            tombstone: self.live.tombstone.clone(),
            live_traces: Duration::from_secs(self.config.artifacts.live_trace_sweep_secs),
        };
        Some(ChildSpec::permanent(&self.services.cleanup, move |_, _| {
            Ok(Cleanup::new(rules.clone(), artifacts.clone(), node.clone(), live_actors.enter("cleanup")))
        }))
    }
}
