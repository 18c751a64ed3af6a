//! Parts of live traces that the node keeps in memory: a viewer reads a trace from its beginning whenever there is more.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

/// Largest part that is kept. 256 KiB.
const MAX_KEPT: usize = 256 * 1024;

/// The parts in memory, by their keys. The bytes of a key never change.
pub(super) struct PartMemory {
    most: usize,
    parts: Mutex<Parts>,
}

#[derive(Default)]
struct Parts {
    bytes: usize,
    by_key: HashMap<Arc<str>, Bytes>,
    /// In the order in which they came.
    order: VecDeque<Arc<str>>,
}

impl PartMemory {
    /// Takes at most `most` bytes.
    pub(super) fn new(most: usize) -> Self {
        Self { most, parts: Mutex::default() }
    }

    fn parts(&self) -> MutexGuard<'_, Parts> {
        // No code panics while it holds the lock.
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn find(&self, key: &str) -> Option<Bytes> {
        self.parts().by_key.get(key).cloned()
    }

    /// Keeps a part; the oldest ones make room.
    pub(super) fn keep(&self, key: &str, bytes: &[u8]) {
        if bytes.len() > MAX_KEPT.min(self.most) {
            return;
        }
        let key: Arc<str> = key.into();
        let mut parts = self.parts();
        // Copied: a slice would keep all of the post in memory.
        if parts.by_key.insert(key.clone(), Bytes::copy_from_slice(bytes)).is_some() {
            return;
        }
        parts.bytes += bytes.len() + key.len();
        parts.order.push_back(key);
        while parts.bytes > self.most
            && let Some(oldest) = parts.order.pop_front()
        {
            let gone = parts.by_key.remove(&oldest).map_or(0, |bytes| bytes.len());
            parts.bytes -= gone + oldest.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_parts_make_room() {
        let memory = PartMemory::new(100);
        for key in ["k1", "k2", "k3"] {
            memory.keep(key, &[7; 38]);
            memory.keep(key, &[7; 38]);
        }
        assert_eq!(memory.find("k1"), None);
        assert_eq!(memory.find("k2"), Some(Bytes::from_static(&[7; 38])));
        memory.keep("large", &[7; 101]);
        assert!(memory.find("large").is_none() && memory.find("k3").is_some());
        assert_eq!(memory.parts().bytes, 80);
        let none = PartMemory::new(0);
        none.keep("k", b"x");
        assert_eq!(none.find("k"), None);
    }
}
