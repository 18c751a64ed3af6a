//! What each client has used of its allowances. There are only so many: whoever was not heard of for longest is forgotten,
//! and has then used nothing.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::sync::{Mutex, PoisonError};

use super::LimitKey;

/// Parts with a lock each, so that worker threads rarely wait for one another.
const SHARDS: usize = 16;

/// The times up to which what a client has done is paid for, in ns since the start of the node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Spent {
    pub(super) requests: u64,
    pub(super) events: u64,
}

/// Two generations of clients: a client that is heard of moves into the younger one. When that has half of what may be
/// kept, the older one is forgotten, and the younger one takes its place.
#[derive(Debug, Default)]
struct Shard {
    recent: HashMap<LimitKey, Spent>,
    earlier: HashMap<LimitKey, Spent>,
}

/// The clients of a node.
#[derive(Debug, Default)]
pub(super) struct LimitTable {
    shards: [Mutex<Shard>; SHARDS],
    hasher: RandomState,
}

impl LimitTable {
    /// Hands out what a client has spent, to be changed. At most `max_clients` are kept.
    pub(super) fn with<T>(&self, key: &LimitKey, max_clients: usize, act: impl FnOnce(&mut Spent) -> T) -> T {
        let shard = self.hasher.hash_one(key) as usize % SHARDS;
        // Each change is one write, so a poisoned lock hides nothing half-done.
        let mut shard = self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(spent) = shard.recent.get_mut(key) {
            return act(spent);
        }
        let mut spent = shard.earlier.remove(key).unwrap_or_default();
        let done = act(&mut spent);
        if shard.recent.len() >= (max_clients / SHARDS / 2).max(1) {
            shard.earlier = std::mem::take(&mut shard.recent);
        }
        shard.recent.insert(key.clone(), spent);
        done
    }

    /// Number of clients that are kept.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        let len = |shard: &Mutex<Shard>| shard.lock().map_or(0, |shard| shard.recent.len() + shard.earlier.len());
        self.shards.iter().map(len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(number: u32) -> LimitKey {
        LimitKey::of_address(std::net::Ipv4Addr::from(number).into())
    }

    #[test]
    fn no_more_clients_are_kept_than_may_be_and_one_that_comes_again_stays() {
        let table = LimitTable::default();
        let max = 1_024;
        table.with(&client(0), max, |spent| spent.requests = 7);
        for number in 1..20_000 {
            table.with(&client(number), max, |spent| spent.requests = 1);
            if number % 16 == 0 {
                table.with(&client(0), max, |spent| assert_eq!(spent.requests, 7, "after {number} others"));
            }
            assert!(table.len() <= max, "{}", table.len());
        }
        table.with(&client(1), max, |spent| assert_eq!(*spent, Spent::default(), "forgotten"));
        assert!(table.len() > max / 4, "as many as may be are kept");
    }

    #[test]
    fn the_least_bound_keeps_somebody() {
        let table = LimitTable::default();
        for number in 0..1_000 {
            table.with(&client(number), 0, |spent| spent.events = 1);
            table.with(&client(number), 0, |spent| assert_eq!(spent.events, 1));
        }
        assert!(table.len() <= 2 * SHARDS);
    }
}
