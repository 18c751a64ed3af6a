//! The index against logs, in part against a model that looks at each event by itself.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::protocol::{Epoch, Lines};

/// A log, and its index.
struct Log {
    index: RunIndex,
    segments: Vec<Segment>,
    lineage: Lineage,
}

impl Log {
    fn new() -> Self {
        let index = RunIndex::new(RunId::parse("r").unwrap());
        Self { index, segments: Vec::new(), lineage: Lineage::new(vec![(Epoch(1), 1)]) }
    }

    fn store(&mut self, at: i64, events: &[serde_json::Value]) {
        let first = self.segments.last().map_or(1, |segment| segment.last() + 1);
        let lines: Vec<_> = events.iter().map(ToString::to_string).collect();
        let lines = Lines::from_stored(lines.join("\n").into());
        let epoch = self.lineage.epoch().unwrap();
        self.segments.push(Segment::new(epoch, first, Timestamp::from_millis(at), lines));
        self.catch_up();
    }

    fn catch_up(&mut self) {
        let tip = self.segments.last().map_or(0, Segment::last);
        self.index.settle(&self.lineage, tip);
        for segment in &self.segments {
            self.index.take(segment, tip);
        }
    }

    fn found(&self, types: &[&str], test: Option<&str>, variant: Option<&str>) -> Vec<Seq> {
        let filter = EventFilter {
            types: types.iter().map(|kind| (*kind).to_owned()).collect(),
            test: test.map(str::to_owned),
            variant: variant.map(str::to_owned),
        };
        self.index.first(&filter, 1, 1_000)
    }
}

#[test]
fn an_event_belongs_to_the_variant_that_it_names_then_to_its_producers_then_to_its_tests_last() {
    let mut log = Log::new();
    log.store(
        0,
        &[
            json!({"type": "log", "testId": "t", "text": "before anybody told of the test"}),
            json!({"producer": "p1", "at": "x", "type": "worker", "state": "joined", "variant": "linux"}),
            json!({"producer": "p2", "at": "x", "type": "worker", "state": "joined", "variant": "linux"}),
            json!({"producer": "p1", "at": "x", "type": "test_status", "testId": "t", "status": "running"}),
            json!({"producer": "p2", "at": "x", "type": "test_status", "testId": "t", "status": "running",
                "variant": "linux"}),
            json!({"type": "test_step", "testId": "t", "variant": "linux", "step": {"stepNumber": 1}}),
            json!({"type": "log", "testId": "t", "text": "of the one told of last"}),
            json!({"type": "log", "testId": "t", "variant": "mac", "text": "names its own"}),
            json!({"type": "artifact", "test": "t", "name": "trace.zip"}),
            json!({"type": "log", "text": "of nobody", "producer": "p1"}),
        ],
    );
    assert_eq!(log.found(&[], Some("t"), Some("linux")), [4, 6, 7, 9]);
    assert_eq!(log.found(&[], Some("t"), Some("linux#2")), [5], "its stamp puts it right");
    assert_eq!(log.found(&[], None, Some("linux#2")), [3, 5]);
    assert_eq!(log.found(&["log"], Some("t"), Some("mac")), [8]);
    assert_eq!(log.found(&[], Some("t"), None), [1, 4, 5, 6, 7, 8, 9]);
    assert_eq!(log.found(&["log", "artifact"], None, None), [1, 7, 8, 9, 10]);
    assert_eq!(log.index.variant_of(7).map(|name| &**name), Some("linux"));
    assert_eq!((log.index.variant_of(1), log.index.variant_of(10), log.index.variant_of(11)), (None, None, None));
}

