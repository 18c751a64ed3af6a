//! Who may do what over HTTP. One middleware finds out who sends a request and whether it may, before any handler; what a
//! route needs stands in `openapi.json`.

use std::time::Duration;

use super::problem::Problem;
use crate::access::Authenticator;
use crate::actors::session::RightsEnd;
use crate::protocol::Timestamp;

mod cookies;
pub mod middleware;
pub mod needs;
mod rights;

use cookies::Cookies;
pub(super) use rights::{RequestRights, unauthenticated};

/// Who may do something on this server.
#[derive(Clone, Debug)]
pub struct AccessPolicy {
    /// Verifies credentials; `None`: everybody may do everything.
    authenticator: Option<Authenticator>,
    cookies: Cookies,
    times: AccessTimes,
}

/// How long credentials last that are made here.
#[derive(Clone, Copy, Debug)]
pub struct AccessTimes {
    /// Days of an API key, if it is not said.
    pub key_days: u64,
    /// Hours of a session.
    pub session_hours: u64,
    /// How long before its end somebody who watches is told of it.
    pub warn: Duration,
}

impl AccessPolicy {
    /// The policy of `auth.mode`, on a server that is reached by `public_url`.
    pub fn new(authenticator: Option<Authenticator>, times: AccessTimes, public_url: &str) -> Self {
        Self { authenticator, cookies: Cookies::of_server(public_url), times }
    }

    /// Whether everybody may do everything.
    pub fn is_open(&self) -> bool {
        self.authenticator.is_none()
    }

    /// When the rights of a connection that is opened now end: when they expire or are revoked. `None`: never.
    pub(super) fn end_of(&self, rights: &RequestRights) -> Option<RightsEnd> {
        let (authenticator, identity) = (self.authenticator.clone()?, rights.identity()?.clone());
        let warning = authenticator.expires_soon(&identity, self.times.warn);
        Some(RightsEnd::new(warning, async move { authenticator.ends(&identity).await }))
    }

    /// How cookies are called and set.
    pub(super) fn cookies(&self) -> Cookies {
        self.cookies
    }

    /// Days of an API key, if it is not said.
    pub(super) fn key_days(&self) -> u64 {
        self.times.key_days
    }

    /// The end of a session that begins now.
    pub(super) fn session_end(&self, now: Timestamp) -> Timestamp {
        now.plus_millis((self.times.session_hours * 3_600_000) as i64)
    }

    /// What verifies credentials.
    pub(super) fn authenticator(&self) -> Result<&Authenticator, Problem> {
        let detail = "auth.mode is open on this server: there are no credentials";
        self.authenticator.as_ref().ok_or_else(|| Problem::bad_request("access_is_open", detail))
    }
}
