//! How many connections each client has open.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::LimitKey;

/// The clients that have something open. There are no more of them than the node has connections.
#[derive(Clone, Debug, Default)]
pub(super) struct OpenCounts(Arc<Mutex<HashMap<LimitKey, usize>>>);

/// The client has as many open as it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

/// One that is counted, until it is dropped.
#[derive(Debug)]
pub(super) struct OpenPlace {
    counts: OpenCounts,
    key: LimitKey,
}

impl OpenCounts {
    /// Counts one more of a client, if it then has `most` or fewer; 0: however many.
    pub(super) fn enter(&self, key: &LimitKey, most: usize) -> Result<OpenPlace, Full> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match counts.get_mut(key) {
            Some(count) if most > 0 && *count >= most => return Err(Full),
            Some(count) => *count += 1,
            None => drop(counts.insert(key.clone(), 1)),
        }
        Ok(OpenPlace { counts: self.clone(), key: key.clone() })
    }

    #[cfg(test)]
    pub(super) fn clients(&self) -> usize {
        self.0.lock().map_or(0, |counts| counts.len())
    }
}

impl Drop for OpenPlace {
    fn drop(&mut self) {
        let mut counts = self.counts.0.lock().unwrap_or_else(PoisonError::into_inner);
        match counts.get_mut(&self.key) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(counts.remove(&self.key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_so_many_open_and_one_more_when_one_has_gone() {
        let counts = OpenCounts::default();
        let (one, other) = (LimitKey::Principal("ann".into()), LimitKey::Principal("ben".into()));
        let first = counts.enter(&one, 2).unwrap();
        let second = counts.enter(&one, 2).unwrap();
        assert_eq!(counts.enter(&one, 2).unwrap_err(), Full);
        let theirs = counts.enter(&other, 2).unwrap();
        drop(first);
        let third = counts.enter(&one, 2).unwrap();
        assert_eq!(counts.enter(&one, 2).unwrap_err(), Full);
        let unlimited = counts.enter(&one, 0).unwrap();
        drop((second, third, unlimited, theirs));
        assert_eq!(counts.clients(), 0, "nobody is kept who has nothing open");
    }
}
