//! What to do about an exit. Pure: time and chance come in as numbers, so that every rule is tested without waiting.

use std::collections::VecDeque;

use serde::Serialize;

use super::Exit;

/// Who brings a child back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ChildKind {
    /// The node cannot be without it: restarted after every exit, a plain stop included.
    Permanent,
    /// It is kept while it is needed: the next one who needs it builds it anew.
    Transient,
    /// Nobody: whoever it served comes again.
    Temporary,
}

/// The rules for one child.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Who brings the child back.
    pub kind: ChildKind,
    /// The first delay; each further one doubles it.
    pub backoff_ms: u64,
    /// The longest delay.
    pub backoff_max_ms: u64,
    /// More exits than this within the window are too many.
    pub max_restarts: usize,
    /// The window. After as long a time without an exit the back-off starts over.
    pub window_secs: u64,
}

/// What the owner of a child does about its exit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestartDecision {
    /// Build it anew after this delay.
    Restart {
        /// From now.
        after_ms: u64,
    },
    /// Refuse to build it before this time: see [`History::quarantined_until`].
    Quarantine {
        /// On the clock of `now_ms`.
        until_ms: u64,
    },
    /// It will not come back by restarting it: the node must go.
    Escalate,
    /// Nothing: whoever needs it next may build it anew at once.
    Done,
}

/// What is remembered of a child's exits. Belongs to the child's owner, survives the child, and holds at most
/// `max_restarts + 1` points in time.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Exits that count, not older than the window.
    exits: VecDeque<u64>,
    /// Delays imposed since the last quiet window: the exponent of the next one.
    delays: u32,
    /// End of the last delay: quiet is counted from here.
    resumed_at: u64,
}

impl Policy {
    /// For a child that the node cannot be without: 100 ms doubling to 30 s; more than 5 exits in 60 s escalate.
    pub const fn permanent() -> Self {
        Self { kind: ChildKind::Permanent, backoff_ms: 100, backoff_max_ms: 30_000, max_restarts: 5, window_secs: 60 }
    }

    /// For a child built on demand: the third failure in 60 s quarantines it for 1 s; each further failure before a
    /// quiet window doubles that, up to 30 s.
    pub const fn transient() -> Self {
        Self { kind: ChildKind::Transient, backoff_ms: 1_000, backoff_max_ms: 30_000, max_restarts: 2, window_secs: 60 }
    }

    /// Takes note of `exit` and says what to do about it. `now_ms` is on any clock that never goes back; `jitter`, in
    /// `0.0..1.0`, places the delay between half and the whole of the back-off.
    pub fn decide(&self, history: &mut History, exit: &Exit, now_ms: u64, jitter: f64) -> RestartDecision {
        if self.kind == ChildKind::Temporary || (self.kind == ChildKind::Transient && *exit == Exit::Stopped) {
            return RestartDecision::Done;
        }
        if history.is_quiet(self, now_ms) {
            *history = History::default();
        }
        let too_many = history.count(self, now_ms) > self.max_restarts;
        match self.kind {
            ChildKind::Permanent if too_many => RestartDecision::Escalate,
            ChildKind::Permanent => RestartDecision::Restart { after_ms: history.delay(self, now_ms, jitter) },
            // Once quarantined, a child is on parole until it was quiet for a window.
            ChildKind::Transient if too_many || history.delays > 0 => {
                RestartDecision::Quarantine { until_ms: now_ms.saturating_add(history.delay(self, now_ms, jitter)) }
            }
            ChildKind::Transient | ChildKind::Temporary => RestartDecision::Done,
        }
    }

    fn window_ms(&self) -> u64 {
        self.window_secs.saturating_mul(1_000)
    }
}

impl History {
    /// When the child may be built again, if it may not now.
    pub fn quarantined_until(&self, now_ms: u64) -> Option<u64> {
        (now_ms < self.resumed_at).then_some(self.resumed_at)
    }

    /// Whether a window has passed without an exit: the history has no effect any more and may be forgotten.
    pub fn is_quiet(&self, policy: &Policy, now_ms: u64) -> bool {
        let last = self.exits.back().copied().unwrap_or(0).max(self.resumed_at);
        self.exits.is_empty() || now_ms.saturating_sub(last) >= policy.window_ms()
    }

    /// Adds an exit; returns how many the window holds.
    fn count(&mut self, policy: &Policy, now_ms: u64) -> usize {
        self.exits.push_back(now_ms);
        self.exits.retain(|at| now_ms.saturating_sub(*at) < policy.window_ms());
        // One more than allowed is enough to know that it is too many.
        if self.exits.len() > policy.max_restarts + 1 {
            self.exits.pop_front();
        }
        self.exits.len()
    }

    /// The next delay.
    fn delay(&mut self, policy: &Policy, now_ms: u64, jitter: f64) -> u64 {
        let factor = 1_u64.checked_shl(self.delays).unwrap_or(u64::MAX);
        let whole = policy.backoff_ms.saturating_mul(factor).min(policy.backoff_max_ms);
        let half = whole / 2;
        let delay = whole - half + (half as f64 * jitter.clamp(0.0, 1.0)) as u64;
        self.delays = self.delays.saturating_add(1);
        self.resumed_at = now_ms.saturating_add(delay);
        delay
    }
}

#[cfg(test)]
#[allow(clippy::panic)]
mod tests;
