//! Detects jumps of the wall clock. Pure.

use std::time::Duration;

use super::Jump;
use crate::protocol::Timestamp;

/// Least milliseconds between two adjustments of the reference to the wall clock.
const FOLLOW_AFTER_MS: i64 = 60_000;
/// The reference follows the wall clock by at most this fraction of the elapsed time, 1 ms per second: more than two
/// correct clocks drift apart, and less than 90 seconds a day.
const FOLLOW_PART: i64 = 1_000;

/// Both clocks at the same moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ClockReading {
    pub(super) wall: Timestamp,
    /// A monotonic clock, which can't be set.
    pub(super) running: Duration,
}

/// Compares the wall clock with a reference.
#[derive(Debug)]
pub(super) struct ClockGuard {
    max_step_ms: i64,
    reference: Reference,
}

/// The reference for the wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reference {
    /// The reading of a moment at which the wall clock was right.
    Was(ClockReading),
    /// The wall clock's time before the machine restarted. How long the machine was down is unknown: any later time may
    /// be right, and the first one is assumed to be.
    After(Timestamp),
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl ClockGuard {
    /// Continues from the record of the previous process, if there is one. Within the same boot of the machine, the
    /// record tells a clock that was set while no process ran from a process that was down for that time.
    pub(super) fn begin(max_step: Duration, first: ClockReading, boot: &str, last: Option<&str>) -> Self {
        let reference = match last.and_then(parse) {
            None => Reference::Was(first),
            Some((then, was)) if !boot.is_empty() && then == boot => Reference::Was(was),
            Some((_, was)) => Reference::After(was.wall),
        };
        Self { max_step_ms: millis(max_step), reference }
    }

    /// The wall clock's time, if it may be right.
    pub(super) fn judge(&mut self, now: ClockReading) -> Result<Timestamp, Jump> {
        let (expected, elapsed) = match self.reference {
            Reference::After(last) if now.wall >= last.plus_millis(-self.max_step_ms) => {
                self.reference = Reference::Was(now);
                return Ok(now.wall);
            }
            Reference::After(last) => return Err(Jump { found: now.wall, expected: last }),
            Reference::Was(was) => {
                let elapsed = millis(now.running).saturating_sub(millis(was.running));
                (was.wall.plus_millis(elapsed), elapsed)
            }
        };
        let off = now.wall.as_millis().saturating_sub(expected.as_millis());
        if off.saturating_abs() > self.max_step_ms {
            return Err(Jump { found: now.wall, expected });
        }
        if elapsed >= FOLLOW_AFTER_MS {
            let most = elapsed / FOLLOW_PART;
            let wall = expected.plus_millis(off.clamp(-most, most));
            self.reference = Reference::Was(ClockReading { wall, ..now });
        }
        Ok(now.wall)
    }

    pub(super) fn accept(&mut self, now: ClockReading) {
        self.reference = Reference::Was(now);
    }

    /// The record for [`ClockGuard::begin`].
    pub(super) fn record(&self, boot: &str) -> String {
        match self.reference {
            Reference::Was(was) => format!("{} {} {boot}\n", was.wall.as_millis(), millis(was.running)),
            Reference::After(last) => format!("{} 0 \n", last.as_millis()),
        }
    }
}

