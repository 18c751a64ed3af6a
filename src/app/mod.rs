//! The root: puts the node together, runs it, and takes it down.
//!
//! [`NodeParts::children`] is the supervision tree, in the order of its start.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tracing::{error, info};

use crate::actors::bridge::{Bridge, BridgePorts, BridgeTimes};
use crate::actors::catalog_writer::CatalogWriter;
use crate::actors::cleanup::Cleanup;
use crate::actors::compression::Compression;
use crate::actors::heartbeat::Heartbeat;
use crate::actors::lifecycle::{Lifecycle, LifecyclePorts, LifecycleTimes};
use crate::actors::messages::bridge::Doorbell;
use crate::actors::messages::supervisor::Stop;
use crate::actors::messages::thread_agent::ThreadAgents;
use crate::actors::presence::{Presence, PresencePorts};
use crate::actors::registry::{OpenRoom, Registry, RoomBounds};
use crate::actors::room::{RemoteFeed, Room, RoomLimits, RoomPorts, States};
use crate::actors::shared::{NodeIdConflict, Peers};
use crate::actors::supervision::{Child, ChildSpec, LiveActors, Policy, Service, spawn};
use crate::actors::supervisor::Supervisor;
use crate::artifacts::{ArtifactParts, ArtifactService};
use crate::budget::Budget;
use crate::config::Config;
use crate::descriptors::Descriptors;
use crate::http::trace_viewer::TraceViewer;
use crate::http::transfer::Transfers;
use crate::node::{Node, NodePhase};
use crate::storage::catalog::Catalog;
use crate::storage::data_dir::DataDir;
use crate::storage::journal::Journal;
use crate::storage::journal::redis::RedisJournal;
use crate::storage::presence::{Figures, Register, Tell};
use crate::storage::redis::RedisClient;
use crate::telemetry;
use crate::thread_metrics::NodeMetrics;

mod artifact_ports;
mod artifacts;
mod clock;
mod drain;
mod serve;
mod shares;
mod signals;
mod storage;
mod worker;

pub use serve::serve;
pub use shares::Shares;
pub use storage::{objects_options, open_objects, open_url_key, redis_settings};

/// The parts that keep things; opened before the node starts, closed after it has stopped.
#[derive(Clone)]
pub struct Storage {
    /// The runs' logs.
    pub journal: Arc<dyn Journal>,
    /// The list of runs.
    pub catalog: Arc<dyn Catalog>,
    /// The journal as what it is in a cluster; `None` on a single node.
    pub redis: Option<Arc<RedisJournal>>,
    /// Who is connected to which node of a cluster; `None` on a single node.
    pub presence: Option<Arc<Register>>,
    /// What artifacts are kept with; `None`: none are kept.
    pub artifacts: Option<Arc<ArtifactParts>>,
    /// Keeps others from the same directory; `None` when nothing is kept in one.
    pub data_dir: Option<Arc<DataDir>>,
}

/// Everything that the parts of a running node share.
#[derive(Clone)]
struct NodeParts {
    config: Arc<Config>,
    node: Node,
    storage: Storage,
    /// Artifacts; `None`: none are kept.
    artifacts: Option<ArtifactService>,
    live_actors: LiveActors,
    thread_metrics: NodeMetrics,
    metrics: telemetry::metrics::MetricsHandle,
    /// Bytes of request bodies in hand.
    bodies: Budget,
    /// Bytes of responses that are built or wait for their readers.
    responses: Budget,
    /// What states of runs are built with.
    states: States,
    /// Bodies and responses that wait for their peers.
    transfers: Transfers,
    /// Unsent bytes of all sessions.
    outboxes: Budget,
    services: Services,
    /// One per worker thread, kept here so that a restarted heartbeat knows them.
    thread_agents: ThreadAgents,
    /// Whether this node hears the others; `None` on a single node.
    doorbell: Option<Doorbell>,
    /// What this node knows of the others.
    peers: Peers,
    /// Whether another node has this one's name.
    node_id_conflict: NodeIdConflict,
    warnings: Arc<[String]>,
    trace_viewer: Arc<TraceViewer>,
}

