//! Requests to a server with retries: a failure that may pass is retried at the next of several servers, with pauses
//! and a time limit.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::RETRY_AFTER;
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use tokio::time::{Instant, sleep};

use super::ServerUrl;
use super::terminal::plain;
use crate::backoff::Backoff;

/// Pauses between attempts, before jitter and `Retry-After`.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Longest wait for one response; longer than a server's deadline for an append.
pub(super) const ATTEMPT: Duration = Duration::from_secs(30);

/// Most characters shown of a server's explanation.
const DETAIL_CHARS: usize = 500;

/// A request that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The server refused the request; a retry would be refused too.
    #[error("the server refused with {status}: {detail}")]
    Refused {
        /// HTTP status.
        status: StatusCode,
        /// The problem's code, if it has one.
        code: Option<String>,
        /// Index of the event that was refused, from 0.
        index: Option<usize>,
        /// The server's explanation, safe for a terminal.
        detail: String,
        /// The answer's body as it came.
        body: Bytes,
    },
    /// No attempt succeeded in time; the request may have taken effect.
    #[error("gave up after {} s without progress; last: {last}", .patience.as_secs())]
    GaveUp {
        /// The time limit.
        patience: Duration,
        /// The last failure.
        last: String,
    },
    /// The request failed and is not retried.
    #[error("{0}")]
    Failed(String),
    /// The response is not one of runcast's.
    #[error("the answer is not runcast's: {0}")]
    Foreign(String),
    /// The request can't be built.
    #[error("the request can't be made: {0}")]
    Unaskable(String),
    /// The HTTP client can't be built.
    #[error("no HTTP client: {0}")]
    Client(#[source] reqwest::Error),
}

/// The failure of one attempt.
pub(super) enum Failed {
    /// A retry may succeed, perhaps only after the time that the server names.
    Again(String, Option<Duration>),
    /// A retry would fail again.
    ForGood(AskError),
}

/// Equivalent servers. The current one is used until it fails; clones share which one that is.
#[derive(Clone, Debug)]
pub(super) struct Servers {
    client: Client,
    urls: Arc<[ServerUrl]>,
    at: Arc<AtomicUsize>,
}

impl Servers {
    /// `urls` must not be empty.
    pub(super) fn new(urls: &[ServerUrl]) -> Result<Self, AskError> {
        let client = client(urls.iter().any(ServerUrl::is_encrypted))?;
        Ok(Self { client, urls: urls.into(), at: Arc::default() })
    }

    /// Number of servers.
    pub(super) fn count(&self) -> usize {
        self.urls.len()
    }

    /// The current server and its number.
    fn current(&self) -> (usize, &ServerUrl) {
        let number = self.at.load(Ordering::Relaxed);
        (number, &self.urls[number % self.urls.len()])
    }

    /// Makes one attempt. After a failure that may pass, the next server becomes the current one.
    pub(super) async fn ask<F>(&self, attempt: impl FnOnce(&Client, &ServerUrl) -> F) -> Result<Bytes, Failed>
    where
        F: Future<Output = Result<Bytes, Failed>>,
    {
        let (number, server) = self.current();
        let outcome = attempt(&self.client, server).await;
        if matches!(outcome, Err(Failed::Again(..))) {
            // Does nothing if a clone has switched already.
            let _ = self.at.compare_exchange(number, number + 1, Ordering::Relaxed, Ordering::Relaxed);
        }
        outcome
    }

    /// Retries until a server accepts or refuses the request, or `patience` ends. `on_retry` gets the reason of each
    /// retry.
    pub(super) async fn insist(
        &self,
        patience: Duration,
        request: impl Fn(&Client, &ServerUrl) -> RequestBuilder,
        mut on_retry: impl FnMut(&str),
    ) -> Result<Bytes, AskError> {
        let mut patience = Patience::new(patience);
        loop {
            let timeout = patience.left().min(ATTEMPT);
            let (reason, after) = match self.ask(|client, url| answer(request(client, url).timeout(timeout))).await {
                Ok(body) => return Ok(body),
                Err(Failed::ForGood(error)) => return Err(error),
                Err(Failed::Again(reason, after)) => (reason, after),
            };
            let pause = patience.pause(&reason, after)?;
            on_retry(&reason);
            sleep(pause).await;
        }
    }
}

/// An HTTP client. Without encryption it loads no root certificates, which not every system has.
pub(super) fn client(is_encrypted: bool) -> Result<Client, AskError> {
    let mut client = Client::builder()
        .user_agent(concat!("runcast/", env!("CARGO_PKG_VERSION")))
        // A redirect must not turn a POST into a GET.
        .redirect(reqwest::redirect::Policy::none());
    if !is_encrypted {
        client = client.tls_certs_only([]);
    }
    client.build().map_err(AskError::Client)
}

/// The pauses between attempts, and the time limit for all of them.
pub(super) struct Patience {
    whole: Duration,
    deadline: Instant,
    backoff: Backoff,
}

impl Patience {
    pub(super) fn new(whole: Duration) -> Self {
        Self { whole, deadline: Instant::now() + whole, backoff: Backoff::new(FIRST_PAUSE, LONGEST_PAUSE) }
    }

    pub(super) fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Extends the time limit by time in which progress was made.
    pub(super) fn extend(&mut self, time: Duration) {
        self.deadline += time;
    }

