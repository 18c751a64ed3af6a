//! Who may do what over HTTP. One middleware finds out who sends a request and whether it may, before any handler; what a
//! route needs stands in `openapi.json`.

use std::sync::Arc;
use std::time::Duration;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, HttpResponse, ResponseError as _, web};
use tokio::sync::watch;

use super::api::events::run_id;
use super::origin::OriginPolicy;
use super::pages::{PagePolicies, missing};
use super::problem::Problem;
use super::route;
use crate::access::{AuthError, Authenticator, Identity};
use crate::actors::session::RightsEnd;
use crate::protocol::Timestamp;

mod cookies;
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

/// Middleware that refuses who may not do what it asks for: with 401 or 403, before anything is looked up, so that both are
/// the same whether a run exists or not.
pub async fn authorize<B: MessageBody + 'static>(
    policy: web::Data<AccessPolicy>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let Some(authenticator) = &policy.authenticator else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    // What is no route is not routed: whatever its path is read as later, nothing stands behind it.
    let Some(pattern) = route::pattern(&request) else { return no_route(request).await };
    match permitted((&policy, authenticator), &request, &pattern).await {
        Ok(rights) => {
            request.extensions_mut().insert(rights);
            Ok(next.call(request).await?.map_into_boxed_body())
        }
        Err(problem) => Ok(request.into_response(problem.error_response())),
    }
}

/// What the sender of the request may do, if it may send it.
async fn permitted(
    (policy, authenticator): (&AccessPolicy, &Authenticator),
    request: &ServiceRequest,
    pattern: &str,
) -> Result<RequestRights, Problem> {
    let needed = needs::of(request.method().as_str(), pattern);
    let identities = match (identify(policy, authenticator, request).await, needed) {
        // What is public is so for everybody, also for who has a credential of yesterday.
        (Err(_), Some(needed)) if needed.is_empty() => Vec::new(),
        (found, _) => found?,
    };
    // actix answers a method that the route has not.
    let Some(needed) = needed else { return Ok(RequestRights::of(identities, Default::default(), None)) };
    let run = match needed.is_empty() {
        true => None,
        false => route::part(request, pattern, "{runId}").map(|text| run_id(&text)),
    };
    // Who is nobody learns nothing, not even whether it wrote the run's name right.
    let run = match run {
        Some(Err(problem)) if !identities.is_empty() => return Err(problem),
        Some(run) => run.ok(),
        None => None,
    };
    let rights = RequestRights::of(identities, needed, run.as_ref());
    rights.require(needed, run.as_ref())?;
    Ok(rights)
}

/// Those whose credentials the request has.
async fn identify(
    policy: &AccessPolicy,
    authenticator: &Authenticator,
    request: &ServiceRequest,
) -> Result<Vec<Arc<Identity>>, Problem> {
    let mut found = Vec::new();
    if let Some(token) = rights::bearer(request.headers())? {
        found.push(authenticator.authenticate(token).await?);
    }
    let origins = request.app_data::<web::Data<watch::Sender<OriginPolicy>>>();
    if !origins.is_some_and(|origins| origins.borrow().cookies_count(request.headers())) {
        return Ok(found);
    }
    // A proxy that has people log in adds its token to whatever their browsers send.
    for name in authenticator.token_headers() {
        if let Some(token) = request.headers().get(name).and_then(|value| value.to_str().ok()) {
            found.push(authenticator.authenticate(token).await?);
        }
    }
    let (session, shares) = policy.cookies.secrets(request.headers());
    for secret in session.into_iter().chain(shares) {
        match authenticator.authenticate(secret).await {
            Ok(identity) => found.push(identity),
            Err(error @ AuthError::Unavailable(_)) => return Err(error.into()),
            // A browser goes on to show what is over.
            Err(_) => {}
        }
    }
    Ok(found)
}

async fn no_route(request: ServiceRequest) -> Result<ServiceResponse<BoxBody>, Error> {
    let Some(policies) = request.app_data::<web::Data<PagePolicies>>().cloned() else {
        return Ok(request.into_response(HttpResponse::NotFound().finish()));
    };
    let (request, _) = request.into_parts();
    let answer = missing(request.clone(), policies).await.unwrap_or_else(|problem| problem.error_response());
    Ok(ServiceResponse::new(request, answer))
}
