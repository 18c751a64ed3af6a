//! Requests to a server with retries: a failure that may pass is retried at the next of several servers, with pauses
//! and a time limit, and the user is told what is waited for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use tokio::time::sleep;

use super::ServerUrl;
use super::server_token::TokenError;
use super::terminal::plain;

mod obstacle;
mod patience;
mod stream;

pub(super) use obstacle::Obstacle;
pub use patience::Retry;
pub(super) use patience::{Patience, RetryNews, tell_retry};
pub(super) use stream::{PartFile, read_body};

/// Longest wait for one response; longer than a server's deadline for an append.
pub(super) const ATTEMPT: Duration = Duration::from_secs(30);

/// How the reason ends where nobody listens.
const REFUSED: &str = ": connection refused";

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
    /// Nobody can be talked to at this address, now or later.
    #[error("{0}")]
    Unreachable(String),
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

impl From<TokenError> for AskError {
    fn from(error: TokenError) -> Self {
        Self::Unaskable(error.to_string())
    }
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
        let client = client(urls.iter().any(ServerUrl::is_encrypted), urls.first().and_then(ServerUrl::authorization))?;
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

    /// Makes one attempt, and names the server in what it fails for. After a failure that may pass, or that another
    /// server may not have, the next server becomes the current one.
    pub(super) async fn ask<T, F>(&self, attempt: impl FnOnce(&Client, &ServerUrl) -> F) -> Result<T, Failed>
    where
        F: Future<Output = Result<T, Failed>>,
    {
        let (number, server) = self.current();
        let failed = match attempt(&self.client, server).await {
            Ok(answer) => return Ok(answer),
            Err(Failed::Again(reason, after)) => Failed::Again(format!("{server}: {reason}"), after),
            Err(Failed::ForGood(AskError::Unreachable(reason))) => match format!("{server}: {reason}") {
                reason if self.count() > 1 => Failed::Again(reason, None),
                reason => Failed::ForGood(AskError::Unreachable(reason + server.origin_hint())),
            },
            Err(failed) => failed,
        };
        if matches!(failed, Failed::Again(..)) {
            // Does nothing if a clone has switched already.
            let _ = self.at.compare_exchange(number, number + 1, Ordering::Relaxed, Ordering::Relaxed);
        }
        Err(failed)
    }

