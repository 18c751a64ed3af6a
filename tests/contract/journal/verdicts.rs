//! The run's status is kept in three places: in the journal's head, in the fold of the run's state and in the fold of its
//! control. Whatever producers and the server post, the three agree after each event; and the two folds agree about the
//! variant that each producer counts as.

use std::collections::BTreeMap;
use std::time::Instant;

use proptest::prelude::*;
use runcast::control::{Answer, ControlLimits, ControlRequest, ControlState, Decision, Facts};
use runcast::protocol::event::{BodyKind, EventLimits, parse_body};
use runcast::protocol::status::RunStatus;
use runcast::protocol::{Cursor, ProducerId, StatePart, TestsQuery, Timestamp};
use runcast::run_state::{RunState, StateView};
use runcast::storage::journal::memory::MemoryJournal;
use runcast::storage::journal::{Append, ControlPost, Journal, OnGap, Post, Stored};
use serde_json::json;

use crate::journal::words::*;

const PRODUCERS: [&str; 4] = ["a", "b", "c", ""];
const STATUSES: [&str; 7] = ["queued", "running", "failing", "passed", "failed", "interrupted", "timedout"];

/// What is posted.
#[derive(Clone, Debug)]
enum Said {
    /// A producer joins, with a shard and a variant: 0 is none, 1 an empty one.
    Joins(usize, Option<(u32, u32)>, usize),
    Leaves(usize),
    Reports(usize, usize),
    /// Anything else.
    Logs(usize),
    /// Somebody finishes the run.
    Finish(Option<RunStatus>),
    /// Nothing was heard for a long time: the server says that the run is lost.
    Lost,
    /// Deadlines are looked at, so much later.
    Due(i64),
}

fn said() -> impl Strategy<Value = Vec<Said>> {
    let shard = (1..3_u32, 1..3_u32).prop_map(|(current, total)| (current.min(total), total));
    let ends = prop_oneof![Just(None), Just(Some(RunStatus::Passed)), Just(Some(RunStatus::Cancelled))];
    let one = prop_oneof![
        6 => (0..4_usize, prop::option::of(shard), 0..3_usize).prop_map(|(who, shard, of)| Said::Joins(who, shard, of)),
        3 => (0..4_usize).prop_map(Said::Leaves),
        10 => (0..4_usize, 0..STATUSES.len()).prop_map(|(who, status)| Said::Reports(who, status)),
        1 => (0..4_usize).prop_map(Said::Logs),
        1 => ends.prop_map(Said::Finish),
        1 => Just(Said::Lost),
        3 => (0..1_000_000_i64).prop_map(Said::Due),
    ];
    prop::collection::vec(one, 1..40)
}

/// A run, and what is folded of it.
struct Play {
    journal: MemoryJournal,
    runtime: tokio::runtime::Runtime,
    numbers: [u64; 5],
    control: ControlState,
    state: RunState,
    status: Option<RunStatus>,
    tip: u64,
    /// How far the deadlines' time is ahead of the journal's, in milliseconds.
    ahead: i64,
}

