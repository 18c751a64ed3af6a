//! `GET /api/runs/{runId}/artifacts/{artifactId}/download`: where an artifact's bytes are to be had, for a while.

use std::time::Duration;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

use super::super::super::access::RequestRights;
use super::super::super::edge::ArtifactsEdge;
use super::super::super::problem::Problem;
use super::ids;
use crate::artifacts::{DownloadForm, DownloadUrl};
use crate::protocol::artifact::Method;
use crate::protocol::{ArtifactName, ContentCoding, Sha256, Timestamp};

/// How long a URL is good that somebody has by a share link: it can't be revoked, as the link can.
const OF_GUEST: Duration = Duration::from_secs(60);

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

/// Answers with the URL as JSON, or with a redirect to it. The URL leads straight to what is stored if the caller can
/// decode that, else to a route of ours that decodes it on the way.
pub(in crate::http) async fn download(
    edge: web::Data<ArtifactsEdge>,
    rights: RequestRights,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    query: web::Query<DownloadQuery>,
) -> Result<HttpResponse, Problem> {
    let (service, (run, id)) = (edge.service()?, ids(&path)?);
    let kept = service.find_ready(&run, id).await?;
    let form = match query.encoding.as_deref() {
        None | Some("") => {
            let accepted = request.headers().get(header::ACCEPT_ENCODING);
            DownloadForm::Accepted(accepted.and_then(|value| value.to_str().ok()))
        }
        Some("stored") => DownloadForm::Stored,
        Some("identity") => DownloadForm::Decoded,
        Some(other) => {
            let detail = format!("encoding must be identity or stored, not {other:?}");
            return Err(Problem::bad_request("invalid_encoding", detail));
        }
    };
    let longest = if rights.is_guest_of(&run) { OF_GUEST } else { Duration::MAX };
    let DownloadUrl { url, expires_at, stored, coding } = service.sign_download(&kept, form, longest).await?;
    if query.redirect.as_deref() == Some("1") {
        return Ok(HttpResponse::Found()
            .insert_header((header::LOCATION, url))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .insert_header((header::VARY, "Accept-Encoding"))
            .finish());
    }
    let (url, row) = (edge.absolute(&request, url), &kept.artifact);
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(Download {
        download_url: &url,
        signed_url: &url,
        expires_at,
        filename: &row.name,
        content_type: &row.content_type,
        content_encoding: coding,
        size: row.size,
        stored_size: stored.size,
        sha256: row.sha256,
        stored_sha256: stored.sha256,
        exact: stored.method != Method::Rezipped,
    }))
}
