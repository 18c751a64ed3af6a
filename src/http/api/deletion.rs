//! Deleting a run: its log becomes a tombstone, its viewers are closed, and what belongs to it goes.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Deserialize;
use tracing::info;

use super::super::audit::Auditor;
use super::super::edge::DeletionEdge;
use super::super::problem::Problem;
use super::events::run_id;
use crate::actors::messages::catalog_writer::RunsGone;
use crate::actors::messages::registry::RunsExpired;
use crate::artifacts::ArtifactError;
use crate::audit::AuditAction;
use crate::protocol::RunId;
use crate::storage::journal::{JournalError, Removal};

/// Query parameters of a deletion.
#[derive(Deserialize)]
pub(in crate::http) struct DeletionQuery {
    force: Option<String>,
}

/// `DELETE /api/runs/{runId}[?force=1]`. Deleting a run that is gone finishes what an earlier attempt may have left.
pub(in crate::http) async fn delete(
    edge: web::Data<DeletionEdge>,
    audit: Auditor,
    path: web::Path<String>,
    query: web::Query<DeletionQuery>,
) -> Result<HttpResponse, Problem> {
    let run = run_id(&path)?;
    let force = match query.force.as_deref() {
        None | Some("" | "0" | "false") => false,
        Some("1" | "true") => true,
        Some(other) => {
            let rule = format!("force must be 1 or 0, not {other:?}");
            return Err(Problem::bad_request("invalid_force", rule));
        }
    };
    match edge.journal.remove(&run, force).await.map_err(refused)? {
        Removal::Unknown => {
            Err(Problem::new(StatusCode::NOT_FOUND, "run_not_found", format!("run {run} has no event")))
        }
        Removal::Live => {
            let rule = format!("run {run} has not ended; force=1 deletes it all the same");
            Err(Problem::new(StatusCode::CONFLICT, "run_live", rule))
        }
        removal @ (Removal::Removed | Removal::Gone) => {
            let artifacts = edge.clear(&run).await?;
            if removal == Removal::Removed {
                audit.did(AuditAction::RunDeleted).run(Some(&run)).write();
                info!(%run, artifacts, force, "the run was deleted");
                metrics::counter!("runcast_runs_deleted_total").increment(1);
            }
            Ok(HttpResponse::NoContent().finish())
        }
    }
}

impl DeletionEdge {
    /// Tells everybody who knows the run, and deletes what belongs to it; how many artifacts there were.
    async fn clear(&self, run: &RunId) -> Result<usize, Problem> {
        // A room that misses the message learns it from the journal's next answer, other nodes by the doorbell.
        let _ = self.expired.try_send(RunsExpired(vec![run.clone()]));
        // If the message is lost, the catalog writer's next repair removes the row.
        let _ = self.catalog_writer.try_send(RunsGone(vec![run.clone()]));
        match &self.artifacts {
            Some(artifacts) => Ok(artifacts.delete_all(run).await.map_err(ArtifactError::from)?),
            None => Ok(0),
        }
    }
}

fn refused(error: JournalError) -> Problem {
    match error {
        JournalError::OutcomeUnknown(text) => Problem::unavailable("outcome_unknown", text),
        JournalError::Unavailable(_) | JournalError::Saturated => {
            Problem::unavailable("journal_unavailable", error.to_string())
        }
    }
}
