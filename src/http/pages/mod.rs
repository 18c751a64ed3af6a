//! The pages: the list of runs, one run, what operators see, and their icon. A page is a shell of a few lines; its
//! scripts and styles are built from `web/` and embedded in the binary.

use actix_web::http::{Method, StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};

use super::access::RequestRights;
use super::edge::RunsEdge;
use super::events::run_id;
use super::host;
use super::media_type::accepts_html;
use super::problem::Problem;
use crate::protocol::Scope;

mod assets;
mod policy;
mod shell;
mod title;

pub use assets::asset;
pub use policy::PagePolicies;

use shell::{PageKind, shell};

/// Most bytes of a path that are shown.
const MAX_PATH: usize = 200;

fn page(request: &HttpRequest, policies: &PagePolicies, page: PageKind, title: &str) -> Result<HttpResponse, Problem> {
    html(request, policies, StatusCode::OK, shell(page, title))
}

fn html(
    request: &HttpRequest,
    policies: &PagePolicies,
    status: StatusCode,
    text: String,
) -> Result<HttpResponse, Problem> {
    let host = host::of(request.uri(), request.headers())?.map(|host| host.to_string());
    Ok(HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, policies.of_page(host.as_deref())))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "same-origin"))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(text))
}

/// 404 where no route is: a page for a browser that looks for one, else a problem.
pub(super) async fn missing(request: HttpRequest, policies: web::Data<PagePolicies>) -> Result<HttpResponse, Problem> {
    let path = request.path();
    let is_reader = matches!(*request.method(), Method::GET | Method::HEAD);
    let is_api = matches!(path.split('/').nth(1), Some("api" | "ws" | "mcp"));
    if is_reader && !is_api && accepts_html(&request) {
        let shown: String = path.chars().take(MAX_PATH).collect();
        return html(&request, &policies, StatusCode::NOT_FOUND, shell::missing(&shown));
    }
    let detail = format!("no route {} {path}", request.method());
    Err(Problem::new(StatusCode::NOT_FOUND, "not_found", detail))
}

/// `GET /`
pub(super) async fn index(request: HttpRequest, policies: web::Data<PagePolicies>) -> Result<HttpResponse, Problem> {
    page(&request, &policies, PageKind::List, "runcast")
}

/// `GET /ops`
pub(super) async fn ops(request: HttpRequest, policies: web::Data<PagePolicies>) -> Result<HttpResponse, Problem> {
    page(&request, &policies, PageKind::Ops, "ops · runcast")
}

/// `GET /auth/device`: lets a command line in. The request in its query is for the script.
pub(super) async fn device(request: HttpRequest, policies: web::Data<PagePolicies>) -> Result<HttpResponse, Problem> {
    page(&request, &policies, PageKind::Device, "Let a command line in · runcast")
}

/// A page that says what became of something, with a path at which to go on and what stands on it.
pub(super) fn told(
    request: &HttpRequest,
    policies: &PagePolicies,
    status: StatusCode,
    (title, text): (&str, &str),
    way: (&str, &str),
) -> Result<HttpResponse, Problem> {
    html(request, policies, status, shell::told(title, text, way))
}

/// `GET /runs/{runId}`
pub(super) async fn run(
    request: HttpRequest,
    (policies, runs): (web::Data<PagePolicies>, web::Data<RunsEdge>),
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let run = match run_id(&path) {
        // No run can be there.
        Err(_) if accepts_html(&request) => return missing(request, policies).await,
        run => run?,
    };
    let title = match RequestRights::of_request(&request).permit(Scope::View, Some(&run)) {
        true => title::title(&run, &*runs.run_catalog).await,
        false => title::unknown(&run),
    };
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