    /// The pause before the next attempt; an error if that would be after the deadline.
    pub(super) fn pause(&mut self, reason: &str, retry_after: Option<Duration>) -> Result<Duration, AskError> {
        let pause = self.backoff.pause().max(retry_after.unwrap_or_default());
        if pause < self.left() {
            return Ok(pause);
        }
        Err(AskError::GaveUp { patience: self.whole, last: reason.to_owned() })
    }
}

/// Sends a request and returns the body of a successful response.
pub(super) async fn answer(request: RequestBuilder) -> Result<Bytes, Failed> {
    let response = request.send().await.map_err(|error| match error.is_builder() {
        true => Failed::ForGood(AskError::Unaskable(explain(&error))),
        false => Failed::Again(explain(&error), None),
    })?;
    let status = response.status();
    if status.is_success() {
        return response.bytes().await.map_err(|error| Failed::Again(explain(&error), None));
    }
    let retry_after = retry_after(&response);
    let body = response.bytes().await.unwrap_or_default();
    let detail = problem(&body);
    let may_pass = match status {
        // The server does not support the request, and a retry would not change that.
        StatusCode::NOT_IMPLEMENTED => false,
        // Too many at a time, which passes, or altogether.
        StatusCode::TOO_MANY_REQUESTS => retry_after.is_some() || !is_full(&body),
        StatusCode::REQUEST_TIMEOUT => true,
        status => status.is_server_error(),
    };
    if may_pass {
        Err(Failed::Again(format!("{status}: {detail}"), retry_after))
    } else {
        let (code, index) = match serde_json::from_slice::<ProblemDocument>(&body) {
            Ok(problem) => (problem.code, problem.index),
            Err(_) => (None, None),
        };
        Err(Failed::ForGood(AskError::Refused { status, code, index, detail, body }))
    }
}

/// Whether a run has as many commands as it may.
fn is_full(body: &[u8]) -> bool {
    let problem = serde_json::from_slice::<ProblemDocument>(body);
    problem.is_ok_and(|problem| problem.code.as_deref() == Some("too_many_commands"))
}

/// Parses a response of runcast.
pub(super) fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, AskError> {
    serde_json::from_slice(body).map_err(|error| AskError::Foreign(error.to_string()))
}

/// `Retry-After` in seconds (RFC 9110, section 10.2.3); runcast does not use its date form.
fn retry_after(response: &Response) -> Option<Duration> {
    response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// The innermost cause of an error: reqwest's own text names only the URL.
fn explain(error: &reqwest::Error) -> String {
    let mut last: &dyn std::error::Error = error;
    while let Some(source) = last.source() {
        last = source;
    }
    if error.is_timeout() { "no answer in time".into() } else { plain(&last.to_string(), DETAIL_CHARS) }
}

/// The body of an `application/problem+json` response.
#[derive(Deserialize)]
struct ProblemDocument {
    code: Option<String>,
    title: Option<String>,
    detail: Option<String>,
    index: Option<usize>,
}

/// The explanation in a problem document, or the body itself.
pub(super) fn problem(body: &[u8]) -> String {
    let text = match serde_json::from_slice::<ProblemDocument>(body) {
        Ok(ProblemDocument { code, title, detail, .. }) => {
            let parts: Vec<String> = [code, detail.or(title)].into_iter().flatten().collect();
            parts.join(": ")
        }
        Err(_) => String::from_utf8_lossy(body).trim().to_owned(),
    };
    if text.is_empty() { "(no explanation)".into() } else { plain(&text, DETAIL_CHARS) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_explanation_is_shown_with_its_code_and_cannot_act() {
        let problem = |text: &str| problem(text.as_bytes());
        assert_eq!(problem(r#"{"title":"T","detail":"event 3 has no type","code":"x"}"#), "x: event 3 has no type");
        assert_eq!(problem(r#"{"title":"T","status":400}"#), "T");
        assert_eq!(problem("<h1>\x1b[2J Bad gateway</h1>"), "<h1>\\u{1b}[2J Bad gateway</h1>");
        assert_eq!(problem(""), "(no explanation)");
    }

    #[test]
    fn patience_ends_before_a_pause_that_would_outlast_it_and_grows_with_what_was_not_in_vain() {
        let mut patience = Patience::new(Duration::from_secs(10));
        assert!(patience.pause("x", None).is_ok_and(|pause| pause <= FIRST_PAUSE));
        assert_eq!(patience.pause("x", Some(Duration::from_secs(5))).unwrap(), Duration::from_secs(5));
        let gave_up = patience.pause("busy", Some(Duration::from_secs(11))).unwrap_err();
        assert_eq!(gave_up.to_string(), "gave up after 10 s without progress; last: busy");
        patience.extend(Duration::from_secs(5));
        assert!(patience.pause("x", Some(Duration::from_secs(11))).is_ok());
    }

    #[tokio::test]
    async fn the_next_server_is_asked_once_one_has_failed_whoever_noticed() {
        let urls: Vec<ServerUrl> = ["http://a", "http://b"].map(|url| url.parse().unwrap()).into();
        let servers = Servers::new(&urls).unwrap();
        let other = servers.clone();
        let again = async |servers: &Servers| {
            let _ = servers.ask(|_, _| async { Err(Failed::Again(String::new(), None)) }).await;
        };
        // Both have begun when the first server fails; that is one failure.
        let _ = servers
            .ask(|_, _| async {
                again(&other).await;
                Err(Failed::Again(String::new(), None))
            })
            .await;
        assert_eq!(servers.current().1.events(&crate::protocol::RunId::parse("r").unwrap()).host_str(), Some("b"));
        again(&servers).await;
        assert_eq!(other.current().0, 2, "and the first one again");
    }
}
