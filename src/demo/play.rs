//! Plays one run: posts the recording in real time, and obeys. Commands come with the answers to its posts; while it
//! pauses or waits for an answer, it asks for them.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use serde_json::Value;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{info, warn};

use super::DemoError;
use super::artifacts::DemoArtifact;
use super::obedience::{Obedience, Reaction};
use super::question::ASK_ID;
use super::recording::{EventMark, Recording};
use super::screens::{Display, PICTURE};
use crate::cli::ServerUrl;
use crate::cli::producer::{FileUpload, OpenCommand, Poster, ScreenHints, claim_key};
use crate::cli::request::{AskError, Retry};
use crate::protocol::{RunId, Timestamp};

/// How long a run retries while the server is away.
const PATIENCE: Duration = Duration::from_secs(15);

/// Longest wait of one question for commands: screens that stand still are shown anew meanwhile.
const POLL: Duration = Duration::from_secs(10);

/// Least time between two such questions that were answered at once.
const LEAST_POLL: Duration = Duration::from_millis(250);

/// How long before it is posted the earlier run began, in milliseconds.
const EARLIER_MS: i64 = 12 * 60 * 1_000;

/// A run that the end of the server has cut short.
#[derive(Debug)]
pub(super) struct CutShort {
    /// Its producer's id.
    pub(super) producer: String,
    /// How many events of the recording it has.
    pub(super) position: usize,
    /// Whether its question was asked.
    pub(super) has_asked: bool,
    /// The names of its artifacts.
    pub(super) artifacts: HashSet<String>,
    /// Its state.
    pub(super) state: Value,
}

/// Plays one run in real time. Events that are due at the same time share a request.
pub(super) async fn play(recording: &Recording, server: &ServerUrl, run: &RunId) -> Result<(), DemoError> {
    Player::new(recording, server, run)?.play().await
}

/// Plays the rest of a run, by the same producer.
pub(super) async fn go_on(
    recording: &Recording,
    server: &ServerUrl,
    run: &RunId,
    cut: CutShort,
) -> Result<(), DemoError> {
    let mut player = Player::new(recording, server, run)?;
    let (now, at) = (Instant::now(), Timestamp::now());
    let before = match cut.position.checked_sub(1) {
        Some(last) => recording.offset(last),
        None => Duration::ZERO,
    };
    player.poster.become_again(&cut.producer);
    player.orders = Obedience::restored(&cut.state, at, now);
    player.has_asked = cut.has_asked;
    player.position = cut.position;
    player.uploads.retain(|upload| !cut.artifacts.contains(&upload.name));
    player.stand_at(before);
    player.play().await
}

/// Posts a whole run at once, as if it had been some time ago.
pub(super) async fn play_earlier(recording: &Recording, server: &ServerUrl, run: &RunId) -> Result<(), DemoError> {
    let mut player = Player::new(recording, server, run)?;
    let began = player.began.plus_millis(-EARLIER_MS);
    let end = recording.offset(recording.len().saturating_sub(1));
    let at = |mut event: Value, time: Timestamp| {
        event["timestamp"] = time.to_string().into();
        line(&event)
    };
    let mut lines = vec![at(Obedience::join(), began)];
    lines.extend(recording.steps(began).map(|step| step.line));
    lines.push(at(Obedience::leave(), began.plus_millis(millis(end))));
    player.stand_at(end);
    player.upload_due().await;
    player.post(lines).await
}

struct Player<'a> {
    recording: &'a Recording,
    run: &'a RunId,
    poster: Poster,
    orders: Obedience,
    /// The next event of the recording.
    position: usize,
    /// What is to be uploaded yet, in the order of its times.
    uploads: VecDeque<&'a DemoArtifact>,
    display: Display<'a>,
    /// What viewers look at.
    hints: ScreenHints,
    /// When the recording began, as if it had never paused: by the clock that runs evenly, and by that of the events.
    start: Instant,
    began: Timestamp,
    has_asked: bool,
}

impl<'a> Player<'a> {
    fn new(recording: &'a Recording, server: &ServerUrl, run: &'a RunId) -> Result<Self, DemoError> {
        Ok(Self {
            recording,
            run,
            poster: Poster::new(std::slice::from_ref(server), run, PATIENCE)?,
            orders: Obedience::default(),
            position: 0,
            uploads: recording.artifacts().iter().collect(),
            display: Display::new(recording.frames()),
            hints: ScreenHints::default(),
            start: Instant::now(),
            began: Timestamp::now(),
            has_asked: false,
        })
    }

