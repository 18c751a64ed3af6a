//! Plays one run: posts the recording in real time, and obeys. Commands come with the answers to its posts; while it
//! pauses or waits for an answer, it asks for them.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use serde_json::Value;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{info, warn};

use super::DemoError;
use super::artifacts::DemoArtifact;
use super::obedience::{Obedience, Reaction};
use super::recording::{EventMark, Recording};
use crate::cli::ServerUrl;
use crate::cli::producer::{OpenCommand, Poster, claim_key};
use crate::cli::request::{AskError, Retry};
use crate::protocol::{RunId, Timestamp};

/// How long a run retries while the server is away.
const PATIENCE: Duration = Duration::from_secs(15);

/// Longest wait of one question for commands.
const POLL: Duration = Duration::from_secs(25);

/// Least time between two such questions that were answered at once.
const LEAST_POLL: Duration = Duration::from_millis(250);

/// Plays one run in real time. Events that are due at the same time share a request.
pub(super) async fn play(recording: &Recording, server: &ServerUrl, run: &RunId) -> Result<(), DemoError> {
    let poster = Poster::new(std::slice::from_ref(server), run, PATIENCE)?;
    let (start, began) = (Instant::now(), Timestamp::now());
    let orders = Obedience::default();
    Player {
        recording,
        run,
        poster,
        orders,
        position: 0,
        uploads: recording.artifacts(),
        start,
        began,
        has_asked: false,
    }
    .play()
    .await
}

struct Player<'a> {
    recording: &'a Recording,
    run: &'a RunId,
    poster: Poster,
    orders: Obedience,
    /// The next event of the recording.
    position: usize,
    /// What is to be uploaded yet.
    uploads: &'a [DemoArtifact],
    /// When the recording began, as if it had never paused: by the clock that runs evenly, and by that of the events.
    start: Instant,
    began: Timestamp,
    has_asked: bool,
}

impl Player<'_> {
    async fn play(mut self) -> Result<(), DemoError> {
        let mut lines = vec![line(&Obedience::join())];
        while self.position < self.recording.len() {
            if self.orders.is_cancelled() {
                let end = serde_json::json!({"type": "run_status", "status": "cancelled"});
                return self.post(vec![line(&end), line(&Obedience::leave())]).await;
            }
            if let Some(until) = self.orders.waits_until() {
                self.wait(until).await?;
                continue;
            }
            sleep_until(self.start + self.recording.offset(self.position)).await;
            self.upload_due().await;
            self.take_due(&mut lines);
            self.post(std::mem::take(&mut lines)).await?;
        }
        Ok(())
    }

    /// Takes the events that are due, up to the end of a step that was asked for, or to the question.
    fn take_due(&mut self, lines: &mut Vec<Bytes>) {
        let now = self.start.elapsed();
        for step in self.recording.steps_from(self.position, self.began) {
            if step.offset > now {
                return;
            }
            if step.mark == EventMark::Question && !self.has_asked {
                self.has_asked = true;
                lines.push(line(&self.orders.ask(Instant::now())));
                return;
            }
            lines.push(step.line);
            self.position += 1;
            if step.mark == EventMark::StepEnd
                && let Some(report) = self.orders.step_ended()
            {
                lines.push(line(&report));
                return;
            }
        }
        // A step that was begun has no end any more.
        lines.extend(self.orders.step_ended().as_ref().map(line));
        lines.push(line(&Obedience::leave()));
    }

    /// Uploads what is due. The run goes on without what the server does not take.
    async fn upload_due(&mut self) {
        while let Some((artifact, later)) = self.uploads.split_first()
            && artifact.offset <= self.start.elapsed()
        {
            self.uploads = later;
            match self.poster.upload(&artifact.upload()).await {
                Ok(()) => {}
                Err(AskError::Refused { code: Some(code), .. }) if code == "artifacts_off" => self.uploads = &[],
                Err(error) => warn!(run = %self.run, artifact = artifact.name, %error, "demo upload failed"),
            }
        }
    }

    /// Posts events, and what has to be posted because of the commands that come with the answer.
    async fn post(&mut self, mut lines: Vec<Bytes>) -> Result<(), DemoError> {
        while !lines.is_empty() {
            let mut body = BytesMut::new();
            for line in &lines {
                body.extend_from_slice(line);
                body.extend_from_slice(b"\n");
            }
            let run = self.run;
            let on_retry = |retry: &Retry<'_>| warn!(%run, %retry, "demo post repeated");
            let receipt = self.poster.post(body.freeze(), lines.len() as u64, on_retry).await?;
            lines = self.obey(receipt.commands).await?;
            self.poster.acknowledge(receipt.commands_cursor);
        }
        Ok(())
    }

    /// Does what the commands want, and returns what is to be posted about it.
    async fn obey(&mut self, commands: Vec<OpenCommand>) -> Result<Vec<Bytes>, DemoError> {
        let mut lines = Vec::new();
        for command in commands {
            match self.orders.hear(&command, Instant::now()) {
                Reaction::Nothing => {}
                Reaction::Post(events) => lines.extend(events.iter().map(line)),
                Reaction::Claim(id) => match self.poster.claim(&id, &claim_key()?).await {
                    Ok(claim) => lines.extend(self.orders.claimed(&command.event, claim).as_ref().map(line)),
                    Err(error @ AskError::Refused { .. }) => info!(run = %self.run, %error, "demo claim refused"),
                    Err(error) => return Err(error.into()),
                },
            }
        }
        Ok(lines)
    }

    /// Waits for what it is told next. The recording stands still meanwhile.
    async fn wait(&mut self, until: Instant) -> Result<(), DemoError> {
        let before = Instant::now();
        match self.poster.commands(POLL.min(until.saturating_duration_since(before))).await {
            Ok(open) => {
                let is_news = !open.commands.is_empty();
                let lines = self.obey(open.commands).await?;
                self.poster.acknowledge(open.cursor);
                self.post(lines).await?;
                if !is_news {
                    sleep(LEAST_POLL.saturating_sub(before.elapsed())).await;
                }
            }
            Err(error) => warn!(run = %self.run, %error, "demo hears no commands"),
        }
        if Instant::now() >= until {
            warn!(run = %self.run, "demo was not told to go on in time");
            self.orders.go_on_untold();
        }
        self.start += before.elapsed();
        self.began = self.began.plus_millis(i64::try_from(before.elapsed().as_millis()).unwrap_or(i64::MAX));
        Ok(())
    }
}

/// An event as a line of a body.
fn line(event: &Value) -> Bytes {
    event.to_string().into()
}
