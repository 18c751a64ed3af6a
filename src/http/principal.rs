//! Who sends a request. This is the one place where that is found out; whatever is asked for is asked in this name.
//!
//! Where access is open, the server knows nobody: a client says who it is, by `userId` in the query or the header `Runcast-User`. Whoever
//! gives no name is `anon:` and what stays the same at each of its requests: the id that it keeps (`clientId` or
//! `Runcast-Client`), else the session of its WebSocket, else its address. Everybody is a person, but for those that come
//! through the Model Context Protocol, and nobody is verified. With `auth.mode = "token"` it is who the credential says.

use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use serde::Deserialize;

use super::access::RequestRights;
use super::client_ip;
use super::edge::WatchEdge;
use super::problem::Problem;
use crate::access::Identity;
use crate::protocol::{MCP_SUBJECT, Principal, PrincipalKind, Via, connection};

/// Lengths of the id that a client keeps.
const CLIENT_ID: std::ops::RangeInclusive<usize> = 8..=64;

/// Query parameters that say who sends a request.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CallerQuery {
    user_id: Option<String>,
    client_id: Option<String>,
}

/// Who sends a request, as it says itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Caller {
    /// The name.
    pub(super) user: Option<Arc<str>>,
    /// The id that the client keeps.
    client: Option<Arc<str>>,
    /// Its address.
    address: Option<std::net::IpAddr>,
    /// Who it is, where credentials say so.
    verified: Option<Arc<Identity>>,
}

impl Caller {
    pub(super) fn of(request: &HttpRequest, rights: &RequestRights) -> Result<Self, Problem> {
        if let Some(identity) = rights.identity() {
            let user = Some(identity.name.clone());
            return Ok(Self { user, client: None, address: None, verified: Some(identity.clone()) });
        }
        let query = web::Query::<CallerQuery>::from_query(request.query_string()).map(web::Query::into_inner);
        let query = query.map_err(|error| Problem::bad_request("invalid_query", error.to_string()))?;
        let header = |name: &'static str, code: &'static str| match request.headers().get(name) {
            None => Ok(None),
            Some(value) => std::str::from_utf8(value.as_bytes())
                .map(Some)
                .map_err(|_| Problem::bad_request(code, format!("{name} must be UTF-8"))),
        };
        let (user, from) = match query.user_id.as_deref().filter(|user| !user.is_empty()) {
            Some(user) => (Some(user), "userId"),
            None => (header("runcast-user", "invalid_user_id")?, "Runcast-User"),
        };
        let user = connection::user(user.unwrap_or_default())
            .map_err(|error| Problem::bad_request("invalid_user_id", format!("{from} {error}")))?;
        let client = match query.client_id.as_deref() {
            Some(client) => Some(client),
            // With a slash it is a client's name and version.
            None => header("runcast-client", "invalid_client_id")?.filter(|client| !client.contains('/')),
        };
        let client = client.map(client_id).transpose()?;
        let trusted = request.app_data::<web::Data<WatchEdge>>().map_or(&[][..], |edge| &edge.trusted_proxies);
        Ok(Self { user, client, address: client_ip::of(request, trusted), verified: None })
    }

    /// One that sends a request over HTTP.
    pub(super) fn over_http(&self) -> Principal {
        if let Some(identity) = &self.verified {
            return identity.principal(Via::Http);
        }
        match (&self.user, &self.client, self.address) {
            (Some(user), ..) => Principal::named(user, Via::Http),
            (None, Some(client), _) => Principal::anonymous(client, Via::Http),
            (None, None, Some(address)) => Principal::anonymous(address, Via::Http),
            // There is an address for as long as the socket is open.
            (None, None, None) => Principal::anonymous("unknown", Via::Http),
        }
    }

    /// An agent, by the name or address of whoever sends its requests. It is never the person of that name: what one of
    /// them has taken, the other has not.
    pub(super) fn over_mcp(&self) -> Principal {
        let by = self.over_http();
        Principal {
            subject: format!("{MCP_SUBJECT}{}", by.subject).into(),
            kind: PrincipalKind::Agent,
            via: Via::Mcp,
            ..by
        }
    }

    /// One that opens a WebSocket; `None`: it has no name but its session's id.
    pub(super) fn over_websocket(&self) -> Option<Principal> {
        if let Some(identity) = &self.verified {
            return Some(identity.principal(Via::Ws));
        }
        match (&self.user, &self.client) {
            (Some(user), _) => Some(Principal::named(user, Via::Ws)),
            (None, Some(client)) => Some(Principal::anonymous(client, Via::Ws)),
            (None, None) => None,
        }
    }
}

fn client_id(text: &str) -> Result<Arc<str>, Problem> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if CLIENT_ID.contains(&text.len()) && text.bytes().all(fits) {
        return Ok(text.into());
    }
    let detail = "clientId and Runcast-Client must be 8 to 64 of A-Z a-z 0-9 - _";
    Err(Problem::bad_request("invalid_client_id", detail))
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request, &RequestRights::of_request(request)))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn caller(uri: &str, headers: &[(&'static str, &'static str)]) -> Result<Caller, String> {
        let request = headers.iter().fold(TestRequest::with_uri(uri), |r, header| r.append_header(*header));
        let request = request.peer_addr("198.51.100.7:1".parse().unwrap()).to_http_request();
        Caller::of(&request, &RequestRights::everybodys()).map_err(|problem| problem.to_string())
    }

    #[test]
    fn a_caller_is_known_by_its_name_else_by_the_id_that_it_keeps_else_by_its_address() {
        let user = ("runcast-user", "Ben");
        let client = ("runcast-client", "abcdefgh-1");
        for (uri, headers, http, socket) in [
            ("/?userId=Ann%20%C3%96", &[user, client][..], "Ann Ö", Some("Ann Ö")),
            ("/?userId=", &[user, client], "Ben", Some("Ben")),
            ("/", &[client], "anon:abcdefgh-1", Some("anon:abcdefgh-1")),
            ("/?clientId=12345678&x=y", &[client], "anon:12345678", Some("anon:12345678")),
            ("/", &[("runcast-client", "@runcast/client/0.4.0")], "anon:198.51.100.7", None),
            ("/", &[], "anon:198.51.100.7", None),
        ] {
            let caller = caller(uri, headers).unwrap();
            let (over_http, over_socket) = (caller.over_http(), caller.over_websocket());
            assert_eq!(&*over_http.subject, http, "{uri}");
            assert_eq!(over_socket.as_ref().map(|by| &*by.subject), socket, "{uri}");
            assert!(!over_http.verified && over_http.via == Via::Http, "{uri}");
            assert!(over_socket.is_none_or(|by| by.via == Via::Ws && !by.verified), "{uri}");
            let agent = caller.over_mcp();
            assert_eq!((&*agent.subject, agent.kind), (&*format!("mcp:{http}"), PrincipalKind::Agent), "{uri}");
            assert_eq!(agent.name, over_http.name, "{uri}");
        }
    }

    #[test]
    fn names_and_ids_are_checked() {
        for (uri, headers, code) in [
            ("/?userId=a%0Ab", &[][..], "invalid_user_id"),
            ("/", &[("runcast-client", "short")], "invalid_client_id"),
            ("/?clientId=with%20spaces%20in%20it", &[], "invalid_client_id"),
        ] {
            assert!(caller(uri, headers).unwrap_err().contains(code), "{uri}");
        }
        let long = format!("/?userId={}", "x".repeat(129));
        assert!(caller(&long, &[]).unwrap_err().contains("invalid_user_id"));
    }
}
