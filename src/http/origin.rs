//! The hosts and origins that the node serves. The defaults are safe, also on localhost.
//!
//! A page of another site must not reach a server on a developer's machine, neither by a cross-site request nor by DNS
//! rebinding (a name of its own that resolves to 127.0.0.1).

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::http::{ConnectionType, Method, StatusCode, Uri};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, HttpResponse, ResponseError as _, web};
use tokio::sync::watch;

use super::crowd::{is_crowded, is_served_in_a_crowd};
use super::expect::BodyLimits;
use super::host;
use super::limits::RequestLimits;
use super::problem::{Problem, saturated};
use super::watch::upgrade::{Upgradable, decide};
use crate::node::Node;
use crate::protocol::head::{Host, UpgradeDecision, is_live_trace_viewer};

/// The hosts and origins that a node serves.
#[derive(Clone, Debug, Default)]
pub struct OriginPolicy {
    /// Origin of `server.public_url`: `https://host[:port]`.
    public_origin: Option<String>,
    allowed_origins: Vec<String>,
    /// Names, and `*.name` for all names below one.
    allowed_hosts: Vec<String>,
}

/// Routes that are served under any host name: probes and scrapers use names of their own, and these routes reveal
/// nothing private.
const ANY_HOST: [&str; 3] = ["/health", "/ready", "/metrics"];

/// Response headers that pages of other origins may read.
const EXPOSED: &str = "Accept-Ranges, Content-Disposition, Content-Range, ETag, Retry-After";

/// The origin of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RequestOrigin {
    /// Not a cross-origin request of a browser.
    None,
    /// One of our own pages.
    Same,
    /// Another origin, allowed by the configuration.
    Allowed,
    /// Another origin that uses a signed URL.
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

impl OriginPolicy {
    /// Builds the policy from `server.public_url` (empty: none), `server.allowed_origins` and `server.allowed_hosts`.
    pub fn new(public_url: &str, allowed_origins: &[String], allowed_hosts: &[String]) -> Self {
        let public_origin = public_url
            .split_once("://")
            .map(|(scheme, rest)| format!("{scheme}://{}", rest.split('/').next().unwrap_or_default()));
        let allowed_origins = allowed_origins.iter().map(|origin| origin.trim_end_matches('/').to_owned()).collect();
        Self { public_origin, allowed_origins, allowed_hosts: allowed_hosts.to_vec() }
    }

    /// Whether requests for this host are served: for an address, localhost, our public name or an allowed name.
    /// Anybody can make some other name resolve to us.
    fn serves(&self, host: Host<'_>) -> bool {
        let public = self.public_origin.as_deref().and_then(authority).and_then(Host::parse);
        host.is_own()
            || public.is_some_and(|public| host.matches(public.name()))
            || self.allowed_hosts.iter().any(|pattern| host.matches(pattern))
    }

    fn origin(&self, headers: &HeaderMap) -> RequestOrigin {
        let Some(origin) = text(headers, "origin") else {
            return match text(headers, "sec-fetch-site") {
                Some("cross-site") => RequestOrigin::Foreign,
                _ => RequestOrigin::None,
            };
        };
        let ours = text(headers, "host");
        if authority(origin).is_some_and(|theirs| ours.is_some_and(|ours| ours.eq_ignore_ascii_case(theirs)))
            || self.public_origin.as_deref().is_some_and(|public| public.eq_ignore_ascii_case(origin))
        {
            RequestOrigin::Same
        } else if self.allowed_origins.iter().any(|allowed| allowed == "*" || allowed.eq_ignore_ascii_case(origin)) {
            RequestOrigin::Allowed
        } else {
            RequestOrigin::Foreign
        }
    }

    /// Whether the request follows a link to a page or a client package. A link from another site (a chat, a CI report)
    /// is no cross-site request for data.
    fn is_navigation(method: &Method, path: &str, headers: &HeaderMap) -> bool {
        matches!(*method, Method::GET | Method::HEAD)
            && (path == "/"
                || ["/runs/", "/trace/", "/clients/", "/s/", "/auth/"].iter().any(|page| path.starts_with(page))
                || is_live_trace_viewer(path))
            && text(headers, "origin").is_none()
            && text(headers, "sec-fetch-mode") == Some("navigate")
    }

