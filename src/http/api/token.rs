//! Exchanging a token of a build server for one of this server (RFC 8693).
//!
//! The request is a form and the errors are those of RFC 6749, as the standard has it and its clients expect it.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

use super::super::audit::Auditor;
use super::super::body::read::{self, Limit};
use super::super::edge::{Bodies, TokenEdge};
use super::super::media_type::content_type;
use super::super::problem::Problem;
use crate::access::ExchangeError;
use crate::audit::AuditAction;
use crate::protocol::{Scopes, Timestamp};

/// Most bytes of a request: a token, and what stands around it.
const MAX_BYTES: usize = 16 * 1024;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// Types of tokens that can be exchanged: all of them name a JSON Web Token here.
const SUBJECT_TYPES: [&str; 2] = ["urn:ietf:params:oauth:token-type:jwt", "urn:ietf:params:oauth:token-type:id_token"];

/// Why a token is not exchanged, in the words of RFC 6749, section 5.2.
struct Refusal {
    status: StatusCode,
    error: &'static str,
    description: String,
}

/// `POST /api/token`.
pub(in crate::http) async fn exchange(
    edge: web::Data<TokenEdge>,
    bodies: web::Data<Bodies>,
    request: HttpRequest,
    mut payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let content_type = content_type(&request);
    if content_type.as_deref() != Some("application/x-www-form-urlencoded") {
        return Ok(Refusal::request("Content-Type must be application/x-www-form-urlencoded").response());
    }
    let limit = Limit { bytes: MAX_BYTES, code: "token_request_too_large" };
    let body = read::take(&request, &mut payload, limit, &bodies.bounds()).await?.body;
    Ok(edge.answer(&body, edge.clock.now(), &Auditor::of(&request)).await.unwrap_or_else(|refusal| refusal.response()))
}

impl TokenEdge {
    async fn answer(&self, form: &[u8], now: Timestamp, audit: &Auditor) -> Result<HttpResponse, Refusal> {
        let form = Form::parse(form)?;
        match form.get("grant_type")? {
            Some(GRANT) => {}
            Some(_) => return Err(Refusal::new("unsupported_grant_type", format!("grant_type must be {GRANT}"))),
            None => return Err(Refusal::request("grant_type is missing")),
        }
        let token = form.get("subject_token")?.ok_or_else(|| Refusal::request("subject_token is missing"))?;
        match form.get("subject_token_type")? {
            Some(name) if SUBJECT_TYPES.contains(&name) => {}
            _ => return Err(Refusal::request(format!("subject_token_type must be {}", SUBJECT_TYPES.join(" or ")))),
        }
        if form.get("requested_token_type")?.is_some_and(|name| name != ACCESS_TOKEN) {
            return Err(Refusal::request(format!("requested_token_type must be {ACCESS_TOKEN}")));
        }
        if form.get("actor_token")?.is_some() {
            return Err(Refusal::request("actor_token: nobody acts for somebody else here"));
        }
        for name in ["audience", "resource"] {
            if form.get(name)?.is_some_and(|target| target != &*self.public_url) {
                return Err(Refusal::new("invalid_target", format!("{name} must be {}", self.public_url)));
            }
        }
        let wanted: Option<Scopes> = match form.get("scope")? {
            None => None,
            Some(names) => {
                Some(names.parse().map_err(|error| Refusal::new("invalid_scope", format!("scope: {error}")))?)
            }
        };
        let none =
            || Refusal::request("this server exchanges no tokens: no issuer in auth.issuers has exchange = true");
        let exchange = self.exchange.as_ref().ok_or_else(none)?;
        let given = exchange.exchange(token, wanted, now).await?;
        let identity = &given.identity;
        audit.as_of(identity).did(AuditAction::TokenExchanged).claimed(&given.claimed).write();
        Ok(uncached(StatusCode::OK).json(json!({
            "access_token": given.token,
            "issued_token_type": ACCESS_TOKEN,
            "token_type": "Bearer",
            "expires_in": given.lifetime.as_secs(),
            "scope": identity.rights.scopes.to_string(),
            // Not of the standard: which runs it is good for.
            "runs": identity.rights.runs,
        })))
    }
}

/// The parameters of a request. An empty one counts as missing (RFC 6749, section 3.2).
struct Form(Vec<(String, String)>);

impl Form {
    fn parse(form: &[u8]) -> Result<Self, Refusal> {
        let text = std::str::from_utf8(form).ok();
        let pairs = text.and_then(|text| web::Query::<Vec<(String, String)>>::from_query(text).ok());
        pairs.map(|pairs| Self(pairs.into_inner())).ok_or_else(|| Refusal::request("the body is no form"))
    }

