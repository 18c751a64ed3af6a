//! A numbered producer: it posts events so that a retry after an unknown outcome stores nothing twice.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::ServerUrl;
use super::request::{ATTEMPT, AskError, Retry, Servers, read};
use crate::protocol::{ProducerId, RunId};

/// The header that names the producer.
const PRODUCER: &str = "Runcast-Producer";

/// How long a picture of a screen is worth waiting for.
const FRAME: Duration = Duration::from_secs(2);

/// The server's answer to a stored post.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Receipt {
    /// Events stored by this request.
    pub stored: u64,
    /// Events that were stored already.
    pub duplicates: u64,
    /// The cursor after the last of these events.
    pub cursor: Option<String>,
    /// Commands for this producer, the most urgent first.
    #[serde(default)]
    pub commands: Vec<OpenCommand>,
    /// What the producer may acknowledge once it has acted on these commands.
    #[serde(rename = "commandsCursor", default)]
    pub commands_cursor: Option<String>,
    /// What viewers look at.
    #[serde(default)]
    pub hints: ScreenHints,
    /// The producer's highest stored number.
    #[serde(rename = "producerSeq")]
    producer_seq: Option<u64>,
    /// Events of this producer that are stored beyond the posted ones: an earlier, larger post, which another server
    /// refused, had been stored after all.
    #[serde(skip)]
    pub beyond: u64,
    /// How many of the duplicates another process had stored before: of a file that is posted again.
    #[serde(skip)]
    pub replayed: u64,
}

/// A command that is open for a producer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenCommand {
    /// Its event's cursor.
    pub cursor: String,
    /// How long it is good for, in milliseconds; `None`: for as long as nothing else is wanted.
    pub left_ms: Option<u64>,
    /// Its event.
    pub event: Value,
}

/// Which screens viewers look at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ScreenHints {
    /// Names these hints.
    pub tag: String,
    /// Whether anybody watches the run; `None` while that is not known.
    pub watched: Option<bool>,
    /// The streams that somebody looks at, or `auto`.
    pub screens: Vec<String>,
    /// All other streams are wanted, too.
    pub wall: bool,
}

/// A picture of a screen.
#[derive(Clone, Debug)]
pub struct FrameUpload<'a> {
    /// The stream that it belongs to: `PRODUCER/SLOT`.
    pub stream: &'a str,
    /// Its media type.
    pub content_type: &'a str,
    /// The test that is seen.
    pub test: &'a str,
    /// Its size in pixels.
    pub width: u32,
    /// The same.
    pub height: u32,
    /// Its bytes.
    pub content: Bytes,
}

/// A file to upload to a run, whose content is in memory.
#[derive(Clone, Debug)]
pub struct FileUpload<'a> {
    /// The artifact's name.
    pub name: &'a str,
    /// What it is: `trace`, `video`, or another word of [`crate::protocol::ArtifactKind`].
    pub kind: &'a str,
    /// Its media type.
    pub content_type: &'a str,
    /// The test that it belongs to.
    pub test: Option<&'a str>,
    /// Its bytes.
    pub content: Bytes,
}

/// A page of the commands that are open for a producer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct OpenCommands {
    /// The commands, the most urgent first.
    pub commands: Vec<OpenCommand>,
    /// What the producer may acknowledge once it has acted on these: more of them come after it.
    pub cursor: Option<String>,
    /// What viewers look at.
    #[serde(default)]
    pub hints: ScreenHints,
}

