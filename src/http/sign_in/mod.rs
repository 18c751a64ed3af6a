//! Signing in with an identity provider. Both routes are visited by a browser, which is told in pages.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use tracing::info;

use super::access::AccessPolicy;
use super::audit::Auditor;
use super::edge::SignInEdge;
use super::limits::RequestLimits;
use super::pages::{PagePolicies, told};
use super::problem::Problem;
use crate::access::jwt::JwtError;
use crate::access::oidc::{OidcProvider, ProviderAnswer, SignInError};
use crate::audit::AuditAction;

mod next_path;

use next_path::next_path;

/// Query parameters of the beginning.
#[derive(Deserialize)]
pub(super) struct BeginQuery {
    next: Option<String>,
}

/// What is said to somebody who is not signed in.
struct Refusal {
    status: StatusCode,
    title: &'static str,
    text: String,
    /// Where it may begin anew to come to: a path.
    next: String,
}

/// `GET /auth/login`: to the provider.
pub(super) async fn begin(
    (policy, edge, policies): (web::Data<AccessPolicy>, web::Data<SignInEdge>, web::Data<PagePolicies>),
    request: HttpRequest,
    query: web::Query<BeginQuery>,
) -> Result<HttpResponse, Problem> {
    let authenticator = policy.authenticator()?;
    let provider = provider(&edge)?;
    let Some(next) = next_path(query.next.as_deref().unwrap_or("/")) else {
        let text = "next must be a path of this server, such as /runs/NAME.".to_owned();
        let title = "This link leads to somewhere else.";
        return Refusal { status: StatusCode::BAD_REQUEST, title, text, next: "/".to_owned() }
            .page(&request, &policies);
    };
    match provider.begin(next, authenticator.now()).await {
        Ok(begun) => Ok(onwards(&begun.url)
            .append_header((header::SET_COOKIE, policy.cookies().of_sign_in(begun.sealed).encoded().to_string()))
            .finish()),
        Err(error) => Refusal::of(error, next.to_owned()).page(&request, &policies),
    }
}

/// `GET /auth/callback`: back from the provider. The session is always a new one.
pub(super) async fn finish(
    (policy, edge, policies): (web::Data<AccessPolicy>, web::Data<SignInEdge>, web::Data<PagePolicies>),
    limits: web::Data<RequestLimits>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let authenticator = policy.authenticator()?;
    let provider = provider(&edge)?;
    let answer = web::Query::<ProviderAnswer>::from_query(request.query_string());
    let answer = answer.map(web::Query::into_inner).unwrap_or_default();
    let (cookies, now) = (policy.cookies(), authenticator.now());
    let kept = cookies.sign_in(request.headers());
    let forget = cookies.forget_sign_in().encoded().to_string();
    let signed_in = match provider.finish(kept, &answer, now).await {
        Ok(signed_in) => signed_in,
        Err(error) => {
            let client = limits.key(&request);
            if limits.logs(&client) {
                info!(provider = %provider.name(), %client, %error, "a sign-in was refused");
            }
            let next = provider.next(kept, now).unwrap_or_else(|| "/".to_owned());
            let is_anothers = error == SignInError::NotBegun;
            let mut response = Refusal::of(error, next).page(&request, &policies)?;
            // What somebody else has sent here does not end what this browser has begun.
            if !is_anothers && let Ok(forget) = forget.parse() {
                response.headers_mut().append(header::SET_COOKIE, forget);
            }
            return Ok(response);
        }
    };
    let (secret, row) = authenticator.open_session(&signed_in.identity, policy.session_end(now)).await?;
    let audit = Auditor::of(&request).as_of(&signed_in.identity);
    audit.did(AuditAction::SignedIn).claimed(&signed_in.claimed).item(&row.id).write();
    Ok(onwards(&signed_in.next)
        .append_header((header::SET_COOKIE, cookies.of_session(&secret).encoded().to_string()))
        .append_header((header::SET_COOKIE, forget))
        .finish())
}

fn provider(edge: &SignInEdge) -> Result<&OidcProvider, Problem> {
    let detail = "this server has no identity provider: auth.oidc is empty";
    edge.provider.as_ref().ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "no_identity_provider", detail))
}

/// 303 to another page, which does not learn from where.
fn onwards(url: &str) -> actix_web::HttpResponseBuilder {
    let mut response = HttpResponse::SeeOther();
    response
        .insert_header((header::LOCATION, url))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::CACHE_CONTROL, "no-store"));
    response
}

impl Refusal {
    fn of(error: SignInError, next: String) -> Self {
        let (status, title) = match &error {
            SignInError::Denied(_) => (StatusCode::FORBIDDEN, "You are not signed in."),
            SignInError::Refused(JwtError::Rules(_)) => (StatusCode::FORBIDDEN, "You may do nothing here."),
            SignInError::Away(_) => (StatusCode::SERVICE_UNAVAILABLE, "Nobody can sign in now."),
            _ => (StatusCode::BAD_REQUEST, "You are not signed in."),
        };
        let text = match &error {
            SignInError::Refused(JwtError::Rules(reasons)) => {
                format!("You are known, but no rule of this server fits you{reasons}. Ask whoever operates it.")
            }
            SignInError::Away(_) => format!("It says: {error}. Try again in a moment."),
            _ => format!("It says: {error}."),
        };
        Self { status, title, text, next }
    }

    fn page(self, request: &HttpRequest, policies: &PagePolicies) -> Result<HttpResponse, Problem> {
        let again = format!("/auth/login?next={}", utf8_percent_encode(&self.next, NON_ALPHANUMERIC));
        let mut response = told(request, policies, self.status, (self.title, &self.text), (&again, "Sign in anew"))?;
        response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
        Ok(response)
    }
}
