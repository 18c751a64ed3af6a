//! Uploads one file: it is announced, put into the store and completed, or put through the server. Each step is retried
//! until it succeeds, is refused, or patience ends.

use std::io;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use indicatif::DecimalBytes;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, RequestBuilder, StatusCode, Url};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use tokio::time::{Instant, sleep};

use super::super::artifacts::listing::{ShownArtifact, Terms, read_existing};
use super::super::progress::FileBar;
use super::super::request::{ATTEMPT, AskError, Failed, Patience, Servers, answer, read};
use super::existing::ExistingArtifacts;
use super::source_file::{Moved, SourceRead};
use super::sources::UploadSource;
use super::transfer::{checked_within, put, stored_within};
use crate::protocol::{ArtifactKind, RunId};

/// How long another node may take to complete the same upload. It may be gone while its claim still lasts; then the
/// file is uploaded again.
const PENDING_TIMEOUT: Duration = Duration::from_secs(20);

/// Most restarts of an upload: the file has changed, its URL has expired, or the store has lost it.
const MAX_RESTARTS: u32 = 3;

/// Sends files; what is common to all of them.
#[derive(Debug)]
pub(super) struct Sender {
    pub(super) servers: Servers,
    /// The client for the store, which is not one of the servers.
    pub(super) store: Client,
    pub(super) run: RunId,
    pub(super) kind: Option<ArtifactKind>,
    pub(super) content_type: Option<String>,
    pub(super) test: Option<String>,
    pub(super) patience: Duration,
    pub(super) terms: Terms,
    pub(super) there: ExistingArtifacts,
}

/// The outcome of a successful upload.
#[derive(Debug)]
pub(super) enum Sent {
    Uploaded(ShownArtifact),
    AlreadyThere(ShownArtifact),
}

/// The reason why a file was not uploaded.
#[derive(Debug, thiserror::Error)]
pub(super) enum SendError {
    #[error("it can't be read: {0}")]
    Unreadable(#[from] io::Error),
    #[error("it has {}, and the server takes at most {}", DecimalBytes(*.0), DecimalBytes(*.1))]
    TooLarge(u64, u64),
    #[error(transparent)]
    Asked(#[from] AskError),
}

/// The next step of an upload.
enum SendStep {
    Through,
    /// The file was sent through the server, whose response was lost: it may be stored already, or soon.
    Settle {
        since: Instant,
    },
    Announce,
    Put {
        artifact: String,
        to: Box<UploadDestination>,
    },
    Complete {
        artifact: String,
        since: Instant,
    },
    Done(Box<ShownArtifact>),
}

/// The server's answer to an announcement.
#[derive(Deserialize)]
struct Announcement<'a> {
    #[serde(borrow)]
    artifact: &'a RawValue,
    /// `None` if the artifact is ready already.
    upload: Option<UploadDestination>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    artifact_id: String,
}

#[derive(Deserialize)]
struct UploadDestination {
    url: Url,
    headers: std::collections::BTreeMap<String, String>,
}

impl Sender {
    /// Uploads a file, unless the run has it already.
    pub(super) async fn send(&self, source: &UploadSource, bar: &FileBar<'_>) -> Result<Sent, SendError> {
        let mut reading = self.read(source).await?;
        if let Some(there) = self.there.find(&source.name, &reading) {
            return Ok(Sent::AlreadyThere(there.clone()));
        }
        let mut step = self.first();
        let mut patience = Patience::new(self.patience);
        let mut restarts = 0;
        loop {
            let (began, moved) = (Instant::now(), Moved::new(bar.of(reading.size)));
            let failed = match self.take(&step, source, &reading, restarts, &moved, patience.left()).await {
                Ok(SendStep::Done(artifact)) => return Ok(Sent::Uploaded(*artifact)),
                Ok(next) => {
                    // A settle step that finds nothing is no progress.
                    if !matches!(step, SendStep::Settle { .. }) {
                        patience = Patience::new(self.patience);
                    }
                    step = next;
                    continue;
                }
                Err(failed) => failed,
            };
            if moved.bytes() > 0 {
                patience.extend(began.elapsed());
            }
            let (reason, retry_after) = match failed {
                Failed::Again(reason, retry_after) => (reason, retry_after),
                Failed::ForGood(error) if step.is_being_completed(&error) => (format!("another node: {error}"), None),
                Failed::ForGood(error) if restarts < MAX_RESTARTS && step.may_restart(&error) => {
                    (restarts, step) = (restarts + 1, self.first());
                    (format!("another attempt: {error}"), None)
                }
                Failed::ForGood(error) => return Err(error.into()),
            };
            if matches!(step, SendStep::Through) && moved.bytes() == reading.size {
                step = SendStep::Settle { since: Instant::now() };
            }
            let (pause, retry) = patience.pause(&reason, retry_after).map_err(|error| self.servers.hinting(error))?;
            bar.waits(&retry);
            sleep(pause).await;
            if reading.is_stale() && restarts < MAX_RESTARTS {
                (restarts, step) = (restarts + 1, self.first());
                reading = self.read(source).await?;
            }
        }
    }

    async fn read(&self, source: &UploadSource) -> Result<SourceRead, SendError> {
        let reading = SourceRead::of(&source.path).await?;
        let most = self.terms.max_bytes;
        if reading.size > most { Err(SendError::TooLarge(reading.size, most)) } else { Ok(reading) }
    }

    fn first(&self) -> SendStep {
        if self.terms.direct { SendStep::Announce } else { SendStep::Through }
    }

