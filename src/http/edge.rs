//! What handlers work with, a part per feature. There is one of each per worker thread, and a handler takes those that
//! it needs as `web::Data`.

use std::rc::Rc;
use std::sync::Arc;

use actix_web::web::{Data, Payload, ServiceConfig};

use tokio::sync::{Semaphore, watch};

use super::access::AccessPolicy;
use super::body::read::{BodyBounds, BodyReader};
use super::limits::RequestLimits;
use super::pages::PagePolicies;
use super::problem::Problem;
use super::rooms::Rooms;
use super::run_feed::RunFeed;
use super::trace_viewer::TraceViewer;
use super::transfer::{Rate, TransferKind, Transfers, find_room};
use crate::access::oidc::OidcProvider;
use crate::access::{DeviceRequests, TokenExchange};
use crate::actors::messages::catalog_writer::RunsGone;
use crate::actors::messages::cleanup::Sweep;
use crate::actors::messages::registry::{ListRooms, RunsExpired};
use crate::actors::messages::supervisor::Observe;
use crate::actors::session::SessionPort;
use crate::actors::shared::{Doorbell, NodeIdConflict, Peers, ThreadAgents};
use crate::actors::supervision::{LiveActors, ServiceRecipient};
use crate::artifacts::{ArtifactService, UploadPermit};
use crate::budget::Budget;
use crate::config::Network;
use crate::log_index::LogQueries;
use crate::node::Node;
use crate::protocol::Clock;
use crate::protocol::event::EventLimits;
use crate::protocol::hints::FlushPace;
use crate::steering::Steering;
use crate::storage::catalog::Catalog;
use crate::storage::catalog::runs::RunCatalog;
use crate::storage::journal::Journal;
use crate::storage::packages::Packages;
use crate::storage::presence::{Figures, Gauge, Register};
use crate::storage::space::usage::SpaceUsage;
use crate::telemetry::metrics::MetricsHandle;
use crate::thread_metrics::NodeMetrics;

/// All parts of a worker thread's edge.
pub struct Edge {
    /// Reaches rooms.
    pub rooms: Rooms,
    /// Posting events and screens.
    pub ingest: IngestEdge,
    /// The list of runs.
    pub runs: RunsEdge,
    /// WebSockets and event streams.
    pub watch: WatchEdge,
    /// Deletes runs.
    pub deletion: DeletionEdge,
    /// Exports runs.
    pub export: ExportEdge,
    /// The client packages.
    pub clients: ClientsEdge,
    /// Exchanges tokens.
    pub token: TokenEdge,
    /// Lets people sign in.
    pub sign_in: SignInEdge,
    /// Steers runs.
    pub steering: Steering,
    /// Searches runs for steps.
    pub steps: StepsEdge,
    /// Answers questions to runs' logs.
    pub queries: LogQueries,
    /// Shows traces.
    pub trace_viewer: Arc<TraceViewer>,
    /// What operators look at.
    pub operators: OperatorsEdge,
}

impl Edge {
    /// Gives the handlers of an application their parts.
    pub fn share(self, config: &mut ServiceConfig) {
        config
            .app_data(Data::new(self.rooms))
            .app_data(Data::new(self.ingest))
            .app_data(Data::new(self.runs))
            .app_data(Data::new(self.deletion))
            .app_data(Data::new(self.export))
            .app_data(Data::new(self.watch))
            .app_data(Data::new(self.clients))
            .app_data(Data::new(self.token))
            .app_data(Data::new(self.sign_in))
            .app_data(Data::new(self.steering))
            .app_data(Data::new(self.steps))
            .app_data(Data::new(self.queries))
            .app_data(Data::from(self.trace_viewer));
        self.operators.share(config);
    }
}

/// The parts of an edge that operators need, on the main listener or on one of their own.
pub struct OperatorsEdge {
    /// Who may do what.
    pub access: AccessPolicy,
    /// What each client may do.
    pub limits: RequestLimits,
    /// Bodies of requests.
    pub bodies: Bodies,
    /// Bodies of responses.
    pub responses: Responses,
    /// Who watches.
    pub viewers: ViewersEdge,
    /// Artifacts.
    pub artifacts: ArtifactsEdge,
    /// Whether the node can be used.
    pub readiness: ReadinessEdge,
    /// Figures for Prometheus.
    pub metrics: MetricsEdge,
    /// What runs in the node.
    pub actors: ActorsEdge,
    /// What the pages may do.
    pub page_policies: PagePolicies,
}