/// The addresses of the permanent actors.
#[derive(Clone)]
struct Services {
    bridge: Service<Bridge>,
    presence: Service<Presence>,
    registry: Service<Registry>,
    catalog_writer: Service<CatalogWriter>,
    heartbeat: Service<Heartbeat>,
    lifecycle: Service<Lifecycle>,
    compression: Service<Compression>,
    cleanup: Service<Cleanup>,
    supervisor: Service<Supervisor>,
}

/// How a node ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeOutcome {
    /// Drained; every actor is gone.
    Drained,
    /// A permanent actor failed again and again; drained as well as could be.
    Escalated,
    /// The drain's deadline passed with actors left.
    Overdue,
}

/// Runs a node on `listener` until `stop` resolves or a permanent actor fails for good, then drains it. `started` is told
/// the address once requests are served.
pub async fn run(
    mut config: Config,
    storage: Storage,
    listener: TcpListener,
    warnings: Vec<String>,
    started: impl FnOnce(SocketAddr),
    stop: impl Future<Output = ()>,
) -> io::Result<NodeOutcome> {
    let address = listener.local_addr()?;
    config.server.name_node();
    let metrics = telemetry::metrics::install().map_err(io::Error::other)?;
    let parts = NodeParts::new(config, storage, metrics, warnings);
    let (escalate, escalated) = oneshot::channel();
    let (children, live_actors) = (parts.children(), parts.live_actors.clone());
    let mailbox = parts.services.supervisor.mailbox();
    let supervisor = spawn(mailbox, move |_, _| Ok(Supervisor::new(children, escalate, &live_actors)));
    let Child { addr, done } = supervisor.map_err(|exit| io::Error::other(exit.to_string()))?;
    let _supervising = done; // dropped at the end: nothing outlives this function
    parts.services.supervisor.bind(addr);
    let gate = drain::Gate::new(&listener)?;
    let server = worker::start(&parts, listener)?;
    let handle = server.handle();
    let serving = actix_rt::spawn(server);
    let upkeep = actix_rt::spawn(keep_metrics(parts.metrics.clone()));
    let watched = parts.storage.clone();
    let watch = actix_rt::spawn(async move { clock::watch(&watched).await });
    parts.node.enter(NodePhase::Ready);
    info!(%address, node = %parts.node.id(), "serving");
    started(address);

    let outcome = tokio::select! {
        () = stop => NodeOutcome::Drained,
        Ok(reason) = escalated => {
            error!(reason, "a permanent actor failed for good: the node drains");
            NodeOutcome::Escalated
        }
    };
    let drained = drain::run(&parts, gate, handle).await;
    serving.abort();
    upkeep.abort();
    watch.abort();
    Ok(if drained { outcome } else { NodeOutcome::Overdue })
}

impl NodeParts {
    fn new(
        config: Config,
        storage: Storage,
        metrics: telemetry::metrics::MetricsHandle,
        warnings: Vec<String>,
    ) -> Self {
        let services = Services {
            bridge: Service::new("bridge", 4_096),
            presence: Service::new("presence", 16),
            registry: Service::new("registry", 4_096),
            catalog_writer: Service::new("catalog_writer", 4_096),
            heartbeat: Service::new("heartbeat", 64),
            lifecycle: Service::new("lifecycle", 16),
            // Whoever asks holds a place among the uploads.
            compression: Service::new("compression", config.artifacts.max_uploads),
            cleanup: Service::new("cleanup", 16),
            supervisor: Service::new("supervisor", 64),
        };
        let responses = Budget::new(config.server.response_bytes);
        let bodies = Budget::new(config.ingest.inflight_bytes);
        let trace_viewer = Arc::new(TraceViewer::of_process(&config));
        Self {
            node: Node::new(&config.server.node_id, Shares::of(&config, Descriptors::now()).connections),
            doorbell: storage.redis.is_some().then(Doorbell::default),
            artifacts: artifact_ports::service(&storage, &services, &bodies, &trace_viewer),
            storage,
            live_actors: LiveActors::default(),
            thread_metrics: NodeMetrics::default(),
            metrics,
            bodies,
            states: States::new(responses.clone()),
            responses,
            transfers: Transfers::default(),
            outboxes: Budget::new(config.session.outbox_total_bytes),
            services,
            thread_agents: ThreadAgents::default(),
            peers: Peers::default(),
            node_id_conflict: NodeIdConflict::default(),
            warnings: warnings.into(),
            trace_viewer,
            config: Arc::new(config),
        }
    }

