//! Safe by default, also on localhost: which hosts and origins are served.
//!
//! A page of another site must not reach a server on a developer's machine, neither by a cross-site request nor by DNS
//! rebinding (a name of its own that resolves to 127.0.0.1).

use std::net::IpAddr;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::http::{ConnectionType, Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, ResponseError as _, web};

use super::error::{Problem, saturated};
use crate::node::Node;

/// Whom a node serves.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    /// Origin of `server.public_url`: `https://host[:port]`.
    public_origin: Option<String>,
    allowed_origins: Vec<String>,
}

/// Headers of answers that pages of other origins may read.
const EXPOSED: &str = "Accept-Ranges, Content-Disposition, Content-Range, ETag, Retry-After";

/// What a request's `Origin` comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    /// Not a browser's cross-origin request.
    None,
    /// Our own page.
    Same,
    /// Another one, allowed by configuration.
    Allowed,
    /// Another one, which shows a signature.
    Bearer,
    Foreign,
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap_or("\u{fffd}"))
}

/// `host[:port]` of a URL or origin.
fn authority(url: &str) -> Option<&str> {
    let rest = url.split_once("://")?.1;
    rest.split('/').next().filter(|authority| !authority.is_empty())
}

/// The host of `host[:port]`.
fn host_of(authority: &str) -> &str {
    match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
    }
}

impl Guard {
    /// From `server.public_url` (empty: none) and `server.allowed_origins`.
    pub fn new(public_url: &str, allowed_origins: &[String]) -> Self {
        let public_origin = public_url
            .split_once("://")
            .map(|(scheme, rest)| format!("{scheme}://{}", rest.split('/').next().unwrap_or_default()));
        let allowed_origins = allowed_origins.iter().map(|origin| origin.trim_end_matches('/').to_owned()).collect();
        Self { public_origin, allowed_origins }
    }

    /// A name that resolves to us can be anybody's; an address, localhost and our public name can't.
    fn serves_host(&self, headers: &HeaderMap) -> bool {
        let Some(host) = text(headers, "host").map(host_of) else { return true };
        let public = self.public_origin.as_deref().and_then(authority).map(host_of);
        host.eq_ignore_ascii_case("localhost")
            || host.to_ascii_lowercase().ends_with(".localhost")
            || host.parse::<IpAddr>().is_ok()
            || public.is_some_and(|public| public.eq_ignore_ascii_case(host))
    }

    fn origin(&self, headers: &HeaderMap) -> Origin {
        let Some(origin) = text(headers, "origin") else {
            return match text(headers, "sec-fetch-site") {
                Some("cross-site") => Origin::Foreign,
                _ => Origin::None,
            };
        };
        let ours = text(headers, "host");
        if authority(origin).is_some_and(|theirs| ours.is_some_and(|ours| ours.eq_ignore_ascii_case(theirs)))
            || self.public_origin.as_deref().is_some_and(|public| public.eq_ignore_ascii_case(origin))
        {
            Origin::Same
        } else if self.allowed_origins.iter().any(|allowed| allowed == "*" || allowed.eq_ignore_ascii_case(origin)) {
            Origin::Allowed
        } else {
            Origin::Foreign
        }
    }

    /// Following a link to a page from another site (a chat, a CI's report) is not a cross-site request for data.
    fn is_navigation(method: &Method, path: &str, headers: &HeaderMap) -> bool {
        *method == Method::GET
            && (path == "/" || path.starts_with("/runs/") || path.starts_with("/trace/"))
            && text(headers, "origin").is_none()
            && text(headers, "sec-fetch-mode") == Some("navigate")
    }

    /// A signed URL is for whoever has it, wherever they are, like those of a store.
    fn is_signed(path: &str) -> bool {
        let parts: Vec<&str> = path.split('/').collect();
        matches!(parts.as_slice(), ["", "api", "runs" | "tests", _, "artifacts", _, "content"])
    }

    fn check(&self, method: &Method, path: &str, headers: &HeaderMap) -> Result<Origin, Problem> {
        let refuse = |code, detail: String| Err(Problem::new(StatusCode::FORBIDDEN, code, detail));
        if !self.serves_host(headers) {
            let host = text(headers, "host").unwrap_or_default();
            let detail = format!("Host {host:?} is neither loopback, an address nor server.public_url");
            return refuse("host_not_allowed", detail);
        }
        let origin = self.origin(headers);
        if origin == Origin::Foreign && Self::is_signed(path) {
            return Ok(Origin::Bearer);
        }
        if origin == Origin::Foreign && !Self::is_navigation(method, path, headers) {
            let theirs = text(headers, "origin").unwrap_or("cross-site");
            return refuse("origin_not_allowed", format!("Origin {theirs:?} is not in server.allowed_origins"));
        }
        Ok(origin)
    }
}

/// Whether a crowded node answers all the same: its operators must see it, and viewers are told in their own protocol.
fn is_served_in_a_crowd(request: &ServiceRequest) -> bool {
    matches!(request.path(), "/health" | "/ready" | "/metrics" | "/api/ws/stats" | "/api/actors")
        || request.headers().contains_key(header::UPGRADE)
}

