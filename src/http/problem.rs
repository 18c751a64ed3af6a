//! Error responses: `application/problem+json` (RFC 9457) with a stable `code`.

use std::borrow::Cow;
use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName};
use actix_web::{HttpResponse, ResponseError};
use serde_json::{Map, Value, json};

use crate::actors::messages::registry::FindError;
use crate::actors::messages::room::{PublishError, ReadError};
use crate::log_index::QueryError;
use crate::protocol::event::EventError;
use crate::storage::journal::Refusal;

/// An error response.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    retry_after_secs: Option<u64>,
    headers: Vec<(HeaderName, Cow<'static, str>)>,
    extra: Map<String, Value>,
}

impl Problem {
    /// A problem with a stable `code`; `detail` names the offending field, index or limit.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), retry_after_secs: None, headers: Vec::new(), extra: Map::new() }
    }

    /// A problem with status 400.
    pub fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// A problem with status 503 that will pass; `Retry-After` is 1 s.
    pub fn unavailable(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail).retry_after(1)
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// Adds a `Retry-After` header.
    #[must_use]
    pub fn retry_after(mut self, secs: u64) -> Self {
        self.retry_after_secs = Some(secs);
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: impl Into<Cow<'static, str>>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Adds a member to the body.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.extra.insert(name.to_owned(), value.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.status.as_u16(), self.code, self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut body = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or_default(),
            "status": self.status.as_u16(),
            "detail": self.detail,
            "code": self.code,
        });
        if let Value::Object(members) = &mut body {
            members.extend(self.extra.clone());
        }
        let mut response = HttpResponse::build(self.status);
        if let Some(secs) = self.retry_after_secs {
            response.insert_header((header::RETRY_AFTER, secs.to_string()));
        }
        for header in &self.headers {
            response.append_header((header.0.clone(), header.1.as_ref()));
        }
        response.content_type("application/problem+json").body(body.to_string())
    }
}

impl From<EventError> for Problem {
    fn from(error: EventError) -> Self {
        let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
        let problem = Self::new(status, error.code(), error.to_string());
        match error {
            EventError::Event { index, .. } => problem.with("index", index),
            _ => problem,
        }
    }
}

impl From<FindError> for Problem {
    fn from(error: FindError) -> Self {
        match error {
            FindError::Quarantined { retry_after_ms } => {
                Self::unavailable("room_failed", error.to_string()).retry_after(retry_after_ms.div_ceil(1000).max(1))
            }
            FindError::TooManyRooms(_) => Self::unavailable("saturated", error.to_string()),
        }
    }
}

impl From<PublishError> for Problem {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Refused(refusal) => refusal.into(),
            PublishError::Saturated => saturated(),
            PublishError::Unavailable(reason) => {
                Self::unavailable("journal_unavailable", format!("not stored: {reason}"))
            }
            PublishError::OutcomeUnknown(reason) => {
                let detail = format!("may be stored; repeat with the same Runcast-Producer headers ({reason})");
                Self::unavailable("outcome_unknown", detail)
            }
            PublishError::Retired => saturated(),
        }
    }
}

/// 503 because the node is at a limit; nothing was stored.
pub(super) fn saturated() -> Problem {
    saturated_with("the node has as much in hand as it may; nothing was stored")
}

/// 503 because the node is at a limit, with the caller's own detail.
pub(super) fn saturated_with(detail: impl Into<String>) -> Problem {
    Problem::unavailable("saturated", detail)
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let detail = refusal.to_string();
        match refusal {
            Refusal::ProducerGap { expected } => {
                Self::new(StatusCode::CONFLICT, "producer_gap", detail).with("expected", expected)
            }
            Refusal::TooManyProducers => Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_producers", detail),
            Refusal::RunFull { .. } => Self::new(StatusCode::PAYLOAD_TOO_LARGE, "run_full", detail),
            Refusal::RunSealed => Self::new(StatusCode::CONFLICT, "run_sealed", detail),
            Refusal::RunGone { last } => Self::new(StatusCode::GONE, "run_gone", detail).with("lastSeq", last),
            Refusal::Precondition { tip } => Self::new(StatusCode::CONFLICT, "precondition", detail).with("tip", tip),
            // Only posts that the server decides have such a condition, and it decides them anew.
            Refusal::ControlMoved => Self::unavailable("contended", detail),
            Refusal::DeadlinePassed => Self::unavailable("journal_unavailable", detail),
        }
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        Self::unavailable("journal_unavailable", error.to_string())
    }
}

impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Self {
        let detail = error.to_string();
        match error {
            QueryError::Saturated => saturated_with(detail),
            QueryError::NotFound => Self::new(StatusCode::NOT_FOUND, "run_not_found", detail),
            QueryError::Gone => Self::new(StatusCode::GONE, "run_gone", detail),
            QueryError::Beyond { tip } => {
                Self::bad_request("invalid_at", format!("at must be 1 to {tip}, the run's last event")).with("tip", tip)
            }
            QueryError::Unavailable(_) => Self::unavailable("journal_unavailable", detail),
        }
    }
}

/// 503 because unread responses take all of `server.response_bytes`.
pub(super) fn responses_saturated() -> Problem {
    Problem::unavailable("saturated", "the responses that wait for their readers take all of server.response_bytes")
}
