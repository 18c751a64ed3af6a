//! How many commands somebody may give to a run: so many at once, and then so many a second.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::protocol::RunId;

/// Most senders that are remembered. One that has used nothing lately is forgotten first.
const MAX_SENDERS: usize = 16_384;

/// The senders of all runs on this node.
#[derive(Debug)]
pub(super) struct Rates {
    /// What one command costs of a sender's time.
    interval: Duration,
    /// How far a sender may be ahead of the time that its commands cost.
    burst: Duration,
    /// By run and subject, the time up to which the sender's commands are paid for. Only times that lie ahead matter,
    /// so that whoever is not in it has used nothing.
    paid_until: Mutex<HashMap<(RunId, Arc<str>), Instant>>,
}

impl Rates {
    /// At most `per_sec` commands a second on average, of which `at_once` may come together.
    pub(super) fn new(per_sec: u32, at_once: u32) -> Self {
        let interval = Duration::from_secs(1) / per_sec.max(1);
        Self { interval, burst: interval * at_once.max(1), paid_until: Mutex::default() }
    }

    /// Takes one command's share; or says how long the sender has to wait for it.
    pub(super) fn take(&self, run: &RunId, subject: &Arc<str>, now: Instant) -> Result<(), Duration> {
        // Each entry is replaced whole, so a poisoned lock hides nothing half-done.
        let mut paid_until = self.paid_until.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (run.clone(), subject.clone());
        let until = paid_until.get(&key).copied().unwrap_or(now).max(now) + self.interval;
        let ahead = until.duration_since(now);
        if ahead > self.burst {
            return Err(ahead - self.burst);
        }
        if paid_until.len() >= MAX_SENDERS && !paid_until.contains_key(&key) {
            paid_until.retain(|_, until| *until > now);
            if paid_until.len() >= MAX_SENDERS {
                // So many senders within a moment are refused nothing for it: the run's own bounds hold.
                paid_until.clear();
            }
        }
        paid_until.insert(key, until);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(id: &str) -> RunId {
        RunId::parse(id).unwrap()
    }

    #[test]
    fn a_sender_has_a_few_at_once_and_then_as_many_as_time_brings() {
        let (rates, now, ann) = (Rates::new(1, 3), Instant::now(), Arc::from("ann"));
        for _ in 0..3 {
            assert_eq!(rates.take(&run("r"), &ann, now), Ok(()));
        }
        assert_eq!(rates.take(&run("r"), &ann, now), Err(Duration::from_secs(1)));
        assert_eq!(rates.take(&run("r"), &ann, now + Duration::from_millis(400)), Err(Duration::from_millis(600)));
        assert_eq!(rates.take(&run("r"), &"ben".into(), now), Ok(()), "another sender");
        assert_eq!(rates.take(&run("other"), &ann, now), Ok(()), "another run");
        assert_eq!(rates.take(&run("r"), &ann, now + Duration::from_secs(1)), Ok(()));
        assert_eq!(rates.take(&run("r"), &ann, now + Duration::from_secs(1)), Err(Duration::from_secs(1)));
    }

    #[test]
    fn senders_that_rest_are_forgotten_when_there_are_too_many() {
        let (rates, now) = (Rates::new(10, 1), Instant::now());
        for i in 0..MAX_SENDERS {
            assert_eq!(rates.take(&run("r"), &Arc::from(i.to_string()), now), Ok(()));
        }
        let later = now + Duration::from_secs(1);
        assert_eq!(rates.take(&run("r"), &"ann".into(), later), Ok(()));
        assert_eq!(rates.paid_until.lock().unwrap().len(), 1);
    }
}
