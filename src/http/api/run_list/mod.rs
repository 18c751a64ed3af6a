//! The list of runs, from the catalog alone.

use actix_web::{HttpResponse, web};
use serde::Serialize;

use super::super::access::RequestRights;
use super::super::edge::RunsEdge;
use super::super::problem::Problem;
use crate::storage::catalog::runs::GroupCounts;
use crate::storage::catalog::{CatalogError, RunFilter};

mod query;
mod row;

pub(in crate::http) use query::RunsQuery;
pub(in crate::http) use row::{ShownRun, ShownSummary};

/// Most projects that are named.
const MAX_PROJECTS: usize = 200;

/// A page of the list.
#[derive(Serialize)]
struct RunsPage {
    runs: Vec<ShownRun>,
    /// Where the next page begins; `null` on the last one.
    cursor: Option<String>,
    more: bool,
    /// How many runs there are per group; on the first page.
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<serde_json::Map<String, serde_json::Value>>,
    /// The projects that runs name; on the first page.
    #[serde(skip_serializing_if = "Option::is_none")]
    projects: Option<Vec<String>>,
}

/// `GET /api/runs`
pub(in crate::http) async fn list(
    edge: web::Data<RunsEdge>,
    rights: RequestRights,
    query: web::Query<RunsQuery>,
) -> Result<HttpResponse, Problem> {
    let asked = query.read(edge.clock.now())?;
    let limit = asked.filter.limit;
    let filter = RunFilter { limit: limit + 1, names: rights.visible(), ..asked.filter };
    let mut rows = edge.catalog.list(&filter).await.map_err(unavailable)?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let last = rows.last().filter(|_| more).map(|listed| &listed.row);
    let cursor = last.map(|row| format!("{}:{}", row.last_at.as_millis(), row.run));
    let groups = match asked.groups {
        true => Some(counts(edge.run_catalog.groups(&filter).await.map_err(unavailable)?)),
        false => None,
    };
    let projects = match asked.projects {
        // Their names are those of all runs.
        true if filter.names.is_some() => Some(Vec::new()),
        true => Some(edge.run_catalog.projects(MAX_PROJECTS).await.map_err(unavailable)?),
        false => None,
    };
    let runs = rows.into_iter().map(ShownRun::of).collect();
    Ok(HttpResponse::Ok().json(RunsPage { runs, cursor, more, groups, projects }))
}

fn counts(counted: GroupCounts) -> serde_json::Map<String, serde_json::Value> {
    let zero = crate::protocol::RunGroup::ALL.map(|group| (group.as_str(), 0));
    let groups = counted.groups.into_iter().map(|(group, count)| (group.as_str(), count));
    let all = [("all", counted.all)].into_iter().chain(zero).chain(groups);
    all.map(|(name, count)| (name.to_owned(), count.into())).collect()
}

pub(super) fn unavailable(error: CatalogError) -> Problem {
    Problem::unavailable("catalog_unavailable", error.to_string())
}
