//! The recording: a real run, whose events are posted anew with the times of now.

use std::borrow::Cow;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use serde::Deserialize;
use serde_json::Value;

use super::DemoError;
use super::artifacts::{DemoArtifact, bundled_artifacts};
use super::question::DemoQuestion;
use super::screens::{Frame, Screens, bundled_screens};
use crate::protocol::Timestamp;

/// The events of a Playwright run of `demo/project`, as `demo/record` has recorded them: of 13 tests one fails, one is
/// flaky, one fails as expected and two are skipped.
const FAILED: &[u8] = include_bytes!("../../demo/run.ndjson");

/// Those of a run of an earlier commit, in which none fails unexpectedly, and none is flaky.
const PASSED: &[u8] = include_bytes!("../../demo/passed.ndjson");

/// What the step has in its title or subtitle that the worker asks about.
const QUESTION_STEP: &str = "Next page";

/// A recorded run.
#[derive(Clone, Debug)]
pub struct Recording {
    events: Vec<DemoEvent>,
    /// What the tests left behind, in the order of their times.
    artifacts: Vec<DemoArtifact>,
    /// What was on the screens, in the order of their times.
    frames: Vec<Frame>,
    /// What the worker asks, if it does.
    question: Option<DemoQuestion>,
}

#[derive(Clone, Debug)]
struct DemoEvent {
    /// Time since the first event.
    offset: Duration,
    /// The event's text before its timestamp, and after it.
    before: Bytes,
    after: Bytes,
    /// What it is to a worker.
    mark: EventMark,
}

/// What an event of the recording is to a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EventMark {
    /// A step has ended: here a worker that goes step by step stops.
    StepEnd,
    /// The worker asks before this.
    Question,
    /// Neither.
    Plain,
}

/// An event of a replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoStep {
    /// When the event is due, since the replay's start.
    pub offset: Duration,
    /// The event with its due time as timestamp.
    pub line: Bytes,
    /// What it is to a worker.
    pub(super) mark: EventMark,
}

impl Recording {
    /// The bundled recording of a run that fails.
    ///
    /// # Errors
    /// Never: a test parses it.
    pub fn failed() -> Result<Self, DemoError> {
        let Screens { failed: frames, question, .. } = bundled_screens()?;
        let artifacts = bundled_artifacts("failed")?;
        Ok(Self { artifacts, frames, question: Some(question), ..Self::parse(&Bytes::from_static(FAILED))? })
    }

