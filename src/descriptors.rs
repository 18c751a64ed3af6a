//! File descriptors: every connection is one, so is every file of an upload, and a server without a spare one can neither
//! accept nor log nor store.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The reserve is this part of the limit ...
const RESERVE_PART: u64 = 10;

/// ... but at least so many: databases, listeners, pipes, and requests that are about to be refused politely ...
const RESERVE_MIN: u64 = 64;

/// ... and at most so many.
const RESERVE_MAX: u64 = 1024;

/// Files and connections of our own get this part of what the reserve leaves, if they need it.
const FILES_PART: usize = 4;

/// What "unlimited" is taken for; Linux knows no more by default (`fs.nr_open`).
const UNLIMITED: u64 = 1 << 20;

/// How many descriptors the process may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptors {
    /// The soft limit, which counts.
    pub soft: u64,
    /// The hard limit, up to which the soft one can be raised.
    pub hard: u64,
}

impl Descriptors {
    /// As they are now.
    pub fn now() -> Self {
        let limit = getrlimit(Resource::Nofile);
        Self { soft: limit.current.unwrap_or(UNLIMITED), hard: limit.maximum.unwrap_or(UNLIMITED) }
    }

    /// Raises the soft limit to the hard one; gives the limits as they are then.
    ///
    /// # Errors
    /// When the system refuses; the limits stay as they were.
    pub fn raise() -> io::Result<Self> {
        let now = Self::now();
        if now.soft < now.hard {
            let maximum = getrlimit(Resource::Nofile).maximum;
            setrlimit(Resource::Nofile, Rlimit { current: Some(now.hard), maximum })?;
        }
        Ok(Self::now())
    }

    /// Descriptors under the soft limit that nobody counts on.
    pub fn reserve(&self) -> u64 {
        (self.soft / RESERVE_PART).clamp(RESERVE_MIN, RESERVE_MAX).min(self.soft)
    }

    /// What the reserve leaves.
    fn room(&self) -> usize {
        usize::try_from(self.soft - self.reserve()).unwrap_or(usize::MAX)
    }

    /// How many of the `wanted` descriptors can be had that are held for other things than connections:
    /// a quarter of what there is, or what the `configured` connections leave (0: as many as fit).
    pub fn files(&self, configured: usize, wanted: usize) -> usize {
        let left = if configured == 0 { 0 } else { self.room().saturating_sub(configured) };
        wanted.min(left.max(self.room() / FILES_PART))
    }

    /// How many connections fit beside so many `files`: `server.max_connections`, as far as the limit allows (0: all that it
    /// allows).
    pub fn connections(&self, configured: usize, files: usize) -> usize {
        let room = self.room().saturating_sub(files);
        if configured == 0 { room } else { configured.min(room) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_a_reserve_under_the_limit() {
        let connections = |soft, configured| Descriptors { soft, hard: soft }.connections(configured, 0);
        assert_eq!(connections(20_000, 0), 20_000 - 1024);
        assert_eq!(connections(1_024, 0), 1_024 - 102);
        assert_eq!(connections(256, 0), 192);
        assert_eq!(connections(20_000, 500), 500);
        assert_eq!(connections(1_024, 5_000), 922, "what is configured doesn't help against the limit");
        assert_eq!(connections(10, 0), 0);
    }

    #[test]
    fn files_get_what_they_want_as_long_as_most_is_left_to_connections() {
        let limits = Descriptors { soft: 400, hard: 400 };
        assert_eq!((limits.files(0, 80), limits.connections(0, 80)), (80, 256));
        assert_eq!((limits.files(0, 1_000), limits.files(300, 1_000), limits.files(36, 1_000)), (84, 84, 300));
        assert_eq!((limits.connections(300, 84), limits.connections(200, 84)), (252, 200));
    }

    #[test]
    fn the_soft_limit_is_raised_to_the_hard_one() {
        let raised = Descriptors::raise().unwrap();
        assert_eq!(raised.soft, raised.hard);
        assert_eq!(Descriptors::now(), raised);
    }
}
