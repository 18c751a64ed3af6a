//! Folds events into a run's state. The fold never fails: an event or a value that it can't read is skipped, but the
//! event is counted.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::test_list::{OpenStep, Steps, Tests};
use super::verdict::StatusFold;
use crate::protocol::event::stamp::{ANONYMOUS, Shard};
use crate::protocol::json_text::readable;
use crate::protocol::status::{RunStatus, TestStatus};
use crate::protocol::{ProducerEvent, RunId, Seq, ServerEvent, Timestamp};

/// Most bytes kept of an error's text.
const MAX_ERROR_BYTES: usize = 2 * 1024;

/// Most bytes kept of a step's id.
const MAX_ID_BYTES: usize = 128;

/// Most bytes kept of a title or a file name.
const MAX_TITLE_BYTES: usize = 512;

/// The state of a run, as `GET /api/runs/{runId}` returns it. [`super::MAX_TESTS`] limits its size.
///
/// The times are those of the journal, when events were stored. They never go back, so their differences are real
/// durations. `producer` has the times of the producers' clocks, which may be those of several workers.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunState {
    run_id: RunId,
    status: Option<RunStatus>,
    /// The clock of the times below: the journal's.
    clock: ClockOf,
    #[serde(flatten)]
    times: Times,
    /// Time from the start to the end, or to the last event while the run goes on.
    elapsed_ms: Option<i64>,
    /// The same times according to the events' own timestamps.
    producer: Times,
    events: u64,
    /// Number of tests and of test workers, as the run's `run_status` announced them.
    total: Option<u64>,
    workers: Option<u64>,
    /// The open steps of events that name no test.
    step: Steps,
    last_error: Option<LastError>,
    #[serde(flatten)]
    tests: Tests,
    /// The run's status, and how the producers stand that it is made of.
    #[serde(skip)]
    verdict: StatusFold,
    #[serde(skip)]
    tip: Seq,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum ClockOf {
    Journal,
}

/// The times of a run on one clock.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Times {
    /// Time of the first event after which the run was not just `queued`.
    started_at: Option<Timestamp>,
    /// Time of the `run_status` that ended the run; cleared if the run continues.
    ended_at: Option<Timestamp>,
    last_event_at: Option<Timestamp>,
}

#[derive(Clone, Debug, Serialize)]
struct LastError {
    message: String,
    at: Timestamp,
}

/// The members of an event that the fold reads. Each is parsed separately, so that one of a wrong type affects no
/// other.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FoldedEvent<'a> {
    r#type: String,
    #[serde(borrow)]
    timestamp: Option<&'a RawValue>,
    /// Whom the server has stamped the event with.
    producer: Option<&'a RawValue>,
    test_id: Option<&'a RawValue>,
    status: Option<&'a RawValue>,
    state: Option<&'a RawValue>,
    shard: Option<&'a RawValue>,
    variant: Option<&'a RawValue>,
    step: Option<&'a RawValue>,
    tests: Option<&'a RawValue>,
    data: Option<&'a RawValue>,
    error: Option<&'a RawValue>,
    message: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Data<'a> {
    #[serde(borrow)]
    total: Option<&'a RawValue>,
    workers: Option<&'a RawValue>,
    title: Option<&'a RawValue>,
    attempt: Option<&'a RawValue>,
    worker_index: Option<&'a RawValue>,
    duration_ms: Option<&'a RawValue>,
    error: Option<&'a RawValue>,
    errors: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Planned<'a> {
    test_id: String,
    #[serde(borrow)]
    title: Option<&'a RawValue>,
    file: Option<&'a RawValue>,
    line: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StepNews<'a> {
    step_number: u64,
    #[serde(borrow)]
    step_id: Option<&'a RawValue>,
    phase: Option<&'a RawValue>,
    title: Option<&'a RawValue>,
}

/// An error: a text, or an object with a `message`.
#[derive(Deserialize)]
#[serde(untagged)]
enum MessageField {
    Text(String),
    Object { message: String },
}

