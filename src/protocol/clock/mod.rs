//! The clock by which runs are dated and ended, and its guard.
//!
//! The wall clock can be set: by an operator, by NTP after a bad start, by a host that was paused. Code that deletes or
//! ends something by time calls [`Clock::check`] first (I10), and does nothing while the wall clock is further from its
//! expected time than `journal.max_clock_step_secs` allows. The expected time comes from a monotonic clock that
//! includes suspensions. Work resumes when the wall clock is right again, or when an operator confirms it
//! ([`Clock::accept`]).

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Timestamp;

mod guard;

use guard::{ClockGuard, ClockReading};

/// Returns the wall clock's time.
type Wall = Box<dyn Fn() -> Timestamp + Send + Sync>;
/// Returns a monotonic time, from any origin.
type Running = Box<dyn Fn() -> Duration + Send + Sync>;

/// The guarded wall clock. Clones are the same clock.
#[derive(Clone)]
pub struct Clock(Arc<ClockState>);

struct ClockState {
    wall: Wall,
    running: Running,
    /// Identifies the boot of the machine to which `running` belongs; empty if unknown.
    boot: String,
    guard: Mutex<ClockGuard>,
}

/// The wall clock is too far from its expected time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the clock has jumped: it says {found}, which is {} s {} than the {expected} that is expected. Nothing is marked \
     lost, sealed, expired or cleaned up until the clock is right again. If it is right, send SIGUSR1 to the process",
    (self.found.as_millis() - self.expected.as_millis()).abs() / 1_000,
    if self.found > self.expected { "later" } else { "earlier" }
)]
pub struct Jump {
    /// The wall clock's time.
    pub found: Timestamp,
    /// The expected time.
    pub expected: Timestamp,
}

impl Clock {
    /// This host's clock. `last` is the previous process's [`Clock::record`]; `boot` identifies this boot of the
    /// machine.
    pub fn of_host(max_step: Duration, boot: &str, last: Option<&str>) -> Self {
        Self::start(Box::new(Timestamp::now), Box::new(since_boot), max_step, boot, last)
    }

    /// A wall clock read from elsewhere, guarded by this host's monotonic clock.
    pub fn external(wall: impl Fn() -> Timestamp + Send + Sync + 'static, max_step: Duration) -> Self {
        Self::start(Box::new(wall), Box::new(since_boot), max_step, "", None)
    }

    /// A clock made of any wall clock and monotonic clock.
    pub fn new(
        wall: impl Fn() -> Timestamp + Send + Sync + 'static,
        running: impl Fn() -> Duration + Send + Sync + 'static,
        max_step: Duration,
    ) -> Self {
        Self::start(Box::new(wall), Box::new(running), max_step, "", None)
    }

    fn start(wall: Wall, running: Running, max_step: Duration, boot: &str, last: Option<&str>) -> Self {
        let first = ClockReading { wall: wall(), running: running() };
        let guard = Mutex::new(ClockGuard::begin(max_step, first, boot, last));
        Self(Arc::new(ClockState { wall, running, boot: boot.to_owned(), guard }))
    }

    fn guard(&self) -> MutexGuard<'_, ClockGuard> {
        // No code panics while it holds this lock.
        self.0.guard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reading(&self) -> ClockReading {
        ClockReading { wall: (self.0.wall)(), running: (self.0.running)() }
    }

    /// The time, for code that deletes or ends something by it.
    ///
    /// # Errors
    /// The clock has jumped: the caller must wait.
    pub fn check(&self) -> Result<Timestamp, Jump> {
        let reading = self.reading();
        self.guard().judge(reading)
    }

    /// The time that is stored with what happens now. After a jump it is the later of the wall clock's and the expected
    /// time: data dated too late is kept longer than necessary, but data dated too early would be deleted too soon.
    pub fn now(&self) -> Timestamp {
        self.check().unwrap_or_else(|Jump { found, expected }| found.max(expected))
    }

    /// The expected time, for decisions that can be undone, such as a refusal.
    pub fn expected(&self) -> Timestamp {
        self.check().unwrap_or_else(|jump| jump.expected)
    }

    /// Accepts the wall clock as right.
    pub fn accept(&self) {
        let reading = self.reading();
        self.guard().accept(reading);
    }

    /// The record with which the next process continues to guard the clock; `None` after a jump, when the old record
    /// stays valid.
    pub fn record(&self) -> Option<String> {
        self.check().ok()?;
        Some(self.guard().record(&self.0.boot))
    }
}

impl Default for Clock {
    /// This host's clock, guarded from now on.
    fn default() -> Self {
        Self::of_host(Duration::from_secs(3_600), "", None)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&*self.guard()).finish()
    }
}

/// Time since the machine's start, including suspensions: the clock of a laptop that slept has not been set.
pub fn since_boot() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(time.tv_sec.max(0) as u64, time.tv_nsec.clamp(0, 999_999_999) as u32)
}
