//! Limits on each client: connections, requests a second, events a second. What a node can bear of all together is
//! bounded elsewhere; these keep one client from taking it all.
//!
//! A client is an address as long as nobody knows who sends a request, else the principal. [`middleware::limit`] asks
//! for each request, the handler of posts for its events.

use std::cell::RefCell;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use actix_web::dev::ServiceRequest;
use actix_web::http::StatusCode;
use actix_web::{HttpMessage as _, HttpRequest};
use tokio::sync::watch;
use tracing::{info, warn};

mod allowance;
mod key;
pub mod middleware;
mod open;
mod refusals;
mod table;
#[cfg(test)]
mod tests;

pub use allowance::Allowance;
pub use key::LimitKey;
use open::{Full, OpenCounts, OpenPlace};
use refusals::RefusalLog;
use table::LimitTable;

use super::client_ip;
use super::problem::Problem;
use crate::config::Network;

/// When a client may come again that has too many connections. It is not known when one of them ends.
const CONNECTIONS_WAIT: Duration = Duration::from_secs(5);

/// What each client may do: the section `limits`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitSettings {
    /// Connections of one client at a time; 0: without a limit.
    pub connections: usize,
    /// Requests of one client.
    pub requests: Allowance,
    /// Events that one client posts.
    pub events: Allowance,
    /// Clients that are remembered.
    pub max_clients: usize,
}

/// What a client has too many of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LimitKind {
    Connections,
    Requests,
    Events,
}

impl LimitKind {
    /// The label of the metric and the log.
    fn as_str(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Requests => "requests",
            Self::Events => "events",
        }
    }
}

/// A refusal: the client is over a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverLimit {
    kind: LimitKind,
    /// How long it has to wait.
    wait: Duration,
}

impl OverLimit {
    /// Code of the problem, and of the message before a WebSocket is closed.
    pub(super) const CODE: &'static str = "too_many_requests";

    /// Milliseconds that the client has to wait; never less than that.
    pub(super) fn wait_ms(self) -> u64 {
        u64::try_from(self.wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
    }

    /// What there is too much of, and which settings say so.
    pub(super) fn detail(self) -> &'static str {
        match self.kind {
            LimitKind::Connections => "more connections of one client than limits.connections allows",
            LimitKind::Requests => {
                "more requests of one client than limits.requests_per_sec and limits.request_burst allow"
            }
            LimitKind::Events => "more events of one client than limits.events_per_sec and limits.event_burst allow",
        }
    }
}

impl From<OverLimit> for Problem {
    fn from(exceeded: OverLimit) -> Self {
        let secs = exceeded.wait_ms().div_ceil(1000).max(1);
        Self::new(StatusCode::TOO_MANY_REQUESTS, OverLimit::CODE, exceeded.detail()).retry_after(secs)
    }
}

/// A connection, in the data of its requests: it counts as long as it is open.
#[derive(Debug)]
pub struct CountedConnection {
    /// Its place among those of its address; `None`: it has none, because it is a trusted proxy's, or one too many.
    place: Option<OpenPlace>,
    is_too_many: bool,
    /// The place of the run that is watched on it, if its client is not who the connection counts for.
    watching: RefCell<Option<OpenPlace>>,
}

impl CountedConnection {
    /// Whether its client has as many as it may without it.
    pub(super) fn is_too_many(&self) -> bool {
        self.is_too_many
    }
}

/// What the clients of a node have done lately, and what they may do. Clones share it; all worker threads ask it.
#[derive(Clone, Debug)]
pub struct RequestLimits(Arc<LimitState>);

#[derive(Debug)]
struct LimitState {
    settings: watch::Sender<LimitSettings>,
    trusted_proxies: Vec<Network>,
    started: Instant,
    table: LimitTable,
    /// Connections of addresses, from their start.
    connections: OpenCounts,
    /// Runs that are watched by principals, and by addresses behind trusted proxies.
    watching: OpenCounts,
    refusals: RefusalLog,
    /// Whether somebody was told that an address in `X-Forwarded-For` was not believed.
    told_of_forwarding: AtomicBool,
}

impl RequestLimits {
    /// Limits that may change while the node runs. `trusted_proxies` are believed about who their clients are.
    pub fn new(settings: watch::Sender<LimitSettings>, trusted_proxies: Vec<Network>) -> Self {
        Self(Arc::new(LimitState {
            settings,
            trusted_proxies,
            started: Instant::now(),
            table: LimitTable::default(),
            connections: OpenCounts::default(),
            watching: OpenCounts::default(),
            refusals: RefusalLog::default(),
            told_of_forwarding: AtomicBool::new(false),
        }))
    }

