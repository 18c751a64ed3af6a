//! Open sockets of those who steer. Pure.
//!
//! An open socket is a sign of life for a time after its owner's last command or renewal. Pings do not count: a browser
//! answers them for a tab that nobody looks at.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::protocol::RunId;

/// The open sockets by run and subject: at most one entry per open session.
#[derive(Debug, Default)]
pub(super) struct Sockets(HashMap<RunId, HashMap<Arc<str>, Open>>);

#[derive(Debug)]
struct Open {
    sockets: usize,
    /// When their owner last gave a command or renewed the lease, on a monotonic clock.
    active: Duration,
}

impl Sockets {
    /// Counts a socket whose owner has just been active.
    pub(super) fn open(&mut self, run: &RunId, subject: &Arc<str>, now: Duration) {
        let of_run = self.0.entry(run.clone()).or_default();
        let open = of_run.entry(subject.clone()).or_insert(Open { sockets: 0, active: now });
        open.sockets += 1;
        open.active = now;
    }

    /// The owner of a socket has been active, whichever way.
    pub(super) fn renew(&mut self, run: &RunId, subject: &str, now: Duration) {
        if let Some(open) = self.0.get_mut(run).and_then(|of_run| of_run.get_mut(subject)) {
            open.active = now;
        }
    }

    /// Counts a socket no more.
    pub(super) fn close(&mut self, run: &RunId, subject: &str) {
        let Some(of_run) = self.0.get_mut(run) else { return };
        if let Some(open) = of_run.get_mut(subject) {
            open.sockets -= 1;
            if open.sockets == 0 {
                of_run.remove(subject);
            }
        }
        if of_run.is_empty() {
            self.0.remove(run);
        }
    }

    /// Those whose socket is open, and who were active within `time`.
    pub(super) fn alive(&self, now: Duration, time: Duration) -> Vec<(RunId, Arc<str>)> {
        let mut alive = Vec::new();
        for (run, of_run) in &self.0 {
            let recent = of_run.iter().filter(|(_, open)| now.saturating_sub(open.active) < time);
            alive.extend(recent.map(|(subject, _)| (run.clone(), subject.clone())));
        }
        alive
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_counts_while_it_is_open_and_its_owner_was_active_lately() {
        let secs = Duration::from_secs;
        let (mut sockets, run, ann) = (Sockets::default(), RunId::parse("r").unwrap(), Arc::<str>::from("ann"));
        sockets.renew(&run, &ann, secs(0));
        assert!(sockets.alive(secs(0), secs(9)).is_empty(), "whoever has no socket open");
        sockets.open(&run, &ann, secs(1));
        sockets.open(&run, &ann, secs(2));
        assert_eq!(sockets.alive(secs(10), secs(9)), [(run.clone(), ann.clone())]);
        assert!(sockets.alive(secs(11), secs(9)).is_empty());
        sockets.renew(&run, &ann, secs(11));
        sockets.close(&run, &ann);
        assert_eq!(sockets.alive(secs(12), secs(9)), [(run.clone(), ann.clone())], "one of two is open still");
        sockets.close(&run, &ann);
        assert!(sockets.0.is_empty());
    }
}