/// A title: a text, or the titles of a test's groups followed by its own.
#[derive(Deserialize)]
#[serde(untagged)]
enum Title {
    Text(String),
    Path(Vec<String>),
}

fn read<'a, T: Deserialize<'a>>(raw: Option<&'a RawValue>) -> Option<T> {
    serde_json::from_str(raw?.get()).ok()
}

fn clip(mut text: String, max: usize) -> String {
    text.truncate(text.floor_char_boundary(max));
    text
}

fn title(raw: Option<&RawValue>) -> Option<String> {
    let title = match read(raw)? {
        Title::Text(title) => title,
        Title::Path(path) => path.join(" › "),
    };
    Some(clip(title, MAX_TITLE_BYTES))
}

fn message(raw: Option<&RawValue>) -> Option<String> {
    let (MessageField::Text(message) | MessageField::Object { message }) = read(raw)?;
    Some(clip(message, MAX_ERROR_BYTES))
}

impl RunState {
    /// The state of a run before its first event.
    pub fn new(run: RunId) -> Self {
        Self {
            run_id: run,
            status: None,
            clock: ClockOf::Journal,
            times: Times::default(),
            elapsed_ms: None,
            producer: Times::default(),
            events: 0,
            total: None,
            workers: None,
            step: Steps::default(),
            last_error: None,
            tests: Tests::default(),
            verdict: StatusFold::default(),
            tip: 0,
        }
    }

    /// Approximate memory in bytes.
    pub fn held_bytes(&self) -> usize {
        size_of::<Self>() + self.tests.held_bytes() + self.verdict.held_bytes()
    }

    /// Seq of the last event applied; 0 before the first.
    pub fn tip(&self) -> Seq {
        self.tip
    }

    /// The run's status: that of the last `run_status`, or what those of its workers make together.
    pub fn status(&self) -> Option<RunStatus> {
        self.status
    }

    /// Applies an event that was stored at journal time `at`. An event that was applied already changes nothing.
    pub fn apply(&mut self, seq: Seq, at: Timestamp, event: &[u8]) {
        if seq <= self.tip {
            return;
        }
        self.tip = seq;
        self.events += 1;
        self.times.last_event_at = Some(at);
        self.fold(at, event);
        let Times { started_at, ended_at, .. } = self.times;
        self.elapsed_ms = started_at.map(|from| ended_at.unwrap_or(at).as_millis() - from.as_millis());
    }