    async fn play(mut self) -> Result<(), DemoError> {
        let mut joins = vec![line(&Obedience::join())];
        if self.position > 0 {
            // What is stored of a run that was cut short begins with this.
            self.post(std::mem::take(&mut joins)).await?;
        }
        while self.position < self.recording.len() {
            if self.orders.is_cancelled() {
                let end = serde_json::json!({"type": "run_status", "status": "cancelled"});
                return self.post(vec![line(&end), line(&Obedience::leave())]).await;
            }
            if let Some(until) = self.orders.waits_until() {
                self.wait(until).await?;
                continue;
            }
            let event = self.recording.offset(self.position);
            sleep_until(self.start + self.display.next().map_or(event, |frame| frame.min(event))).await;
            self.upload_due().await;
            self.show_due().await;
            let mut lines = std::mem::take(&mut joins);
            lines.extend(self.take_due().await);
            self.post(lines).await?;
        }
        Ok(())
    }

    /// Takes the events that are due, up to the end of a step that was asked for, or to the question.
    async fn take_due(&mut self) -> Vec<Bytes> {
        let (now, mut lines) = (self.start.elapsed(), Vec::new());
        for step in self.recording.steps_from(self.position, self.began) {
            if step.offset > now {
                return lines;
            }
            if step.mark == EventMark::Question
                && !self.has_asked
                && let Some(question) = self.recording.question()
            {
                self.has_asked = true;
                let screenshot = self.photograph(&question.test).await;
                let watched = self.hints.watched == Some(true);
                lines.push(line(&self.orders.ask(question, screenshot.as_deref(), watched, Instant::now())));
                return lines;
            }
            lines.push(step.line);
            self.position += 1;
            if step.mark == EventMark::StepEnd
                && let Some(report) = self.orders.step_ended()
            {
                lines.push(line(&report));
                return lines;
            }
        }
        // A step that was begun has no end any more.
        lines.extend(self.orders.step_ended().as_ref().map(line));
        lines.push(line(&Obedience::leave()));
        lines
    }

    /// Uploads what is due. The run goes on without what the server does not take.
    async fn upload_due(&mut self) {
        while let Some(artifact) = self.uploads.front()
            && artifact.offset <= self.start.elapsed()
        {
            let uploaded = self.poster.upload(&artifact.upload()).await;
            match uploaded {
                Err(AskError::Refused { code: Some(code), .. }) if code == "artifacts_off" => self.uploads.clear(),
                Err(error) => warn!(run = %self.run, artifact = artifact.name, %error, "demo upload failed"),
                Ok(_) => {}
            }
            self.uploads.pop_front();
        }
    }

    /// Uploads what is on the screen of a test; the artifact's id, if the server takes it.
    async fn photograph(&self, test: &str) -> Option<String> {
        let content = self.display.of_test(test)?.picture.clone();
        let name = &format!("{ASK_ID}.webp");
        let file = FileUpload { name, kind: "screenshot", content_type: PICTURE, test: Some(test), content };
        self.poster.upload(&file).await.ok()
    }

    /// Shows what has come on the screens to those who look at them.
    async fn show_due(&mut self) {
        self.display.advance(self.start.elapsed());
        for (stream, frame) in self.display.take_wanted(&self.hints, self.poster.producer(), Instant::now()) {
            match self.poster.show(&frame.upload(&stream)).await {
                Ok(hints) => self.hints = hints,
                Err(error) => warn!(run = %self.run, stream, %error, "demo frame was not shown"),
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
            self.hints = receipt.hints;
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
        self.show_due().await;
        match self.poster.commands(POLL.min(until.saturating_duration_since(before)), &self.hints).await {
            Ok(open) => {
                self.hints = open.hints;
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
        self.began = self.began.plus_millis(millis(before.elapsed()));
        Ok(())
    }

    /// The recording is at this place now, and began so much earlier.
    fn stand_at(&mut self, place: Duration) {
        self.start = Instant::now().checked_sub(place).unwrap_or(self.start);
        self.began = Timestamp::now().plus_millis(-millis(place));
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// An event as a line of a body.
fn line(event: &Value) -> Bytes {
    event.to_string().into()
}
