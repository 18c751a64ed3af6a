use std::cell::{Cell, OnceCell, RefCell};

use super::*;
use crate::protocol::{Epoch, Lines, Seq, Timestamp};

/// Viewers are numbers here; those in `slow` fall behind at every call.
#[derive(Default)]
struct Handed {
    calls: RefCell<Vec<(usize, Vec<Seq>)>>,
    slow: Vec<usize>,
    /// How long each reading of the clock takes, in milliseconds.
    slowness: u64,
    readings: Cell<u32>,
    origin: OnceCell<Instant>,
}

impl Handed {
    fn turn(&self, fan_out: &mut FanOut<usize>, slice: usize) -> Turn {
        let origin = *self.origin.get_or_init(Instant::now);
        let clock = || {
            self.readings.set(self.readings.get() + 1);
            origin + Duration::from_millis(self.slowness) * self.readings.get()
        };
        fan_out.turn(true, slice, clock, |viewer, segments, _| {
            self.calls.borrow_mut().push((*viewer, segments.iter().map(|segment| segment.first()).collect()));
            if self.slow.contains(viewer) { Delivery::Behind } else { Delivery::Sent }
        })
    }

    /// Who has been called since the last time this was asked.
    fn viewers(&self) -> Vec<usize> {
        self.calls.take().into_iter().map(|(viewer, _)| viewer).collect()
    }
}

