//! Producers that are not heard.

use crate::control::fold::{Worker, WorkerPresence};
use crate::control::{ControlState, Facts, Seen, Sign};
use crate::protocol::Timestamp;

/// How long until somebody is asked about again, in milliseconds, at least.
const MIN_AGAIN_MS: i64 = 1_000;

/// What follows from how long a producer was not heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Silence {
    /// Nothing while the run is paused.
    Rests,
    /// Nothing before this time.
    Until(Timestamp),
    /// It is to be looked up when it was last heard.
    Ask,
    /// It is silent from now on.
    Silent,
    /// It is back.
    Back,
    /// It is given up.
    Lost,
}

impl ControlState {
    /// How a producer stands. Without its sign of life nothing follows but that it has to be looked up. While the run
    /// is paused, nobody is silent; one that was may be back. A `hold` has no end, and says nothing of whether a test is
    /// held open now: under it a producer may be unheard for as long as a run may be paused, and silence counts then.
    pub(super) fn silence(&self, id: &str, worker: &Worker, facts: &Facts<'_>) -> Silence {
        let found = facts.signs.iter().find(|(sign, _)| matches!(sign, Sign::Producer(producer) if &**producer == id));
        let seen = found.map(|(_, seen)| *seen);
        let sign = match seen {
            Some(Seen::At(at)) => at,
            _ => Timestamp::default(),
        };
        let heard = worker.heard_at.max(worker.joined_at).max(sign);
        let since = heard.max(self.rested_at.unwrap_or_default());
        let limits = facts.limits;
        let is_paused = self.pause.open.is_some();
        let held_ms = if self.rests { limits.max_pause_total_ms } else { 0 };
        let end_of = |ms: i64| since.plus_millis(ms.saturating_add(held_ms));
        let is_over = |ms| end_of(ms) <= facts.now;
        let is_silent = worker.presence == WorkerPresence::Silent;
        if is_silent && worker.silent_at.is_some_and(|silent_at| heard > silent_at) {
            return Silence::Back;
        }
        if is_paused && !is_silent {
            return Silence::Rests;
        }
        if !is_silent && !is_over(limits.silent_ms) {
            return Silence::Until(end_of(limits.silent_ms));
        }
        let again = facts.now.plus_millis(again_ms(facts));
        match seen {
            None => Silence::Ask,
            Some(Seen::At(_)) if !is_paused && is_over(limits.lost_ms) => Silence::Lost,
            Some(Seen::At(_)) if !is_silent => Silence::Silent,
            Some(Seen::At(_)) if !is_paused => Silence::Until(again.min(end_of(limits.lost_ms))),
            Some(Seen::At(_) | Seen::Unknown) => Silence::Until(again),
        }
    }

    /// When a producer has to be looked at next.
    pub(super) fn silence_due(&self, id: &str, worker: &Worker, facts: &Facts<'_>) -> Option<Timestamp> {
        match self.silence(id, worker, facts) {
            Silence::Rests => None,
            Silence::Until(at) => Some(at),
            Silence::Ask if worker.presence == WorkerPresence::Silent => Some(facts.now.plus_millis(again_ms(facts))),
            Silence::Ask | Silence::Silent | Silence::Back | Silence::Lost => Some(facts.now),
        }
    }
}

/// How long until one that was looked up is looked up again.
fn again_ms(facts: &Facts<'_>) -> i64 {
    (facts.limits.silent_ms / 4).max(MIN_AGAIN_MS)
}