    /// The permanent children, in the order of their start.
    fn children(&self) -> Vec<ChildSpec> {
        let s = &self.services;
        let (parts, registry) = (self.clone(), &s.registry);
        let registry = ChildSpec::permanent(registry, move |_, _| Ok(parts.registry()));
        let parts = self.clone();
        let catalog_writer = ChildSpec::permanent(&s.catalog_writer, move |_, _| {
            let Storage { journal, catalog, .. } = parts.storage.clone();
            Ok(CatalogWriter::new(catalog, journal, parts.live_actors.enter("catalog_writer")))
        });
        let parts = self.clone();
        let heartbeat = ChildSpec::permanent(&s.heartbeat, move |_, _| {
            Ok(Heartbeat::new(parts.thread_agents.all(), parts.node.started(), parts.live_actors.enter("heartbeat")))
        });
        let parts = self.clone();
        let lifecycle = ChildSpec::permanent(&s.lifecycle, move |_, _| Ok(parts.lifecycle()));
        let bridge = self.bridge_ports().map(|ports| {
            let (times, live_actors) = (self.bridge_times(), self.live_actors.clone());
            ChildSpec::permanent(&s.bridge, move |_, _| {
                Ok(Bridge::new(times, ports.clone(), live_actors.enter("bridge")))
            })
        });
        let presence = self.presence_ports().map(|ports| {
            let live_actors = self.live_actors.clone();
            ChildSpec::permanent(&s.presence, move |_, _| {
                Ok(Presence::new(ports.clone(), live_actors.enter("presence")))
            })
        });
        let policy = self.policy();
        let children = bridge.into_iter().chain(presence).chain([registry, catalog_writer, heartbeat, lifecycle]);
        let children = children.chain(self.compression()).chain(self.cleanup());
        children.map(|spec| spec.with_policy(policy)).collect()
    }

    fn bridge_times(&self) -> BridgeTimes {
        let bridge = &self.config.bridge;
        BridgeTimes {
            linger: Duration::from_secs(bridge.linger_secs),
            tip_check: Duration::from_secs(bridge.tip_check_secs),
            probe: Duration::from_secs(bridge.probe_secs),
        }
    }

    /// What the bridge works with; `None` on a single node.
    fn bridge_ports(&self) -> Option<BridgePorts> {
        Some(BridgePorts {
            journal: self.storage.redis.clone()?,
            // Storage was opened with the same settings.
            settings: storage::redis_settings(&self.config, "doorbell").ok()?,
            shown: self.outboxes.clone(),
            screens: RedisClient::start(storage::redis_settings(&self.config, "screens").ok()?, Arc::new(())),
            node: self.config.server.node_id.clone(),
            doorbell: self.doorbell.clone()?,
            rooms: self.services.registry.recipient(),
        })
    }

    /// What presence works with; `None` on a single node.
    fn presence_ports(&self) -> Option<PresencePorts> {
        Some(PresencePorts {
            register: self.storage.presence.clone()?,
            node: self.node.id().clone(),
            thread_agents: self.thread_agents.clone(),
            peers: self.peers.clone(),
            node_id_conflict: self.node_id_conflict.clone(),
            figures: self.tell_figures(),
            report_every: Duration::from_secs(self.config.presence.report_secs),
        })
    }

