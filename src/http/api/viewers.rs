//! Viewers: figures of each node, and the viewers of a run.

use std::collections::BTreeMap;
use std::time::Instant;

use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::super::access::RequestRights;
use super::super::edge::{Cluster, ViewersEdge};
use super::super::problem::Problem;
use super::events::run_id;
use crate::actors::messages::thread_agent::{ListViewers, RunViewers};
use crate::protocol::{Connection, RunId, Scope, Scopes, Timestamp};
use crate::storage::presence::{Figures, NodeSeen, RegisterError};

/// Default number of viewers listed.
const DEFAULT_LIMIT: usize = 100;
/// Most viewers listed.
const MAX_LIMIT: usize = 1_000;

impl ViewersEdge {
    /// Lists the run's viewers on this node.
    async fn viewers_here(&self, run: &RunId, limit: usize) -> Result<RunViewers, Problem> {
        let reply = self.thread_agents.ask(|thread_agent, reply| {
            thread_agent.list.try_send(ListViewers { run: run.clone(), limit, reply }).is_ok()
        });
        let threads =
            reply.await.ok_or_else(|| Problem::unavailable("saturated", "a worker thread has too much to do"))?;
        Ok(threads.into_iter().fold(RunViewers::default(), |mut all, thread| {
            all.count += thread.count;
            all.listed.extend(thread.listed);
            all
        }))
    }
}

/// A node's figures.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NodeStats {
    server_id: String,
    #[serde(flatten)]
    figures: Figures,
}

/// `GET /api/ws/stats`
pub(in crate::http) async fn stats(edge: web::Data<ViewersEdge>) -> HttpResponse {
    let figures = (edge.figures)();
    let others = match &edge.cluster {
        None => Ok(Vec::new()),
        Some(cluster) => cluster.peers.nodes(Instant::now()),
    };
    let everywhere = others
        .as_ref()
        .ok()
        .map(|others| others.iter().fold(figures.connections, |sum, node| sum + node.figures.connections));
    let unknown = others.as_ref().err().cloned();
    let here = NodeStats { server_id: edge.node.id().to_string(), figures };
    let others = others.unwrap_or_default().into_iter();
    let mut nodes: Vec<_> =
        others.map(|NodeSeen { node, figures, .. }| NodeStats { server_id: node, figures }).collect();
    nodes.push(here);
    nodes.sort_by(|a, b| a.server_id.cmp(&b.server_id));
    HttpResponse::Ok().json(json!({
        "serverId": &**edge.node.id(),
        "localConnections": figures.connections,
        "redisConnections": everywhere,
        "activeRuns": figures.active_runs,
        "uptime": figures.uptime,
        "nodes": nodes,
        "othersUnknown": unknown,
    }))
}

/// Query parameters of a run's viewers.
#[derive(Deserialize)]
pub(in crate::http) struct ViewersQuery {
    details: Option<String>,
    limit: Option<usize>,
}

/// A listed viewer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListedViewer {
    session_id: Uuid,
    user_id: Option<std::sync::Arc<str>>,
    since: Timestamp,
    server_id: String,
}

impl ListedViewer {
    fn on(server: &str, connections: Vec<Connection>) -> impl Iterator<Item = Self> {
        connections.into_iter().map(|Connection { session, user, since, .. }| Self {
            session_id: session,
            user_id: user,
            since,
            server_id: server.to_owned(),
        })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Viewers {
    run_id: RunId,
    viewers: Option<u64>,
    nodes: BTreeMap<String, u64>,
    others_unknown: Option<String>,
    #[serde(flatten)]
    details: Option<Details>,
}

#[derive(Serialize)]
struct Details {
    sessions: Vec<ListedViewer>,
    more: bool,
}

/// `GET /api/runs/{runId}/viewers`
pub(in crate::http) async fn viewers(
    edge: web::Data<ViewersEdge>,
    rights: RequestRights,
    path: web::Path<String>,
    query: web::Query<ViewersQuery>,
) -> Result<HttpResponse, Problem> {
    let run = run_id(&path)?;
    let details = query.details.as_deref() == Some("1");
    if details {
        rights.require(Scopes::from_iter([Scope::Control]), Some(&run))?;
    }
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Problem::bad_request("invalid_limit", format!("limit must be 1 to {MAX_LIMIT}, not {limit}")));
    }
    // One more than is shown, to know whether there are more.
    let wanted = if details { limit + 1 } else { 0 };
    let here = edge.viewers_here(&run, wanted).await?;
    let own = edge.node.id().to_string();
    let mut nodes = BTreeMap::from([(own.clone(), here.count as u64)]);
    let mut sessions: Vec<_> = ListedViewer::on(&own, here.listed).collect();
    let unknown = match &edge.cluster {
        None => None,
        Some(cluster) => cluster.viewers_there(&run, &own, wanted, &mut nodes, &mut sessions).await.err(),
    };
    let more = sessions.len() > limit;
    sessions.truncate(limit);
    Ok(HttpResponse::Ok().json(Viewers {
        viewers: unknown.is_none().then(|| nodes.values().sum()),
        run_id: run,
        nodes,
        others_unknown: unknown.map(|error| error.to_string()),
        details: details.then_some(Details { sessions, more }),
    }))
}

impl Cluster {
    /// Adds the run's viewers on the other nodes: all of them to the counts, and as many as `wanted` allows to the
    /// list.
    async fn viewers_there(
        &self,
        run: &RunId,
        own: &str,
        wanted: usize,
        nodes: &mut BTreeMap<String, u64>,
        listed: &mut Vec<ListedViewer>,
    ) -> Result<(), RegisterError> {
        for NodeSeen { node, viewers, .. } in self.register.look(std::slice::from_ref(run)).await? {
            let count = viewers.first().copied().unwrap_or(0);
            if node == own {
                continue; // this node's own count is more recent
            }
            // Redis need not search for more viewers than the node has.
            let missing = wanted.saturating_sub(listed.len()).min(count as usize);
            if missing > 0 {
                listed.extend(ListedViewer::on(&node, self.register.list(&node, run, missing).await?));
            }
            nodes.insert(node, count);
        }
        Ok(())
    }
}
