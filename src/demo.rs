//! The demo: posts a bundled recording of a real run in real time, repeatedly, as a producer would.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use serde::Deserialize;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{info, warn};

use crate::cli::ServerUrl;
use crate::cli::producer::Poster;
use crate::cli::request::AskError;
use crate::protocol::ids::IdError;
use crate::protocol::{RunId, Timestamp};

/// 438 events of a Playwright run: 11 tests, one fails and is retried, one is skipped.
const RECORDING: &[u8] = include_bytes!("../demo/run.ndjson");

/// Pause between two runs.
const PAUSE: Duration = Duration::from_secs(5);

/// How long a run retries while the server is away.
const PATIENCE: Duration = Duration::from_secs(15);

/// The demo can't continue.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A line of the recording is no event with a timestamp.
    #[error("line {0} of the recording is no event with a timestamp")]
    Recording(usize),
    /// The server's address is invalid.
    #[error("{0}")]
    Url(String),
    /// A run's id was refused.
    #[error(transparent)]
    Run(#[from] IdError),
    /// The server did not accept the events.
    #[error(transparent)]
    Post(#[from] AskError),
}

/// A recorded run.
#[derive(Clone, Debug)]
pub struct Recording {
    events: Vec<DemoEvent>,
}

#[derive(Clone, Debug)]
struct DemoEvent {
    /// Time since the first event.
    offset: Duration,
    /// The event's text before its timestamp, and after it.
    before: Bytes,
    after: Bytes,
}

/// An event of a replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoStep {
    /// When the event is due, since the replay's start.
    pub offset: Duration,
    /// The event with its due time as timestamp.
    pub line: Bytes,
}

impl Recording {
    /// The bundled recording.
    ///
    /// # Errors
    /// Never: a test parses it.
    pub fn bundled() -> Result<Self, DemoError> {
        Self::parse(&Bytes::from_static(RECORDING))
    }

    /// Parses NDJSON whose events have RFC 3339 timestamps, in order.
    ///
    /// # Errors
    /// The first line that is not such an event.
    pub fn parse(ndjson: &Bytes) -> Result<Self, DemoError> {
        #[derive(Deserialize)]
        struct Timed<'a> {
            /// Borrowed, to find its position in the line.
            timestamp: &'a str,
        }
        let mut events: Vec<DemoEvent> = Vec::new();
        let mut start = None;
        for (index, line) in ndjson.split(|byte| *byte == b'\n').enumerate() {
            let line = ndjson.slice_ref(line);
            if line.is_empty() {
                continue;
            }
            let refuse = || DemoError::Recording(index + 1);
            let timed: Timed<'_> = serde_json::from_slice(&line).map_err(|_| refuse())?;
            let text = line.slice_ref(timed.timestamp.as_bytes());
            let at = Timestamp::parse(timed.timestamp).ok_or_else(refuse)?.as_millis();
            let millis = at.saturating_sub(*start.get_or_insert(at));
            let from = text.as_ptr().addr() - line.as_ptr().addr();
            events.push(DemoEvent {
                offset: Duration::from_millis(u64::try_from(millis).unwrap_or(0)),
                before: line.slice(..from),
                after: line.slice(from + text.len()..),
            });
        }
        Ok(Self { events })
    }

    /// The events of a replay that starts at `start`.
    pub fn steps(&self, start: Timestamp) -> impl Iterator<Item = DemoStep> {
        self.events.iter().map(move |DemoEvent { offset, before, after }| {
            let at = start.plus_millis(i64::try_from(offset.as_millis()).unwrap_or(i64::MAX)).to_string();
            let mut line = BytesMut::with_capacity(before.len() + at.len() + after.len());
            line.extend_from_slice(before);
            line.extend_from_slice(at.as_bytes());
            line.extend_from_slice(after);
            DemoStep { offset: *offset, line: line.freeze() }
        })
    }
}

/// Posts the bundled run to the server at `url` (`http://address`) as `demo-<n>`, waits five seconds, and repeats this
/// until `stop` resolves. A failure ends the run, but not the demo.
///
/// # Errors
/// The replay can't begin.
pub async fn replay(url: String, stop: impl Future<Output = ()>) -> Result<(), DemoError> {
    let server: ServerUrl = url.parse().map_err(DemoError::Url)?;
    let recording = Recording::bundled()?;
    let again_and_again = async {
        loop {
            // The id is unique also across restarts on the same data, and sorts by time.
            let run = RunId::parse(&format!("demo-{}", Timestamp::now().as_millis() / 1_000))?;
            info!(%run, "demo run begins");
            if let Err(error) = play(&recording, &server, &run).await {
                warn!(%run, %error, "demo run broke off");
            }
            sleep(PAUSE).await;
        }
    };
    tokio::select! {
        () = stop => Ok(()),
        outcome = again_and_again => outcome,
    }
}

/// Posts one run in real time. Events that are due at the same time share a request.
async fn play(recording: &Recording, server: &ServerUrl, run: &RunId) -> Result<(), DemoError> {
    let mut poster = Poster::new(std::slice::from_ref(server), run, PATIENCE)?;
    let start = Instant::now();
    let mut steps = recording.steps(Timestamp::now()).peekable();
    while let Some(step) = steps.peek() {
        sleep_until(start + step.offset).await;
        let now = start.elapsed();
        let (mut body, mut events) = (BytesMut::new(), 0);
        while let Some(step) = steps.next_if(|step| step.offset <= now) {
            body.extend_from_slice(&step.line);
            body.extend_from_slice(b"\n");
            events += 1;
        }
        poster.post(body.freeze(), events, |reason| warn!(%run, reason, "demo post repeated")).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_run_keeps_its_pace_and_moves_to_the_present() {
        let start = Timestamp::parse("2030-01-01T00:00:00.000Z").unwrap();
        let steps: Vec<DemoStep> = Recording::bundled().unwrap().steps(start).collect();
        assert_eq!(steps.len(), 438);
        assert!(steps.is_sorted_by_key(|step| step.offset));
        assert_eq!(steps[0].offset, Duration::ZERO);
        assert_eq!(steps.last().unwrap().offset, Duration::from_millis(30_581));
        for (step, original) in steps.iter().zip(RECORDING.split(|byte| *byte == b'\n')) {
            let mut event: serde_json::Value = serde_json::from_slice(&step.line).unwrap();
            let mut original: serde_json::Value = serde_json::from_slice(original).unwrap();
            let at = start.plus_millis(step.offset.as_millis() as i64).to_string();
            assert_eq!(event["timestamp"].take(), at);
            original["timestamp"].take();
            assert_eq!(event, original, "nothing but the time changes");
        }
    }

    #[test]
    fn only_the_events_own_timestamp_is_rewritten() {
        let line =
            r#"{"type":"x","data":{"timestamp":"2020-01-01T00:00:00Z"},"timestamp":"2020-01-01T00:00:00Z","y":1}"#;
        let recording = Recording::parse(&Bytes::from_static(line.as_bytes())).unwrap();
        let step = recording.steps(Timestamp::from_millis(0)).next().unwrap();
        let want =
            r#"{"type":"x","data":{"timestamp":"2020-01-01T00:00:00Z"},"timestamp":"1970-01-01T00:00:00.000Z","y":1}"#;
        assert_eq!(step.line, want);
    }

    #[test]
    fn a_recording_without_times_is_refused_with_its_line() {
        let recording = Recording::parse(&Bytes::from_static(b"\n{\"type\":\"x\"}\n"));
        assert!(matches!(recording, Err(DemoError::Recording(2))));
    }
}
