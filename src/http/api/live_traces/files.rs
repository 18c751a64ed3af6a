//! What Playwright's trace viewer reads of a live trace: the list of its entries, and the entries.
//!
//! The number in the paths means nothing to this server. The viewer keeps what it has loaded by its URL, so that it is
//! given another one whenever there is more. Nothing of a trace can run with the rights of our origin: it is sandboxed,
//! never sniffed, and what a browser would show as a page has no such type.

use std::io;
use std::time::Duration;

use actix_web::body::SizedStream;
use actix_web::http::{Method, header};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use bytes::Bytes;
use futures_util::stream;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Value, json};

use super::super::super::edge::ArtifactsEdge;
use super::super::super::problem::Problem;
use super::super::super::trace_viewer::TraceViewer;
use super::ids;
use crate::artifacts::LiveTraceError;
use crate::protocol::live_trace::{EntryName, viewer as socket};

/// The policy of a document that is an entry: it runs nothing and loads nothing.
const SANDBOX: &str = "sandbox; default-src 'none'";
/// What stands for itself in the path of an entry.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');
/// How old a listing may be that a viewer is answered with: it has just been told that there is more.
const AGE: Duration = Duration::from_millis(100);

/// Types under which the viewer is given files; it knows those of a page's resources from the trace.
fn content_type(entry: &EntryName) -> &'static str {
    let name = entry.as_str();
    if entry.has_lines() || name.ends_with(".stacks") || name.ends_with(".json") {
        return "text/plain; charset=utf-8";
    }
    match name.rsplit_once('.').map(|(_, end)| end) {
        Some("jpeg" | "jpg") => "image/jpeg",
        Some("png") => "image/png",
        Some("webp") => "image/webp",
        Some("gif") => "image/gif",
        Some("webm") => "video/webm",
        Some("css") => "text/css; charset=utf-8",
        Some("txt" | "js" | "ts" | "md") => "text/plain; charset=utf-8",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}

fn head() -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::CONTENT_SECURITY_POLICY, SANDBOX))
        .insert_header(("cross-origin-resource-policy", "same-origin"));
    response
}

/// The number of a path, 1 to 20 digits.
fn number(text: &str) -> Result<&str, Problem> {
    let fits = (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    fits.then_some(text).ok_or_else(|| LiveTraceError::NoEntry.into())
}

/// `GET /live-traces/{runId}/{traceId}/v/{file}`: the viewer. It is not below `/trace/`, because the service worker of that
/// path would take the page for its own.
pub(in crate::http) async fn viewer(
    edge: web::Data<ArtifactsEdge>,
    trace_viewer: web::Data<TraceViewer>,
    request: HttpRequest,
    path: web::Path<(String, String, String)>,
) -> Result<HttpResponse, Problem> {
    let (run, trace, file) = path.into_inner();
    edge.service()?;
    ids(&(run, trace))?;
    trace_viewer.live(&request, &file).await
}

/// `GET /live-traces/{runId}/{traceId}/{number}/traces.dir`: the entries of a live trace, as the viewer reads them.
pub(in crate::http) async fn directory(
    edge: web::Data<ArtifactsEdge>,
    path: web::Path<(String, String, String)>,
) -> Result<HttpResponse, Problem> {
    let (run, trace, asked) = path.into_inner();
    let (service, (run, trace), asked) = (edge.service()?, ids(&(run, trace))?, number(&asked)?);
    let found = service.live_trace(&run, &trace, AGE).await?;
    let base = format!("{}/{asked}", socket::path(&run, &trace));
    let entries: Vec<Value> = found
        .entries
        .iter()
        .map(|(name, _)| json!({"name": name, "path": format!("{base}/{}", utf8_percent_encode(name.as_str(), PATH))}))
        .collect();
    Ok(head().json(json!({"entries": entries})))
}

/// `GET /live-traces/{runId}/{traceId}/{number}/{entry}`: an entry of a live trace, as far as it has come.
pub(in crate::http) async fn entry(
    edge: web::Data<ArtifactsEdge>,
    request: HttpRequest,
    path: web::Path<(String, String, String, String)>,
) -> Result<HttpResponse, Problem> {
    let (run, trace, asked, _) = path.into_inner();
    let (service, (run, trace)) = (edge.service()?, ids(&(run, trace))?);
    number(&asked)?;
    // From the path as it was sent: the router does not decode every escape.
    let sent = request.uri().path().splitn(6, '/').nth(5).unwrap_or_default();
    let name = percent_decode_str(sent).decode_utf8().ok().and_then(|name| EntryName::parse(&name).ok());
    let name = name.ok_or(LiveTraceError::NoEntry)?;
    let found = service.read_live_entry(&run, &trace, &name).await?;
    let mut response = head();
    response.content_type(content_type(&name));
    if request.method() == Method::HEAD || found.size == 0 {
        let nothing = SizedStream::new(found.size, stream::empty::<io::Result<Bytes>>());
        return Ok(response.no_chunking(found.size).body(nothing));
    }
    Ok(response.body(SizedStream::new(found.size, found.stream)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_has_a_type_that_runs() {
        for (name, expected) in [
            ("1-trace.trace", "text/plain; charset=utf-8"),
            ("1-trace.network", "text/plain; charset=utf-8"),
            ("resources/a.jpeg", "image/jpeg"),
            ("resources/a.html", "application/octet-stream"),
            ("resources/a.svg", "application/octet-stream"),
            ("resources/a.xhtml", "application/octet-stream"),
            ("resources/a", "application/octet-stream"),
            ("src/a.js", "text/plain; charset=utf-8"),
        ] {
            assert_eq!(content_type(&EntryName::parse(name).unwrap()), expected, "{name}");
        }
    }
}
