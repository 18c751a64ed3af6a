//! The HTML pages: the list of runs, one run live, and their icon. Plain files, embedded in the binary.

use actix_web::http::header;
use actix_web::{HttpResponse, web};

use super::events::run_id;
use super::problem::Problem;

/// Content security policy of the pages: only our own scripts run; nothing in an event can.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self' ws: wss:; \
                      img-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

fn page(html: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(html)
}

/// `GET /`
pub(super) async fn index() -> HttpResponse {
    page(include_str!("index.html"))
}

/// `GET /runs/{runId}`
pub(super) async fn run(path: web::Path<String>) -> Result<HttpResponse, Problem> {
    run_id(&path)?;
    Ok(page(include_str!("run.html")))
}

fn picture(content_type: &'static str, bytes: &'static [u8]) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(content_type)
        .insert_header((header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::CACHE_CONTROL, "max-age=86400"))
        .body(bytes)
}

/// `GET /favicon.ico`
pub(super) async fn icon() -> HttpResponse {
    picture("image/x-icon", include_bytes!("favicon.ico"))
}

/// `GET /favicon.svg`
pub(super) async fn drawing() -> HttpResponse {
    picture("image/svg+xml", include_bytes!("favicon.svg"))
}
