//! States of a run as they were: checkpoints on the way, and the last ones that somebody asked for.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::control::ControlState;
use crate::protocol::{Cursor, RunId, Seq, Timestamp};
use crate::run_state::RunState;

/// Events between two checkpoints, at first.
const STRIDE: Seq = 50_000;
/// States that were asked for and are kept.
const MAX_RECENT: usize = 4;

/// The state of a run, and its control, after an event.
#[derive(Clone, Debug)]
pub struct StateAt {
    /// The state.
    pub run: RunState,
    /// The control.
    pub control: ControlState,
}

impl StateAt {
    /// Before the first event.
    pub(super) fn new(run: RunId) -> Self {
        Self { run: RunState::new(run), control: ControlState::default() }
    }

    /// Applies the next event of the log.
    pub(super) fn apply(&mut self, cursor: Cursor, at: Timestamp, event: &[u8]) {
        self.run.apply(cursor.seq, at, event);
        self.control.apply(cursor, event);
    }

    fn held_bytes(&self) -> usize {
        self.run.held_bytes() + self.control.held_bytes()
    }
}

/// Earlier states of a run.
#[derive(Debug)]
pub(super) struct EarlierStates {
    checkpoints: VecDeque<Arc<StateAt>>,
    /// Events between two of these.
    stride: Seq,
    /// Those that were asked for, the last one at the end.
    recent: VecDeque<Arc<StateAt>>,
    bytes: usize,
}

impl Default for EarlierStates {
    fn default() -> Self {
        Self { checkpoints: VecDeque::new(), stride: STRIDE, recent: VecDeque::new(), bytes: 0 }
    }
}

impl EarlierStates {
    /// Keeps a state as a checkpoint if it is time for one.
    pub(super) fn pass(&mut self, state: &StateAt) {
        if state.run.tip().is_multiple_of(self.stride) {
            self.bytes += state.held_bytes();
            self.checkpoints.push_back(Arc::new(state.clone()));
        }
    }

    /// Keeps a state that was asked for.
    pub(super) fn keep(&mut self, state: Arc<StateAt>) {
        if self.recent.iter().any(|known| known.run.tip() == state.run.tip()) {
            return;
        }
        self.bytes += state.held_bytes();
        self.recent.push_back(state);
        if self.recent.len() > MAX_RECENT {
            self.drop_recent();
        }
    }

    fn drop_recent(&mut self) {
        if let Some(gone) = self.recent.pop_front() {
            self.bytes = self.bytes.saturating_sub(gone.held_bytes());
        }
    }

    /// The state after this event, or the last one before it.
    pub(super) fn nearest(&self, seq: Seq) -> Option<&Arc<StateAt>> {
        let all = self.checkpoints.iter().chain(&self.recent);
        all.filter(|state| state.run.tip() <= seq).max_by_key(|state| state.run.tip())
    }

    /// Frees states until the others have at most so many bytes: first those that were asked for, then every second
    /// checkpoint.
    pub(super) fn shed(&mut self, max_bytes: usize) {
        while self.bytes > max_bytes && !self.recent.is_empty() {
            self.drop_recent();
        }
        while self.bytes > max_bytes && !self.checkpoints.is_empty() {
            self.stride = self.stride.saturating_mul(2);
            let stride = self.stride;
            self.checkpoints.retain(|state| state.run.tip().is_multiple_of(stride));
            self.bytes = self.checkpoints.iter().map(|state| state.held_bytes()).sum();
        }
    }

    /// Bytes of memory.
    pub(super) fn held_bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(tip: Seq) -> StateAt {
        let mut state = StateAt::new(RunId::parse("r").unwrap());
        state.apply(Cursor { epoch: None, seq: tip }, Timestamp::default(), br#"{"type":"log"}"#);
        state
    }

    #[test]
    fn the_nearest_state_before_an_event_is_found_and_checkpoints_thin_out_where_there_is_no_room() {
        let mut states = EarlierStates::default();
        for tip in 1..=8 {
            states.pass(&state(tip * STRIDE));
            states.pass(&state(tip * STRIDE + 1));
        }
        states.keep(Arc::new(state(STRIDE + 7)));
        let nearest = |states: &EarlierStates, seq| states.nearest(seq).map(|state| state.run.tip());
        assert_eq!(nearest(&states, STRIDE - 1), None);
        assert_eq!(nearest(&states, STRIDE + 6), Some(STRIDE));
        assert_eq!(nearest(&states, STRIDE + 9), Some(STRIDE + 7));
        let each = states.held_bytes() / 9;
        states.shed(5 * each);
        assert_eq!(nearest(&states, STRIDE + 9), None);
        assert_eq!((nearest(&states, 3 * STRIDE), states.held_bytes() / each), (Some(2 * STRIDE), 4));
        states.shed(0);
        assert_eq!((nearest(&states, Seq::MAX), states.held_bytes()), (None, 0));
    }

    #[test]
    fn few_states_that_were_asked_for_are_kept() {
        let mut states = EarlierStates::default();
        for tip in [5, 5, 6, 7, 8, 9] {
            states.keep(Arc::new(state(tip)));
        }
        assert_eq!(states.nearest(5).map(|state| state.run.tip()), None);
        assert_eq!(states.nearest(6).map(|state| state.run.tip()), Some(6));
        states.shed(0);
        assert_eq!(states.held_bytes(), 0);
    }
}
