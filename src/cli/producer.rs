//! A numbered producer: it posts events so that a retry after an unknown outcome stores nothing twice.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use uuid::Uuid;

use super::ServerUrl;
use super::request::{AskError, Servers, read};
use crate::protocol::RunId;

/// The server's answer to a stored post.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Receipt {
    /// Events stored by this request.
    pub stored: u64,
    /// Events that were stored already.
    pub duplicates: u64,
    /// The cursor after the last of these events.
    pub cursor: Option<String>,
    /// The producer's highest stored number.
    #[serde(rename = "producerSeq")]
    producer_seq: Option<u64>,
    /// Events of this producer that are stored beyond the posted ones: an earlier, larger post, which another server
    /// refused, had been stored after all.
    #[serde(skip)]
    pub beyond: u64,
}

/// A producer that posts to one run, for as long as this process runs.
#[derive(Debug)]
pub struct Poster {
    servers: Servers,
    run: RunId,
    producer: Uuid,
    /// The number of the producer's next event.
    next: u64,
    patience: Duration,
}

impl Poster {
    /// A new producer. `servers` must not be empty. When one fails, the producer tries the next one, and it gives up
    /// after `patience` without a success.
    ///
    /// # Errors
    /// [`AskError::Client`] if the HTTP client can't be built, for example because there are no root certificates.
    pub fn new(servers: &[ServerUrl], run: &RunId, patience: Duration) -> Result<Self, AskError> {
        let servers = Servers::new(servers)?;
        Ok(Self { servers, run: run.clone(), producer: Uuid::now_v7(), next: 1, patience })
    }

    /// Posts NDJSON with `events` events, and retries until a server accepts or refuses it, or patience ends.
    /// `on_retry` gets the reason of each retry.
    ///
    /// # Errors
    /// The events were refused, or no server answered in time. After a refusal none of them is stored, and their
    /// numbers are free: other events may be posted in their place.
    pub async fn post(&mut self, body: Bytes, events: u64, on_retry: impl FnMut(&str)) -> Result<Receipt, AskError> {
        let request = |client: &reqwest::Client, server: &ServerUrl| {
            client
                .post(server.events(&self.run))
                .header(CONTENT_TYPE, "application/x-ndjson")
                .header("Runcast-Producer", self.producer.to_string())
                .header("Runcast-Producer-Seq", self.next)
                .body(body.clone())
        };
        let answer = self.servers.insist(self.patience, request, on_retry).await?;
        let mut receipt: Receipt = read(&answer)?;
        let last = self.next.saturating_add(events).saturating_sub(1);
        let high = receipt.producer_seq.unwrap_or(last).max(last);
        receipt.beyond = high - last;
        self.next = high.saturating_add(1);
        Ok(receipt)
    }
}