    /// How this node is.
    fn tell_figures(&self) -> Tell<Figures> {
        let (node, thread_metrics, live_actors) =
            (self.node.clone(), self.thread_metrics.clone(), self.live_actors.clone());
        Arc::new(move || Figures {
            connections: thread_metrics.viewers(),
            active_runs: live_actors.living().get("room").copied().unwrap_or(0) as u64,
            uptime: node.started().elapsed().as_secs(),
        })
    }

    fn registry(&self) -> Registry {
        let parts = self.clone();
        let open: OpenRoom = Box::new(move |run, generation, gauge| {
            let (limits, ports) = (parts.room_limits(), parts.room_ports());
            let (name, figures, alive) = (run.clone(), gauge.clone(), parts.live_actors.enter("room"));
            let child = spawn(parts.config.room.mailbox, move |_, _| {
                Ok(Room::new(name, generation, limits, ports, figures, alive))
            })?;
            Ok((Room::port(&child.addr, run, generation, gauge), child.done))
        });
        let policy = Policy { max_restarts: self.config.supervisor.room_failures - 1, ..Policy::transient() };
        let alive = self.live_actors.enter("registry");
        let room = &self.config.room;
        let bounds = RoomBounds { rooms: room.max_rooms, bytes: room.ring_total_bytes };
        Registry::new(open, policy, bounds, self.node.started(), alive)
    }

    fn room_limits(&self) -> RoomLimits {
        let (room, ingest) = (&self.config.room, &self.config.ingest);
        RoomLimits {
            ring_bytes: room.ring_bytes,
            page_bytes: room.page_bytes,
            queue_bytes: room.queue_bytes,
            append_timeout: Duration::from_millis(ingest.append_timeout_ms),
            idle: Duration::from_secs(room.idle_secs),
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

    fn lifecycle(&self) -> Lifecycle {
        const HOUR_MS: i64 = 3_600_000;
        let journal = &self.config.journal;
        let times = LifecycleTimes {
            interval: Duration::from_secs(journal.sweep_secs),
            batch: journal.sweep_batch,
            retain_ms: journal.retain_hours as i64 * HOUR_MS,
            lost_ms: journal.lost_hours as i64 * HOUR_MS,
            seal_ms: journal.seal_hours as i64 * HOUR_MS,
        };
        let services = &self.services;
        let ports = LifecyclePorts {
            journal: self.storage.journal.clone(),
            rooms: services.registry.recipient(),
            expired: services.registry.recipient(),
            catalog_writer: services.catalog_writer.recipient(),
            budget: self.bodies.clone(),
        };
        Lifecycle::new(times, ports, self.live_actors.enter("lifecycle"))
    }

    /// The rules for permanent children.
    fn policy(&self) -> Policy {
        let supervisor = &self.config.supervisor;
        Policy {
            backoff_ms: supervisor.backoff_ms,
            backoff_max_ms: supervisor.backoff_max_ms,
            max_restarts: supervisor.max_restarts,
            window_secs: supervisor.window_secs,
            ..Policy::permanent()
        }
    }

    /// Stops the permanent children, last first.
    async fn stop_children(&self, within: Duration) {
        match self.services.supervisor.ask(Stop { within }).await {
            Ok(Ok(())) => {}
            Ok(Err(survivors)) => error!(?survivors, "children did not stop in time"),
            Err(refused) => error!(%refused, "the supervisor did not answer"),
        }
    }
}

/// Sorts the metrics' samples into buckets, so that they don't pile up when nobody looks.
async fn keep_metrics(metrics: telemetry::metrics::MetricsHandle) {
    let mut due = actix_rt::time::interval(Duration::from_secs(5));
    loop {
        due.tick().await;
        metrics.upkeep();
    }
}
