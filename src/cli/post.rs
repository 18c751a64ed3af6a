//! Posting events as a worker does: numbered, so that a repeat after an unknown outcome stores nothing twice.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, Url};
use serde::Deserialize;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::ServerUrl;
use super::terminal::plain;
use crate::backoff::Backoff;
use crate::protocol::RunId;

/// Pauses between attempts, before jitter and `Retry-After`.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Longest wait for one answer: longer than a server's own deadline for an append.
const ATTEMPT: Duration = Duration::from_secs(30);

/// Characters of a server's explanation that are shown.
const DETAIL_CHARS: usize = 500;

/// What the server says about stored events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Receipt {
    /// Events stored now.
    pub stored: u64,
    /// Events that were there already.
    pub duplicates: u64,
    /// Where a reader stands that has them all.
    pub cursor: Option<String>,
}

/// Events could not be posted.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// The server says no, and would say it again.
    #[error("the server refused with {status}: {detail}")]
    Refused {
        /// HTTP status.
        status: StatusCode,
        /// The server's explanation, fit for a terminal.
        detail: String,
    },
    /// No success for so long; the events may be stored.
    #[error("gave up after {} s without progress; last: {last}", .patience.as_secs())]
    GaveUp {
        /// How long it was tried.
        patience: Duration,
        /// What went wrong last.
        last: String,
    },
    /// It answers, but not as runcast does.
    #[error("the answer is not runcast's: {0}")]
    Foreign(String),
    /// The HTTP client can't be built.
    #[error("no HTTP client: {0}")]
    Client(#[source] reqwest::Error),
}

/// One process life of a producer, posting to one run.
#[derive(Debug)]
pub struct Poster {
    client: Client,
    /// Where the run's events are posted: the first one, as long as it answers.
    urls: Vec<Url>,
    producer: Uuid,
    /// The producer's number of the next event.
    next: u64,
    patience: Duration,
}

/// How an attempt ended that did not succeed.
enum Failed {
    /// Worth repeating, perhaps only after a time that the server names.
    Again(String, Option<Duration>),
    /// Not worth repeating.
    ForGood(PostError),
}

impl Poster {
    /// A new producer. It goes to the next of `servers`, of which there must be one, when one fails, and gives up when
    /// nothing succeeds for `patience`.
    ///
    /// # Errors
    /// When no HTTP client can be built, for want of root certificates for instance.
    pub fn new(servers: &[ServerUrl], run: &RunId, patience: Duration) -> Result<Self, PostError> {
        let mut client = Client::builder()
            .user_agent(concat!("runcast/", env!("CARGO_PKG_VERSION")))
            // A POST must not become a GET elsewhere.
            .redirect(reqwest::redirect::Policy::none());
        if !servers.iter().any(ServerUrl::is_encrypted) {
            // Or the client couldn't be built on a system without root certificates, which plain HTTP doesn't need.
            client = client.tls_certs_only([]);
        }
        let client = client.build().map_err(PostError::Client)?;
        let urls = servers.iter().map(|server| server.events(run)).collect();
        Ok(Self { client, urls, producer: Uuid::now_v7(), next: 1, patience })
    }

    /// Posts NDJSON that holds `events` events, and repeats it until the server says yes or no, or patience ends.
    /// `on_retry` hears why an attempt is repeated.
    ///
    /// # Errors
    /// When the events were refused, or nothing succeeded in time. Both end this producer: a further post would leave a
    /// hole in its numbers.
    pub async fn post(
        &mut self,
        body: Bytes,
        events: u64,
        mut on_retry: impl FnMut(&str),
    ) -> Result<Receipt, PostError> {
        let deadline = Instant::now() + self.patience;
        let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let (why, retry_after) = match self.attempt(body.clone(), left.min(ATTEMPT)).await {
                Ok(receipt) => {
                    self.next += events;
                    return Ok(receipt);
                }
                Err(Failed::ForGood(error)) => return Err(error),
                Err(Failed::Again(why, retry_after)) => (why, retry_after),
            };
            self.urls.rotate_left(1);
            let pause = backoff.pause().max(retry_after.unwrap_or_default());
            if Instant::now() + pause >= deadline {
                return Err(PostError::GaveUp { patience: self.patience, last: why });
            }
            on_retry(&why);
            sleep(pause).await;
        }
    }

    async fn attempt(&self, body: Bytes, timeout: Duration) -> Result<Receipt, Failed> {
        let request = self
            .client
            .post(self.urls[0].clone())
            .header(CONTENT_TYPE, "application/x-ndjson")
            .header("Runcast-Producer", self.producer.to_string())
            .header("Runcast-Producer-Seq", self.next)
            .timeout(timeout)
            .body(body);
        let response = request.send().await.map_err(|error| Failed::Again(explain(&error), None))?;
        let status = response.status();
        if status.is_success() {
            let text = response.bytes().await.map_err(|error| Failed::Again(explain(&error), None))?;
            return serde_json::from_slice(&text)
                .map_err(|error| Failed::ForGood(PostError::Foreign(error.to_string())));
        }
        let retry_after = retry_after(&response);
        let detail = problem(&response.bytes().await.unwrap_or_default());
        let again =
            status.is_server_error() || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
        if again {
            Err(Failed::Again(format!("{status}: {detail}"), retry_after))
        } else {
            Err(Failed::ForGood(PostError::Refused { status, detail }))
        }
    }
}

/// `Retry-After` in seconds (RFC 9110 section 10.2.3); its form as a date is not used by runcast.
fn retry_after(response: &Response) -> Option<Duration> {
    response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// The causes of an error in one line: reqwest's own text names only the URL.
fn explain(error: &reqwest::Error) -> String {
    let mut last: &dyn std::error::Error = error;
    while let Some(source) = last.source() {
        last = source;
    }
    if error.is_timeout() { "no answer in time".into() } else { plain(&last.to_string(), DETAIL_CHARS) }
}

/// What `application/problem+json` says, or the body as it is.
pub(super) fn problem(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Problem {
        code: Option<String>,
        title: Option<String>,
        detail: Option<String>,
    }
    let text = match serde_json::from_slice::<Problem>(body) {
        Ok(Problem { code, title, detail }) => {
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
}
