//! The rules of control against a small model: a list of events, each with what it does, and the run's deadline.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::protocol::Cursor;
use crate::protocol::event::stamp::{Shard, Stamp, StampKind};
use crate::protocol::field::assert_described;
use crate::protocol::{RunId, ServerEvent};

static START: LazyLock<Instant> = LazyLock::new(Instant::now);
const PRODUCERS: [&str; 3] = ["a", "b", "c"];

fn moment(now: i64, epoch: u64) -> AppendContext {
    let epochs = Epochs { incarnation: Epoch(epoch), births: Epoch(epoch) };
    AppendContext { now: Timestamp::from_millis(now), monotonic: *START, epochs, max_run_bytes: 1 << 30 }
}

fn append_of(posts: Vec<Post>) -> Append {
    let deadline = *START + Duration::from_secs(60);
    Append { run: RunId::parse("r").unwrap(), posts, precondition: None, deadline }
}

/// The control that a decision was made on.
#[derive(Clone, Copy, Debug)]
enum Seen {
    /// The run's, as it is when the decision is judged.
    Now,
    /// The control event before it.
    Before,
    /// An event of another epoch.
    Elsewhere,
}

/// A post of any kind.
#[derive(Clone, Debug)]
enum Said {
    /// A producer's next events: each control or not.
    Events { producer: usize, control: Vec<bool>, repeated: u64, due: Option<i64> },
    /// The server's own, in any case.
    Command { events: u64, due: Option<i64>, steers: bool },
    /// The server's own, under a condition.
    Decision { seen: Seen, due: Option<i64>, again: bool },
    /// The store may have lost something.
    Loss,
}

fn said() -> impl Strategy<Value = Said> {
    let due = || prop::option::of(0..100_i64);
    let seen = prop_oneof![3 => Just(Seen::Now), 1 => Just(Seen::Before), 1 => Just(Seen::Elsewhere)];
    prop_oneof![
        4 => (0..3_usize, prop::collection::vec(any::<bool>(), 1..5), 0..3_u64, due())
            .prop_map(|(producer, control, repeated, due)| Said::Events { producer, control, repeated, due }),
        2 => (1..3_u64, due(), any::<bool>()).prop_map(|(events, due, steers)| Said::Command { events, due, steers }),
        3 => (seen, due(), prop::bool::weighted(0.2))
            .prop_map(|(seen, due, again)| Said::Decision { seen, due, again }),
        1 => Just(Said::Loss),
    ]
}

/// The expected run.
#[derive(Default)]
struct Model {
    /// Whether each event is one of control.
    log: Vec<bool>,
    /// The last control event.
    control: Option<Cursor>,
    /// The one before it.
    before: Option<Cursor>,
    due: Option<i64>,
    highs: BTreeMap<usize, u64>,
    steered: bool,
    /// The epoch of the next event.
    epoch: u64,
    /// The epoch of the last event.
    last_epoch: Option<u64>,
    active_at: i64,
    last_at: i64,
}

impl Model {
    fn put(&mut self, now: i64, control: &[bool], steers: bool) {
        if self.log.is_empty() || !steers {
            self.active_at = now;
        }
        self.last_at = now;
        self.last_epoch = Some(self.epoch);
        for is_control in control {
            self.log.push(*is_control);
            if *is_control {
                self.before = self.control;
                self.control = Some(Cursor { epoch: Some(Epoch(self.epoch)), seq: self.log.len() as u64 });
            }
        }
    }

    /// Puts the reset before what is stored or decided first in an epoch.
    fn begin(&mut self, now: i64) {
        if self.steered && self.last_epoch.is_some_and(|last| last != self.epoch) {
            self.put(now, &[true], true);
        }
    }

    fn lower(&mut self, due: Option<i64>) {
        self.due = [self.due, due].into_iter().flatten().min();
    }

    fn see(&self, seen: Seen) -> Option<Cursor> {
        match seen {
            Seen::Now => self.control,
            Seen::Before => self.before,
            Seen::Elsewhere => Some(Cursor { epoch: Some(Epoch(1)), seq: self.control.map_or(1, |seen| seen.seq) }),
        }
    }
}