impl OperatorsEdge {
    /// Gives the handlers of an application their parts.
    pub fn share(self, config: &mut ServiceConfig) {
        config
            .app_data(Data::new(self.access))
            .app_data(Data::new(self.limits))
            .app_data(Data::new(self.bodies))
            .app_data(Data::new(self.responses))
            .app_data(Data::new(self.viewers))
            .app_data(Data::new(self.artifacts))
            .app_data(Data::new(self.readiness))
            .app_data(Data::new(self.metrics))
            .app_data(Data::new(self.actors))
            .app_data(Data::new(self.page_policies));
    }
}

/// Reads the bodies of requests within the node's bounds on memory and time.
pub struct Bodies {
    /// Bytes of bodies in hand, over the node.
    pub budget: Budget,
    /// Bodies and responses that wait for their peers.
    pub transfers: Transfers,
    /// How fast a body has to come.
    pub rate: Rate,
    /// How fast an artifact has to come.
    pub upload_rate: Rate,
}

impl Bodies {
    /// What the body of a post takes its memory from.
    pub(super) fn bounds(&self) -> BodyBounds<'_> {
        BodyBounds { budget: &self.budget, transfers: &self.transfers, rate: self.rate }
    }

    /// The body of an artifact's upload.
    pub(super) fn upload<'a>(&'a self, payload: &'a mut Payload) -> BodyReader<'a> {
        BodyReader::new(payload, &self.transfers, TransferKind::Upload, self.upload_rate)
    }

    /// A permit to be one of the uploads that pass this node; the slowest one gives way when there is none.
    pub(super) async fn admit_upload(&self, artifacts: &ArtifactService) -> Result<UploadPermit, Problem> {
        match find_room(&self.transfers, TransferKind::Upload, async || artifacts.admit().ok()).await {
            Some(permit) => Ok(permit),
            None => Ok(artifacts.admit()?),
        }
    }
}

/// Bounds the memory of responses; handlers that build large ones use it, and the middleware that counts all of them.
pub struct Responses {
    /// Bytes of responses that are built or wait for their readers, over the node.
    pub budget: Budget,
    /// Bodies and responses that wait for their peers.
    pub transfers: Transfers,
}

/// Takes events and screens.
pub struct IngestEdge {
    /// The bounds of what is posted; they may change while the node runs.
    pub limits: watch::Sender<IngestLimits>,
}

/// The bounds of what is posted.
#[derive(Clone, Copy, Debug)]
pub struct IngestLimits {
    /// Bounds of posted events.
    pub events: EventLimits,
    /// Most bytes of a screen frame.
    pub frame_bytes: usize,
}

/// Lists runs.
pub struct RunsEdge {
    /// The list of runs.
    pub catalog: Arc<dyn Catalog>,
    /// Their summaries, and the history of their tests.
    pub run_catalog: Arc<dyn RunCatalog>,
    /// Tells the time by which runs are stored.
    pub clock: Arc<dyn Journal>,
    /// Tells which rows have changed.
    pub feed: RunFeed,
}

/// Deletes runs.
pub struct DeletionEdge {
    /// The runs' logs.
    pub journal: Arc<dyn Journal>,
    /// Informs the rooms of this node.
    pub expired: ServiceRecipient<RunsExpired>,
    /// Removes the rows of the list.
    pub catalog_writer: ServiceRecipient<RunsGone>,
    /// Artifacts; `None`: none are kept.
    pub artifacts: Option<ArtifactService>,
}

/// Exports runs.
pub struct ExportEdge {
    /// A permit for each run that is being exported.
    pub permits: Arc<Semaphore>,
    /// Artifacts; `None`: none are kept.
    pub artifacts: Option<ArtifactService>,
}

