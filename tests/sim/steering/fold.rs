//! What the control of the run is, folded anew from the log each time: what any node must have come to.

use runcast::control::{
    Answer, ControlError, ControlLimits, ControlRequest, ControlState, Decision, Facts, Seen, Sign,
};
use runcast::protocol::{Cursor, Epoch, Seq, Timestamp};
use runcast::storage::journal::{Head, RunPhase};

use crate::store::Store;

/// The simulation's bounds and times of control.
pub(crate) fn limits() -> ControlLimits {
    ControlLimits {
        max_events: 40,
        max_pause_ms: 3_000,
        max_pause_total_ms: 10_000,
        run_ms: 2_000,
        lease_ms: 1_000,
        cancel_ms: 2_000,
        silent_ms: 2_000,
        lost_ms: 6_000,
        shard_wait_ms: 3_000,
        ..ControlLimits::default()
    }
}

/// The control up to an event.
pub(crate) fn fold(store: &Store, upto: Option<Cursor>) -> ControlState {
    let mut state = ControlState::default();
    for cursor in upto.into_iter().flat_map(|upto| store.control_upto(upto)) {
        if let Some(event) = store.event(upto.and_then(|upto| upto.epoch).unwrap_or(Epoch(0)), cursor.seq) {
            state.apply(cursor, event);
        }
    }
    state
}

/// Decides a request on a state, as a room does.
pub(crate) fn decide(
    state: &ControlState,
    request: &ControlRequest,
    signs: &[(Sign, Seen)],
    head: &Head,
    now: Timestamp,
    holds_time: bool,
) -> Decision {
    let limits = limits();
    state.decide(
        request,
        &Facts {
            now,
            epoch: head.lineage.epoch(),
            tip: head.tip,
            status: head.status,
            is_sealed: head.phase == RunPhase::Sealed,
            is_gone: head.phase == RunPhase::Gone,
            limits: &limits,
            holds_time,
            signs,
        },
    )
}

/// What was known at a moment.
#[derive(Clone, Debug)]
pub(crate) struct Moment {
    /// The last control event that anybody had been told, or that is enough.
    control: Seq,
    wall: Timestamp,
    losses: usize,
}

impl Moment {
    pub(crate) fn of(store: &Store, at_least: Option<Cursor>) -> Self {
        let control = at_least.map_or_else(|| store.known(), |enough| enough.seq.min(store.known()));
        Self { control, wall: store.wall(), losses: store.losses() }
    }

    fn is_past(&self, store: &Store) -> bool {
        self.losses != store.losses() || store.is_gone()
    }

    /// An answer is what the log says that it is answered from, and that is as new as was promised.
    pub(crate) fn check_answer(
        &self,
        request: &ControlRequest,
        signs: &[(Sign, Seen)],
        answer: &Answer,
        control: Option<Cursor>,
        store: &Store,
    ) {
        let told = control.map_or(0, |control| control.seq);
        assert!(self.is_past(store) || told >= self.control, "{request:?} was answered from before {}", self.control);
        store.tell(control);
        let state = fold(store, control);
        // What has come true stays so when the run has ended.
        let live = Head { phase: RunPhase::Live, status: None, tip: told.max(1), ..store.head() };
        let again = decide(&state, request, signs, &live, store.wall(), false);
        match (answer, again) {
            (Answer::Command(told), Decision::Answer(Answer::Command(known))) => {
                assert_eq!((&told.command_id, told.cursor), (&known.command_id, known.cursor));
            }
            (Answer::Command(told), other) => panic!("{told:?} was answered, and the log says {other:?}"),
            (Answer::Claim(told), Decision::Answer(Answer::Claim(known))) => assert_eq!(told.claim, known.claim),
            _ => {}
        }
        if let Answer::Command(told) = answer {
            let event = told.cursor.epoch.and_then(|epoch| store.event(epoch, told.cursor.seq));
            let event = event.map(|event| String::from_utf8_lossy(event).into_owned()).unwrap_or_default();
            // Whoever has the lease and takes it again is told of the one that there is.
            let fits = event.contains(&*told.command_id) || event.contains("control_taken");
            assert!(fits, "{told:?} is answered, and its event is {event:?}");
        }
    }

    /// A refusal was true at some moment since the request.
    pub(crate) fn check_refusal(
        &self,
        request: &ControlRequest,
        signs: &[(Sign, Seen)],
        error: &ControlError,
        store: &Store,
    ) {
        if self.is_past(store) {
            return;
        }
        let now = store.head();
        let known = |head: &&Head| head.control.map_or(0, |control| control.seq) >= self.control;
        let is_true = store.heads().filter(known).chain([&now]).any(|head| {
            let state = fold(store, head.control);
            let (then, now) = (self.wall, store.wall());
            [(then, false), (then, true), (now, false), (now, true)].into_iter().any(|(wall, jumped)| {
                let decision = decide(&state, request, signs, head, wall, jumped);
                matches!(decision, Decision::Refuse(other) if other.code() == error.code())
            })
        });
        assert!(is_true, "{request:?} was refused ({error}), and that was true at no moment");
    }
}