    /// The bundled recording of a run that passes.
    ///
    /// # Errors
    /// Never: a test parses it.
    pub fn passed() -> Result<Self, DemoError> {
        let Screens { passed: frames, question, .. } = bundled_screens()?;
        let artifacts = bundled_artifacts("passed")?;
        Ok(Self { artifacts, frames, question: Some(question), ..Self::parse(&Bytes::from_static(PASSED))? })
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
            step: Option<TimedStep<'a>>,
        }
        #[derive(Deserialize)]
        struct TimedStep<'a> {
            #[serde(borrow)]
            phase: Option<Cow<'a, str>>,
            title: Option<Cow<'a, str>>,
            subtitle: Option<Cow<'a, str>>,
        }
        let mut events: Vec<DemoEvent> = Vec::new();
        let (mut start, mut has_asked) = (None, false);
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
            let mark = match timed.step {
                Some(TimedStep { phase: Some(phase), .. }) if phase == "end" => EventMark::StepEnd,
                Some(TimedStep { title, subtitle, .. })
                    if !has_asked && title.iter().chain(&subtitle).any(|words| words.contains(QUESTION_STEP)) =>
                {
                    has_asked = true;
                    EventMark::Question
                }
                _ => EventMark::Plain,
            };
            let from = text.as_ptr().addr() - line.as_ptr().addr();
            events.push(DemoEvent {
                offset: Duration::from_millis(u64::try_from(millis).unwrap_or(0)),
                before: line.slice(..from),
                after: line.slice(from + text.len()..),
                mark,
            });
        }
        Ok(Self { events, artifacts: Vec::new(), frames: Vec::new(), question: None })
    }

    /// Number of events.
    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    /// What the tests left behind, in the order of their times.
    pub(super) fn artifacts(&self) -> &[DemoArtifact] {
        &self.artifacts
    }

    /// What was on the screens, in the order of their times.
    pub(super) fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// What the worker asks, if it does.
    pub(super) fn question(&self) -> Option<&DemoQuestion> {
        self.question.as_ref()
    }

    /// Whether this is the recording whose first event another one is, apart from its time.
    pub(super) fn begins_with(&self, event: &Value) -> bool {
        let first = self.steps(Timestamp::from_millis(0)).next();
        let first: Option<Value> = first.and_then(|step| serde_json::from_slice(&step.line).ok());
        first.is_some_and(|first| first["type"] == event["type"] && first["data"] == event["data"])
    }

    /// When the event at a position is due, since the replay's start.
    pub(super) fn offset(&self, position: usize) -> Duration {
        self.events.get(position).map_or(Duration::ZERO, |event| event.offset)
    }

    /// The events of a replay that starts at `start`.
    pub fn steps(&self, start: Timestamp) -> impl Iterator<Item = DemoStep> {
        self.steps_from(0, start)
    }

    /// Those from a position on.
    pub(super) fn steps_from(&self, position: usize, start: Timestamp) -> impl Iterator<Item = DemoStep> {
        let events = self.events.iter().skip(position);
        events.map(move |DemoEvent { offset, before, after, mark }| {
            let at = start.plus_millis(i64::try_from(offset.as_millis()).unwrap_or(i64::MAX)).to_string();
            let mut line = BytesMut::with_capacity(before.len() + at.len() + after.len());
            line.extend_from_slice(before);
            line.extend_from_slice(at.as_bytes());
            line.extend_from_slice(after);
            DemoStep { offset: *offset, line: line.freeze(), mark: *mark }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_run_keeps_its_pace_and_moves_to_the_present() {
        let start = Timestamp::parse("2030-01-01T00:00:00.000Z").unwrap();
        let steps: Vec<DemoStep> = Recording::failed().unwrap().steps(start).collect();
        assert_eq!(steps.len(), str::from_utf8(FAILED).unwrap().lines().count());
        assert!(steps.is_sorted_by_key(|step| step.offset));
        assert_eq!(steps[0].offset, Duration::ZERO);
        let end = steps.last().unwrap().offset.as_secs();
        assert!((30..70).contains(&end), "{end} s");
        for (step, original) in steps.iter().zip(FAILED.split(|byte| *byte == b'\n')) {
            let mut event: serde_json::Value = serde_json::from_slice(&step.line).unwrap();
            let mut original: serde_json::Value = serde_json::from_slice(original).unwrap();
            let at = start.plus_millis(step.offset.as_millis() as i64).to_string();
            assert_eq!(event["timestamp"].take(), at);
            original["timestamp"].take();
            assert_eq!(event, original, "nothing but the time changes");
        }
    }

    #[test]
    fn the_bundled_run_has_everything_that_a_run_may_have() {
        use crate::demo::obedience::{SLOTS, VARIANT};
        let events: Vec<Value> =
            str::from_utf8(FAILED).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let has = |what: &str, is: &dyn Fn(&Value) -> bool| assert!(events.iter().any(is), "no {what}");
        has("nested step", &|event| event["step"]["parent"].is_string() && event["step"]["category"] == "test.step");
        has("fixture", &|event| event["step"]["category"] == "fixture");
        has("hook", &|event| event["step"]["category"] == "hook");
        has("retry", &|event| event["data"]["attempt"] == 1);
        has("flaky test", &|event| event["data"]["outcome"] == "flaky");
        has("skipped test", &|event| event["status"] == "skipped");
        has("expected failure", &|event| event["data"]["expected"] == "failed" && event["status"] == "failed");
        let messages = |event: &Value| event["data"]["errors"].to_string();
        has("diff", &|event| messages(event).contains("- Expected") && messages(event).contains("+ Received"));
        has("colours", &|event| event["type"] == "log" && event["text"].as_str().unwrap().contains('\u{1b}'));
        has("secret", &|event| event["step"].to_string().contains("***"));
        has("run's project", &|event| event["data"]["meta"]["project"] == "teashop");
        for event in &events {
            assert!(event["type"] != "worker" && event["type"] != "command_status", "the demo's own: {event}");
            assert!(event["seq"].is_null() && event["producer"].is_null() && event["at"].is_null(), "{event}");
            if event["type"] == "test_status" {
                assert_eq!(event["variant"], VARIANT, "{event}");
                assert!(event["data"]["slot"].as_u64().unwrap() < SLOTS as u64, "{event}");
            }
        }
        let recording = Recording::failed().unwrap();
        let kinds: Vec<&str> = recording.artifacts().iter().map(|artifact| artifact.upload().kind).collect();
        for kind in ["trace", "video", "screenshot"] {
            assert!(kinds.contains(&kind), "no {kind} in {kinds:?}");
        }
        let end = recording.offset(recording.len() - 1);
        assert!(recording.artifacts().iter().all(|artifact| artifact.offset < end));
        let named =
            |name: &str| events.iter().any(|event| event.to_string().contains(&format!("\"artifact\":\"{name}\"")));
        for artifact in recording.artifacts() {
            assert!(named(&artifact.name), "no event names {}", artifact.name);
            assert!(events.iter().any(|event| event["testId"] == artifact.upload().test.unwrap()));
        }
    }

    #[test]
    fn one_bundled_run_passes_and_is_told_from_the_other_by_its_first_event() {
        let [passed, failed] = [Recording::passed().unwrap(), Recording::failed().unwrap()];
        let last = passed.steps(Timestamp::from_millis(0)).last().unwrap();
        let last: Value = serde_json::from_slice(&last.line).unwrap();
        assert_eq!((&last["type"], &last["status"]), (&"run_status".into(), &"passed".into()));
        assert!(!str::from_utf8(PASSED).unwrap().contains(r#""outcome":"flaky""#));
        let first: Value = serde_json::from_str(str::from_utf8(PASSED).unwrap().lines().next().unwrap()).unwrap();
        assert!(passed.begins_with(&first) && !failed.begins_with(&first));
        for artifact in passed.artifacts() {
            assert!(str::from_utf8(PASSED).unwrap().contains(&artifact.name), "{}", artifact.name);
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

    #[test]
    fn the_worker_asks_once_soon_and_may_stop_behind_every_step() {
        let steps: Vec<DemoStep> = Recording::failed().unwrap().steps(Timestamp::from_millis(0)).collect();
        let of = |mark| steps.iter().filter(move |step| step.mark == mark).collect::<Vec<_>>();
        let [question] = of(EventMark::Question)[..] else { panic!("it asks once") };
        assert!(question.offset > Duration::from_secs(3) && question.offset < Duration::from_secs(15), "{question:?}");
        assert!(of(EventMark::StepEnd).len() > 100);
    }
}
