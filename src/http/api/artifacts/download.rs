//! `GET /api/runs/{runId}/artifacts/{artifactId}/download`: where an artifact's bytes are to be had, for a while.

use std::time::Duration;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

use super::super::super::Edge;
use super::super::super::problem::Problem;
use super::{content, ids};
use crate::artifacts::ArtifactError;
use crate::protocol::artifact::Method;
use crate::protocol::{ArtifactName, ContentCoding, Sha256, Timestamp};

/// Query of a download.
#[derive(Deserialize)]
pub(in crate::http) struct DownloadQuery {
    redirect: Option<String>,
    encoding: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Download<'a> {
    download_url: &'a str,
    signed_url: &'a str,
    expires_at: Timestamp,
    filename: &'a ArtifactName,
    content_type: &'a str,
    content_encoding: ContentCoding,
    size: Option<u64>,
    stored_size: u64,
    sha256: Option<Sha256>,
    stored_sha256: Sha256,
    /// Whether what is decoded is the original byte for byte.
    exact: bool,
}

/// See the module. The URL leads straight to what is stored, if the caller can decode that; else to a route of ours that
/// decodes it on the way.
pub(in crate::http) async fn download(
    edge: web::Data<Edge>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    query: web::Query<DownloadQuery>,
) -> Result<HttpResponse, Problem> {
    let (artifacts, (run, id)) = (edge.artifacts()?, ids(&path)?);
    let kept = artifacts.find_ready(&run, id).await?;
    let row = &kept.artifact;
    let Some(stored) = row.stored else {
        return Err(ArtifactError::NotReady(row.state, None).into());
    };
    let accepted = request.headers().get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    let as_stored = match query.encoding.as_deref() {
        None | Some("") => stored.coding.is_accepted(accepted),
        Some("stored") => true,
        Some("identity") => stored.coding == ContentCoding::Identity,
        Some(other) => {
            let detail = format!("encoding must be identity or stored, not {other:?}");
            return Err(Problem::bad_request("invalid_encoding", detail));
        }
    };
    let now = artifacts.parts().clock.expected();
    let ttl_ms = i64::try_from(artifacts.parts().limits.url_ttl.as_millis()).unwrap_or(i64::MAX);
    let latest = now.plus_millis(ttl_ms);
    let expires_at = artifacts.expiry(&kept).at.map_or(latest, |expires| expires.min(latest));
    let objects = &artifacts.parts().objects;
    let url = if as_stored && objects.serves_itself() {
        let ttl_ms = (expires_at.as_millis() - now.as_millis()).max(1_000);
        let signed = objects.sign_get(&row.key, Duration::from_millis(ttl_ms.unsigned_abs())).await;
        String::from(signed.map_err(ArtifactError::from)?)
    } else {
        // What is stored as it came may be stored encoded before the URL is used: who was promised the one gets no other.
        let decoded = !as_stored || stored.coding == ContentCoding::Identity;
        content::get_url(artifacts, row, expires_at, decoded)
    };
    if query.redirect.as_deref() == Some("1") {
        return Ok(HttpResponse::Found()
            .insert_header((header::LOCATION, url))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .insert_header((header::VARY, "Accept-Encoding"))
            .finish());
    }
    let url = content::absolute(&edge, &request, url);
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(Download {
        download_url: &url,
        signed_url: &url,
        expires_at,
        filename: &row.name,
        content_type: &row.content_type,
        content_encoding: if as_stored { stored.coding } else { ContentCoding::Identity },
        size: row.size,
        stored_size: stored.size,
        sha256: row.sha256,
        stored_sha256: stored.sha256,
        exact: stored.method != Method::Rezipped,
    }))
}