/// A key to claim a command with: 128 random bits, as 32 hexadecimal digits.
///
/// # Errors
/// [`AskError::Failed`] if the system has no random numbers.
pub fn claim_key() -> Result<String, AskError> {
    let mut bits = [0; 16];
    aws_lc_rs::rand::fill(&mut bits).map_err(|_| AskError::Failed("the system has no random numbers".into()))?;
    Ok(bits.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// What an earlier process has posted as the same producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EarlierPosts {
    /// No answer has told yet. `true`: a post of ours that was refused may have been stored nevertheless.
    Unknown(bool),
    /// The events up to this number, or none (0).
    UpTo(u64),
}

/// A producer that posts to one run, for as long as this process runs.
#[derive(Debug)]
pub struct Poster {
    servers: Servers,
    run: RunId,
    producer: Box<str>,
    /// The number of the producer's next event.
    next: u64,
    /// Numbers that are missing before it are lost: the server is not to wait for them.
    accepts_gaps: bool,
    /// Whether an earlier process may have posted the same events, and up to which number, once that is known.
    earlier: Option<EarlierPosts>,
    /// The last control event that the producer has acted on.
    acknowledged: Option<String>,
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
        let producer = Uuid::now_v7().to_string().into();
        let run = run.clone();
        Ok(Self { servers, run, producer, next: 1, accepts_gaps: false, earlier: None, acknowledged: None, patience })
    }

    /// The run that it posts to.
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// Its id.
    pub fn producer(&self) -> &str {
        &self.producer
    }

    /// Is this producer from now on, of which another process has posted. Its first post has to be that process's first
    /// one: the server knows it, stores nothing, and says which number is next.
    pub fn become_again(&mut self, producer: &str) {
        self.producer = producer.into();
    }

    /// Goes on where another process has stopped: the next event is this one's. What that process has posted is not
    /// stored again, and what it has lost before is noted in the run.
    pub fn resume(&mut self, producer: &ProducerId, next: u64) {
        self.producer = producer.as_str().into();
        self.next = next;
        self.accepts_gaps = true;
        self.earlier = None;
    }

    /// Posts as this producer, whose events are always the same: another process may have posted them, or some of them,
    /// and those are not stored again.
    pub fn repeat(&mut self, producer: &ProducerId) {
        self.producer = producer.as_str().into();
        self.earlier = Some(EarlierPosts::Unknown(false));
    }

    /// Posts NDJSON with `events` events, and retries until a server accepts or refuses it, or patience ends.
    /// `on_retry` gets each failure that is retried.
    ///
    /// # Errors
    /// The events were refused, or no server answered in time. After a refusal none of them is stored, and their
    /// numbers are free: other events may be posted in their place.
    pub async fn post(
        &mut self,
        body: Bytes,
        events: u64,
        mut on_retry: impl FnMut(&Retry<'_>),
    ) -> Result<Receipt, AskError> {
        let mut is_repeated = false;
        let request = |client: &reqwest::Client, server: &ServerUrl| {
            let request = client
                .post(server.events(&self.run))
                .header(CONTENT_TYPE, "application/x-ndjson")
                .header(PRODUCER, &*self.producer)
                .header("Runcast-Producer-Seq", self.next)
                .body(body.clone());
            let request = match self.accepts_gaps {
                true => request.header("Runcast-Producer-Gap", "accept"),
                false => request,
            };
            match &self.acknowledged {
                Some(cursor) => request.header("Runcast-Commands-After", cursor),
                None => request,
            }
        };
        let on_retry = |retry: &Retry<'_>| {
            is_repeated = true;
            on_retry(retry);
        };
        let answered = self.servers.insist(self.patience, request, on_retry).await;
        if let (Err(_), Some(EarlierPosts::Unknown(in_doubt))) = (&answered, &mut self.earlier) {
            *in_doubt |= is_repeated;
        }
        let mut receipt: Receipt = read(&answered?)?;
        let last = self.next.saturating_add(events).saturating_sub(1);
        let is_first = self.earlier == Some(EarlierPosts::Unknown(false));
        let earlier = match self.earlier {
            None => 0,
            Some(EarlierPosts::UpTo(seq)) => seq,
            Some(EarlierPosts::Unknown(in_doubt)) => {
                let before = |seq: &u64| !in_doubt && (*seq > last || (receipt.stored == 0 && !is_repeated));
                let seq = receipt.producer_seq.filter(before).unwrap_or_default();
                self.earlier = Some(EarlierPosts::UpTo(seq));
                seq
            }
        };
        if earlier >= self.next || (!is_repeated && (self.accepts_gaps || is_first)) {
            receipt.replayed = receipt.duplicates;
        }
        // Events of a file have their numbers from it, also where the server has later ones.
        let known = receipt.producer_seq.filter(|seq| !self.accepts_gaps && *seq > earlier);
        let high = known.unwrap_or(last).max(last);
        receipt.beyond = high - last;
        self.next = high.saturating_add(1);
        Ok(receipt)
    }

    /// Shows a picture of a screen, once: a later one takes its place anyway.
    ///
    /// # Errors
    /// It was refused, or the server did not answer soon.
    pub async fn show(&self, frame: &FrameUpload<'_>) -> Result<ScreenHints, AskError> {
        #[derive(Deserialize)]
        struct Shown {
            hints: ScreenHints,
        }
        let request = |client: &reqwest::Client, server: &ServerUrl| {
            client
                .post(server.frame(&self.run))
                .header(PRODUCER, &*self.producer)
                .header(CONTENT_TYPE, frame.content_type)
                .header("Runcast-Stream", frame.stream)
                .header("Runcast-Test", frame.test)
                .header("Runcast-Width", frame.width)
                .header("Runcast-Height", frame.height)
                .body(frame.content.clone())
        };
        let answer = self.servers.insist(FRAME, request, |_| ()).await?;
        read::<Shown>(&answer).map(|Shown { hints }| hints)
    }

    /// Uploads a file to the run, and repeats it until a server takes or refuses it, or patience ends. It is stored
    /// once. Returns the artifact's id.
    ///
    /// # Errors
    /// It was refused, `artifacts_off` where the server keeps none, or no server answered in time.
    pub async fn upload(&self, file: &FileUpload<'_>) -> Result<String, AskError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Stored {
            artifact_id: String,
        }
        let key = format!("\"{}\"", Uuid::now_v7());
        let request = |client: &reqwest::Client, server: &ServerUrl| {
            let request = client
                .put(server.artifact(&self.run, file.name))
                .header(CONTENT_TYPE, file.content_type)
                .header("Idempotency-Key", &key)
                .header("Runcast-Kind", file.kind)
                .body(file.content.clone());
            match file.test {
                Some(test) => request.header("Runcast-Test", test),
                None => request,
            }
        };
        let answer = self.servers.insist(self.patience, request, |_| ()).await?;
        read::<Stored>(&answer).map(|Stored { artifact_id }| artifact_id)
    }

    /// Acknowledges the commands up to this control event, if there is one: they come no more.
    pub fn acknowledge(&mut self, cursor: Option<String>) {
        self.acknowledged = cursor.or(self.acknowledged.take());
    }

    /// Asks once for the commands that are open for this producer, and waits up to `wait` (25 s at most) until there is
    /// one, or viewers look at something else than these `hints` say.
    ///
    /// # Errors
    /// The server does not answer, or refuses to.
    pub async fn commands(&self, wait: Duration, hints: &ScreenHints) -> Result<OpenCommands, AskError> {
        let request = |client: &reqwest::Client, server: &ServerUrl| {
            let mut url = server.commands(&self.run);
            url.query_pairs_mut().append_pair("wait", &wait.as_secs().to_string());
            if !hints.tag.is_empty() {
                url.query_pairs_mut().append_pair("hints", &hints.tag);
            }
            if let Some(after) = &self.acknowledged {
                url.query_pairs_mut().append_pair("after", after);
            }
            client.get(url).header(PRODUCER, &*self.producer)
        };
        read(&self.servers.insist(self.patience.max(wait + ATTEMPT), request, |_| ()).await?)
    }

    /// Claims a command that one producer alone may work on; returns the claim, which the producer's reports name. A
    /// repeated request with the same key gets the same claim.
    ///
    /// # Errors
    /// It is another's, it is not good any more, or the server does not answer.
    pub async fn claim(&self, command: &str, key: &str) -> Result<String, AskError> {
        #[derive(Deserialize)]
        struct Claimed {
            claim: String,
        }
        let request = |client: &reqwest::Client, server: &ServerUrl| {
            let request = client.post(server.claim(&self.run, command)).header(PRODUCER, &*self.producer);
            request.header("Runcast-Claim-Key", key)
        };
        let answer = self.servers.insist(self.patience, request, |_| ()).await?;
        read::<Claimed>(&answer).map(|Claimed { claim }| claim)
    }
}
