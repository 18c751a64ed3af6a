//! What the parts of a running node share.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::limits::{feed_limits, query_limits};
use super::live::LiveSettings;
use super::{Shares, Storage, artifact_ports};
use crate::actors::bridge::Bridge;
use crate::actors::catalog_writer::CatalogWriter;
use crate::actors::cleanup::Cleanup;
use crate::actors::compression::Compression;
use crate::actors::deadlines::Deadlines;
use crate::actors::heartbeat::Heartbeat;
use crate::actors::lifecycle::Lifecycle;
use crate::actors::presence::Presence;
use crate::actors::registry::Registry;
use crate::actors::room::States;
use crate::actors::shared::{Doorbell, NodeIdConflict, NodeInterest, Peers, ThreadAgents};
use crate::actors::supervision::{Escalation, LiveActors, Service};
use crate::actors::supervisor::Supervisor;
use crate::artifacts::ArtifactService;
use crate::budget::Budget;
use crate::config::Config;
use crate::descriptors::Descriptors;
use crate::http::limits::RequestLimits;
use crate::http::run_feed::RunFeed;
use crate::http::trace_viewer::TraceViewer;
use crate::http::transfer::Transfers;
use crate::log_index::LogQueries;
use crate::node::Node;
use crate::steering::Steering;
use crate::storage::presence::{Figures, Gauge};
use crate::storage::signs::Signs;
use crate::storage::space::usage::SpaceUsage;
use crate::telemetry::metrics::MetricsHandle;
use crate::thread_metrics::NodeMetrics;

/// Searches of runs for the events of a step, at a time.
const SEARCHES: usize = 4;
/// Runs that a node exports at a time: each has a thread that packs it, for as long as the file is taken.
const EXPORTS: usize = 4;

/// The parts of a running node. Clones share them.
#[derive(Clone)]
pub(super) struct NodeParts {
    pub(super) config: Arc<Config>,
    /// Those of the settings that are taken anew while the node runs.
    pub(super) live: LiveSettings,
    /// What each client may do.
    pub(super) limits: RequestLimits,
    pub(super) node: Node,
    pub(super) storage: Storage,
    /// Signs of life of producers, and of those who steer.
    pub(super) signs: Signs,
    /// Takes what is wanted of runs' control.
    pub(super) steering: Steering,
    /// Searches of runs for the events of a step.
    pub(super) searches: Arc<Semaphore>,
    /// Answers questions to runs' logs.
    pub(super) queries: LogQueries,
    /// A permit for each run that is being exported.
    pub(super) exports: Arc<Semaphore>,
    /// A permit for each viewer of a live trace: `artifacts.live_trace_viewers`.
    pub(super) trace_sessions: Arc<Semaphore>,
    /// Artifacts; `None`: none are kept.
    pub(super) artifacts: Option<ArtifactService>,
    /// Who is alive; empty once the drain is over.
    pub(super) live_actors: LiveActors,
    pub(super) thread_metrics: NodeMetrics,
    pub(super) metrics: MetricsHandle,
    /// The node's disks, and what it has on them.
    pub(super) space: SpaceUsage,
    /// Bytes of request bodies in hand.
    pub(super) bodies: Budget,
    /// Bytes of responses that are built or wait for their readers.
    pub(super) responses: Budget,
    /// What states of runs are built with.
    pub(super) states: States,
    /// Bodies and responses that wait for their peers.
    pub(super) transfers: Transfers,
    /// Unsent bytes of all sessions.
    pub(super) outboxes: Budget,
    /// Bytes of kept frames of screens.
    pub(super) screens: Budget,
    pub(super) services: Services,
    /// Tells the root that the node must go.
    pub(super) escalation: Escalation,
    /// One per worker thread.
    pub(super) thread_agents: ThreadAgents,
    /// Whether this node hears the others; `None` on a single node.
    pub(super) doorbell: Option<Doorbell>,
    /// What the viewers of this node look at.
    pub(super) interest: NodeInterest,
    /// What this node knows of the others.
    pub(super) peers: Peers,
    /// Whether another node has this one's name.
    pub(super) node_id_conflict: NodeIdConflict,
    pub(super) warnings: Arc<[String]>,
    pub(super) trace_viewer: Arc<TraceViewer>,
    /// Tells which rows of the list have changed.
    pub(super) run_feed: RunFeed,
}

