//! Pauses between attempts: doubling, limited, and with jitter so that clients do not retry in step.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

/// The pauses of one series of attempts.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    next: Duration,
}

impl Backoff {
    /// Pauses from `first` on, doubling up to `most`.
    pub fn new(first: Duration, most: Duration) -> Self {
        Self { first, most, next: first }
    }

    /// The next pause: a random time between half the nominal pause and all of it.
    pub fn pause(&mut self) -> Duration {
        let nominal = self.next;
        self.next = nominal.saturating_mul(2).min(self.most);
        jittered(nominal)
    }

    /// Restarts the series after a success.
    pub fn reset(&mut self) {
        self.next = self.first;
    }
}

fn jittered(nominal: Duration) -> Duration {
    // The standard library's only source of randomness: each `RandomState` has its own keys.
    let random = RandomState::new().hash_one(0_u8);
    let share = (random >> 32) as f64 / f64::from(u32::MAX);
    nominal.mul_f64(0.5 + share / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_most_and_vary() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(400));
        for nominal in [100, 200, 400, 400] {
            let pause = backoff.pause();
            let nominal = Duration::from_millis(nominal);
            assert!(pause >= nominal / 2 && pause <= nominal, "{pause:?} of {nominal:?}");
        }
        backoff.reset();
        assert!(backoff.pause() <= Duration::from_millis(100));
        let spread: std::collections::HashSet<_> = (0..20).map(|_| jittered(Duration::from_secs(1))).collect();
        assert!(spread.len() > 10);
    }
}