    /// Retries until a server accepts or refuses the request, or `patience` ends. `on_retry` gets each failure that is
    /// retried.
    pub(super) async fn insist(
        &self,
        patience: Duration,
        request: impl Fn(&Client, &ServerUrl) -> RequestBuilder,
        on_retry: impl FnMut(&Retry<'_>),
    ) -> Result<Bytes, AskError> {
        let request = &request;
        let attempt =
            |left: Duration| self.ask(move |client, url| answer(request(client, url).timeout(left.min(ATTEMPT))));
        self.insist_on(patience, attempt, on_retry).await
    }

    /// The same with attempts of any other kind, each of which gets the time that is left.
    pub(super) async fn insist_on<T, F>(
        &self,
        patience: Duration,
        mut attempt: impl FnMut(Duration) -> F,
        mut on_retry: impl FnMut(&Retry<'_>),
    ) -> Result<T, AskError>
    where
        F: Future<Output = Result<T, Failed>>,
    {
        let mut patience = Patience::new(patience);
        loop {
            let (reason, after) = match attempt(patience.left()).await {
                Ok(answer) => return Ok(answer),
                Err(Failed::ForGood(error)) => return Err(error),
                Err(Failed::Again(reason, after)) => (reason, after),
            };
            let (pause, retry) = patience.pause(&reason, after).map_err(|error| self.hinting(error))?;
            on_retry(&retry);
            sleep(pause).await;
        }
    }

    /// The error, with what to do where no server is.
    pub(super) fn hinting(&self, error: AskError) -> AskError {
        match error {
            AskError::GaveUp { patience, last } => AskError::GaveUp { patience, last: self.with_hint(last) },
            error => error,
        }
    }

    /// The error of a request that is made once and found no server.
    pub(super) fn absent(&self, reason: String) -> AskError {
        AskError::Failed(self.with_hint(reason))
    }

    fn with_hint(&self, reason: String) -> String {
        let hint = if reason.ends_with(REFUSED) { self.current().1.absence_hint() } else { "" };
        reason + hint
    }
}

/// An HTTP client, which shows every server that it asks `authorization`. Without encryption it loads no root certificates,
/// which not every system has.
pub(super) fn client(is_encrypted: bool, authorization: Option<HeaderValue>) -> Result<Client, AskError> {
    let mut client = Client::builder()
        .user_agent(concat!("runcast/", env!("CARGO_PKG_VERSION")))
        // A redirect must not turn a POST into a GET.
        .redirect(reqwest::redirect::Policy::none());
    if let Some(authorization) = authorization {
        client = client.default_headers(HeaderMap::from_iter([(AUTHORIZATION, authorization)]));
    }
    if !is_encrypted {
        client = client.tls_certs_only([]);
    }
    client.build().map_err(AskError::Client)
}

/// Sends a request and returns the body of a successful response.
pub(super) async fn answer(request: RequestBuilder) -> Result<Bytes, Failed> {
    respond(request).await?.bytes().await.map_err(|error| unanswered(&error))
}

/// Sends a request and returns the head of a successful response.
pub(super) async fn respond(request: RequestBuilder) -> Result<Response, Failed> {
    let response = request.send().await.map_err(|error| unanswered(&error))?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    if status.is_redirection() {
        let to = response.headers().get(LOCATION).map(|to| String::from_utf8_lossy(to.as_bytes()).into_owned());
        let to = plain(to.as_deref().unwrap_or("elsewhere"), DETAIL_CHARS);
        return Err(Failed::ForGood(AskError::Unreachable(format!("it redirects to {to}: name that server by --url"))));
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
        return Err(Failed::Again(format!("{status}: {detail}"), retry_after));
    }
    let (code, index) = match serde_json::from_slice::<ProblemDocument>(&body) {
        Ok(problem) => (problem.code, problem.index),
        Err(_) => (None, None),
    };
    let is_for_tls = status == StatusCode::BAD_REQUEST && String::from_utf8_lossy(&body).contains("HTTPS");
    Err(Failed::ForGood(match (code, status) {
        (None, _) if is_for_tls => AskError::Unreachable("it expects TLS: type https:// instead of http://".to_owned()),
        (None, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED) => {
            AskError::Unreachable(format!("no runcast server answers there, but {status}: {detail}"))
        }
        (code, _) => AskError::Refused { status, code, index, detail, body },
    }))
}

/// The failure of a request that has no answer, or not all of it.
pub(super) fn unanswered(error: &reqwest::Error) -> Failed {
    let Obstacle { reason, may_pass } = Obstacle::of(error);
    match () {
        () if error.is_builder() => Failed::ForGood(AskError::Unaskable(reason)),
        () if error.is_timeout() => Failed::Again("no answer in time".into(), None),
        () if may_pass => Failed::Again(reason, None),
        () => Failed::ForGood(AskError::Unreachable(reason)),
    }
}

/// Whether a run has as many commands as it may.
fn is_full(body: &[u8]) -> bool {
    let problem = serde_json::from_slice::<ProblemDocument>(body);
    problem.is_ok_and(|problem| problem.code.as_deref() == Some("too_many_commands"))
}

/// Parses a response of runcast.
pub(super) fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, AskError> {
    serde_json::from_slice(body).map_err(|error| AskError::Foreign(plain(&error.to_string(), DETAIL_CHARS)))
}

/// `Retry-After` in seconds (RFC 9110, section 10.2.3); runcast does not use its date form.
fn retry_after(response: &Response) -> Option<Duration> {
    response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
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

    #[tokio::test]
    async fn the_next_server_is_asked_once_one_has_failed_whoever_noticed() {
        let urls: Vec<ServerUrl> = ["http://a", "http://b"].map(|url| url.parse().unwrap()).into();
        let servers = Servers::new(&urls).unwrap();
        let other = servers.clone();
        let again = async |servers: &Servers| {
            let _: Result<(), _> = servers.ask(|_, _| async { Err(Failed::Again(String::new(), None)) }).await;
        };
        // Both have begun when the first server fails; that is one failure.
        let _: Result<(), _> = servers
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
