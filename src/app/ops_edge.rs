//! What operators look at, on the main server and on one of their own.

use std::time::Duration;

use super::parts::NodeParts;
use crate::http::access::{AccessPolicy, AccessTimes};
use crate::http::edge::{
    ActorsEdge, ArtifactsEdge, Bodies, Cluster, MetricsEdge, OperatorsEdge, ReadinessEdge, Responses, ViewersEdge,
};
use crate::http::pages::PagePolicies;
use crate::http::transfer::Rate;
use crate::protocol::hints::FlushPace;

/// The parts of a worker thread of either server.
pub(super) fn edge(parts: &NodeParts) -> OperatorsEdge {
    let (node, storage, services) = (parts.node.clone(), &parts.storage, &parts.services);
    let cluster = storage.presence.clone().map(|register| Cluster { register, peers: parts.peers.clone() });
    let (auth, server) = (&parts.config.auth, &parts.config.server);
    let rate = |secs| Rate { bytes_per_sec: server.min_bytes_per_sec, pause: Duration::from_secs(secs) };
    let times = AccessTimes {
        key_days: auth.key_days,
        session_hours: auth.session_hours,
        warn: Duration::from_secs(auth.expiring_secs),
    };
    OperatorsEdge {
        access: AccessPolicy::new(storage.authenticator.clone(), times, &server.public_url),
        limits: parts.limits.clone(),
        bodies: Bodies {
            budget: parts.bodies.clone(),
            transfers: parts.transfers.clone(),
            rate: rate(server.body_pause_secs),
            upload_rate: rate(parts.config.artifacts.pause_secs),
        },
        responses: Responses { budget: parts.responses.clone(), transfers: parts.transfers.clone() },
        readiness: ReadinessEdge {
            node: node.clone(),
            journal: storage.journal.clone(),
            catalog: storage.catalog.clone(),
            artifacts: parts.artifacts.clone(),
            doorbell: parts.doorbell.clone(),
            node_id_conflict: cluster.is_some().then(|| parts.node_id_conflict.clone()),
            warnings: parts.warnings.clone(),
        },
        viewers: ViewersEdge {
            node: node.clone(),
            thread_agents: parts.thread_agents.clone(),
            figures: parts.tell_figures(),
            cluster,
            pace: FlushPace {
                watched_ms: parts.config.ingest.flush_ms,
                unwatched_ms: parts.config.ingest.flush_unwatched_ms,
            },
        },
        artifacts: ArtifactsEdge {
            service: parts.artifacts.clone(),
            sweep: services.cleanup.recipient(),
            public_url: server.public_url.clone(),
        },
        metrics: MetricsEdge {
            node,
            live_actors: parts.live_actors.clone(),
            bodies: parts.bodies.clone(),
            responses: parts.responses.clone(),
            outboxes: parts.outboxes.clone(),
            screens: parts.screens.clone(),
            space: parts.space.clone(),
            thread_metrics: parts.thread_metrics.clone(),
            handle: parts.metrics.clone(),
        },
        actors: ActorsEdge {
            supervisor: services.supervisor.recipient(),
            registry: services.registry.recipient(),
            thread_agents: parts.thread_agents.clone(),
            live_actors: parts.live_actors.clone(),
        },
        page_policies: PagePolicies::new(&parts.config.objects),
    }
}
