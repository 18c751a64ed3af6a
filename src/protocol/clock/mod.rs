//! The clock that runs are dated and ended by, and the watch over it.
//!
//! The wall clock can be set: by an operator, by NTP after a bad start, by a host that was paused. Whatever deletes or
//! ends something by time asks [`Clock::check`] first (I10), and holds still while the wall clock is further from where it
//! should be than it may be (`journal.max_clock_step_secs`). Where it should be says a clock that nobody sets and that
//! counts a suspension, too. It goes on when the wall clock is back, or when an operator says that it is right
//! ([`Clock::accept`]).

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Timestamp;

mod guard;

use guard::{ClockGuard, ClockReading};

/// Tells the wall clock.
type Wall = Box<dyn Fn() -> Timestamp + Send + Sync>;
/// Tells a time that only goes forward, from any start.
type Running = Box<dyn Fn() -> Duration + Send + Sync>;

/// See the module. Clones are the same clock.
#[derive(Clone)]
pub struct Clock(Arc<ClockState>);

struct ClockState {
    wall: Wall,
    running: Running,
    /// Names the life of the machine in which `running` counts; empty when it is not known.
    boot: String,
    guard: Mutex<ClockGuard>,
}

/// The wall clock is not where it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the clock has jumped: it says {told}, which is {} s {} than the {expected} that is expected. Nothing is marked \
     lost, sealed, expired or cleaned up until the clock is right again. If it is right, send SIGUSR1 to the process",
    (self.told.as_millis() - self.expected.as_millis()).abs() / 1_000,
    if self.told > self.expected { "later" } else { "earlier" }
)]
pub struct Jump {
    /// What it says.
    pub told: Timestamp,
    /// What it should say.
    pub expected: Timestamp,
}

impl Clock {
    /// This host's clock. `last` is what [`Clock::record`] gave the process before; `boot` names this boot of the machine.
    pub fn of_host(max_step: Duration, boot: &str, last: Option<&str>) -> Self {
        Self::start(Box::new(Timestamp::now), Box::new(since_boot), max_step, boot, last)
    }

    /// A clock that others tell, watched by this host's.
    pub fn told(wall: impl Fn() -> Timestamp + Send + Sync + 'static, max_step: Duration) -> Self {
        Self::start(Box::new(wall), Box::new(since_boot), max_step, "", None)
    }

    /// A clock made of any two.
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
        // Nothing panics while it is held.
        self.0.guard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reading(&self) -> ClockReading {
        ClockReading { wall: (self.0.wall)(), running: (self.0.running)() }
    }

    /// The time, for whoever deletes or ends something by it.
    ///
    /// # Errors
    /// The clock has jumped: hold still.
    pub fn check(&self) -> Result<Timestamp, Jump> {
        let reading = self.reading();
        self.guard().judge(reading)
    }

    /// The time that is stored with what happens now. After a jump the later one of what the clock says and what it should
    /// say: what is dated too late is kept longer than it must be, what is dated too early would go before its time.
    pub fn now(&self) -> Timestamp {
        self.check().unwrap_or_else(|Jump { told, expected }| told.max(expected))
    }

    /// The time that it should be now: what can be undone, a refusal for instance, may go by it.
    pub fn expected(&self) -> Timestamp {
        self.check().unwrap_or_else(|jump| jump.expected)
    }

    /// The clock is right as it is, whatever it was.
    pub fn accept(&self) {
        let reading = self.reading();
        self.guard().accept(reading);
    }

    /// What the next process has to know to go on watching; `None` after a jump, when it has to know what it knew before.
    pub fn record(&self) -> Option<String> {
        self.check().ok()?;
        Some(self.guard().record(&self.0.boot))
    }
}

impl Default for Clock {
    /// This host's, from now on.
    fn default() -> Self {
        Self::of_host(Duration::from_secs(3_600), "", None)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&*self.guard()).finish()
    }
}

/// Time since the machine's start, suspensions included: a laptop that slept has not had its clock set.
pub fn since_boot() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(time.tv_sec.max(0) as u64, time.tv_nsec.clamp(0, 999_999_999) as u32)
}