    /// Whether the path is that of a signed URL. Whoever has it may use it from any origin, as with those of an object
    /// store.
    fn is_signed(path: &str) -> bool {
        let parts: Vec<&str> = path.split('/').collect();
        matches!(parts.as_slice(), ["", "api", "runs" | "tests", _, "artifacts", _, "content"])
    }

    /// Whether what a browser adds by itself counts, cookies above all: our own page has sent the request, or the person in
    /// front of the browser.
    pub(super) fn cookies_count(&self, headers: &HeaderMap) -> bool {
        match (text(headers, "origin"), text(headers, "sec-fetch-site")) {
            (Some(origin), _) => match self.public_origin.as_deref() {
                // By the public name it must be by the public scheme, too.
                Some(public) if authority(public) == authority(origin) => public.eq_ignore_ascii_case(origin),
                _ => self.origin(headers) == RequestOrigin::Same,
            },
            (None, site) => matches!(site, Some("same-origin" | "none")),
        }
    }

    fn check(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<RequestOrigin, Problem> {
        let path = uri.path();
        let refuse = |code, detail: String| Err(Problem::new(StatusCode::FORBIDDEN, code, detail));
        if let Some(host) = host::of(uri, headers)?
            && !self.serves(host)
            && !ANY_HOST.contains(&path)
        {
            let name = host.name();
            let detail = format!(
                "Host {name:?} is neither loopback, an address, in server.allowed_hosts, nor that of server.public_url"
            );
            return refuse("host_not_allowed", detail);
        }
        let origin = self.origin(headers);
        if origin == RequestOrigin::Foreign && Self::is_signed(path) {
            return Ok(RequestOrigin::Bearer);
        }
        if origin == RequestOrigin::Foreign && !Self::is_navigation(method, path, headers) {
            let theirs = text(headers, "origin").unwrap_or("cross-site");
            return refuse("origin_not_allowed", format!("Origin {theirs:?} is not in server.allowed_origins"));
        }
        Ok(origin)
    }
}

/// A path without what must not stand in a log: the secret of a share link.
fn loggable(path: &str) -> &str {
    if path.trim_start_matches('/').starts_with("s/") { "/s/.." } else { path }
}

/// Answers with the problem and ends the connection: further bytes on it can't be trusted, or are not wanted.
fn closing(request: ServiceRequest, problem: &Problem) -> ServiceResponse<BoxBody> {
    let mut response = request.into_response(problem.error_response());
    response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    response
}

/// Middleware that refuses what [`OriginPolicy`] does not serve, upgrades that are no WebSocket handshakes, and bodies
/// whose announced length is too large. It also answers preflights and marks what other origins may read.
pub async fn check_origin<B: MessageBody + 'static>(
    policy: web::Data<watch::Sender<OriginPolicy>>,
    limits: web::Data<watch::Sender<BodyLimits>>,
    (node, clients): (web::Data<Node>, web::Data<RequestLimits>),
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let checked = policy.borrow().check(request.method(), request.uri(), request.headers());
    let origin = match checked {
        Ok(origin) => origin,
        Err(problem) => {
            let client = clients.key(request.request());
            if clients.logs(&client) {
                tracing::info!(path = loggable(request.path()), %client, %problem, "request refused");
            }
            return Ok(request.into_response(problem.error_response()));
        }
    };
    let upgradable = request.extensions().contains::<Upgradable>();
    let decision = decide(request.head(), upgradable);
    if let UpgradeDecision::Refuse(refusal) = decision {
        return Ok(closing(request, &refusal.into()));
    }
    let is_crowded = is_crowded(&node, &request);
    if is_crowded && !is_served_in_a_crowd(&request, decision) {
        return Ok(request.into_response(saturated().error_response()));
    }
    let refused = limits.borrow().refuse(request.head());
    if let Some(problem) = refused {
        return Ok(request.into_response(problem.error_response()));
    }
    let theirs = request.headers().get(header::ORIGIN).cloned();
    let preflight =
        *request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = match preflight && matches!(origin, RequestOrigin::Allowed | RequestOrigin::Bearer) {
        true => request.into_response(HttpResponse::NoContent().finish()),
        false => next.call(request).await?.map_into_boxed_body(),
    };
    if is_crowded && decision == UpgradeDecision::WebSocket && response.status() != StatusCode::SWITCHING_PROTOCOLS {
        // A crowded node accepts only a request that becomes a WebSocket, which it then closes with 1013.
        let (request, _) = response.into_parts();
        return Ok(ServiceResponse::new(request, saturated().error_response()));
    }
    if let (RequestOrigin::Allowed | RequestOrigin::Bearer, Some(theirs)) = (origin, theirs) {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, theirs);
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
        if preflight {
            let methods = HeaderValue::from_static("GET, HEAD, POST, PUT, DELETE");
            let allowed = "Authorization, Content-Digest, Content-MD5, Content-Type, Content-Encoding, Digest, Idempotency-Key, \
                           If-None-Match, If-Range, Last-Event-ID, Range, Runcast-Claim-Key, Runcast-Client, \
                           Runcast-Commands-After, Runcast-Kind, Runcast-Producer, Runcast-Producer-Seq, \
                           Runcast-Producer-Gap, Runcast-Test, Runcast-User";
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

    fn ask(
        policy: &OriginPolicy,
        method: Method,
        path: &'static str,
        headers: &HeaderMap,
    ) -> Result<RequestOrigin, String> {
        policy.check(&method, &Uri::from_static(path), headers).map_err(|problem| problem.to_string())
    }

    fn check(pairs: &[(&'static str, &'static str)]) -> Result<RequestOrigin, &'static str> {
        let allowed = ["*.ci.example.org".to_owned(), "runcast".to_owned()];
        let policy = OriginPolicy::new("https://runs.example.com/x", &["https://ci.example.org".to_owned()], &allowed);
        ask(&policy, Method::POST, "/api/runs/r/events", &headers(pairs)).map_err(|problem| {
            let codes = [("invalid_host", "malformed"), ("host_not_allowed", "host"), ("origin_not_allowed", "origin")];
            codes.into_iter().find(|(code, _)| problem.contains(code)).unwrap().1
        })
    }

