//! Cleanup of artifacts: statistics, and starting a sweep.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::super::audit::Auditor;
use super::super::edge::ArtifactsEdge;
use super::super::problem::Problem;
use crate::actors::messages::cleanup::{Sweep, SweepRefused, Swept};
use crate::artifacts::{ArtifactError, LAST_CLEANUP};
use crate::audit::AuditAction;
use crate::protocol::Timestamp;
use crate::storage::catalog::artifacts::DueFor;

/// Bytes per megabyte.
const MB: f64 = 1_000_000.0;

/// `GET /api/cleanup/stats`
pub(in crate::http) async fn stats(edge: web::Data<ArtifactsEdge>) -> Result<HttpResponse, Problem> {
    let artifacts = edge.service()?;
    let catalog = &artifacts.parts().catalog;
    let totals = catalog.totals(&artifacts.due(DueFor::Expired, 0)).await.map_err(ArtifactError::from)?;
    let last = catalog.noted(LAST_CLEANUP).await.map_err(ArtifactError::from)?;
    let last = last.and_then(|text| serde_json::from_str::<Swept>(&text).ok());
    let saved = totals.bytes.saturating_sub(totals.stored_bytes);
    let percent: f64 = if totals.bytes == 0 { 0.0 } else { 100.0 * saved as f64 / totals.bytes as f64 };
    Ok(HttpResponse::Ok().json(json!({
        "retentionDays": artifacts.parts().retention.borrow().days(),
        "artifactsPendingDeletion": totals.due,
        "totalArtifacts": totals.artifacts,
        "totalStorageBytes": totals.stored_bytes,
        "totalStorageMB": format!("{:.2}", totals.stored_bytes as f64 / MB),
        "totalOriginalBytes": totals.bytes,
        "savedBytes": saved,
        "savedPercent": (percent * 10.0).floor() / 10.0,
        "lastRun": last.as_ref().map(sweep_json),
    })))
}

/// A sweep as JSON, with `startedAt` as a timestamp.
fn sweep_json(swept: &Swept) -> Value {
    let mut value = json!(swept);
    if let Value::Object(members) = &mut value {
        members.insert("startedAt".to_owned(), json!(Timestamp::from_millis(swept.started_at)));
    }
    value
}

/// Query parameters of a sweep.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct RunQuery {
    dry_run: Option<String>,
}

/// `POST /api/cleanup/run[?dryRun=1]`: answered when the sweep is done. The sweep continues if the client
/// disconnects.
pub(in crate::http) async fn run(
    edge: web::Data<ArtifactsEdge>,
    audit: Auditor,
    query: web::Query<RunQuery>,
) -> Result<HttpResponse, Problem> {
    edge.service()?;
    let dry_run = match query.dry_run.as_deref() {
        None | Some("" | "0" | "false") => false,
        Some("1" | "true") => true,
        Some(other) => {
            return Err(Problem::bad_request("invalid_dry_run", format!("dryRun must be 1 or 0, not {other:?}")));
        }
    };
    let (reply, answer) = oneshot::channel();
    let away = |detail: String| Problem::unavailable("cleanup_unavailable", detail);
    edge.sweep.try_send(Sweep { dry_run, reply }).map_err(|refused| away(refused.to_string()))?;
    if !dry_run {
        audit.did(AuditAction::CleanupStarted).write();
    }
    match answer.await {
        Ok(Ok(swept)) => Ok(HttpResponse::Ok().json(sweep_json(&swept))),
        Ok(Err(refused @ SweepRefused::Running)) => {
            Err(Problem::new(StatusCode::CONFLICT, "cleanup_running", refused.to_string()).retry_after(10))
        }
        Ok(Err(SweepRefused::Clock(jump))) => {
            Err(Problem::unavailable("clock_jumped", jump.to_string()).retry_after(60))
        }
        Ok(Err(SweepRefused::Unavailable(reason))) => Err(Problem::unavailable("catalog_unavailable", reason)),
        Err(_) => Err(away("the cleanup was interrupted; what it has removed is removed".to_owned())),
    }
}