fn own(n: u64, count: u64, control: ControlPost) -> Post {
    let events: Vec<String> = (0..count).map(|index| format!(r#"{{"type":"x","n":{n},"index":{index}}}"#)).collect();
    Post {
        producer: ProducerId::own("room"),
        n,
        on_gap: OnGap::Allow,
        lines: Lines::from_stored(events.join("\n").into()),
        status: None,
        privileged: false,
        seals: false,
        stamps: Default::default(),
        control: Some(control),
    }
}

fn events(producer: usize, n: u64, control: &[bool], due_ms: Option<i64>) -> Post {
    let events: Vec<String> = control.iter().map(|is_control| format!(r#"{{"control":{is_control}}}"#)).collect();
    let stamps = (0..).zip(control).map(|(index, is_control)| {
        let kind = if *is_control { StampKind::CommandStatus } else { StampKind::TestStatus };
        Stamp { index, kind, due_ms }
    });
    Post {
        producer: ProducerId::parse(PRODUCERS[producer]).unwrap(),
        on_gap: OnGap::Refuse,
        lines: Lines::from_stored(events.join("\n").into()),
        stamps: stamps.collect(),
        control: None,
        ..own(n, 1, ControlPost::default())
    }
}

proptest! {
    #[test]
    fn any_sequence_of_posts_leaves_the_control_that_the_model_has(
        appends in prop::collection::vec(prop::collection::vec(said(), 1..5), 1..20)
    ) {
        let mut model = Model { epoch: 5, ..Model::default() };
        let mut run = RunRecord::load(Head::unborn(), ProducerMarks::default(), moment(0, 5).epochs);
        let mut room = 0;
        let mut marked = Vec::new();
        let mut now = 1_000;
        for append in appends {
            now += 7;
            let (mut posts, mut wanted) = (Vec::new(), Vec::new());
            let at = Timestamp::from_millis;
            for said in append {
                match said {
                    Said::Loss if posts.is_empty() => {
                        model.epoch += 1;
                        let epochs = moment(now, model.epoch).epochs;
                        let due = run.due;
                        // As a journal reads it back: without what is only pending.
                        let mut head = run.head.clone();
                        let stored = head.lineage.entries().iter().copied();
                        let stored = stored.filter(|(epoch, _)| Some(epoch.0) <= model.last_epoch);
                        head.lineage = crate::protocol::Lineage::new(stored.collect());
                        run = RunRecord { due, ..RunRecord::load(head, run.marks, epochs) };
                    }
                    Said::Loss => {}
                    Said::Events { producer, control, repeated, due } => {
                        let high = model.highs.get(&producer).copied().unwrap_or(0);
                        let repeated = repeated.min(high).min(control.len() as u64);
                        posts.push(events(producer, high + 1 - repeated, &control, due));
                        let new = &control[repeated as usize..];
                        model.highs.insert(producer, high + new.len() as u64);
                        if !new.is_empty() {
                            model.begin(now);
                            model.put(now, new, false);
                        }
                        if new.contains(&true) {
                            model.steered = true;
                            model.lower(due.map(|due| now + due));
                        }
                        wanted.push(Ok(new.len() as u64));
                    }
                    Said::Command { events, due, steers } => {
                        let control = ControlPost { due: due.map(at), steers, ..ControlPost::default() };
                        posts.push(own(room + 1, events, control));
                        room += events;
                        model.begin(now);
                        model.put(now, &vec![true; events as usize], steers);
                        model.steered |= steers;
                        model.lower(due);
                        wanted.push(Ok(events));
                    }
                    Said::Decision { seen, due, again } => {
                        let again = again && room > 0;
                        let seen = model.see(seen);
                        let due_at = due.map(at);
                        let control =
                            ControlPost { if_control: Some(seen), due: due_at, steers: true, ..ControlPost::default() };
                        if again {
                            posts.push(own(room, 1, control));
                            wanted.push(Ok(0));
                            continue;
                        }
                        model.begin(now);
                        posts.push(own(room + 1, 1, control));
                        if seen == model.control {
                            room += 1;
                            model.put(now, &[true], true);
                            model.steered = true;
                            model.due = due;
                            wanted.push(Ok(1));
                        } else {
                            wanted.push(Err(Refusal::ControlMoved));
                        }
                    }
                }
            }
            let before = run.head.tip;
            let due = run.due;
            let decision = super::append(&mut run, &append_of(posts), &moment(now, model.epoch));
            let outcomes = decision.stored.outcomes.iter().cloned();
            let outcomes: Vec<_> = outcomes.map(|outcome| outcome.map(|appended| appended.stored)).collect();
            prop_assert_eq!(outcomes, wanted);
            let head = &decision.stored.head;
            prop_assert_eq!(head, &run.head);
            prop_assert_eq!((head.tip, head.control), (model.log.len() as u64, model.control));
            prop_assert_eq!(head.steered, model.steered);
            prop_assert_eq!((head.active_at, head.last_at), (at(model.active_at), at(model.last_at)));
            prop_assert_eq!((run.due, decision.due.apply(due)), (model.due.map(at), run.due));
            let mut next = before + 1;
            for segment in &decision.stored.segments {
                prop_assert_eq!((segment.first(), segment.epoch()), (next, Epoch(model.epoch)));
                let holds = &model.log[segment.first() as usize - 1..segment.last() as usize];
                prop_assert_eq!(holds.contains(&true), segment.is_control());
                marked.extend((segment.first()..=segment.last()).zip(segment.lines().iter().map(<[u8]>::to_vec)));
                next = segment.last() + 1;
            }
            prop_assert_eq!(next, head.tip + 1);
        }
        for (seq, line) in &marked {
            let is_reset = line.windows(13).any(|part| part == b"control_reset");
            let is_first = run.head.lineage.entries().iter().any(|(_, first)| first == seq);
            prop_assert!(!is_reset || is_first, "a reset is the first event of an epoch: {seq}");
        }
    }
}

fn ended(run: &mut RunRecord, status: Option<RunStatus>, gives_up_shards: bool) -> Option<RunStatus> {
    let n = run.marks.high(&ProducerId::own("room")).unwrap_or(0) + 1;
    let post = own(n, 1, ControlPost { gives_up_shards, ..ControlPost::default() });
    super::append(run, &append_of(vec![Post { status, ..post }]), &moment(2_000, 5)).stored.head.status
}

fn worker(run: &mut RunRecord, producer: usize, kinds: &[StampKind]) -> AppendDecision {
    let n = run.marks.high(&ProducerId::parse(PRODUCERS[producer]).unwrap()).unwrap_or(0) + 1;
    let stamps = (0..).zip(kinds).map(|(index, kind)| Stamp { index, kind: kind.clone(), due_ms: None });
    let status = kinds.iter().rev().find_map(|kind| match kind {
        StampKind::RunStatus(status) => Some(*status),
        _ => None,
    });
    let post = Post { stamps: stamps.collect(), status, ..events(producer, n, &vec![true; kinds.len()], None) };
    super::append(run, &append_of(vec![post]), &moment(2_000, 5))
}

fn unborn() -> RunRecord {
    RunRecord::load(Head::unborn(), ProducerMarks::default(), moment(0, 5).epochs)
}

#[test]
fn a_worker_may_join_report_and_leave_in_one_post() {
    use RunStatus::{Failed, Interrupted, Passed, Running};
    let mut run = unborn();
    let status = |decision: AppendDecision| decision.stored.head.status;
    assert_eq!(status(worker(&mut run, 0, &[StampKind::RunStatus(Passed), StampKind::Joined(None)])), Some(Running));
    assert_eq!(status(worker(&mut run, 0, &[StampKind::RunStatus(Failed), StampKind::Left])), Some(Failed));
    let all = [StampKind::Joined(None), StampKind::RunStatus(Running), StampKind::Left, StampKind::RunStatus(Passed)];
    assert_eq!(status(worker(&mut run, 0, &all)), Some(Interrupted));
    let last = worker(&mut run, 0, &[StampKind::Joined(None), StampKind::RunStatus(Passed), StampKind::CommandStatus]);
    assert_eq!(last.stored.head.status, Some(Passed));
    let (producer, mark) = last.raised.last().unwrap();
    let state = ProducerState { joined: true, status: Some(Passed), shard: None };
    assert_eq!((producer.as_str(), mark), ("a", &Mark { high: 11, state: Some(state) }));
}

#[test]
fn the_servers_word_stands_whatever_those_say_who_had_joined_before() {
    use RunStatus::{Cancelled, Passed, Running};
    let shard = |current| Some(Shard { variant: None, current, total: 3 });
    let mut run = unborn();
    worker(&mut run, 0, &[StampKind::Joined(shard(1)), StampKind::RunStatus(Passed)]);
    worker(&mut run, 1, &[StampKind::Joined(shard(2)), StampKind::RunStatus(Running)]);
    assert_eq!(ended(&mut run.clone(), None, true), Some(Running), "one still runs");
    assert_eq!(ended(&mut run, Some(Cancelled), false), Some(Cancelled));
    for producer in [0, 1] {
        for kind in [StampKind::RunStatus(Passed), StampKind::Left, StampKind::CommandStatus] {
            let said = worker(&mut run, producer, &[kind]);
            assert_eq!(said.stored.head.status, Some(Cancelled));
        }
    }
    assert_eq!(ended(&mut run, None, true), Some(Cancelled), "a run that has ended waits for no shards");
    assert_eq!(worker(&mut run, 2, &[StampKind::Joined(None)]).stored.head.status, Some(Running));
}

#[test]
fn a_reset_says_when_and_stands_only_before_what_is_stored_or_decided() {
    let mut run = unborn();
    super::append(
        &mut run,
        &append_of(vec![own(1, 1, ControlPost { steers: true, ..ControlPost::default() })]),
        &moment(1_000, 5),
    );
    let sealed = {
        let mut run = run.clone();
        let seal = Post { privileged: true, seals: true, control: None, ..own(2, 1, ControlPost::default()) };
        super::append(&mut run, &append_of(vec![seal]), &moment(1_000, 5));
        run
    };
    let lost = |run: &RunRecord| RunRecord::load(run.head.clone(), run.marks.clone(), moment(0, 6).epochs);
    let decides = || own(7, 1, ControlPost { if_control: Some(None), ..ControlPost::default() });
    let stores_nothing = [
        (own(1, 1, ControlPost::default()), None),
        (events(0, 5, &[true], None), None),
        (events(0, 1, &[true], None), Some(Precondition::TipIs(9))),
        (decides(), Some(Precondition::TipIs(9))),
    ];
    for (post, precondition) in stores_nothing {
        let append = Append { precondition, ..append_of(vec![post]) };
        assert!(super::append(&mut lost(&run), &append, &moment(2_000, 6)).stored.segments.is_empty(), "{append:?}");
    }
    let late = Append { deadline: *START - Duration::from_secs(1), ..append_of(vec![decides()]) };
    assert!(super::append(&mut lost(&run), &late, &moment(2_000, 6)).stored.segments.is_empty());
    assert!(
        super::append(&mut lost(&sealed), &append_of(vec![decides()]), &moment(2_000, 6)).stored.segments.is_empty()
    );

    let met = Append { precondition: Some(Precondition::TipIs(1)), ..append_of(vec![events(0, 1, &[false], None)]) };
    for append in [met, append_of(vec![decides()]), append_of(vec![decides(), decides()])] {
        let decision = super::append(&mut lost(&run), &append, &moment(2_000, 6));
        assert_eq!(decision.opened, Some((Epoch(6), 2)));
        let line = decision.stored.segments[0].lines().get(0).unwrap().to_vec();
        let reset: serde_json::Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(reset["type"], ServerEvent::ControlReset.as_str());
        assert_eq!(reset["at"], Timestamp::from_millis(2_000).to_string());
        assert_described(ServerEvent::ControlReset.fields(), &reset);
        assert_eq!(
            decision.stored.head.active_at,
            if append.precondition.is_some() { Timestamp::from_millis(2_000) } else { Timestamp::from_millis(1_000) }
        );
    }
}
