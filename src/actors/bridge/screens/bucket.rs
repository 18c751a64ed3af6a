//! A rate of bytes, kept on average: a bucket that fills by itself and holds what comes in a second.

use std::time::{Duration, Instant};

/// Shortest time to wait for more, so that nobody waits in ever smaller steps.
const STEP: Duration = Duration::from_millis(5);

/// The bytes that may be sent now. Whoever finds any takes all that it needs, and the bucket is in debt until it has
/// filled again: so what is larger than the bucket can be sent, and the rate is kept over time.
#[derive(Clone, Debug)]
pub(super) struct ByteBucket {
    per_sec: f64,
    level: f64,
    at: Instant,
}

impl ByteBucket {
    /// A full bucket for this rate.
    pub(super) fn new(per_sec: usize, now: Instant) -> Self {
        Self { per_sec: per_sec as f64, level: per_sec as f64, at: now }
    }

    fn fill(&mut self, now: Instant) {
        let filled = now.saturating_duration_since(self.at).as_secs_f64() * self.per_sec;
        self.level = (self.level + filled).min(self.per_sec);
        self.at = self.at.max(now);
    }

    /// Takes bytes, if more than the part `reserve` of the bucket is left: what is less urgent leaves more to others.
    pub(super) fn take(&mut self, bytes: usize, reserve: f64, now: Instant) -> bool {
        self.fill(now);
        let has = self.level > reserve * self.per_sec;
        if has {
            self.level -= bytes as f64;
        }
        has
    }

    /// When [`Self::take`] is worth a try, as far as it depends on the bucket.
    pub(super) fn ready(&self, reserve: f64) -> Instant {
        let missing = reserve * self.per_sec - self.level;
        if missing < 0.0 {
            return self.at;
        }
        // A day is longer than anything here takes.
        self.at + Duration::from_secs_f64((missing / self.per_sec).min(86_400.0)) + STEP
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_kept_over_time_however_large_the_pieces_are() {
        let start = Instant::now();
        for piece in [1_000, 70_000, 500_000] {
            let mut bucket = ByteBucket::new(100_000, start);
            let (mut now, mut sent) = (start, 0);
            while now < start + Duration::from_secs(60) {
                match bucket.take(piece, 0.0, now) {
                    true => sent += piece,
                    false => now = bucket.ready(0.0).max(now + Duration::from_millis(1)),
                }
            }
            let least = 60 * 100_000 - 500_000;
            assert!((least..=61 * 100_000 + piece).contains(&sent), "{piece}: {sent}");
        }
    }

    #[test]
    fn what_is_less_urgent_leaves_a_reserve() {
        let now = Instant::now();
        let mut bucket = ByteBucket::new(1_000, now);
        assert!(bucket.take(600, 0.5, now) && !bucket.take(1, 0.5, now) && bucket.take(600, 0.0, now));
        assert!(!bucket.take(1, 0.0, now), "it is in debt");
        let ready = bucket.ready(0.5);
        assert!(ready > now + Duration::from_millis(700) && ready < now + Duration::from_millis(800));
        assert!(bucket.take(1, 0.5, ready));
    }
}