fn parse(record: &str) -> Option<(&str, ClockReading)> {
    let mut words = record.split_whitespace();
    let wall = Timestamp::from_millis(words.next()?.parse().ok()?);
    let running = Duration::from_millis(words.next()?.parse().ok()?);
    Some((words.next().unwrap_or_default(), ClockReading { wall, running }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STEP: Duration = Duration::from_secs(3_600);
    const HOUR: i64 = 3_600_000;
    const DAY: i64 = 24 * HOUR;

    /// A reading: the wall clock shows `wall` after `running`, both in milliseconds.
    fn at(wall: i64, running: i64) -> ClockReading {
        ClockReading {
            wall: Timestamp::from_millis(1_795_000_000_000 + wall),
            running: Duration::from_millis(running as u64),
        }
    }

    fn guard() -> ClockGuard {
        ClockGuard::begin(STEP, at(0, 0), "boot", None)
    }

    #[test]
    fn a_clock_that_is_set_by_more_than_it_may_holds_until_it_is_back() {
        for jump in [8 * DAY, -8 * DAY, HOUR + 1, -HOUR - 1] {
            let mut guard = guard();
            assert!(guard.judge(at(1_000, 1_000)).is_ok());
            let judged = guard.judge(at(2_000 + jump, 2_000));
            assert_eq!(judged, Err(Jump { found: at(2_000 + jump, 0).wall, expected: at(2_000, 0).wall }));
            assert!(guard.judge(at(DAY + jump, DAY)).is_err(), "time alone does not make it right");
            assert_eq!(guard.judge(at(DAY + 5, DAY + 1)), Ok(at(DAY + 5, 0).wall));
        }
    }

    #[test]
    fn small_steps_and_long_waits_are_no_jumps() {
        let mut guard = guard();
        assert!(guard.judge(at(HOUR, 0)).is_ok());
        assert!(guard.judge(at(9 * DAY, 9 * DAY)).is_ok(), "nobody asked for nine days, or the machine slept");
        assert!(guard.judge(at(10 * DAY - HOUR, 10 * DAY)).is_ok());
    }

    #[test]
    fn a_jump_that_an_operator_accepts_is_the_time() {
        let mut guard = guard();
        assert!(guard.judge(at(8 * DAY, 0)).is_err());
        guard.accept(at(8 * DAY, 0));
        assert!(guard.judge(at(8 * DAY + 1_000, 1_000)).is_ok());
        assert!(guard.judge(at(2_000, 2_000)).is_err(), "the way back is a jump as well");
    }

    #[test]
    fn a_clock_that_is_a_little_faster_is_followed_and_one_that_creeps_is_not() {
        let mut drifting = guard();
        for minute in 1..=60 * 24 * 90 {
            let running = minute * 60_000;
            assert!(drifting.judge(at(running + running / 2_000, running)).is_ok(), "{minute}");
        }
        let mut creeping = guard();
        let crept = (1..=100).take_while(|n| creeping.judge(at(n * 60_000 + n * HOUR / 2, n * 60_000)).is_ok()).count();
        assert_eq!(crept, 2, "half an hour a minute is more than the hour at the third");
    }

    #[test]
    fn a_process_goes_on_where_the_one_before_it_left_off() {
        let mut before = guard();
        before.judge(at(61_000, 61_000)).unwrap();
        let record = before.record("boot");
        let begin = |first: ClockReading, boot: &str| ClockGuard::begin(STEP, first, boot, Some(&record));

        let down = at(8 * DAY, 8 * DAY);
        assert!(begin(down, "boot").judge(down).is_ok(), "it was down for eight days");
        let set = at(8 * DAY, 62_000);
        assert!(begin(set, "boot").judge(set).is_err(), "the clock was set while it was down");

        let rebooted = at(8 * DAY, 5_000);
        assert!(begin(rebooted, "another").judge(rebooted).is_ok(), "nobody knows how long the machine was down");
        let reset = at(-30 * DAY, 5_000);
        let mut early = begin(reset, "another");
        assert!(early.judge(reset).is_err(), "a machine whose clock begins anew");
        assert!(early.judge(at(-30 * DAY + 60_000, 65_000)).is_err());
        assert!(early.judge(at(DAY, 70_000)).is_ok(), "until it is told the time");
        assert!(early.judge(at(DAY + 9_000, 79_000)).is_ok());
        assert_eq!(begin(reset, "").judge(reset), early_jump(reset), "nor is an unknown boot the same one");
        assert!(ClockGuard::begin(STEP, reset, "boot", Some("what is this")).judge(reset).is_ok());
    }

    fn early_jump(found: ClockReading) -> Result<Timestamp, Jump> {
        Err(Jump { found: found.wall, expected: at(61_000, 0).wall })
    }

    proptest! {
        /// However the clock is set and read, an accepted time is never further from the truth than a step and the
        /// drift.
        #[test]
        fn what_passes_is_near_the_truth(steps in prop::collection::vec((0..DAY, -3 * HOUR..3 * HOUR), 1..200)) {
            let mut guard = guard();
            let (mut running, mut off) = (0, 0);
            for (wait, set) in steps {
                running += wait;
                off += set;
                if guard.judge(at(running + off, running)).is_ok() {
                    prop_assert!(off.abs() <= HOUR + running / FOLLOW_PART, "{off} after {running}");
                }
            }
        }
    }
}
