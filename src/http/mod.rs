//! The edge: every route on one screen, and what its handlers work with.

use std::rc::Rc;
use std::sync::Arc;

use actix_web::error::QueryPayloadError;
use actix_web::guard::{Any, Get, Head};
use actix_web::web::{self, QueryConfig, ServiceConfig, delete, post, put, resource, scope};
use actix_web::{HttpRequest, Responder, Route};
use tokio::sync::OwnedSemaphorePermit;

use crate::actors::messages::cleanup::Sweep;
use crate::actors::messages::compression::Compress;
use crate::actors::messages::registry::ListRooms;
use crate::actors::messages::supervisor::Observe;
use crate::actors::session::SessionPort;
use crate::actors::shared::{Doorbell, NodeIdConflict, Peers, ThreadAgents};
use crate::actors::supervision::{LiveActors, ServiceRecipient};
use crate::artifacts::ArtifactService;
use crate::budget::Budget;
use crate::config::Network;
use crate::node::Node;
use crate::protocol::event::EventLimits;
use crate::storage::catalog::Catalog;
use crate::storage::journal::Journal;
use crate::storage::presence::{Figures, Register, Tell};
use crate::telemetry;
use crate::thread_metrics::NodeMetrics;

mod api;
pub mod body;
pub mod claims;
mod client_ip;
pub mod expect;
pub mod framing;
pub mod heads;
mod held_body;
mod host;
mod media_type;
pub mod method_not_allowed;
pub mod origin;
mod pages;
pub mod problem;
pub mod rooms;
pub mod trace_viewer;
pub mod transfer;
pub mod unread;
pub mod watch;

use api::{artifacts, cleanup, events, ops, runs, viewers};
use body::read::{BodyReader, Intakes};
use problem::Problem;
use transfer::{Rate, TransferKind, Transfers, find_room};

/// `GET`, and `HEAD` wherever it is: the same head, whose body [`framing::framing`] leaves out.
fn get() -> Route {
    web::route().guard(Any(Get()).or(Head()))
}

/// Every route, older names included.
pub fn routes(config: &mut ServiceConfig) {
    let bad_query = |error: QueryPayloadError, _: &_| Problem::bad_request("invalid_query", error.to_string()).into();
    config
        .app_data(QueryConfig::default().error_handler(bad_query))
        .service(resource("/").route(get().to(pages::index)))
        .service(resource("/runs/{runId}").route(get().to(pages::run)))
        .service(resource("/favicon.ico").route(get().to(pages::icon)))
        .service(resource("/favicon.svg").route(get().to(pages::drawing)))
        .service(resource("/trace/{file:.*}").route(get().to(trace_viewer::file)))
        .service(resource("/ws/runs/{runId}").route(get().to(watch::web_socket)))
        .service(resource("/ws/test-control").route(get().to(watch::test_control)))
        .service(resource("/health").route(get().to(ops::health)))
        .service(resource("/ready").route(get().to(ops::ready)))
        .service(resource("/metrics").route(get().to(ops::metrics)))
        .service(resource("/api/ws/stats").route(get().to(viewers::stats)))
        .service(resource("/api/cleanup/stats").route(get().to(cleanup::stats)))
        .service(resource("/api/cleanup/run").route(post().to(cleanup::run)))
        .service(resource("/api/actors").route(get().to(ops::actors)))
        .service(resource("/api/openapi.json").route(get().to(ops::openapi)))
        .service(scope("/api/runs").configure(run_routes))
        .service(scope("/api/tests").configure(run_routes))
        .default_service(web::to(nothing_here));
}

fn run_routes(config: &mut ServiceConfig) {
    config
        .service(resource("").route(get().to(runs::list)))
        .service(resource("/{runId}").route(get().to(runs::show)))
        .service(resource("/{runId}/events").route(get().to(events::page)).route(post().to(events::post)))
        .service(resource("/{runId}/events/stream").route(get().to(watch::server_sent_events)))
        .service(resource("/{runId}/viewers").route(get().to(viewers::viewers)))
        .service(resource("/{runId}/frame").route(post().to(events::frame)))
        .service(resource("/{runId}/pin").route(put().to(artifacts::pin)).route(delete().to(artifacts::unpin)))
        .configure(artifact_routes);
}

