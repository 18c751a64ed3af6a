//! The host that a request is for, and URLs of it.

use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderMap};
use actix_web::http::{StatusCode, Uri};

use super::problem::Problem;
use crate::protocol::head::Host;

/// The host that a request is for; `None` if it names none, as HTTP/1.0 allows. A host in the request target (RFC 9112,
/// 3.2.2) must equal the one in `Host`.
///
/// # Errors
/// A request is refused if its host is invalid or if it names two hosts. No route serves such a request.
pub(super) fn of<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Result<Option<Host<'a>>, Problem> {
    let refuse = |text: &str| {
        let text: String = text.chars().take(80).collect();
        let detail = format!("Host must be host[:port], once, not {text:?}");
        Problem::new(StatusCode::BAD_REQUEST, "invalid_host", detail)
    };
    let mut named = headers.get_all(header::HOST).map(|value| value.to_str().unwrap_or("\u{fffd}"));
    let (first, second) = (named.next(), named.next());
    if let Some(second) = second {
        return Err(refuse(second));
    }
    let parse = |text: &'a str| Host::parse(text).ok_or_else(|| refuse(text));
    let host = first.filter(|text| !text.is_empty()).map(parse).transpose()?;
    match (host, uri.authority().map(|authority| authority.as_str())) {
        (Some(host), Some(target)) if !host.to_string().eq_ignore_ascii_case(target) => Err(refuse(target)),
        (None, Some(target)) => parse(target).map(Some),
        _ => Ok(host),
    }
}

/// Puts the host by which this server is reached before a URL that has none: `server.public_url`, else the one that the
/// request names.
pub(super) fn absolute(request: &HttpRequest, public_url: &str, url: String) -> String {
    if !url.starts_with('/') {
        return url;
    }
    match public_url {
        "" => {
            // The host as it was parsed: nothing else can be hidden in it.
            let host = of(request.uri(), request.headers()).ok().flatten().map(|host| host.to_string());
            format!("http://{}{url}", host.as_deref().unwrap_or("localhost"))
        }
        public => format!("{public}{url}"),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn named(target: &str, hosts: &[&'static str]) -> Result<Option<String>, String> {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(header::HOST, HeaderValue::from_static(host));
        }
        let host = of(&Uri::try_from(target).unwrap(), &headers).map(|host| host.map(|host| host.to_string()));
        host.map_err(|problem| problem.to_string())
    }

    #[test]
    fn a_request_names_one_host_or_none() {
        assert_eq!(named("/", &["localhost:3001"]), Ok(Some("localhost:3001".into())));
        assert_eq!(named("/", &[]), Ok(None));
        assert_eq!(named("/", &[""]), Ok(None));
        assert_eq!(named("http://localhost:3001/x", &["LOCALHOST:3001"]), Ok(Some("LOCALHOST:3001".into())));
        assert_eq!(named("http://localhost/x", &[]), Ok(Some("localhost".into())));
        for (target, hosts) in [
            ("/", &["127.0.0.1:@evil.com"][..]),
            ("/", &["localhost", "localhost"]),
            ("/", &["localhost", "evil.com"]),
            ("http://evil.com/", &["localhost"]),
            ("http://user@localhost/", &["localhost"]),
            ("http://user@localhost/", &[]),
        ] {
            assert!(named(target, hosts).unwrap_err().contains("invalid_host"), "{target} {hosts:?}");
        }
    }
}