    #[test]
    fn names_that_could_be_anybodys_are_refused() {
        for host in [
            "127.0.0.1:3001",
            "localhost:3001",
            "[::1]:3001",
            "10.0.0.7",
            "runs.example.com",
            "RUNS.example.com:443",
            "runcast:3001",
            "a.ci.example.org",
        ] {
            assert_eq!(check(&[("host", host)]), Ok(RequestOrigin::None), "{host}");
        }
        for host in ["evil.example.com", "127.0.0.1.evil.example.com", "ci.example.org", "a.runs.example.com"] {
            assert_eq!(check(&[("host", host)]), Err("host"), "{host}");
        }
        assert_eq!(check(&[("host", "127.0.0.1:@evil.example.com")]), Err("malformed"));
        assert_eq!(check(&[]), Ok(RequestOrigin::None), "HTTP/1.0 probes send none");
    }

    #[test]
    fn probes_and_scrapers_come_by_any_name_that_is_one() {
        let policy = OriginPolicy::default();
        for path in ANY_HOST {
            assert!(ask(&policy, Method::GET, path, &headers(&[("host", "evil.example.com")])).is_ok(), "{path}");
            assert!(ask(&policy, Method::GET, path, &headers(&[("host", "127.0.0.1:@evil.com")])).is_err(), "{path}");
        }
        assert!(ask(&policy, Method::GET, "/api/actors", &headers(&[("host", "evil.example.com")])).is_err());
    }