/// The second part of a PUT's path is the name that the artifact is to have, that of all others the id that it has.
fn artifact_routes(config: &mut ServiceConfig) {
    config
        .service(resource("/{runId}/artifacts").route(get().to(artifacts::list)).route(post().to(artifacts::create)))
        .service(
            resource("/{runId}/artifacts/{artifactId}")
                .route(get().to(artifacts::show))
                .route(put().to(artifacts::upload))
                .route(delete().to(artifacts::delete)),
        )
        .service(resource("/{runId}/artifacts/{artifactId}/complete").route(post().to(artifacts::complete)))
        .service(resource("/{runId}/artifacts/{artifactId}/download").route(get().to(artifacts::download)))
        .service(
            resource("/{runId}/artifacts/{artifactId}/content")
                .route(get().to(artifacts::content))
                .route(put().to(artifacts::put_content)),
        );
}

async fn nothing_here(request: HttpRequest) -> impl Responder {
    let detail = format!("no route {} {}", request.method(), request.path());
    Err::<&'static str, _>(Problem::new(actix_web::http::StatusCode::NOT_FOUND, "not_found", detail))
}

/// The edge's limits.
#[derive(Clone, Copy, Debug)]
pub struct EdgeLimits {
    /// Of posted events.
    pub events: EventLimits,
    /// Of a screen frame, in bytes.
    pub frame_bytes: usize,
    /// How fast a body has to come.
    pub body: Rate,
    /// How fast an artifact has to come.
    pub upload: Rate,
}

/// What the edge of a node works with in a cluster.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Who is connected to which node.
    pub register: Arc<Register>,
    /// The same, as it was seen last.
    pub peers: Peers,
    /// Whether another node has this one's name.
    pub node_id_conflict: NodeIdConflict,
}

/// What handlers work with; one per worker thread.
pub struct Edge {
    /// The node.
    pub node: Node,
    /// Limits.
    pub limits: EdgeLimits,
    /// Proxies whose word on addresses counts.
    pub trusted_proxies: Vec<Network>,
    /// Bytes of bodies in hand, over the node.
    pub budget: Budget,
    /// Bytes of responses that are built or wait for their readers, over the node.
    pub responses: Budget,
    /// Bodies and responses that wait for their peers.
    pub transfers: Transfers,
    /// Reaches rooms.
    pub rooms: rooms::Rooms,
    /// Given to sessions of streamed responses.
    pub sessions: Rc<SessionPort>,
    /// Whether this node hears the others; `None` on a single node.
    pub doorbell: Option<Doorbell>,
    /// How this node is.
    pub figures: Tell<Figures>,
    /// Know the viewers of this node.
    pub thread_agents: ThreadAgents,
    /// The other nodes; `None` on a single node.
    pub cluster: Option<Cluster>,
    /// Who lives.
    pub live_actors: LiveActors,
    /// Probed for readiness.
    pub journal: Arc<dyn Journal>,
    /// The list of runs.
    pub catalog: Arc<dyn Catalog>,
    /// Artifacts; `None`: none are kept.
    pub artifacts: Option<ArtifactService>,
    /// Makes artifacts smaller.
    pub compress: ServiceRecipient<Compress>,
    /// Removes them.
    pub sweep: ServiceRecipient<Sweep>,
    /// How viewers reach this server, `https://host[:port]`; empty: by the host that they name.
    pub public_url: String,
    /// The threads' figures.
    pub thread_metrics: NodeMetrics,
    /// All other figures.
    pub metrics: telemetry::metrics::MetricsHandle,
    /// The permanent actors.
    pub supervisor: ServiceRecipient<Observe>,
    /// The rooms.
    pub registry: ServiceRecipient<ListRooms>,
    /// What `/ready` warns of.
    pub warnings: Arc<[String]>,
    /// Shows traces.
    pub trace_viewer: Arc<trace_viewer::TraceViewer>,
}

impl Edge {
    /// Whether there is a viewer of traces at `/trace/`.
    fn shows_traces(&self) -> bool {
        self.trace_viewer.is_there()
    }

    /// What the body of a post takes its memory from.
    fn intakes(&self) -> Intakes<'_> {
        Intakes { budget: &self.budget, transfers: &self.transfers, rate: self.limits.body }
    }

    /// The body of an artifact's upload.
    fn upload<'a>(&'a self, payload: &'a mut web::Payload) -> BodyReader<'a> {
        BodyReader::new(payload, &self.transfers, TransferKind::Upload, self.limits.upload)
    }

    /// A place among the uploads that pass this node; the slowest one gives way when there is none.
    async fn upload_place(&self, artifacts: &ArtifactService) -> Result<OwnedSemaphorePermit, Problem> {
        match find_room(&self.transfers, TransferKind::Upload, async || artifacts.admit().ok()).await {
            Some(place) => Ok(place),
            None => Ok(artifacts.admit()?),
        }
    }
}
