//! Proves that a subscription receives messages, by a message that the node sends to itself.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::storage::redis::{RedisClient, RedisCommand, RedisError};
use crate::tasks;

/// The probes of one subscription.
#[derive(Debug, Default)]
pub(super) struct DoorbellProbe(Arc<Mutex<Probes>>);

#[derive(Debug, Default)]
struct Probes {
    sent: u64,
    /// Number of the newest probe that came back.
    heard: u64,
    /// When the oldest probe was sent that Redis has accepted and that has not come back.
    taken: Option<Instant>,
    /// Why Redis refuses the probes, if it does.
    refused: Option<String>,
}

impl DoorbellProbe {
    fn probes(&self) -> MutexGuard<'_, Probes> {
        // No code panics while it holds the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a probe. It counts only once Redis has accepted it, because Redis may be unreachable as a whole.
    pub(super) fn send(&self, client: &RedisClient, channel: &str) {
        let number = {
            let mut probes = self.probes();
            probes.sent += 1;
            probes.sent
        };
        let publish = RedisCommand::new("PUBLISH").arg(channel).arg(number.to_string());
        let (probe, client, asked) = (Self(self.0.clone()), client.clone(), Instant::now());
        drop(tasks::spawn_local("bridge_probe", async move {
            match client.call(publish).await {
                Ok(_) => probe.taken(number, asked),
                Err(RedisError::Refused(reason)) => probe.probes().refused = Some(reason),
                Err(_) => {}
            }
        }));
    }

    fn taken(&self, number: u64, asked: Instant) {
        let mut probes = self.probes();
        // A probe often comes back before the answer of Redis to `PUBLISH` was read.
        if probes.heard < number {
            probes.taken.get_or_insert(asked);
        }
    }

    /// Records that a probe has come back.
    pub(super) fn hear(&self, payload: &[u8]) {
        let number = std::str::from_utf8(payload).ok().and_then(|number| number.parse().ok());
        let mut probes = self.probes();
        probes.heard = number.unwrap_or(0).clamp(probes.heard, probes.sent);
        probes.taken = None;
        probes.refused = None;
    }

    /// Whether a probe has ever come back on this subscription.
    pub(super) fn is_proven(&self) -> bool {
        self.probes().heard > 0
    }

    /// Why the subscription can't be trusted, if so. A probe may take `patience` to come back.
    pub(super) fn trouble(&self, patience: Duration) -> Option<String> {
        let probes = self.probes();
        if probes.taken.is_some_and(|since| since.elapsed() >= patience) {
            return Some("the subscription hears nothing: its probe did not come back".into());
        }
        probes.refused.as_ref().map(|reason| format!("the subscription can't be proven: {reason}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::ZERO;

    #[test]
    fn a_probe_that_was_taken_and_does_not_come_back_is_trouble() {
        let probe = DoorbellProbe::default();
        probe.probes().sent = 2;
        assert_eq!((probe.trouble(NOW), probe.is_proven()), (None, false));
        probe.taken(1, Instant::now());
        assert!(probe.trouble(NOW).is_some() && probe.trouble(Duration::from_secs(60)).is_none());
        probe.hear(b"2");
        assert_eq!((probe.trouble(NOW), probe.is_proven()), (None, true));
    }

    #[test]
    fn a_probe_that_comes_back_before_it_is_known_to_be_taken_is_not_waited_for() {
        let probe = DoorbellProbe::default();
        probe.probes().sent = 1;
        probe.hear(b"1");
        probe.taken(1, Instant::now());
        assert_eq!(probe.trouble(NOW), None);
    }

    #[test]
    fn what_a_former_process_of_the_node_sent_proves_no_more_than_was_sent() {
        let probe = DoorbellProbe::default();
        probe.probes().sent = 1;
        probe.hear(b"77");
        probe.probes().sent = 2;
        probe.taken(2, Instant::now());
        assert!(probe.trouble(NOW).is_some());
    }
}