/// The middleware: refuses what [`Guard`] does not serve, answers preflights, and marks what other origins may read.
pub async fn guard<B: MessageBody + 'static>(
    guard: web::Data<Guard>,
    node: web::Data<Node>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<actix_web::body::BoxBody>, Error> {
    let origin = match guard.check(request.method(), request.path(), request.headers()) {
        Ok(origin) => origin,
        Err(problem) => {
            let peer = request.peer_addr().map(tracing::field::display);
            tracing::info!(path = request.path(), peer, %problem, "request refused");
            return Err(problem.into());
        }
    };
    if node.is_crowded() && !is_served_in_a_crowd(&request) {
        // The newest connection goes, so that the descriptors last.
        let mut response = request.into_response(saturated().error_response());
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
        return Ok(response);
    }
    let theirs = request.headers().get(header::ORIGIN).cloned();
    let preflight =
        *request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = match preflight && matches!(origin, Origin::Allowed | Origin::Bearer) {
        true => request.into_response(HttpResponse::NoContent().finish()),
        false => next.call(request).await?.map_into_boxed_body(),
    };
    if let (Origin::Allowed | Origin::Bearer, Some(theirs)) = (origin, theirs) {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, theirs);
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
        if preflight {
            let methods = HeaderValue::from_static("GET, POST, PUT, DELETE");
            let allowed = "Content-Digest, Content-MD5, Content-Type, Content-Encoding, Digest, Idempotency-Key, \
                           If-None-Match, If-Range, Last-Event-ID, Range, Runcast-Kind, Runcast-Producer, \
                           Runcast-Producer-Seq, Runcast-Producer-Gap, Runcast-Test";
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(allowed));
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
        }
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (header::HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    fn check(pairs: &[(&'static str, &'static str)]) -> Result<Origin, &'static str> {
        let guard = Guard::new("https://runs.example.com/x", &["https://ci.example.org".to_owned()]);
        guard
            .check(&Method::POST, "/api/runs/r/events", &headers(pairs))
            .map_err(|problem| if problem.to_string().contains("host_not_allowed") { "host" } else { "origin" })
    }

    #[test]
    fn names_that_could_be_anybodys_are_refused() {
        for host in
            ["127.0.0.1:3001", "localhost:3001", "[::1]:3001", "10.0.0.7", "runs.example.com", "RUNS.example.com:443"]
        {
            let mut map = HeaderMap::new();
            map.insert(header::HOST, HeaderValue::from_str(host).unwrap());
            assert!(Guard::new("https://runs.example.com", &[]).serves_host(&map), "{host}");
        }
        assert_eq!(check(&[("host", "evil.example.com")]), Err("host"));
        assert_eq!(check(&[("host", "127.0.0.1.evil.example.com")]), Err("host"));
        assert_eq!(check(&[]), Ok(Origin::None), "HTTP/1.0 probes send none");
    }

    #[test]
    fn foreign_origins_are_refused_unless_allowed() {
        let host = ("host", "127.0.0.1:3001");
        assert_eq!(check(&[host, ("origin", "http://127.0.0.1:3001")]), Ok(Origin::Same));
        assert_eq!(check(&[host, ("origin", "https://runs.example.com")]), Ok(Origin::Same));
        assert_eq!(check(&[host, ("origin", "https://ci.example.org")]), Ok(Origin::Allowed));
        assert_eq!(check(&[host, ("origin", "http://127.0.0.1:3002")]), Err("origin"));
        assert_eq!(check(&[host, ("origin", "null")]), Err("origin"));
        assert_eq!(check(&[host, ("sec-fetch-site", "cross-site")]), Err("origin"));
        assert_eq!(check(&[host, ("sec-fetch-site", "same-origin")]), Ok(Origin::None));
    }

    #[test]
    fn a_signed_url_may_be_used_from_anywhere() {
        let guard = Guard::default();
        let foreign = headers(&[("host", "localhost"), ("origin", "https://trace.example.org")]);
        let check = |path: &str| guard.check(&Method::GET, path, &foreign).ok();
        assert_eq!(check("/api/runs/r/artifacts/1/content"), Some(Origin::Bearer));
        assert_eq!(check("/api/tests/r/artifacts/1/content"), Some(Origin::Bearer));
        for path in
            ["/api/runs/r/artifacts/1/download", "/api/runs/r/artifacts", "/api/runs/content", "/ws/runs/content"]
        {
            assert_eq!(check(path), None, "{path}");
        }
        let rebound = headers(&[("host", "evil.example.com"), ("origin", "http://evil.example.com")]);
        assert!(guard.check(&Method::GET, "/api/runs/r/artifacts/1/content", &rebound).is_err());
    }

    #[test]
    fn a_link_from_elsewhere_may_be_followed_to_a_page_only() {
        let guard = Guard::default();
        let link = headers(&[("host", "localhost"), ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")]);
        assert!(guard.check(&Method::GET, "/runs/r", &link).is_ok());
        assert!(guard.check(&Method::GET, "/trace/", &link).is_ok());
        assert!(guard.check(&Method::GET, "/api/runs", &link).is_err());
        assert!(guard.check(&Method::POST, "/", &link).is_err());
    }
}