    fn fold(&mut self, at: Timestamp, event: &[u8]) {
        let event = readable(event);
        let Ok(event) = serde_json::from_slice::<FoldedEvent<'_>>(&event) else { return };
        let sent_at = read::<String>(event.timestamp).and_then(|text| Timestamp::parse(&text));
        self.producer.last_event_at = sent_at.or(self.producer.last_event_at);
        match ProducerEvent::parse(&event.r#type) {
            Some(ProducerEvent::RunStatus) => self.run_status(&event, at, sent_at),
            Some(ProducerEvent::TestPlan) => self.test_plan(&event),
            Some(ProducerEvent::TestStatus) => self.test_status(&event),
            Some(ProducerEvent::TestStep) => self.test_step(&event),
            Some(ProducerEvent::Error) => {
                if let Some(message) = message(event.error).or_else(|| message(event.message)) {
                    self.last_error = Some(LastError { message, at });
                }
            }
            Some(ProducerEvent::Worker) => self.worker(&event, at, sent_at),
            // What steers the run is folded in `control`.
            Some(ProducerEvent::Log | ProducerEvent::CommandStatus | ProducerEvent::AiStuck) => {}
            None if event.r#type == ServerEvent::ShardsGivenUp.as_str() => {
                let counts = self.verdict.give_up_shards();
                self.settle_status(counts, at, sent_at);
            }
            None => {}
        }
        if self.times.started_at.is_none() && self.status != Some(RunStatus::Queued) {
            self.times.started_at = Some(at);
            self.producer.started_at = sent_at;
        }
    }

    fn run_status(&mut self, event: &FoldedEvent<'_>, at: Timestamp, sent_at: Option<Timestamp>) {
        let Some(status) = read(event.status) else { return };
        let counts = self.verdict.posted(read::<String>(event.producer).as_deref(), status);
        self.settle_status(counts, at, sent_at);
        let data = read::<Data<'_>>(event.data).unwrap_or_default();
        self.total = read(data.total).or(self.total);
        self.workers = read(data.workers).or(self.workers);
        if let Some(message) = message(data.error) {
            self.last_error = Some(LastError { message, at });
        }
    }

    /// A worker joins, or leaves.
    fn worker(&mut self, event: &FoldedEvent<'_>, at: Timestamp, sent_at: Option<Timestamp>) {
        let producer = read::<String>(event.producer).unwrap_or_else(|| ANONYMOUS.to_owned());
        let counts = match read::<String>(event.state).as_deref() {
            Some("joined") => {
                let shard: Option<Shard> = read(event.shard);
                let shard = shard.map(|shard| Shard { variant: read(event.variant), ..shard });
                self.verdict.joined(&producer, shard)
            }
            Some("left") => self.verdict.left(&producer),
            _ => false,
        };
        self.settle_status(counts, at, sent_at);
    }

    /// Takes the status over that the run has now, if an event counted for it.
    fn settle_status(&mut self, counts: bool, at: Timestamp, sent_at: Option<Timestamp>) {
        let status = self.verdict.status();
        let Some(has_ended) = status.filter(|_| counts).map(RunStatus::is_final) else { return };
        self.status = status;
        self.times.ended_at = Some(at).filter(|_| has_ended);
        self.producer.ended_at = sent_at.filter(|_| has_ended);
        if has_ended {
            self.step.clear();
        }
    }

    fn test_plan(&mut self, event: &FoldedEvent<'_>) {
        for planned in read::<Vec<&RawValue>>(event.tests).unwrap_or_default() {
            let Some(planned) = read::<Planned<'_>>(Some(planned)) else { continue };
            if let Some(test) = self.tests.find(&planned.test_id) {
                test.title = title(planned.title).or(test.title.take());
                test.file = read(planned.file).map(|file| clip(file, MAX_TITLE_BYTES)).or(test.file.take());
                test.line = read(planned.line).or(test.line);
            }
        }
    }

    fn test_status(&mut self, event: &FoldedEvent<'_>) {
        let Some(id) = read::<String>(event.test_id) else { return };
        let Some(status) = read::<String>(event.status).and_then(|text| TestStatus::parse(&text)) else { return };
        self.tests.set_status(&id, status);
        let producer = read::<String>(event.producer).and_then(|id| self.tests.producer(&id));
        let Some(test) = self.tests.find(&id) else { return };
        test.producer = producer.or(test.producer.take());
        let data = read::<Data<'_>>(event.data).unwrap_or_default();
        test.title = title(data.title).or(test.title.take());
        test.attempt = read(data.attempt).unwrap_or(test.attempt);
        test.worker = read(data.worker_index).or(test.worker);
        test.duration_ms = read(data.duration_ms);
        let first = read::<Vec<&RawValue>>(data.errors).unwrap_or_default().first().copied();
        test.error = message(data.error).or_else(|| message(first));
        test.step.clear();
    }

    fn test_step(&mut self, event: &FoldedEvent<'_>) {
        let Some(news) = read::<StepNews<'_>>(event.step) else { return };
        let steps = match read::<String>(event.test_id) {
            Some(id) => match self.tests.find(&id) {
                // A step reported after its test's end is ignored, because nothing would close it.
                Some(test) if test.status.is_final() => return,
                Some(test) => &mut test.step,
                None => return,
            },
            None => &mut self.step,
        };
        if read::<String>(news.phase).as_deref() == Some("end") {
            steps.end(news.step_number);
        } else {
            steps.begin(OpenStep {
                step_number: news.step_number,
                step_id: read::<String>(news.step_id).map(|id| clip(id, MAX_ID_BYTES).into()),
                title: title(news.title),
            });
        }
    }
}
