//! The rules against a small model: producers that number their events, and a list.

use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::protocol::ServerEvent;
use crate::protocol::event::stamp::{Stamp, StampKind};
use crate::protocol::field::assert_described;
use crate::protocol::status::RunStatus;

const NOW: Timestamp = Timestamp::from_millis(1_000);
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

fn moment() -> AppendContext {
    let epochs = Epochs { incarnation: Epoch(5), births: Epoch(5) };
    AppendContext { now: NOW, monotonic: *START, epochs, max_run_bytes: 1 << 30 }
}

fn unborn() -> RunRecord {
    RunRecord::load(Head::unborn(), ProducerMarks::default(), moment().epochs)
}

fn event(producer: &str, n: u64) -> String {
    format!(r#"{{"type":"e","p":"{producer}","n":{n}}}"#)
}

fn post(producer: &str, n: u64, count: u64, on_gap: OnGap) -> Post {
    let events: Vec<String> = (n..n + count).map(|n| event(producer, n)).collect();
    Post {
        producer: ProducerId::parse(producer).unwrap(),
        n,
        on_gap,
        lines: Lines::from_stored(events.join("\n").into()),
        status: None,
        privileged: false,
        seals: false,
        stamps: Default::default(),
        control: None,
    }
}

fn append_of(posts: Vec<Post>) -> Append {
    Append { run: crate::protocol::RunId::parse("r").unwrap(), posts, precondition: None, deadline: *START }
}

/// The expected run: a list of lines, and the highest number of each producer.
#[derive(Default)]
struct Model {
    log: Vec<String>,
    highs: HashMap<String, u64>,
}

impl Model {
    /// The number of events stored and of duplicates, or the number that the journal expects.
    fn post(&mut self, producer: &str, n: u64, count: u64, on_gap: OnGap) -> Result<(u64, u64), u64> {
        let high = self.highs.entry(producer.to_owned()).or_default();
        if n > *high + 1 {
            match on_gap {
                OnGap::Refuse => return Err(*high + 1),
                OnGap::Announce => self.log.push(format!("{producer} lost {}..{}", *high + 1, n - 1)),
                OnGap::Allow => {}
            }
        }
        let mut done = (0, 0);
        for number in n..n + count {
            if number <= *high {
                done.1 += 1;
            } else {
                self.log.push(event(producer, number));
                *high = number;
                done.0 += 1;
            }
        }
        Ok(done)
    }
}

/// The stored line in the model's form.
fn modelled(line: &[u8]) -> String {
    let value: serde_json::Value = serde_json::from_slice(line).unwrap();
    if value["type"] == ServerEvent::EventsLost.as_str() {
        assert_described(ServerEvent::EventsLost.fields(), &value);
        return format!("{} lost {}..{}", value["producer"].as_str().unwrap(), value["from"], value["to"]);
    }
    String::from_utf8(line.to_vec()).unwrap()
}

fn posts() -> impl Strategy<Value = Vec<Vec<(usize, u64, u64, OnGap)>>> {
    let on_gap = prop_oneof![Just(OnGap::Refuse), Just(OnGap::Announce), Just(OnGap::Allow)];
    let post = (0..3_usize, 1..12_u64, 1..6_u64, on_gap);
    prop::collection::vec(prop::collection::vec(post, 1..4), 1..20)
}

proptest! {
    #[test]
    fn any_sequence_of_posts_and_repeats_comes_to_what_the_model_says(appends in posts()) {
        let mut run = unborn();
        let mut model = Model::default();
        let mut log = Vec::new();
        for posts in appends {
            let names = ["a", "b", "c"];
            let wanted: Vec<_> = posts.iter().map(|&(p, n, count, gap)| post(names[p], n, count, gap)).collect();
            let tip = run.head.tip;
            let AppendDecision { stored, .. } = append(&mut run, &append_of(wanted), &moment());
            let mut next = tip + 1;
            for (outcome, (p, n, count, gap)) in stored.outcomes.iter().zip(posts) {
                let before = model.log.len() as u64;
                match (outcome, model.post(names[p], n, count, gap)) {
                    (Ok(appended), Ok((new, old))) => {
                        prop_assert_eq!((appended.stored, appended.duplicates), (new, old));
                        let added = model.log.len() as u64 - before;
                        prop_assert_eq!(appended.seqs, (added > 0).then(|| (before + 1, before + added)));
                        prop_assert_eq!(appended.producer_high, model.highs[names[p]]);
                    }
                    (outcome, Err(expected)) => {
                        prop_assert_eq!(outcome, &Err(Refusal::ProducerGap { expected }));
                    }
                    (outcome, model) => prop_assert!(false, "{:?} against {:?}", outcome, model),
                }
            }
            for segment in &stored.segments {
                prop_assert_eq!(segment.first(), next);
                next = segment.last() + 1;
                log.extend(segment.lines().iter().map(modelled));
            }
            prop_assert_eq!(next - 1, stored.head.tip);
            prop_assert_eq!(&log, &model.log);
        }
    }
}

#[test]
fn a_run_whose_lineage_ends_before_this_incarnation_opens_its_epoch_once() {
    let mut epochs = moment().epochs;
    let mut run = unborn();
    let first = append(&mut run, &append_of(vec![post("a", 1, 4, OnGap::Refuse)]), &moment());
    assert_eq!(first.opened, Some((Epoch(5), 1)));
    let second = append(&mut run, &append_of(vec![post("a", 5, 1, OnGap::Refuse)]), &moment());
    assert_eq!(second.opened, None);

    epochs.bump(NOW);
    let mut run = RunRecord::load(second.stored.head, ProducerMarks::default(), epochs);
    assert_eq!(run.head.lineage.entries(), [(Epoch(5), 1), (Epoch(1_000), 6)], "shown while it is pending");
    let later = AppendContext { epochs, ..moment() };
    let refused = append(&mut run, &append_of(vec![post("b", 9, 1, OnGap::Refuse)]), &later);
    assert_eq!((refused.opened, refused.stored.segments.len()), (None, 0));
    let third = append(&mut run, &append_of(vec![post("b", 1, 1, OnGap::Refuse)]), &later);
    assert_eq!(third.opened, Some((Epoch(1_000), 6)));
    assert_eq!(third.stored.segments[0].epoch(), Epoch(1_000));
    assert_eq!(append(&mut run, &append_of(vec![post("b", 2, 1, OnGap::Refuse)]), &later).opened, None);
}

#[test]
fn a_run_that_was_moved_opens_the_epoch_that_it_was_given_and_void_is_what_was_open() {
    let mut run = unborn();
    let steered = Post {
        control: Some(ControlPost { steers: true, ..ControlPost::default() }),
        ..post("a", 1, 1, OnGap::Refuse)
    };
    let mut head = append(&mut run, &append_of(vec![steered]), &moment()).stored.head;
    head.lineage.open(Epoch(9), 2);
    let mut moved = RunRecord::load(head, ProducerMarks::default(), moment().epochs);
    let first = append(&mut moved, &append_of(vec![post("b", 1, 1, OnGap::Refuse)]), &moment());
    assert_eq!(first.opened, Some((Epoch(9), 2)));
    let events: Vec<_> = first.stored.segments.iter().flat_map(|segment| segment.lines().iter()).collect();
    assert!(events.len() == 2 && events[0].windows(13).any(|part| part == b"control_reset"), "{events:?}");
    assert_eq!(append(&mut moved, &append_of(vec![post("b", 2, 1, OnGap::Refuse)]), &moment()).opened, None);
}

#[test]
fn epochs_only_grow_even_when_the_clock_goes_back() {
    let mut epochs = Epochs { incarnation: Epoch(5_000), births: Epoch(5_000) };
    epochs.raise_births(NOW);
    assert_eq!(epochs, Epochs { incarnation: Epoch(5_000), births: Epoch(5_001) });
    epochs.bump(NOW);
    assert_eq!(epochs, Epochs { incarnation: Epoch(5_002), births: Epoch(5_002) });
    epochs.bump(Timestamp::from_millis(9_000));
    assert_eq!(epochs.incarnation, Epoch(9_000));
}

#[test]
fn a_runs_time_does_not_go_back_with_the_clock() {
    let mut run = unborn();
    append(&mut run, &append_of(vec![post("a", 1, 1, OnGap::Refuse)]), &moment());
    let earlier = AppendContext { now: NOW.plus_millis(-500), ..moment() };
    let second = append(&mut run, &append_of(vec![post("a", 2, 1, OnGap::Refuse)]), &earlier);
    assert_eq!((second.stored.segments[0].at(), second.stored.head.last_at), (NOW, NOW));
}

#[test]
fn a_wall_clock_that_is_set_neither_refuses_an_append_nor_lets_a_late_one_run() {
    for set in [-8 * 86_400_000, 8 * 86_400_000] {
        let mut run = unborn();
        let at_the_deadline = AppendContext { now: NOW.plus_millis(set), ..moment() };
        let stored = append(&mut run, &append_of(vec![post("a", 1, 1, OnGap::Refuse)]), &at_the_deadline).stored;
        assert_eq!(stored.outcomes[0].as_ref().map(|appended| appended.stored), Ok(1));
        let late = AppendContext { monotonic: *START + Duration::from_millis(1), ..at_the_deadline };
        let refused = append(&mut run, &append_of(vec![post("a", 2, 1, OnGap::Refuse)]), &late).stored;
        assert_eq!(refused.outcomes, [Err(Refusal::DeadlinePassed)]);
    }
}

#[test]
fn a_run_that_only_reports_its_status_is_never_due_and_one_with_workers_is() {
    let ended = |n| {
        let kind = StampKind::RunStatus(RunStatus::Passed);
        let stamps = [Stamp { index: 0, kind, due_ms: Some(900) }].into();
        Post { status: Some(RunStatus::Passed), stamps, ..post("p", n, 1, OnGap::Refuse) }
    };
    let joined = |n| {
        let stamps = [Stamp { index: 0, kind: StampKind::Joined(None), due_ms: Some(1_200) }].into();
        Post { stamps, ..post("p", n, 1, OnGap::Refuse) }
    };
    let mut run = unborn();
    append(&mut run, &append_of(vec![ended(1)]), &moment());
    assert_eq!((run.due, run.head.steered), (None, false));
    append(&mut run, &append_of(vec![joined(2)]), &moment());
    assert_eq!(run.due, Some(NOW.plus_millis(1_200)));
    append(&mut run, &append_of(vec![ended(3)]), &moment());
    assert_eq!(run.due, Some(NOW.plus_millis(900)));
}
