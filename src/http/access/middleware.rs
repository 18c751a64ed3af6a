//! Finds out who sends a request and whether it may.

use std::sync::Arc;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, HttpResponse, ResponseError as _, web};
use tokio::sync::watch;

use super::super::api::events::run_id;
use super::super::audit::Auditor;
use super::super::limits::{LimitKey, RequestLimits};
use super::super::origin::OriginPolicy;
use super::super::pages::{PagePolicies, missing};
use super::super::problem::Problem;
use super::super::route;
use super::{AccessPolicy, RequestRights, needs, rights};
use crate::access::{AuthError, Authenticator, Identity};
use crate::audit::AuditAction;

/// The route that says who asks.
const WHO: &str = "/api/me";

/// Middleware that refuses who may not do what it asks for: with 401 or 403, before anything is looked up, so that both are
/// the same whether a run exists or not. What is refused counts for its address, and so does a credential that this node
/// has to look up: whoever guesses is limited, and those who are known there are not.
pub async fn authorize<B: MessageBody + 'static>(
    (policy, limits): (web::Data<AccessPolicy>, web::Data<RequestLimits>),
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let Some(authenticator) = &policy.authenticator else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    let counted = || limits.request(&limits.key(request.request())).map_err(Problem::from);
    // What is no route is not routed: whatever its path is read as later, nothing stands behind it.
    let Some(pattern) = route::pattern(&request) else {
        return match counted() {
            Ok(()) => no_route(request).await,
            Err(problem) => Ok(request.into_response(problem.error_response())),
        };
    };
    let response = match permitted((&policy, authenticator), &counted, &request, &pattern).await {
        Ok(identity) => {
            // Guests count for their addresses: one of them is not to use up what a link is good for.
            if let Some(identity) = identity.filter(|identity| !identity.is_guest()) {
                request.extensions_mut().insert(LimitKey::Principal(identity.subject.clone()));
            }
            next.call(request).await?.map_into_boxed_body()
        }
        Err(problem) => {
            let problem = counted().err().unwrap_or(problem);
            request.into_response(problem.error_response())
        }
    };
    if matches!(response.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
        tell_refused(&limits, &response, &pattern);
    }
    Ok(response)
}

/// Writes into the audit log that somebody was refused, as often as the log has lines about a client.
fn tell_refused(limits: &RequestLimits, response: &ServiceResponse<BoxBody>, pattern: &str) {
    let request = response.request();
    if limits.logs(&limits.key(request)) {
        let asked = format!("{} {pattern}", request.method());
        let run = route::part_of(request.path(), pattern, "{runId}").and_then(|text| run_id(&text).ok());
        let audit = Auditor::of(request);
        audit.did(AuditAction::Refused).run(run.as_ref()).item(&asked).outcome(response.status().as_str()).write();
    }
}

/// Who sends the request, if it may be sent. What the sender may do is in the request's data then, also if it may not do this.
async fn permitted(
    (policy, authenticator): (&AccessPolicy, &Authenticator),
    counted: &impl Fn() -> Result<(), Problem>,
    request: &ServiceRequest,
    pattern: &str,
) -> Result<Option<Arc<Identity>>, Problem> {
    let needed = needs::of(request.method().as_str(), pattern);
    let identities = match (identify(policy, authenticator, counted, request).await, needed) {
        // What is public is so for everybody, also for who has a credential of yesterday; but who asks what it may do is not
        // told that it is nobody when that can't be said.
        (Err(problem), Some(needed))
            if needed.is_empty() && (pattern != WHO || problem.status_code() == StatusCode::UNAUTHORIZED) =>
        {
            Vec::new()
        }
        (found, _) => found?,
    };
    // actix answers a method that the route has not.
    let needed = needed.unwrap_or_default();
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
    request.extensions_mut().insert(rights.clone());
    rights.require(needed, run.as_ref())?;
    Ok(rights.identity().cloned())
}

/// Those whose credentials the request has.
async fn identify(
    policy: &AccessPolicy,
    authenticator: &Authenticator,
    counted: &impl Fn() -> Result<(), Problem>,
    request: &ServiceRequest,
) -> Result<Vec<Arc<Identity>>, Problem> {
    let authenticated = async |shown| {
        let looked = authenticator.look(shown);
        if !looked.is_known() {
            counted()?;
        }
        Ok::<_, Problem>(authenticator.judge(looked).await)
    };
    let mut found = Vec::new();
    if let Some(token) = rights::bearer(request.headers())? {
        found.push(authenticated(token).await??);
    }
    let origins = request.app_data::<web::Data<watch::Sender<OriginPolicy>>>();
    if !origins.is_some_and(|origins| origins.borrow().cookies_count(request.headers())) {
        return Ok(found);
    }
    // A proxy that has people log in adds its token to whatever their browsers send.
    for name in authenticator.token_headers() {
        if let Some(token) = request.headers().get(name).and_then(|value| value.to_str().ok()) {
            found.push(authenticated(token).await??);
        }
    }
    let (session, shares) = policy.cookies.secrets(request.headers());
    for secret in session.into_iter().chain(shares) {
        match authenticated(secret).await? {
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
