//! A room's figures. The room writes them, except `viewers`, which the subscribers of each thread write. The registry
//! reads them.

use super::{HintsCache, InterestBoard};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// The figures of a room. Each room has one in its [`RoomPort`](crate::actors::messages::room::RoomPort).
#[derive(Debug, Default)]
pub struct RoomGauge {
    /// Viewers on this node.
    pub viewers: AtomicUsize,
    /// Bytes of segments that the room holds.
    pub held_bytes: AtomicUsize,
    /// Last use, in milliseconds since the node's start.
    pub used_ms: AtomicU64,
    /// Last seq that the room knows.
    pub tip: AtomicU64,
    /// What the viewers on this node look at.
    pub interest: InterestBoard,
    /// What producers were last told of it.
    pub hints: HintsCache,
}

impl RoomGauge {
    /// Viewers on this node.
    pub fn viewers(&self) -> usize {
        self.viewers.load(Ordering::Relaxed)
    }

    /// A viewer has come. The first one wakes whoever waits for a change of the interest.
    pub fn viewer_came(&self) {
        if self.viewers.fetch_add(1, Ordering::Relaxed) == 0 {
            self.interest.wake();
        }
    }

    /// A viewer has gone. The last one wakes whoever waits for a change of the interest.
    pub fn viewer_gone(&self) {
        if self.viewers.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.interest.wake();
        }
    }
}
