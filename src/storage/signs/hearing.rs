//! Since when this node can hear all signs of life without a break. Pure.
//!
//! Silence is judged only from then on. A break is: the node's start, another connection to Redis, a Redis that lost
//! what it had, a failed write, and a clock that was set, however little.

use std::time::Duration;

use crate::protocol::Timestamp;

/// How far the clock may be from where it should be before it counts as set, in milliseconds. Above it is what a late
/// answer of Redis changes of its clock.
const STEP_MS: i64 = 2_000;

/// Where signs are kept: another one knows nothing of what was heard before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    /// The number of the connection to Redis.
    pub(super) connection: u64,
    /// What stands in Redis for as long as it loses nothing.
    pub(super) mark: String,
}

/// How long this node has been able to hear.
#[derive(Debug, Default)]
pub(super) struct Hearing {
    /// `None` while it can't.
    since: Option<Timestamp>,
    source: Option<Source>,
    /// The last reading of the monotonic clock and of the journal's.
    last: Option<(Duration, Timestamp)>,
}

impl Hearing {
    /// This node can hear now: returns since when without a break. `source` is `None` on a single node. `running` is a
    /// monotonic time from any origin.
    pub(super) fn hears(&mut self, source: Option<Source>, running: Duration, now: Timestamp) -> Timestamp {
        let was_set = self.last.replace((running, now)).is_some_and(|(before, then)| {
            let elapsed = running.saturating_sub(before).as_millis() as i64;
            now.as_millis().abs_diff(then.as_millis().saturating_add(elapsed)) > STEP_MS as u64
        });
        let is_new = self.source != source;
        self.source = source;
        match self.since {
            Some(since) if !was_set && !is_new => since,
            _ => *self.since.insert(now),
        }
    }

    /// This node can't hear, or what it hears does not reach the others.
    pub(super) fn is_cut_off(&mut self) {
        self.since = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_795_000_000_000;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(START + millis)
    }

    fn source(connection: u64, mark: &str) -> Option<Source> {
        Some(Source { connection, mark: mark.into() })
    }

    /// What `hearing` says after `running` milliseconds by the monotonic clock and `wall` by the journal's.
    fn hears(hearing: &mut Hearing, source: Option<Source>, running: u64, wall: i64) -> Timestamp {
        hearing.hears(source, Duration::from_millis(running), at(wall))
    }

    #[test]
    fn a_node_hears_since_its_start() {
        let mut hearing = Hearing::default();
        assert_eq!(hears(&mut hearing, None, 500, 0), at(0));
        assert_eq!(hears(&mut hearing, None, 86_400_500, 86_400_900), at(0), "a clock that is a little faster");
    }

    #[test]
    fn another_connection_and_a_redis_that_lost_everything_are_breaks() {
        let mut hearing = Hearing::default();
        assert_eq!(hears(&mut hearing, source(1, "a"), 0, 0), at(0));
        assert_eq!(hears(&mut hearing, source(2, "a"), 10, 10), at(10));
        assert_eq!(hears(&mut hearing, source(2, "a"), 20, 20), at(10));
        assert_eq!(hears(&mut hearing, source(2, "b"), 30, 30), at(30));
    }

    #[test]
    fn whoever_was_cut_off_hears_anew() {
        let mut hearing = Hearing::default();
        assert_eq!(hears(&mut hearing, source(1, "a"), 0, 0), at(0));
        hearing.is_cut_off();
        assert_eq!(hears(&mut hearing, source(1, "a"), 50, 50), at(50));
    }

    #[test]
    fn a_clock_that_was_set_is_a_break_both_ways() {
        for step in [STEP_MS + 1, -STEP_MS - 1, 86_400_000] {
            let mut hearing = Hearing::default();
            hears(&mut hearing, None, 0, 0);
            assert_eq!(hears(&mut hearing, None, 1_000, 1_000 + step), at(1_000 + step), "{step}");
            assert_eq!(hears(&mut hearing, None, 2_000, 2_000 + step), at(1_000 + step), "{step}");
        }
    }
}