fn segment(epoch: u64, seq: Seq) -> Arc<Segment> {
    let lines = Lines::from_stored(r#"{"type":"t"}"#.into());
    Arc::new(Segment::new(Epoch(epoch), seq, Timestamp::default(), lines))
}

fn at(epoch: u64, next: Seq) -> Place {
    Place { epoch: Some(Epoch(epoch)), next }
}

fn tip(epoch: u64, tip: Seq) -> TipIs {
    TipIs { epoch: Some(Epoch(epoch)), tip }
}

/// A fan-out whose room said that the log ends at 1:4, with so many viewers that are live at its end.
fn live(viewers: usize) -> FanOut<usize> {
    let mut fan_out = FanOut::default();
    fan_out.tip_is(tip(1, 4), |_| Delivery::Sent);
    for viewer in 0..viewers {
        let id = fan_out.subscribe(viewer).unwrap();
        assert!(fan_out.admit(id, at(1, 5)));
    }
    fan_out
}

#[test]
fn a_viewer_is_admitted_when_it_waits_for_nothing_that_was_handed_out_already() {
    for (heard, place, admitted) in [
        (None, at(1, 5), false),
        (Some(tip(1, 4)), at(1, 5), true),
        (Some(tip(1, 4)), at(1, 4), false),
        (Some(tip(1, 4)), at(1, 9), true),
        (Some(tip(2, 4)), at(1, 5), false),
        (Some(tip(1, 4)), at(2, 1), true),
        (Some(TipIs { epoch: None, tip: 0 }), Place { epoch: None, next: 1 }, true),
        (Some(tip(1, 4)), Place { epoch: None, next: 1 }, false),
    ] {
        let mut fan_out = FanOut::default();
        let id = fan_out.subscribe(0).unwrap();
        if let Some(heard) = heard {
            fan_out.tip_is(heard, |_| Delivery::Sent);
        }
        assert_eq!(fan_out.admit(id, place), admitted, "{heard:?} {place:?}");
    }
}

#[test]
fn who_is_subscribed_but_not_admitted_or_has_left_is_handed_nothing() {
    let (mut fan_out, handed) = (live(2), Handed::default());
    fan_out.subscribe(7).unwrap();
    assert!(fan_out.leave(0));
    assert!(!fan_out.leave(0), "a slot is freed once");
    fan_out.deliver(&[segment(1, 5)]);
    assert_eq!(handed.turn(&mut fan_out, 9), Turn::Idle);
    assert_eq!(handed.viewers(), [1]);
    assert_eq!(fan_out.count(), 2);
}

#[test]
fn a_burst_is_one_pass_in_slices_that_calls_everyone_once() {
    let (mut fan_out, handed) = (live(5), Handed::default());
    fan_out.deliver(&[segment(1, 5)]);
    fan_out.deliver(&[segment(1, 6), segment(1, 7)]);
    assert_eq!(handed.turn(&mut fan_out, 2), Turn::Yield);
    assert_eq!(handed.turn(&mut fan_out, 2), Turn::Yield);
    // One who has had its turn leaves, and one who has not.
    fan_out.leave(4);
    fan_out.leave(0);
    assert_eq!(handed.turn(&mut fan_out, 2), Turn::Idle);
    assert!(handed.calls.borrow().iter().all(|(_, seqs)| *seqs == [5, 6, 7]));
    assert_eq!(
        handed.viewers(),
        [4, 3, 2, 1, 3],
        "3 took the slot of 0 in the list, and skips what it has had by itself"
    );
}

#[test]
fn one_who_falls_behind_is_live_no_more_until_it_is_admitted_again() {
    let mut fan_out = live(3);
    let handed = Handed { slow: vec![1], ..Handed::default() };
    for seq in [5, 6] {
        fan_out.deliver(&[segment(1, seq)]);
        handed.turn(&mut fan_out, 9);
    }
    assert_eq!(handed.viewers(), [2, 1, 0, 2, 0]);
    assert!(!fan_out.admit(1, at(1, 5)), "5 and 6 have been handed out");
    assert!(fan_out.admit(1, at(1, 7)));
    fan_out.tip_is(tip(1, 9), |viewer| if *viewer == 2 { Delivery::Behind } else { Delivery::Sent });
    fan_out.deliver(&[segment(1, 10)]);
    handed.turn(&mut fan_out, 9);
    assert_eq!(handed.viewers(), [1, 0]);
}

#[test]
fn what_a_dead_incarnation_of_the_store_told_is_handed_to_nobody() {
    let (mut fan_out, handed) = (live(2), Handed::default());
    fan_out.deliver(&[segment(1, 5)]);
    assert_eq!(handed.turn(&mut fan_out, 1), Turn::Yield);
    fan_out.tip_is(tip(2, 3), |_| Delivery::Sent);
    fan_out.deliver(&[segment(1, 6)]);
    assert_eq!(handed.turn(&mut fan_out, 9), Turn::Idle);
    assert_eq!(*handed.calls.borrow(), [(1, vec![5]), (0, vec![])], "the pass under way has nothing left to hand out");
}

#[test]
fn it_ends_with_its_last_viewer_and_takes_no_other() {
    let (mut fan_out, handed) = (live(1), Handed::default());
    assert_eq!(handed.turn(&mut fan_out, 9), Turn::Idle);
    fan_out.leave(0);
    assert_eq!(handed.turn(&mut fan_out, 9), Turn::End);
    assert_eq!(fan_out.subscribe(1), None);
}

#[test]
fn it_rests_only_between_passes_that_took_long_and_hands_out_nothing_meanwhile() {
    let (mut fan_out, handed) = (live(2), Handed { slowness: 3, ..Handed::default() });
    fan_out.deliver(&[segment(1, 5)]);
    assert_eq!(handed.turn(&mut fan_out, 1), Turn::Yield);
    fan_out.deliver(&[segment(1, 6)]);
    let Turn::Rest(rest) = handed.turn(&mut fan_out, 9) else { panic!("a pass waits") };
    assert!((MIN_REST..=MAX_REST).contains(&rest));
    handed.viewers();
    assert_eq!(fan_out.turn(false, 9, Instant::now, |_, _, _| Delivery::Sent), Turn::Idle);
    assert_eq!(handed.turn(&mut fan_out, 9), Turn::Idle);
    assert_eq!(handed.viewers(), [1, 0]);
}

#[test]
fn a_rest_is_half_the_pass_within_bounds() {
    let rest = |ms| rest_after(Duration::from_millis(ms)).map(|rest| rest.as_millis());
    assert_eq!([rest(1), rest(2), rest(8), rest(500)], [None, Some(1), Some(4), Some(10)]);
}
