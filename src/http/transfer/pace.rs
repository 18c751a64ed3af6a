//! The pace of a transfer: a minimum rate that allows for pauses. Pure.

use std::time::{Duration, Instant};

/// The rate that a transfer must keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Bytes per second on average; 0 means that any byte within `pause` is enough.
    pub bytes_per_sec: u64,
    /// Longest time that a transfer may fall behind the rate: its longest pause.
    pub pause: Duration,
}

/// A transfer measured against its rate. Each byte buys the time that it may take. At most `pause` can be saved up, so
/// that a fast start does not pay for a long standstill.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    rate: Rate,
    /// When the transfer becomes too slow, unless more bytes move before.
    due: Instant,
}

impl Pace {
    /// The pace of a transfer that begins now.
    pub fn new(rate: Rate, now: Instant) -> Self {
        Self { rate, due: now + rate.pause }
    }

    /// When the transfer becomes too slow, unless more bytes move before.
    pub fn due(&self) -> Instant {
        self.due
    }

    /// Extends the deadline by `time`, in which the transfer did not wait for its peer.
    pub fn excuse(&mut self, time: Duration) {
        self.due += time;
    }

    /// Records that `bytes` have moved.
    pub fn moved(&mut self, bytes: usize, now: Instant) {
        let full = now + self.rate.pause;
        self.due = match self.rate.bytes_per_sec {
            0 => full,
            rate => {
                let nanos = (bytes as u64).saturating_mul(1_000_000_000) / rate;
                full.min(self.due + Duration::from_nanos(nanos))
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { bytes_per_sec: 1_000, pause: Duration::from_secs(10) };

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn a_trickle_is_too_slow_once_the_pause_is_used_up() {
        let start = Instant::now();
        let mut pace = Pace::new(RATE, start);
        for second in [3, 6, 9] {
            pace.moved(1, start + secs(second));
        }
        assert_eq!(pace.due(), start + secs(10) + Duration::from_millis(3));
    }

    #[test]
    fn a_sender_at_the_rate_goes_on_for_ever() {
        let start = Instant::now();
        let mut pace = Pace::new(RATE, start);
        for second in 1..1_000 {
            let now = start + secs(second);
            assert!(pace.due() > now, "second {second}");
            pace.moved(1_000, now);
        }
    }

    #[test]
    fn a_fast_start_buys_no_longer_pause() {
        let start = Instant::now();
        let mut pace = Pace::new(RATE, start);
        pace.moved(1_000_000_000, start);
        assert_eq!(pace.due(), start + secs(10));
    }

    #[test]
    fn without_a_rate_only_the_pause_counts() {
        let start = Instant::now();
        let mut pace = Pace::new(Rate { bytes_per_sec: 0, ..RATE }, start);
        pace.moved(1, start + secs(9));
        assert_eq!(pace.due(), start + secs(19));
    }
}