#[test]
fn marks_tell_of_failures_questions_pauses_and_ends() {
    let mut log = Log::new();
    let status = |status: &str, data: serde_json::Value| {
        json!({"producer": "-", "type": "test_status", "testId": "t",
            "status": status, "data": data})
    };
    log.store(
        5,
        &[
            json!({"producer": "-", "at": "2026-11-26T20:00:00.000Z", "type": "run_status", "status": "running"}),
            status("running", json!({"attempt": 0})),
            status("failed", json!({"attempt": 0})),
            status("passed", json!({"attempt": 1})),
            json!({"producer": "-", "at": "2026-11-26T20:00:01.000Z", "expiresAt": "2026-11-26T20:05:00.000Z",
                "type": "ai_stuck", "askId": "q", "needs": "text"}),
            json!({"producer": "-", "at": "2026-11-26T20:00:01.000Z", "expiresAt": "2026-11-26T20:05:00.000Z",
                "type": "ai_stuck", "askId": "q", "needs": "text"}),
            json!({"producer": "-", "at": "x", "type": "run_status", "status": "paused"}),
            json!({"producer": "-", "at": "x", "type": "run_status", "status": "paused"}),
            json!({"type": "test_status", "testId": "u", "status": "failed", "data": {"expected": "failed"}}),
            json!({"type": "test_status", "testId": "v", "status": "interrupted"}),
            json!({"producer": "-", "at": "x", "type": "run_status", "status": "failed"}),
        ],
    );
    let shown: Vec<_> = log.index.timeline(10).marks.into_iter().map(|mark| (mark.seq, mark.kind)).collect();
    use MarkKind::{Ask, Ended, Failed, Flaky, Paused};
    assert_eq!(shown, [(3, Failed), (4, Flaky), (5, Ask), (7, Paused), (11, Ended)]);
    let marks = serde_json::to_value(log.index.timeline(10).marks).unwrap();
    assert_eq!(marks[0], json!({"seq": 3, "at": "1970-01-01T00:00:00.005Z", "kind": "failed", "testId": "t"}));
    assert_eq!(marks[2], json!({"seq": 5, "at": "1970-01-01T00:00:00.005Z", "kind": "ask"}));
}

#[test]
fn an_index_begins_anew_when_the_store_lost_a_part_of_what_is_in_it_and_goes_on_otherwise() {
    let mut log = Log::new();
    log.store(0, &[json!({"type": "a"}), json!({"type": "b"})]);
    log.store(1, &[json!({"type": "c"})]);
    // A new incarnation of the store that lost nothing of it.
    log.lineage.open(Epoch(2), 4);
    log.store(2, &[json!({"type": "d"})]);
    assert_eq!((log.found(&[], None, None).len(), log.index.place().epoch), (4, Some(Epoch(2))));
    // One that lost events 3 and 4.
    log.segments.truncate(1);
    log.lineage = Lineage::new(vec![(Epoch(1), 1), (Epoch(3), 3)]);
    log.store(3, &[json!({"type": "e"})]);
    assert_eq!((log.found(&["c", "d"], None, None), log.found(&["e"], None, None)), (vec![], vec![3]));
    assert_eq!((log.index.tip(), log.index.timeline(1).bins[0].events), (3, 3));
}