    fn get(&self, name: &str) -> Result<Option<&str>, Refusal> {
        let mut given = self.0.iter().filter(|(given, _)| given == name);
        match (given.next(), given.next()) {
            (Some(_), Some(_)) => Err(Refusal::request(format!("{name} stands there twice"))),
            (first, _) => Ok(first.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())),
        }
    }
}

impl Refusal {
    fn new(error: &'static str, description: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, error, description: description.into() }
    }

    fn request(description: impl Into<String>) -> Self {
        Self::new("invalid_request", description)
    }

    fn response(self) -> HttpResponse {
        let mut response = uncached(self.status);
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.insert_header((header::RETRY_AFTER, "1"));
        }
        // RFC 6749 leaves the quote, the backslash and all that is not ASCII out.
        let fits = |c: char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\');
        let description: String = self.description.chars().map(|c| if fits(c) { c } else { '\'' }).collect();
        response.json(json!({"error": self.error, "error_description": description}))
    }
}

impl From<ExchangeError> for Refusal {
    fn from(error: ExchangeError) -> Self {
        let description = error.to_string();
        match error {
            // RFC 8693, section 2.2.2.
            ExchangeError::Refused(_) | ExchangeError::Used => Self::request(description),
            ExchangeError::Scopes(_) => Self::new("invalid_scope", description),
            ExchangeError::Unavailable(_) => {
                Self { status: StatusCode::SERVICE_UNAVAILABLE, ..Self::new("temporarily_unavailable", description) }
            }
        }
    }
}

/// An answer that nobody keeps.
fn uncached(status: StatusCode) -> actix_web::HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    response.insert_header((header::CACHE_CONTROL, "no-store")).insert_header((header::PRAGMA, "no-cache"));
    response
}

#[cfg(test)]
mod tests {
    use actix_web::body::MessageBody as _;
    use serde_json::Value;

    use super::*;
    use crate::protocol::Clock;

    fn edge() -> TokenEdge {
        let clock = Clock::external(|| Timestamp::from_millis(0), std::time::Duration::from_secs(1));
        TokenEdge { exchange: None, clock, public_url: "https://r.example".into() }
    }

    async fn answer(form: &str) -> (u16, Value) {
        let audit = Auditor::of(&actix_web::test::TestRequest::default().to_http_request());
        let response = edge().answer(form.as_bytes(), Timestamp::from_millis(0), &audit).await;
        let response = response.unwrap_or_else(|refusal| refusal.response());
        assert_eq!(response.headers().get("cache-control").unwrap(), "no-store");
        let status = response.status().as_u16();
        (status, serde_json::from_slice(&response.into_body().try_into_bytes().unwrap()).unwrap())
    }

    const RIGHT: &str = "grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token=ey.a.b\
                         &subject_token_type=urn:ietf:params:oauth:token-type:jwt";

    #[actix_web::test]
    async fn a_request_that_is_none_is_told_in_the_words_of_the_standard() {
        for (form, error, description) in [
            (String::new(), "invalid_request", "grant_type is missing"),
            ("grant_type=password".into(), "unsupported_grant_type", "grant_type must be urn:ietf"),
            (RIGHT.replace("ey.a.b", ""), "invalid_request", "subject_token is missing"),
            (RIGHT.replace("type:jwt", "type:saml2"), "invalid_request", "subject_token_type must be"),
            (format!("{RIGHT}&subject_token=x"), "invalid_request", "subject_token stands there twice"),
            (format!("{RIGHT}&requested_token_type=x"), "invalid_request", "requested_token_type must be"),
            (format!("{RIGHT}&actor_token=x"), "invalid_request", "actor_token"),
            (format!("{RIGHT}&audience=https://other.example"), "invalid_target", "audience must be https://r.example"),
            (format!("{RIGHT}&scope=view+admin"), "invalid_scope", "scope: 'admin' is no scope"),
            (
                format!("{RIGHT}&audience=https://r.example&more=1"),
                "invalid_request",
                "this server exchanges no tokens",
            ),
        ] {
            let (status, body) = answer(&form).await;
            assert_eq!((status, body["error"].as_str()), (400, Some(error)), "{form}: {body}");
            assert!(body["error_description"].as_str().unwrap().starts_with(description), "{form}: {body}");
        }
    }

    #[actix_web::test]
    async fn what_can_not_be_checked_now_may_be_asked_again() {
        let refusal = Refusal::from(ExchangeError::Unavailable("away \"é\""));
        let response = refusal.response();
        assert_eq!(
            (response.status().as_u16(), response.headers().get("retry-after").unwrap()),
            (503, &"1".parse().unwrap())
        );
        let body: Value = serde_json::from_slice(&response.into_body().try_into_bytes().unwrap()).unwrap();
        assert_eq!(body["error"], "temporarily_unavailable");
        assert_eq!(body["error_description"], "tokens can't be exchanged now: away '''");
    }
}
