//! Operations: health, readiness, metrics, the supervision tree, and the API description.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use futures_util::future::join_all;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::access::RequestRights;
use super::super::edge::{ActorsEdge, MetricsEdge, ReadinessEdge};
use super::super::problem::Problem;
use crate::actors::messages::registry::ListRooms;
use crate::actors::messages::supervisor::Observe;
use crate::actors::shared::{Doorbell, NodeIdConflict};
use crate::node::NodePhase;
use crate::protocol::{Scope, Timestamp, schema};
use crate::tasks;

/// Longest wait for a dependency's answer to a probe.
const PROBE: Duration = Duration::from_secs(2);
/// Every HTTP route, with its parameters.
pub(in crate::http) const OPENAPI: &str = include_str!("../openapi.json");
/// Most rooms that `/api/actors` lists.
const MAX_ROOMS: usize = 100;

/// `GET /health`
pub(in crate::http) async fn health() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "ok", "timestamp": Timestamp::now()}))
}

/// Query parameters of the readiness check.
#[derive(Deserialize)]
pub(in crate::http) struct ReadyQuery {
    strict: Option<String>,
}

async fn probe<E: std::fmt::Display>(ask: impl Future<Output = Result<(), E>>) -> Value {
    match actix_web::rt::time::timeout(PROBE, ask).await {
        Ok(Ok(())) => json!({"status": "ok"}),
        Ok(Err(error)) => json!({"status": "down", "detail": error.to_string()}),
        Err(_) => json!({"status": "down", "detail": "no answer in time"}),
    }
}

/// `GET /ready`: 503 only where another node would serve better.
pub(in crate::http) async fn ready(
    edge: web::Data<ReadinessEdge>,
    rights: RequestRights,
    query: web::Query<ReadyQuery>,
) -> HttpResponse {
    let (status, word, dependencies) = judge(&edge, query.strict.as_deref() == Some("1")).await;
    if !rights.permit(Scope::Ops, None) {
        return HttpResponse::build(status).json(json!({"status": word}));
    }
    let mut warnings = edge.warnings.to_vec();
    warnings.extend(edge.journal.doubts());
    warnings.extend(edge.journal.clock().check().err().map(|jump| jump.to_string()));
    if edge.node_id_conflict.as_ref().is_some_and(NodeIdConflict::is_certain) {
        let name = edge.node.id();
        warnings.push(format!("another node has the name {name}, so neither hears the other: see server.node_id"));
    }
    HttpResponse::build(status).json(json!({"status": word, "dependencies": dependencies, "warnings": warnings}))
}

/// `GET /ready` where operators have a listener of their own: the word alone.
pub(in crate::http) async fn ready_word(edge: web::Data<ReadinessEdge>, query: web::Query<ReadyQuery>) -> HttpResponse {
    let (status, word, _) = judge(&edge, query.strict.as_deref() == Some("1")).await;
    HttpResponse::build(status).json(json!({"status": word}))
}

/// Whether the node can be used, in a word, and what it depends on.
async fn judge(edge: &ReadinessEdge, is_strict: bool) -> (StatusCode, &'static str, Value) {
    let journal = probe(edge.journal.probe()).await;
    let catalog = probe(edge.catalog.probe()).await;
    let objects = match &edge.artifacts {
        None => json!({"status": "none"}),
        Some(artifacts) => probe(artifacts.health()).await,
    };
    let doorbell = match edge.doorbell.as_ref().map(Doorbell::trouble) {
        None => json!({"status": "none"}),
        Some(None) => json!({"status": "ok"}),
        Some(Some(reason)) => json!({"status": "down", "detail": reason}),
    };
    // The journal answers but the doorbell does not: another node gets the notices that this one misses.
    let not_subscribed = doorbell["status"] == "down" && journal["status"] == "ok";
    let whole = [&journal, &catalog, &objects].iter().all(|dependency| dependency["status"] != "down");
    let (status, word) = match edge.node.phase() {
        NodePhase::Starting => (StatusCode::SERVICE_UNAVAILABLE, "starting"),
        NodePhase::Leaving | NodePhase::Draining => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
        NodePhase::Ready if not_subscribed => (StatusCode::SERVICE_UNAVAILABLE, "not_subscribed"),
        NodePhase::Ready if whole => (StatusCode::OK, "ok"),
        NodePhase::Ready if is_strict => (StatusCode::SERVICE_UNAVAILABLE, "degraded"),
        NodePhase::Ready => (StatusCode::OK, "degraded"),
    };
    (status, word, json!({"journal": journal, "catalog": catalog, "objects": objects, "doorbell": doorbell}))
}

/// `GET /metrics`
pub(in crate::http) async fn metrics(edge: web::Data<MetricsEdge>) -> HttpResponse {
    edge.space.measure().await;
    metrics::gauge!("runcast_rooms").set(edge.live_actors.living().get("room").copied().unwrap_or(0) as f64);
    metrics::gauge!("runcast_connections").set(edge.node.connections() as f64);
    metrics::gauge!("runcast_ingest_bytes").set(edge.bodies.used() as f64);
    metrics::gauge!("runcast_response_bytes").set(edge.responses.used() as f64);
    metrics::gauge!("runcast_screens_bytes").set(edge.screens.used() as f64);
    metrics::gauge!("runcast_outbox_bytes").set(edge.outboxes.used() as f64);
    let mut text = edge.handle.render();
    edge.thread_metrics.render(&mut text);
    HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(text)
}

/// `GET /api/actors`
pub(in crate::http) async fn actors(edge: web::Data<ActorsEdge>) -> Result<HttpResponse, Problem> {
    let away = |_| Problem::unavailable("actors_unavailable", "the supervisor or the registry is busy");
    let children = edge.supervisor.ask(Observe).await.map_err(away)?;
    let rooms = edge.registry.ask(ListRooms { limit: MAX_ROOMS }).await.unwrap_or_default();
    let threads = edge.thread_agents.all();
    let threads = threads.iter().map(|thread_agent| thread_agent.supervisor.ask(Observe));
    // A thread that has just ended is not shown.
    let threads: Vec<_> = join_all(threads).await.into_iter().filter_map(Result::ok).collect();
    Ok(HttpResponse::Ok().json(json!({
        "supervisor": children,
        "threads": threads,
        "rooms": rooms,
        "living": edge.live_actors.living(),
        "exits": tasks::exits(),
    })))
}

/// `GET /api/openapi.json`
pub(in crate::http) async fn openapi() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(OPENAPI)
}

/// `GET /api/events.schema.json`
pub(in crate::http) async fn events_schema() -> HttpResponse {
    HttpResponse::Ok().content_type("application/schema+json").body(schema::document())
}