#[test]
fn what_the_head_does_not_tell_of_yet_is_left_for_later() {
    let mut log = Log::new();
    log.store(0, &[json!({"type": "a"})]);
    let later = Segment::new(Epoch(1), 2, Timestamp::default(), Lines::from_stored(r#"{"type":"b"}"#.into()));
    log.index.take(&later, 1);
    assert_eq!(log.index.tip(), 1);
    log.index.take(&later, 2);
    log.index.take(&later, 2);
    assert_eq!(log.index.tip(), 2);
}

#[test]
fn what_can_not_be_read_is_counted_and_found_by_no_filter() {
    let mut log = Log::new();
    let lines = Lines::from_stored("{\"type\":\"log\",\nnothing\n{\"type\":\"log\",\"testId\":\"\\ud83d\"}".into());
    let segment = Segment::new(Epoch(1), 1, Timestamp::default(), lines);
    log.index.settle(&log.lineage, 3);
    log.index.take(&segment, 3);
    assert_eq!((log.found(&["log"], None, None), log.found(&[], Some("\u{fffd}"), None)), (vec![3], vec![3]));
    assert_eq!(log.found(&[], None, None), [1, 2, 3]);
}

#[test]
fn an_index_is_shed_to_what_it_needs_and_its_states_are_folded_anew() {
    let mut log = Log::new();
    let events: Vec<_> =
        (0..1_000).map(|n| json!({"type": "test_status", "testId": n.to_string(), "status": "passed"})).collect();
    for part in 0..51 {
        log.store(part, &events);
        log.segments = vec![log.segments.pop().unwrap()];
    }
    let whole = log.index.held_bytes();
    assert_eq!(log.index.nearest_state(50_999).0.run.tip(), 50_000);
    assert_eq!(log.index.nearest_state(51_000).0.run.tip(), 51_000, "the last one is at hand");
    let mut state = (*log.index.nearest_state(50_999).0).clone();
    apply_until(&mut state, &log.segments[0], 50_500);
    let shown = serde_json::to_value(&state.run).unwrap();
    assert_eq!((&shown["events"], &shown["counts"]["passed"]), (&json!(50_500), &json!(1_000)), "from a checkpoint");
    log.index.shed(0);
    assert!(log.index.held_bytes() < whole);
    assert_eq!(log.index.nearest_state(50_999).0.run.tip(), 0);
    assert_eq!(log.found(&["test_status"], Some("7"), None).len(), 51);
}

proptest! {
    #[test]
    fn whatever_is_stored_is_found_by_its_keys(
        events in prop::collection::vec((0..3_usize, 0..4_usize, 0..3_usize), 1..60),
        wanted in (prop::collection::vec(0..3_usize, 0..3), prop::option::of(0..4_usize), prop::option::of(1..3_usize)),
        cut in 1..60_u64,
    ) {
        const KINDS: [&str; 3] = ["log", "test_step", "own"];
        const TESTS: [&str; 4] = ["", "a", "b", "\u{e9}"];
        const VARIANTS: [&str; 3] = ["", "linux", "mac"];
        let mut log = Log::new();
        for (at, (kind, test, variant)) in events.iter().enumerate() {
            let mut event = json!({"type": KINDS[*kind], "step": {"stepNumber": 1}});
            if *test > 0 {
                event["testId"] = TESTS[*test].into();
            }
            // Each names its variant: no event belongs to another's.
            event["variant"] = VARIANTS[(*variant).max(1)].into();
            log.store(at as i64 * 100, &[event]);
        }
        let (kinds, test, variant) = wanted;
        let fits = |(kind, of, own): &(usize, usize, usize)| {
            (kinds.is_empty() || kinds.contains(kind))
                && test.is_none_or(|test| test == *of || test == 0)
                && variant.is_none_or(|variant| variant == (*own).max(1))
        };
        let filter = EventFilter {
            types: kinds.iter().map(|kind| KINDS[*kind].to_owned()).collect(),
            test: test.filter(|test| *test > 0).map(|test| TESTS[test].to_owned()),
            variant: variant.map(|variant| VARIANTS[variant].to_owned()),
        };
        let all: Vec<Seq> = (1..).zip(&events).filter(|(_, event)| fits(event)).map(|(seq, _)| seq).collect();
        let (before, from): (Vec<Seq>, Vec<Seq>) = all.iter().partition(|seq| **seq < cut);
        prop_assert_eq!(&log.index.first(&filter, cut, 1_000), &from);
        prop_assert_eq!(&log.index.last(&filter, cut, 1_000), &before);
        for seq in all {
            let ranges = log.index.ranges(&[seq], 1 << 20);
            prop_assert!(ranges.len() == 1 && ranges[0].after < seq && seq <= ranges[0].last);
            let line = log.segments[seq as usize - 1].lines().get(0).unwrap().to_vec();
            prop_assert!(log.index.check(filter.clone()).passes(&line));
        }
    }
}