impl Play {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (control, state) = (ControlState::default(), RunState::new(run("r")));
        let journal = MemoryJournal::new(ROOMY);
        Self { journal, runtime, numbers: [1; 5], control, state, status: None, tip: 0, ahead: 0 }
    }

    fn store(&mut self, who: usize, mut post: Post) {
        post.n = self.numbers[who];
        self.numbers[who] += post.lines.len() as u64;
        let append = Append {
            deadline: Instant::now() + std::time::Duration::from_secs(60),
            ..crate::journal::words::append(&self.journal, "r", vec![post])
        };
        let Stored { outcomes, segments, head } = self.runtime.block_on(self.journal.append(append)).unwrap();
        for outcome in outcomes {
            outcome.unwrap();
        }
        for segment in segments {
            for (seq, event) in (segment.first()..).zip(segment.lines().iter()) {
                self.control.apply(Cursor { epoch: Some(segment.epoch()), seq }, event);
                self.state.apply(seq, segment.at(), event);
            }
        }
        (self.status, self.tip) = (head.status, head.tip);
    }

    fn post(&mut self, who: usize, event: &serde_json::Value) {
        let body = event.to_string().into();
        let batch = parse_body(BodyKind::Json, body, &run("r"), &EventLimits::default(), Timestamp::now()).unwrap();
        let own = || ProducerId::own("room");
        let producer = Some(PRODUCERS[who]).filter(|name| !name.is_empty()).map_or_else(own, producer);
        let post = Post { producer, lines: batch.lines, status: batch.status, stamps: batch.stamps, ..server_post() };
        self.store(who, post);
    }

    fn decide(&mut self, request: &ControlRequest) {
        let limits = ControlLimits::default();
        let Decision::Store(changes) = self.control.decide(request, &self.facts(&limits)) else { return };
        let events: Vec<String> =
            changes.events.iter().map(|(_, event)| String::from_utf8(event.to_vec()).unwrap()).collect();
        let control = ControlPost { gives_up_shards: changes.gives_up_shards, ..ControlPost::default() };
        let post = Post { lines: lines(&events), status: changes.status, control: Some(control), ..server_post() };
        self.store(4, post);
    }

    fn facts<'a>(&self, limits: &'a ControlLimits) -> Facts<'a> {
        Facts {
            now: self.journal.now().plus_millis(self.ahead),
            epoch: None,
            tip: self.tip,
            status: self.status,
            is_sealed: false,
            is_gone: false,
            limits,
            holds_time: false,
            signs: &[],
        }
    }

    /// The variants that producers count as in the control, and those that their tests have in the state.
    fn variants(&self) -> [BTreeMap<String, serde_json::Value>; 2] {
        let limits = ControlLimits::default();
        let Decision::Answer(Answer::View(view)) = self.control.decide(&ControlRequest::Look, &self.facts(&limits))
        else {
            panic!("the control is not shown")
        };
        let view = serde_json::to_value(&*view).unwrap();
        let producers = view["producers"].as_array().unwrap().iter();
        let counted = producers.map(|one| (one["producer"].as_str().unwrap().to_owned(), one["variant"].clone()));
        let counted: BTreeMap<_, _> = counted.collect();
        let mut state = self.state.clone();
        for (seq, id) in (self.tip + 1..).zip(counted.keys()) {
            let event = json!({"type": "test_status", "producer": id, "testId": id, "status": "running"});
            state.apply(seq, Timestamp::default(), event.to_string().as_bytes());
        }
        let part = StatePart::Tests(TestsQuery { limit: 100, ..TestsQuery::default() });
        let page = serde_json::to_value(StateView { state: &state, part: &part }).unwrap();
        let tests = page["tests"].as_array().unwrap().iter();
        let of_tests = tests.map(|test| (test["testId"].as_str().unwrap().to_owned(), test["variant"].clone()));
        [counted, of_tests.collect()]
    }

    fn say(&mut self, said: &Said) {
        match *said {
            Said::Joins(who, shard, variant) => {
                let shard = shard.map(|(current, total)| json!({"current": current, "total": total}));
                let variant = [None, Some(""), Some("x")][variant];
                self.post(who, &json!({"type": "worker", "state": "joined", "shard": shard, "variant": variant}));
            }
            Said::Leaves(who) => self.post(who, &json!({"type": "worker", "state": "left"})),
            Said::Reports(who, status) => self.post(who, &json!({"type": "run_status", "status": STATUSES[status]})),
            Said::Logs(who) => self.post(who, &json!({"type": "log"})),
            Said::Finish(status) => self.decide(&ControlRequest::Finish(status)),
            Said::Lost => {
                let events = [r#"{"type":"run_status","status":"lost"}"#.to_owned()];
                let control = Some(ControlPost::default());
                self.store(4, Post { lines: lines(&events), status: Some(RunStatus::Lost), control, ..server_post() });
            }
            Said::Due(ms) => {
                self.ahead += ms;
                self.decide(&ControlRequest::Due);
            }
        }
    }
}

fn server_post() -> Post {
    Post {
        producer: ProducerId::own("server"),
        n: 1,
        on_gap: OnGap::Allow,
        lines: lines(&[]),
        status: None,
        privileged: false,
        seals: false,
        stamps: Default::default(),
        control: None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn the_journal_and_both_folds_agree_about_a_runs_status_and_its_variants(all in said()) {
        let mut play = Play::new();
        for said in &all {
            play.say(said);
            prop_assert_eq!(play.state.status(), play.status, "the run's state, after {:?}", said);
            prop_assert_eq!(play.control.status(), play.status, "the run's control, after {:?}", said);
            let [control, state] = play.variants();
            prop_assert_eq!(control, state, "variants after {:?}", said);
        }
    }
}