/// The addresses of the permanent actors.
#[derive(Clone)]
pub(super) struct Services {
    pub(super) bridge: Service<Bridge>,
    pub(super) presence: Service<Presence>,
    pub(super) registry: Service<Registry>,
    pub(super) catalog_writer: Service<CatalogWriter>,
    pub(super) heartbeat: Service<Heartbeat>,
    pub(super) lifecycle: Service<Lifecycle>,
    pub(super) deadlines: Service<Deadlines>,
    pub(super) compression: Service<Compression>,
    pub(super) cleanup: Service<Cleanup>,
    pub(super) supervisor: Service<Supervisor>,
}

impl NodeParts {
    pub(super) fn new(
        config: Config,
        storage: Storage,
        metrics: MetricsHandle,
        warnings: Vec<String>,
        escalation: Escalation,
    ) -> Self {
        let services = Services {
            bridge: Service::new("bridge", 4_096),
            presence: Service::new("presence", 16),
            registry: Service::new("registry", 4_096),
            catalog_writer: Service::new("catalog_writer", 4_096),
            heartbeat: Service::new("heartbeat", 64),
            lifecycle: Service::new("lifecycle", 16),
            deadlines: Service::new("deadlines", 16),
            // Whoever asks holds an upload permit.
            compression: Service::new("compression", config.artifacts.max_uploads),
            cleanup: Service::new("cleanup", 16),
            supervisor: Service::new("supervisor", 64),
        };
        let signs = storage.signs(&config);
        let steering = super::steering::open(&config, &services.registry, signs.clone(), storage.secrets(&config));
        let responses = Budget::new(config.server.response_bytes);
        let bodies = Budget::new(config.ingest.inflight_bytes);
        let trace_viewer = Arc::new(TraceViewer::of_process(&config));
        let live = LiveSettings::new(&config, storage.artifacts.clone());
        Self {
            limits: RequestLimits::new(live.limits.clone(), config.server.trusted_proxies.clone()),
            live,
            node: Node::new(&config.server.node_id, Shares::of(&config, Descriptors::now()).connections),
            doorbell: storage.redis.is_some().then(Doorbell::default),
            artifacts: artifact_ports::service(
                &storage,
                &services.registry,
                &services.compression,
                &bodies,
                &trace_viewer,
            ),
            queries: LogQueries::new(storage.journal.clone(), query_limits(&config)),
            signs,
            space: super::storage::space::usage(&config, &storage),
            run_feed: RunFeed::new(storage.run_catalog.clone(), storage.journal.clone(), feed_limits(&config)),
            storage,
            steering,
            searches: Arc::new(Semaphore::new(SEARCHES)),
            exports: Arc::new(Semaphore::new(EXPORTS)),
            trace_sessions: Arc::new(Semaphore::new(config.artifacts.live_trace_viewers)),
            live_actors: LiveActors::default(),
            thread_metrics: NodeMetrics::default(),
            metrics,
            bodies,
            states: States::new(responses.clone()),
            responses,
            transfers: Transfers::default(),
            outboxes: Budget::new(config.session.outbox_total_bytes),
            screens: Budget::new(config.room.screens_total_bytes),
            services,
            escalation,
            thread_agents: ThreadAgents::default(),
            interest: NodeInterest::default(),
            peers: Peers::default(),
            node_id_conflict: NodeIdConflict::default(),
            warnings: warnings.into(),
            trace_viewer,
            config: Arc::new(config),
        }
    }

    /// This node's figures, for whoever asks and for the other nodes.
    pub(super) fn tell_figures(&self) -> Gauge<Figures> {
        let (node, thread_metrics, live_actors) =
            (self.node.clone(), self.thread_metrics.clone(), self.live_actors.clone());
        Arc::new(move || Figures {
            connections: thread_metrics.viewers(),
            active_runs: live_actors.living().get("room").copied().unwrap_or(0) as u64,
            uptime: node.started().elapsed().as_secs(),
        })
    }
}
