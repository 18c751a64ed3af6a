//! A monotonic clock of 19-digit nanoseconds, so that events keep their size.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// The clock that publishers and viewers share.
#[derive(Clone, Copy)]
pub struct Clock {
    start: Instant,
    base: u64,
}

impl Clock {
    /// Anchors the clock to the wall clock once; later steps of the wall clock have no effect.
    pub fn start() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { start: Instant::now(), base: since_epoch.as_nanos() as u64 }
    }

    /// Nanoseconds since the Unix epoch.
    pub fn now(&self) -> u64 {
        self.base + self.start.elapsed().as_nanos() as u64
    }
}