    /// Takes one step and returns the next.
    async fn take(
        &self,
        step: &SendStep,
        source: &UploadSource,
        reading: &SourceRead,
        restarts: u32,
        moved: &Moved,
        left: Duration,
    ) -> Result<SendStep, Failed> {
        // Each restart is a new upload with its own key: the one before may never end.
        let named =
            |request: RequestBuilder| request.header("Idempotency-Key", format!("\"{}-{restarts}\"", reading.key));
        let body = match step {
            SendStep::Through => {
                self.servers
                    .ask(|client, server| {
                        let request = client.put(server.artifact(&self.run, &source.name));
                        put(named(self.described(request, reading)), reading, moved)
                    })
                    .await?
            }
            SendStep::Put { artifact, to } => {
                let UploadDestination { url, headers } = &**to;
                let request = headers
                    .iter()
                    .fold(self.store.put(url.clone()), |request, (name, value)| request.header(name, value));
                put(request, reading, moved).await.map_err(|failed| match failed {
                    Failed::Again(reason, after) => Failed::Again(format!("the store: {reason}"), after),
                    failed => failed,
                })?;
                return Ok(SendStep::Complete { artifact: artifact.clone(), since: Instant::now() });
            }
            SendStep::Settle { since } => return self.settle(*since, source, reading, left).await,
            SendStep::Announce => {
                let answer = self.servers.ask(|client, server| {
                    let request = client.post(server.announce(&self.run)).json(&self.announcement(source, reading));
                    answer(named(request).timeout(left.min(ATTEMPT)))
                });
                return SendStep::announced(&answer.await?).map_err(Failed::ForGood);
            }
            SendStep::Complete { artifact, .. } => {
                self.servers
                    .ask(|client, server| {
                        let request = client.post(server.complete(&self.run, artifact));
                        answer(request.header(CONTENT_TYPE, "application/json").timeout(checked_within(reading.size)))
                    })
                    .await?
            }
            SendStep::Done(artifact) => return Ok(SendStep::Done(artifact.clone())),
        };
        let artifact = read::<&RawValue>(&body).and_then(|artifact| ShownArtifact::parse(artifact.get()));
        artifact.map(|artifact| SendStep::Done(Box::new(artifact))).map_err(Failed::ForGood)
    }

    fn announcement(&self, source: &UploadSource, reading: &SourceRead) -> serde_json::Value {
        let mut announcement = json!({"name": source.name, "size": reading.size, "sha256": reading.sha256});
        let options = [
            ("contentType", self.content_type.as_deref()),
            ("kind", self.kind.map(ArtifactKind::as_str)),
            ("test", self.test.as_deref()),
        ];
        for (name, value) in options {
            if let Some(value) = value {
                announcement[name] = value.into();
            }
        }
        announcement
    }

    /// Adds the same description to a request as headers.
    fn described(&self, request: RequestBuilder, reading: &SourceRead) -> RequestBuilder {
        let digest = format!("sha-256=:{}:", STANDARD.encode(reading.sha256.0));
        let mut request = request.header("Content-Digest", digest);
        let options = [
            (CONTENT_TYPE.as_str(), self.content_type.as_deref()),
            ("runcast-kind", self.kind.map(ArtifactKind::as_str)),
            ("runcast-test", self.test.as_deref()),
        ];
        for (name, value) in options {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        request
    }

    async fn settle(
        &self,
        since: Instant,
        source: &UploadSource,
        reading: &SourceRead,
        left: Duration,
    ) -> Result<SendStep, Failed> {
        let (mut there, mut is_pending) = (ExistingArtifacts::default(), false);
        let listed = read_existing(
            &self.servers,
            &self.run,
            left,
            |_| (),
            |artifact| {
                is_pending |= artifact.is_pending() && artifact.name == source.name && reading.is_that_of(&artifact);
                there.add(artifact, |name| name == source.name);
            },
        );
        listed.await.map_err(Failed::ForGood)?;
        match there.find(&source.name, reading) {
            Some(artifact) => Ok(SendStep::Done(Box::new(artifact.clone()))),
            None if is_pending && since.elapsed() < stored_within(reading.size) => {
                Err(Failed::Again("the server, which is storing it".into(), None))
            }
            None => Ok(SendStep::Through),
        }
    }
}

impl SendStep {
    /// The step after an announcement.
    fn announced(answer: &[u8]) -> Result<Self, AskError> {
        let Announcement { artifact, upload } = read(answer)?;
        let json = artifact.get();
        match upload {
            Some(to) => {
                let Named { artifact_id } = read(json.as_bytes())?;
                Ok(Self::Put { artifact: artifact_id, to: Box::new(to) })
            }
            None => ShownArtifact::parse(json).map(|artifact| Self::Done(Box::new(artifact))),
        }
    }

    /// Whether another node is completing the upload, and may still be alive.
    fn is_being_completed(&self, error: &AskError) -> bool {
        let is_recent = matches!(self, Self::Complete { since, .. } if since.elapsed() < PENDING_TIMEOUT);
        is_recent && is(error, &["artifact_pending"])
    }

    /// Whether sending the whole file again may succeed after this refusal.
    fn may_restart(&self, error: &AskError) -> bool {
        match self {
            // The file was changed while it was sent.
            Self::Through => is(error, &["upload_mismatch"]),
            // The URL has expired.
            Self::Put { .. } => matches!(error, AskError::Refused { status: StatusCode::FORBIDDEN, .. }),
            Self::Complete { .. } => {
                is(error, &["artifact_failed", "artifact_gone", "artifact_pending", "not_uploaded", "upload_mismatch"])
            }
            Self::Settle { .. } | Self::Announce | Self::Done(_) => false,
        }
    }
}

fn is(error: &AskError, codes: &[&str]) -> bool {
    matches!(error, AskError::Refused { code: Some(code), .. } if codes.contains(&code.as_str()))
}
