//! `/clients`: the packages that feed a run, handed out by the server that they match.
//!
//! What has a version and a digest in its name never changes and stays for good, because lock files name it.

use actix_web::http::header::{self, ETag, EntityTag, IfNoneMatch};
use actix_web::http::{StatusCode, header::Header as _};
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use super::edge::ClientsEdge;
use super::host;
use super::problem::Problem;
use crate::storage::packages::Package;

/// For whatever has its digest in its name.
const FOR_GOOD: &str = "public, max-age=31536000, immutable";
/// As npm's registry says it. The file is what is installed: it is not encoded on the way.
const TARBALL: &str = "application/gzip";

impl ClientsEdge {
    /// What scripts and pages need to know of a package of this build.
    fn describe(&self, request: &HttpRequest, package: &Package) -> Value {
        let Package { name, version, integrity, row } = package;
        let url = host::absolute(request, &self.public_url, format!("/clients/{}", row.file));
        json!({
            "name": name,
            "version": version,
            "file": row.file,
            "url": url,
            "size": row.content.len(),
            "sha256": row.sha256,
            "integrity": integrity,
            "install": format!("npm install --save-dev {url}"),
        })
    }
}

/// `GET /clients`: the packages of this build.
pub(super) async fn list(edge: web::Data<ClientsEdge>, request: HttpRequest) -> HttpResponse {
    let packages: Vec<_> = edge.packages.current().iter().map(|package| edge.describe(&request, package)).collect();
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .json(json!({"packages": packages}))
}

/// `GET /clients/{file}`: a tarball of this build or an older one; without version, where the newest is.
pub(super) async fn file(
    edge: web::Data<ClientsEdge>,
    request: HttpRequest,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let file = path.as_str();
    let current = edge.packages.current();
    if let Some(package) = current.iter().find(|package| package.alias() == file) {
        return Ok(HttpResponse::Found()
            .insert_header((header::LOCATION, format!("/clients/{}", package.row.file)))
            .insert_header((header::CACHE_CONTROL, "no-cache"))
            .finish());
    }
    let found = edge.packages.find(file).await;
    let found = found.map_err(|error| Problem::unavailable("catalog_unavailable", error.to_string()))?;
    let row = found.ok_or_else(|| {
        let names: Vec<_> = current.iter().map(|package| package.row.file.clone()).collect();
        let detail = format!("no server handed out such a file; now it is {}", names.join(" or "));
        Problem::new(StatusCode::NOT_FOUND, "not_found", detail).with("files", names)
    })?;
    let tag = EntityTag::new_strong(row.sha256.to_string());
    let is_known = match IfNoneMatch::parse(&request) {
        Ok(IfNoneMatch::Any) => request.headers().contains_key(header::IF_NONE_MATCH),
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|theirs| theirs.weak_eq(&tag)),
        Err(_) => false,
    };
    let mut response = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response
        .insert_header(ETag(tag))
        .insert_header((header::CACHE_CONTROL, FOR_GOOD))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
    Ok(match is_known {
        true => response.finish(),
        false => response.content_type(TARBALL).body(row.content),
    })
}
