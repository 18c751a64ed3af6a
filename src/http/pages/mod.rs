//! The pages: the list of runs, one run, what operators see, and their icon. A page is a shell of a few lines; its
//! scripts and styles are built from `web/` and embedded in the binary.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};

use super::edge::RunsEdge;
use super::events::run_id;
use super::host;
use super::problem::Problem;

mod assets;
mod policy;
mod shell;
mod title;

pub use assets::asset;
pub use policy::PagePolicies;

use shell::{PageKind, shell};

fn page(request: &HttpRequest, policies: &PagePolicies, page: PageKind, title: &str) -> Result<HttpResponse, Problem> {
    let host = host::of(request.uri(), request.headers())?.map(|host| host.to_string());
    Ok(HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, policies.of_page(host.as_deref())))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "same-origin"))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(shell(page, title)))
}

/// `GET /`
pub(super) async fn index(request: HttpRequest, policies: web::Data<PagePolicies>) -> Result<HttpResponse, Problem> {
    page(&request, &policies, PageKind::List, "runcast")
}

/// `GET /ops`
pub(super) async fn ops(request: HttpRequest, policies: web::Data<PagePolicies>) -> Result<HttpResponse, Problem> {
    page(&request, &policies, PageKind::Ops, "ops · runcast")
}

/// `GET /runs/{runId}`
pub(super) async fn run(
    request: HttpRequest,
    (policies, runs): (web::Data<PagePolicies>, web::Data<RunsEdge>),
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let run = run_id(&path)?;
    let title = title::title(&run, &*runs.run_catalog).await;
    page(&request, &policies, PageKind::Run, &title)
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
