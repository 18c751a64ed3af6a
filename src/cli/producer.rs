//! Posting events as a worker does: numbered, so that a repeat after an unknown outcome stores nothing twice.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use uuid::Uuid;

use super::ServerUrl;
use super::request::{AskError, Servers, read};
use crate::protocol::RunId;

/// What the server says about stored events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Receipt {
    /// Events stored now.
    pub stored: u64,
    /// Events that were there already.
    pub duplicates: u64,
    /// Where a reader stands that has them all.
    pub cursor: Option<String>,
    /// The highest number that is stored of this producer.
    #[serde(rename = "producerSeq")]
    producer_seq: Option<u64>,
    /// Events that are stored of this producer behind those that were posted: an earlier post of more events, which another
    /// server refused, had been stored after all.
    #[serde(skip)]
    pub beyond: u64,
}

/// One process life of a producer, posting to one run.
#[derive(Debug)]
pub struct Poster {
    servers: Servers,
    run: RunId,
    producer: Uuid,
    /// The producer's number of the next event.
    next: u64,
    patience: Duration,
}

impl Poster {
    /// A new producer. It goes to the next of `servers`, of which there must be one, when one fails, and gives up when
    /// nothing succeeds for `patience`.
    ///
    /// # Errors
    /// When no HTTP client can be built, for want of root certificates for instance.
    pub fn new(servers: &[ServerUrl], run: &RunId, patience: Duration) -> Result<Self, AskError> {
        let servers = Servers::new(servers)?;
        Ok(Self { servers, run: run.clone(), producer: Uuid::now_v7(), next: 1, patience })
    }

    /// Posts NDJSON that holds `events` events, and repeats it until the server says yes or no, or patience ends.
    /// `on_retry` hears why an attempt is repeated.
    ///
    /// # Errors
    /// When the events were refused, or nothing succeeded in time. After a refusal none of them is stored, and the next post's
    /// events have their numbers: other events may be posted in their place.
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
