//! Producers that are not heard.

use std::sync::Arc;

use crate::control::fold::{Presence, Worker};
use crate::control::{CommandKind, ControlState, Facts, Seen, Sign};
use crate::protocol::Timestamp;

/// How long until somebody is asked about again, in milliseconds, at least.
const MIN_AGAIN_MS: i64 = 1_000;

/// What follows from how long a producer was not heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Silence {
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
    /// The producers whose silence counts, which is that of none while the run is paused or holds a failing test open.
    pub(super) fn listened_to(&self) -> impl Iterator<Item = (&Arc<str>, &Worker)> {
        let holds = |command: &super::super::fold::KeptCommand| {
            command.kind == CommandKind::Hold && command.stands && command.is_set
        };
        let rests = self.pause.open.is_some() || self.commands.kept().any(holds);
        self.workers.living().filter(move |_| !rests)
    }

    /// How one stands. Without its sign of life nothing follows but that it has to be looked up.
    pub(super) fn silence(&self, id: &str, worker: &Worker, facts: &Facts<'_>) -> Silence {
        let found = facts.signs.iter().find(|(sign, _)| matches!(sign, Sign::Producer(producer) if &**producer == id));
        let seen = found.map(|(_, seen)| *seen);
        let sign = match seen {
            Some(Seen::At(at)) => Some(at),
            _ => None,
        };
        let heard = worker.heard_at.max(worker.joined_at).max(self.pause.resumed_at.unwrap_or_default());
        let heard = sign.map_or(heard, |sign| sign.max(heard));
        let limits = facts.limits;
        let again = facts.now.plus_millis((limits.silent_ms / 4).max(MIN_AGAIN_MS));
        let is_over = |ms| heard.plus_millis(ms) <= facts.now;
        let is_silent = worker.presence == Presence::Silent;
        if is_silent && worker.silent_at.is_some_and(|since| heard > since) {
            return Silence::Back;
        }
        if !is_silent && !is_over(limits.silent_ms) {
            return Silence::Until(heard.plus_millis(limits.silent_ms));
        }
        match seen {
            None => Silence::Ask,
            Some(Seen::Unknown) => Silence::Until(again),
            Some(Seen::At(_)) if is_over(limits.lost_ms) => Silence::Lost,
            Some(Seen::At(_)) if is_silent => Silence::Until(again.min(heard.plus_millis(limits.lost_ms))),
            Some(Seen::At(_)) => Silence::Silent,
        }
    }

    /// When a producer has to be looked at next.
    pub(super) fn silence_due(&self, id: &str, worker: &Worker, facts: &Facts<'_>) -> Timestamp {
        match self.silence(id, worker, facts) {
            Silence::Until(at) => at,
            Silence::Ask if worker.presence == Presence::Silent => {
                facts.now.plus_millis((facts.limits.silent_ms / 4).max(MIN_AGAIN_MS))
            }
            Silence::Ask | Silence::Silent | Silence::Back | Silence::Lost => facts.now,
        }
    }
}