/// Starts sessions.
pub struct WatchEdge {
    /// Says whether the node takes viewers.
    pub node: Node,
    /// Given to the sessions of streamed responses.
    pub sessions: Rc<SessionPort>,
    /// Counts sessions.
    pub live_actors: LiveActors,
    /// Proxies that are believed when they name a viewer's address.
    pub trusted_proxies: Vec<Network>,
}

/// Counts and lists viewers.
pub struct ViewersEdge {
    /// Names this node.
    pub node: Node,
    /// Know the viewers of this node.
    pub thread_agents: ThreadAgents,
    /// The figures of this node.
    pub figures: Gauge<Figures>,
    /// The other nodes; `None` on a single node.
    pub cluster: Option<Cluster>,
    /// How often producers are to post.
    pub pace: FlushPace,
}

/// Knows the viewers of the other nodes of a cluster.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Who is connected to which node.
    pub register: Arc<Register>,
    /// What was last seen of that.
    pub peers: Peers,
}

/// Takes artifacts in and hands them out.
pub struct ArtifactsEdge {
    /// Keeps them; `None`: none are kept.
    pub service: Option<ArtifactService>,
    /// Removes those whose time has come.
    pub sweep: ServiceRecipient<Sweep>,
    /// How viewers reach this server, `https://host[:port]`; empty: by the host that they name.
    pub public_url: String,
}

/// Hands out the client packages.
pub struct ClientsEdge {
    /// Those of this build, and those in the catalog.
    pub packages: Packages,
    /// As in [`ArtifactsEdge`].
    pub public_url: String,
}

/// Exchanges tokens.
pub struct TokenEdge {
    /// `None` when no issuer's tokens are exchanged.
    pub exchange: Option<TokenExchange>,
    /// The clock.
    pub clock: Clock,
    /// What a request may say that the new token is for.
    pub public_url: Arc<str>,
}

/// Lets people sign in, and let in their command lines.
pub struct SignInEdge {
    /// With whom people sign in; `None`: they have keys.
    pub provider: Option<OidcProvider>,
    /// Seals what command lines ask for; `None` in a cluster whose nodes share no key.
    pub devices: Option<DeviceRequests>,
    /// As in [`ArtifactsEdge`].
    pub public_url: String,
}

/// Probes what the node depends on.
pub struct ReadinessEdge {
    /// Says whether the node drains.
    pub node: Node,
    /// The runs' logs.
    pub journal: Arc<dyn Journal>,
    /// The list of runs.
    pub catalog: Arc<dyn Catalog>,
    /// Artifacts; `None`: none are kept.
    pub artifacts: Option<ArtifactService>,
    /// Whether this node hears from the others; `None` on a single node.
    pub doorbell: Option<Doorbell>,
    /// Whether another node has this one's name; `None` on a single node.
    pub node_id_conflict: Option<NodeIdConflict>,
    /// Warnings that the node started with.
    pub warnings: Arc<[String]>,
}

/// Measures the node.
pub struct MetricsEdge {
    /// Counts connections.
    pub node: Node,
    /// Counts rooms.
    pub live_actors: LiveActors,
    /// Bytes of bodies in hand, over the node.
    pub bodies: Budget,
    /// Bytes of responses, over the node.
    pub responses: Budget,
    /// Unsent bytes of all sessions.
    pub outboxes: Budget,
    /// Bytes of kept frames of screens.
    pub screens: Budget,
    /// The node's disks, and what it has on them.
    pub space: SpaceUsage,
    /// The threads' figures.
    pub thread_metrics: NodeMetrics,
    /// All other figures.
    pub handle: MetricsHandle,
}

/// Searches the logs of runs for the events of a step.
pub struct StepsEdge {
    /// A permit per search, over the node: each reads a part of a log.
    pub searches: Arc<Semaphore>,
}

/// Shows what runs in the node.
pub struct ActorsEdge {
    /// Knows the permanent actors.
    pub supervisor: ServiceRecipient<Observe>,
    /// Knows the rooms.
    pub registry: ServiceRecipient<ListRooms>,
    /// The worker threads' supervisors.
    pub thread_agents: ThreadAgents,
    /// Counts all actors.
    pub live_actors: LiveActors,
}
