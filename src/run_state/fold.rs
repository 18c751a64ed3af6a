//! Folds events into a run's state. The fold never fails: an event or a value that it can't read is skipped, but the
//! event is counted.

use std::sync::Arc;

use serde::Serialize;

use super::event::{FoldedData, FoldedEvent, FoldedPlan, FoldedStep, items, message, read, shard, text, whole};
use super::meta::RunMeta;
use super::producers::{Announced, RunProducers};
use super::space::{OVERHEAD, Space};
use super::step::Steps;
use super::test::StatusNews;
use super::test_list::Tests;
use crate::protocol::event::stamp::ANONYMOUS;
use crate::protocol::json_text::readable;
use crate::protocol::status::{RunStatus, TestOutcome, TestStatus};
use crate::protocol::variant::MAX_VARIANT_BYTES;
use crate::protocol::{ProducerEvent, RunId, Seq, ServerEvent, Timestamp};

/// The state of a run, as [`StateView`](super::StateView) shows it.
///
/// The times are those of the journal, when events were stored. They never go back, so their differences are real
/// durations. `producer` has the times of the producers' clocks, which may be those of several workers.
#[derive(Clone, Debug)]
pub struct RunState {
    pub(super) run_id: RunId,
    pub(super) status: Option<RunStatus>,
    pub(super) times: Times,
    /// Time from the start to the end, or to the last event while the run goes on.
    pub(super) elapsed_ms: Option<i64>,
    /// The same times according to the events' own timestamps.
    pub(super) producer: Times,
    pub(super) events: u64,
    pub(super) meta: Option<RunMeta>,
    /// The open steps of events that name no test.
    pub(super) steps: Steps,
    pub(super) last_error: Option<LastError>,
    pub(super) tests: Tests,
    pub(super) producers: RunProducers,
    pub(super) tip: Seq,
}

/// The times of a run on one clock.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Times {
    /// Time of the first event after which the run was not just `queued`.
    started_at: Option<Timestamp>,
    /// Time of the `run_status` that ended the run; cleared if the run continues.
    ended_at: Option<Timestamp>,
    last_event_at: Option<Timestamp>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct LastError {
    message: String,
    at: Timestamp,
}

impl RunState {
    /// The state of a run before its first event.
    pub fn new(run: RunId) -> Self {
        Self {
            run_id: run,
            status: None,
            times: Times::default(),
            elapsed_ms: None,
            producer: Times::default(),
            events: 0,
            meta: None,
            steps: Steps::default(),
            last_error: None,
            tests: Tests::default(),
            producers: RunProducers::default(),
            tip: 0,
        }
    }

    /// Approximate memory in bytes.
    pub fn held_bytes(&self) -> usize {
        let error = self.last_error.as_ref().map_or(0, |error| error.message.capacity() + OVERHEAD);
        let meta = self.meta.as_ref().map_or(0, RunMeta::held_bytes);
        size_of::<Self>()
            + self.tests.held_bytes()
            + self.producers.held_bytes()
            + self.steps.held_bytes()
            + error
            + meta
    }

    /// Seq of the last event applied; 0 before the first.
    pub fn tip(&self) -> Seq {
        self.tip
    }

    /// The run's status: that of the last `run_status`, or what those of its workers make together.
    pub fn status(&self) -> Option<RunStatus> {
        self.status
    }

