//! How much somebody may do: so much at once, and then so much a second.
//!
//! The rule is the generic cell rate algorithm: of each client only the time is kept up to which what it has done is
//! paid for. `governor` has the same, but its keyed store has no bound, and a batch that is larger than what may come at
//! once would never pass.

use std::time::Duration;

const NANOS_PER_SEC: u128 = 1_000_000_000;

/// What one client may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// On average; 0: without a limit.
    pub per_sec: u64,
    /// At once, after a rest.
    pub burst: u64,
}

impl Allowance {
    /// Whether everything is allowed.
    pub(super) fn is_unlimited(self) -> bool {
        self.per_sec == 0
    }

    /// What `count` cost of a client's time, in ns.
    fn cost(self, count: u64) -> u64 {
        let cost = u128::from(count) * NANOS_PER_SEC / u128::from(self.per_sec.max(1));
        u64::try_from(cost).unwrap_or(u64::MAX / 4).min(u64::MAX / 4)
    }

    /// Takes `count`, or says how long it takes until they can be had. More than may come at once are taken by a client
    /// that has used nothing: it then waits until they are paid for. `paid_until` is the client's, `now` the time; both
    /// in ns since the same moment.
    pub(super) fn take(self, paid_until: &mut u64, now: u64, count: u64) -> Result<(), Duration> {
        if self.is_unlimited() {
            return Ok(());
        }
        let ahead = paid_until.saturating_sub(now);
        let after = ahead.saturating_add(self.cost(count));
        let most = self.cost(self.burst.max(1));
        if ahead > 0 && after > most {
            return Err(Duration::from_nanos((after - most).min(ahead)));
        }
        *paid_until = now.saturating_add(after);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SEC: u64 = 1_000_000_000;

    #[test]
    fn a_client_has_some_at_once_and_then_what_time_brings() {
        let (allowance, mut paid_until) = (Allowance { per_sec: 2, burst: 3 }, 0);
        for _ in 0..3 {
            assert_eq!(allowance.take(&mut paid_until, 0, 1), Ok(()));
        }
        assert_eq!(allowance.take(&mut paid_until, 0, 1), Err(Duration::from_millis(500)));
        assert_eq!(allowance.take(&mut paid_until, SEC / 2, 1), Ok(()));
        assert_eq!(allowance.take(&mut paid_until, SEC / 2, 2), Err(Duration::from_secs(1)));
        assert_eq!(allowance.take(&mut paid_until, 10 * SEC, 3), Ok(()), "no more is saved than a burst");
        assert_eq!(allowance.take(&mut paid_until, 10 * SEC, 1), Err(Duration::from_millis(500)));
    }

    #[test]
    fn a_batch_that_is_larger_than_a_burst_passes_after_a_rest_and_is_paid_for_afterwards() {
        let (allowance, mut paid_until) = (Allowance { per_sec: 10, burst: 5 }, 0);
        assert_eq!(allowance.take(&mut paid_until, 0, 1), Ok(()));
        assert_eq!(allowance.take(&mut paid_until, 0, 100), Err(Duration::from_millis(100)), "until all is there");
        assert_eq!(allowance.take(&mut paid_until, SEC / 10, 100), Ok(()));
        assert_eq!(allowance.take(&mut paid_until, SEC / 10, 1), Err(Duration::from_millis(9_600)));
        assert_eq!(allowance.take(&mut paid_until, SEC / 10 + 9_600_000_000, 1), Ok(()));
    }

    #[test]
    fn zero_a_second_is_no_limit() {
        let mut paid_until = 0;
        assert_eq!(Allowance { per_sec: 0, burst: 1 }.take(&mut paid_until, 0, u64::MAX), Ok(()));
    }

    proptest! {
        #[test]
        fn whoever_waits_as_long_as_it_is_told_is_let_in_and_nobody_gets_more_than_its_share(
            per_sec in 1..10_000_u64,
            burst in 1..10_000_u64,
            asks in prop::collection::vec((0..SEC, 1..2_000_u64), 1..50),
        ) {
            let (allowance, mut paid_until, mut now, mut taken) = (Allowance { per_sec, burst }, 0, 0, 0_u128);
            for (pause, count) in asks {
                now += pause;
                if let Err(wait) = allowance.take(&mut paid_until, now, count) {
                    prop_assert!(wait > Duration::ZERO);
                    now += wait.as_nanos() as u64;
                    prop_assert_eq!(allowance.take(&mut paid_until, now, count), Ok(()));
                }
                taken += u128::from(count);
                // Each batch may be rounded by a nanosecond.
                let most = u128::from(burst.max(count)) + u128::from(now + 100) * u128::from(per_sec) / NANOS_PER_SEC + 1;
                prop_assert!(taken <= most, "{} > {}", taken, most);
            }
        }
    }
}