    fn settings(&self) -> LimitSettings {
        *self.0.settings.borrow()
    }

    /// Nanoseconds since the node's start.
    fn now(&self) -> u64 {
        u64::try_from(self.0.started.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Counts a connection that begins. One too many is not closed at once: its requests are answered, so that the
    /// client hears why.
    pub fn connect(&self, peer: Option<IpAddr>) -> CountedConnection {
        let peer = peer.filter(|peer| !client_ip::is_trusted(*peer, &self.0.trusted_proxies));
        let most = self.settings().connections;
        let place = peer.map(|peer| self.0.connections.enter(&LimitKey::of_address(peer), most)).transpose();
        let is_too_many = place.is_err();
        CountedConnection { place: place.ok().flatten(), is_too_many, watching: RefCell::default() }
    }

    /// Who the request counts for.
    pub fn key(&self, request: &HttpRequest) -> LimitKey {
        if let Some(key) = request.extensions().get::<LimitKey>() {
            return key.clone();
        }
        // There is an address for as long as the socket is open.
        let address = client_ip::of(request, &self.0.trusted_proxies);
        LimitKey::of_address(address.unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED)))
    }

    /// Takes one request of the client's allowance.
    ///
    /// # Errors
    /// There is none left; the refusal has been counted and logged.
    pub fn request(&self, key: &LimitKey) -> Result<(), OverLimit> {
        let LimitSettings { requests, max_clients, .. } = self.settings();
        if requests.is_unlimited() {
            return Ok(());
        }
        let now = self.now();
        let taken = self.0.table.with(key, max_clients, |spent| requests.take(&mut spent.requests, now, 1));
        taken.map_err(|wait| self.exceeded(key, LimitKind::Requests, wait))
    }

    /// Takes the events of a post.
    ///
    /// # Errors
    /// As with [`RequestLimits::request`].
    pub(super) fn events(&self, key: &LimitKey, count: usize) -> Result<(), OverLimit> {
        let LimitSettings { events, max_clients, .. } = self.settings();
        if events.is_unlimited() {
            return Ok(());
        }
        let now = self.now();
        let taken = self.0.table.with(key, max_clients, |spent| events.take(&mut spent.events, now, count as u64));
        taken.map_err(|wait| self.exceeded(key, LimitKind::Events, wait))
    }

    /// Counts somebody who begins to watch, for as long as the connection is open or until its next request. Where the
    /// connection itself counts for the same address, that is enough.
    fn watch(&self, key: &LimitKey, connection: &CountedConnection) -> Result<(), OverLimit> {
        if matches!(key, LimitKey::Address(_)) && connection.place.is_some() {
            return Ok(());
        }
        match self.0.watching.enter(key, self.settings().connections) {
            Ok(place) => drop(connection.watching.replace(Some(place))),
            Err(Full) => return Err(self.exceeded(key, LimitKind::Connections, CONNECTIONS_WAIT)),
        }
        Ok(())
    }

    /// Counts and logs a refusal.
    fn exceeded(&self, key: &LimitKey, kind: LimitKind, wait: Duration) -> OverLimit {
        metrics::counter!("runcast_limited_total", "kind" => kind.as_str()).increment(1);
        if self.logs(key) {
            info!(client = %key, limit = kind.as_str(), wait_ms = wait.as_millis() as u64, "client over its limit");
        }
        OverLimit { kind, wait }
    }

    /// Whether a refusal of this client may have a line in the log; if not, it is counted.
    pub(super) fn logs(&self, key: &LimitKey) -> bool {
        self.0.refusals.admits(key, self.now())
    }

    /// Logs how many refusals had no line since the last call.
    pub fn tell_refusals(&self) {
        self.0.refusals.tell(self.now());
    }

    /// Says once that an address in `X-Forwarded-For` is not believed, because who sends it is no trusted proxy.
    fn tell_of_forwarding(&self, request: &ServiceRequest) {
        if !request.headers().contains_key("x-forwarded-for") || self.0.told_of_forwarding.load(Ordering::Relaxed) {
            return;
        }
        let Some(peer) = request.peer_addr().map(|peer| peer.ip().to_canonical()) else { return };
        if client_ip::is_trusted(peer, &self.0.trusted_proxies)
            || self.0.told_of_forwarding.swap(true, Ordering::Relaxed)
        {
            return;
        }
        warn!(
            %peer,
            "X-Forwarded-For is ignored: this peer is not in server.trusted_proxies, and all who come through it count \
             as one client"
        );
    }
}