    /// Whether the run has ended.
    pub(super) fn is_over(&self) -> bool {
        self.status.is_some_and(RunStatus::is_final)
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
        let Some(event_type) = text(event.r#type) else { return };
        let sent_at = text(event.timestamp).and_then(|text| Timestamp::parse(&text));
        self.producer.last_event_at = sent_at.or(self.producer.last_event_at);
        match ProducerEvent::parse(&event_type) {
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
            None if event_type == ServerEvent::ShardsGivenUp.as_str() => {
                let counts = self.producers.give_up_shards();
                self.settle_status(counts, at, sent_at);
            }
            None if event_type == ServerEvent::ProducerStatus.as_str() => {
                if let Some(lost) = text(event.producer).filter(|_| is_lost(&event)) {
                    self.producers.lost(&lost);
                }
            }
            None => {}
        }
        if self.times.started_at.is_none() && self.status != Some(RunStatus::Queued) {
            self.times.started_at = Some(at);
            self.producer.started_at = sent_at;
        }
    }

    fn run_status(&mut self, event: &FoldedEvent<'_>, at: Timestamp, sent_at: Option<Timestamp>) {
        let Some(status) = text(event.status).and_then(|text| RunStatus::parse(&text)) else { return };
        let producer = text(event.producer);
        let counts = self.producers.posted(producer.as_deref(), status);
        self.settle_status(counts, at, sent_at);
        let data = read::<FoldedData<'_>>(event.data).unwrap_or_default();
        let told = Announced { total: whole(data.total), workers: whole(data.workers) };
        self.producers.announce(producer.as_deref(), told);
        if let Some(meta) = RunMeta::read(data.meta) {
            self.meta = Some(self.meta.take().unwrap_or_default().followed_by(meta));
        }
        if let Some(message) = message(data.error) {
            self.last_error = Some(LastError { message, at });
        }
    }

    /// A worker joins, or leaves.
    fn worker(&mut self, event: &FoldedEvent<'_>, at: Timestamp, sent_at: Option<Timestamp>) {
        let producer = text(event.producer).unwrap_or_else(|| ANONYMOUS.to_owned());
        let counts = match text(event.state).as_deref() {
            Some("joined") => {
                let variant = text(event.variant);
                self.producers.joined(&producer, variant.as_deref(), shard(event.shard, variant.as_deref()))
            }
            Some("left") => self.producers.left(&producer),
            _ => false,
        };
        self.settle_status(counts, at, sent_at);
    }

    /// Takes the status over that the run has now, if an event counted for it.
    fn settle_status(&mut self, counts: bool, at: Timestamp, sent_at: Option<Timestamp>) {
        let status = self.producers.status();
        let Some(has_ended) = status.filter(|_| counts).map(RunStatus::is_final) else { return };
        self.status = status;
        self.times.ended_at = Some(at).filter(|_| has_ended);
        self.producer.ended_at = sent_at.filter(|_| has_ended);
        if has_ended {
            self.steps.close();
        }
    }

    fn test_plan(&mut self, event: &FoldedEvent<'_>) {
        let variant = variant(event);
        for planned in items(event.tests) {
            let Some(planned) = read::<FoldedPlan<'_>>(Some(planned)) else { continue };
            let Some(id) = text(planned.test_id) else { continue };
            self.tests.change(variant.as_deref(), &id, |test, space| test.plan.take(&planned, space));
        }
    }

    fn test_status(&mut self, event: &FoldedEvent<'_>) {
        let Some(id) = text(event.test_id) else { return };
        let Some(status) = text(event.status).and_then(|text| TestStatus::parse(&text)) else { return };
        let (producer, own) = (text(event.producer), variant(event));
        let variant = self.producers.variant_of(producer.as_deref(), own.as_deref());
        let data = read::<FoldedData<'_>>(event.data).unwrap_or_default();
        let outcome = text(data.outcome).and_then(|text| TestOutcome::parse(&text));
        let expected = text(data.expected);
        let news = StatusNews {
            status,
            is_of_gone: producer.as_deref().is_some_and(|id| self.producers.is_gone(id)),
            producer: producer.and_then(|id| self.tests.producer(&id)),
            data,
        };
        let is_kept = self.tests.change(variant, &id, |test, space| test.take_status(news, space));
        if !is_kept {
            let expected = expected.and_then(|text| TestStatus::parse(&text)).unwrap_or(TestStatus::Passed);
            let outcome = outcome.unwrap_or_else(|| TestOutcome::of(status, expected, false));
            self.tests.count(variant, &id, (status, Some(outcome).filter(|_| status.is_final())));
        }
    }

    fn test_step(&mut self, event: &FoldedEvent<'_>) {
        let Some(step) = FoldedStep::read(event.step) else { return };
        let own = variant(event);
        match text(event.test_id) {
            Some(id) => {
                self.tests.change(own.as_deref(), &id, |test, space| test.take_step(&step, space));
            }
            None => self.steps.take(&step, own.map(Arc::from), Space::beside(0)),
        }
    }
}

/// The variant that an event names.
fn variant(event: &FoldedEvent<'_>) -> Option<String> {
    text(event.variant).filter(|name| (1..=MAX_VARIANT_BYTES).contains(&name.len()))
}

fn is_lost(event: &FoldedEvent<'_>) -> bool {
    text(event.status).as_deref() == Some("lost")
}
