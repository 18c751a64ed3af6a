//! The lines that the log has about refusals: a few a second for each client, and then how many there were besides.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tracing::info;

use super::LimitKey;
use super::allowance::Allowance;

/// Lines for one client.
const LINES: Allowance = Allowance { per_sec: 10, burst: 10 };
/// Clients whose lines are counted apart. Refusals of others are counted together, and have no lines.
const MAX_CLIENTS: usize = 256;

/// The lines about one client.
#[derive(Debug, Default)]
struct Lines {
    /// The time up to which its lines are paid for.
    paid_until: u64,
    /// Refusals since the last count that have no line.
    without: u64,
}

#[derive(Debug, Default)]
struct Counted {
    clients: HashMap<LimitKey, Lines>,
    others: u64,
}

/// What was logged of refusals lately.
#[derive(Debug, Default)]
pub(super) struct RefusalLog(Mutex<Counted>);

/// How many refusals of a client have no line; `None`: of clients that are not told apart.
type Untold = (Option<LimitKey>, u64);

impl RefusalLog {
    /// Whether this refusal may have a line. If not, it is counted.
    pub(super) fn admits(&self, key: &LimitKey, now: u64) -> bool {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.clients.len() >= MAX_CLIENTS && !counted.clients.contains_key(key) {
            counted.others += 1;
            return false;
        }
        let lines = counted.clients.entry(key.clone()).or_default();
        let admitted = LINES.take(&mut lines.paid_until, now, 1).is_ok();
        lines.without += u64::from(!admitted);
        admitted
    }

    /// What was counted since the last call. Clients that have been quiet are forgotten.
    fn take(&self, now: u64) -> Vec<Untold> {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut untold = Vec::new();
        counted.clients.retain(|key, lines| {
            match std::mem::take(&mut lines.without) {
                0 => {}
                without => untold.push((Some(key.clone()), without)),
            }
            lines.paid_until > now
        });
        match std::mem::take(&mut counted.others) {
            0 => {}
            others => untold.push((None, others)),
        }
        untold
    }

    /// Logs how many refusals had no line since the last call.
    pub(super) fn tell(&self, now: u64) {
        for (client, count) in self.take(now) {
            match client {
                Some(client) => info!(%client, count, "further refusals of this client"),
                None => info!(count, "further refusals of many other clients"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEC: u64 = 1_000_000_000;

    fn client(number: u32) -> LimitKey {
        LimitKey::of_address(std::net::Ipv4Addr::from(number).into())
    }

    #[test]
    fn a_client_has_ten_lines_a_second_and_the_rest_as_a_count() {
        let log = RefusalLog::default();
        let lines = |number, now| (0..1_000).filter(|_| log.admits(&client(number), now)).count();
        assert_eq!((lines(1, 0), lines(2, 0)), (10, 10));
        assert_eq!(lines(1, SEC), 10);
        let mut untold = log.take(SEC);
        untold.sort_by_key(|(_, count)| *count);
        assert_eq!(untold, [(Some(client(2)), 990), (Some(client(1)), 1_980)]);
        assert_eq!(log.take(SEC), []);
        assert_eq!(lines(1, SEC), 0, "a count gives nobody new lines");
        assert_eq!(lines(2, 2 * SEC), 10);
    }

    #[test]
    fn of_very_many_clients_all_are_counted_and_some_are_named() {
        let log = RefusalLog::default();
        let lines = (0..10_000).filter(|number| log.admits(&client(*number), 0)).count();
        assert_eq!(lines, MAX_CLIENTS);
        assert_eq!(log.take(SEC), [(None, 10_000 - MAX_CLIENTS as u64)]);
        assert!(log.admits(&client(9_999), SEC), "there is room again");
    }
}
