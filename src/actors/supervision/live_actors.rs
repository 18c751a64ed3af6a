//! Who is alive: every actor carries a [`LiveActorGuard`], so that a drain can prove that nobody is left.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

type Living = BTreeMap<&'static str, usize>;

/// Counts the living actors of a node, per kind. Clones share the count.
#[derive(Clone, Debug, Default)]
pub struct LiveActors(Arc<watch::Sender<Living>>);

impl LiveActors {
    /// Counts an actor for as long as it holds what this returns.
    pub fn enter(&self, kind: &'static str) -> LiveActorGuard {
        self.0.send_if_modified(|living| {
            *living.entry(kind).or_default() += 1;
            false
        });
        LiveActorGuard { live_actors: self.clone(), kind }
    }

    /// How many of each kind are alive; a kind of which none is does not appear.
    pub fn living(&self) -> BTreeMap<&'static str, usize> {
        self.0.borrow().clone()
    }

    /// Whether nobody is alive.
    pub fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// Waits until nobody is alive; after `within`, says who still is.
    pub async fn emptied(&self, within: Duration) -> Result<(), BTreeMap<&'static str, usize>> {
        let mut living = self.0.subscribe();
        let emptied = living.wait_for(Living::is_empty);
        match tokio::time::timeout(within, emptied).await {
            Ok(_) => Ok(()),
            Err(_) => Err(self.living()),
        }
    }

    /// Those who wait for an empty count of live actors are woken only when it is.
    fn leave(&self, kind: &'static str) {
        self.0.send_if_modified(|living| {
            if let Some(count) = living.get_mut(kind) {
                *count -= 1;
                if *count == 0 {
                    living.remove(kind);
                }
            }
            living.is_empty()
        });
    }
}

/// One living actor; dropped with it, however it ends.
#[derive(Debug)]
pub struct LiveActorGuard {
    live_actors: LiveActors,
    kind: &'static str,
}

impl Drop for LiveActorGuard {
    fn drop(&mut self) {
        self.live_actors.leave(self.kind);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_living_are_counted_per_kind_until_they_are_dropped() {
        let live_actors = LiveActors::default();
        let first = live_actors.enter("room");
        let second = live_actors.clone().enter("room");
        let session = live_actors.enter("session");
        assert_eq!(live_actors.living(), BTreeMap::from([("room", 2), ("session", 1)]));
        drop((first, session));
        assert_eq!(live_actors.living(), BTreeMap::from([("room", 1)]));
        drop(second);
        assert!(live_actors.is_empty());
    }

    #[tokio::test]
    async fn waiting_ends_when_the_last_one_leaves() {
        let live_actors = LiveActors::default();
        let (room, session) = (live_actors.enter("room"), live_actors.enter("session"));
        let leaving = async {
            drop(room);
            tokio::task::yield_now().await;
            drop(session);
        };
        let (emptied, ()) = tokio::join!(live_actors.emptied(Duration::from_secs(10)), leaving);
        assert_eq!(emptied, Ok(()));
    }

    #[tokio::test]
    async fn waiting_in_vain_names_who_is_left() {
        let live_actors = LiveActors::default();
        let _room = live_actors.enter("room");
        assert_eq!(live_actors.emptied(Duration::ZERO).await, Err(BTreeMap::from([("room", 1)])));
    }
}
