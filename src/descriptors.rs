//! File descriptors: each connection takes one, and each file of an upload. A server without a spare one can't accept,
//! log or store.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The reserve is this fraction of the limit,
const RESERVE_PART: u64 = 10;

/// at least this many: for databases, listeners, pipes, and requests that are to be refused with a response,
const RESERVE_MIN: u64 = 64;

/// and at most this many.
const RESERVE_MAX: u64 = 1024;

/// The server's own files and connections get this fraction of what the reserve leaves, if they need it.
const FILES_PART: usize = 4;

/// The number used for "unlimited": Linux's default maximum (`fs.nr_open`).
const UNLIMITED: u64 = 1 << 20;

/// The process's limits on descriptors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptors {
    /// The soft limit, which is enforced.
    pub soft: u64,
    /// The hard limit, up to which the soft one can be raised.
    pub hard: u64,
}

impl Descriptors {
    /// The present limits.
    pub fn now() -> Self {
        let limit = getrlimit(Resource::Nofile);
        Self { soft: limit.current.unwrap_or(UNLIMITED), hard: limit.maximum.unwrap_or(UNLIMITED) }
    }

    /// Raises the soft limit to the hard one, and returns the resulting limits.
    ///
    /// # Errors
    /// The system refuses the change; the limits stay as they were.
    pub fn raise() -> io::Result<Self> {
        let now = Self::now();
        if now.soft < now.hard {
            let maximum = getrlimit(Resource::Nofile).maximum;
            setrlimit(Resource::Nofile, Rlimit { current: Some(now.hard), maximum })?;
        }
        Ok(Self::now())
    }

    /// Descriptors below the soft limit that are kept free.
    pub fn reserve(&self) -> u64 {
        (self.soft / RESERVE_PART).clamp(RESERVE_MIN, RESERVE_MAX).min(self.soft)
    }

    /// Descriptors that the reserve leaves.
    fn room(&self) -> usize {
        usize::try_from(self.soft - self.reserve()).unwrap_or(usize::MAX)
    }

    /// The number of the `wanted` descriptors, for uses other than connections, that are granted: at least a quarter of
    /// what the reserve leaves, or whatever the `configured` connections leave (0: as many connections as fit).
    pub fn files(&self, configured: usize, wanted: usize) -> usize {
        let left = if configured == 0 { 0 } else { self.room().saturating_sub(configured) };
        wanted.min(left.max(self.room() / FILES_PART))
    }

    /// The number of connections that fit beside `files` other descriptors: `server.max_connections` as far as the
    /// limit allows, or all that fit if it is 0.
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