    #[test]
    fn foreign_origins_are_refused_unless_allowed() {
        let host = ("host", "127.0.0.1:3001");
        assert_eq!(check(&[host, ("origin", "http://127.0.0.1:3001")]), Ok(RequestOrigin::Same));
        assert_eq!(check(&[host, ("origin", "https://runs.example.com")]), Ok(RequestOrigin::Same));
        assert_eq!(check(&[host, ("origin", "https://ci.example.org")]), Ok(RequestOrigin::Allowed));
        assert_eq!(check(&[host, ("origin", "http://127.0.0.1:3002")]), Err("origin"));
        assert_eq!(check(&[host, ("origin", "null")]), Err("origin"));
        assert_eq!(check(&[host, ("sec-fetch-site", "cross-site")]), Err("origin"));
        assert_eq!(check(&[host, ("sec-fetch-site", "same-origin")]), Ok(RequestOrigin::None));
    }

    #[test]
    fn a_secret_in_a_path_is_not_logged() {
        assert_eq!(loggable("/s/rcast_x"), "/s/..");
        assert_eq!(loggable("//s/rcast_x"), "/s/..");
        assert_eq!(loggable("/api/runs/s/events"), "/api/runs/s/events");
    }

    #[test]
    fn cookies_count_where_our_own_page_or_the_person_asks() {
        let policy = OriginPolicy::new("https://runs.example.com", &["https://ci.example.org".to_owned()], &[]);
        let host = ("host", "runs.example.com");
        for (header, count) in [
            (("origin", "https://runs.example.com"), true),
            (("origin", "http://runs.example.com"), false),
            (("origin", "https://ci.example.org"), false),
            (("origin", "null"), false),
            (("sec-fetch-site", "same-origin"), true),
            (("sec-fetch-site", "none"), true),
            (("sec-fetch-site", "same-site"), false),
            (("sec-fetch-site", "cross-site"), false),
            (("accept", "*/*"), false),
        ] {
            assert_eq!(policy.cookies_count(&headers(&[host, header])), count, "{header:?}");
        }
        let local = headers(&[("host", "127.0.0.1:3001"), ("origin", "http://127.0.0.1:3001")]);
        assert!(OriginPolicy::default().cookies_count(&local));
    }

    #[test]
    fn a_signed_url_may_be_used_from_anywhere() {
        let policy = OriginPolicy::default();
        let foreign = headers(&[("host", "localhost"), ("origin", "https://trace.example.org")]);
        let check = |path| ask(&policy, Method::GET, path, &foreign).ok();
        assert_eq!(check("/api/runs/r/artifacts/1/content"), Some(RequestOrigin::Bearer));
        assert_eq!(check("/api/tests/r/artifacts/1/content"), Some(RequestOrigin::Bearer));
        for path in
            ["/api/runs/r/artifacts/1/download", "/api/runs/r/artifacts", "/api/runs/content", "/ws/runs/content"]
        {
            assert_eq!(check(path), None, "{path}");
        }
        let rebound = headers(&[("host", "evil.example.com"), ("origin", "http://evil.example.com")]);
        assert!(ask(&policy, Method::GET, "/api/runs/r/artifacts/1/content", &rebound).is_err());
    }

    #[test]
    fn a_link_from_elsewhere_may_be_followed_to_a_page_only() {
        let policy = OriginPolicy::default();
        let link = headers(&[("host", "localhost"), ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")]);
        assert!(ask(&policy, Method::GET, "/runs/r", &link).is_ok());
        assert!(ask(&policy, Method::GET, "/trace/", &link).is_ok());
        assert!(ask(&policy, Method::GET, "/live-traces/r/t/v/?isServer", &link).is_ok());
        assert!(ask(&policy, Method::GET, "/live-traces/r/t/1/traces.dir", &link).is_err());
        assert!(ask(&policy, Method::GET, "/live-traces/r/t/1/resources/a.html", &link).is_err());
        assert!(ask(&policy, Method::GET, "/live-traces/r/t/ws", &link).is_err());
        assert!(ask(&policy, Method::GET, "/api/runs", &link).is_err());
        assert!(ask(&policy, Method::POST, "/", &link).is_err());
    }
}
