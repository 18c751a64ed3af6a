//! Transfers: request bodies and responses that must keep a minimum rate, because they hold something that other
//! requests wait for.
//!
//! A transfer is listed only while it waits for its peer, so a body that arrives together with its head costs nothing
//! here.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use actix_web::rt::time::sleep;
use futures_util::task::AtomicWaker;

mod outgoing;
mod pace;
mod pipe;
mod response;
mod socket;

pub use outgoing::Outgoing;
pub use pace::{Pace, Rate};
pub(super) use pipe::{Pipe, pipe};
pub(super) use response::ResponseParts;
pub use response::count_response;
pub use socket::HttpSocket;

/// A transfer that is this far behind its rate is preempted when others wait for what it holds.
const PREEMPT_BEHIND: Duration = Duration::from_secs(1);
/// Window over which a transfer's rate is measured.
const WINDOW: Duration = Duration::from_secs(5);
/// When no transfer is behind its rate, the slowest of those below this multiple of their rate is preempted. Without
/// this, a few clients that only just keep the rate could hold all permits for days.
const COMFORTABLE: u64 = 8;

/// Longest that a request waits for the room that a preempted transfer gives back.
const ROOM_TIMEOUT: Duration = Duration::from_secs(1);
/// Pause between two attempts to take that room.
const RETRY_PAUSE: Duration = Duration::from_millis(10);

/// The kind of a transfer, by what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransferKind {
    /// The body of a post: holds bytes of `ingest.inflight_bytes`.
    Post,
    /// An artifact's upload: holds one permit of `artifacts.max_uploads`.
    Upload,
    /// A response: holds bytes of `server.response_bytes`.
    Response,
}

impl TransferKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Post => "post",
            Self::Upload => "upload",
            Self::Response => "response",
        }
    }
}

/// The reason why a transfer was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TooSlow {
    /// The transfer fell behind its rate by more than its pause.
    Rate,
    /// The transfer was the slowest while others waited for what it held.
    Preempted,
}

impl TooSlow {
    fn count(self, kind: TransferKind, count: u64) -> Self {
        let reason = match self {
            Self::Rate => "rate",
            Self::Preempted => "preempted",
        };
        metrics::counter!("runcast_slow_transfers_total", "kind" => kind.as_str(), "reason" => reason).increment(count);
        self
    }
}

/// The node's transfers that wait for their peers. Clones share the list.
#[derive(Clone)]
pub struct Transfers(Arc<TransferList>);

struct TransferList {
    /// Origin of the times in `due_us`.
    born: Instant,
    next: AtomicU64,
    listed: Mutex<HashMap<u64, Arc<ListedTransfer>>>,
}

/// A listed transfer, as other requests see it.
struct ListedTransfer {
    kind: TransferKind,
    rate: Rate,
    /// Bytes per second over the last complete [`WINDOW`]; `u64::MAX` before the first.
    measured: AtomicU64,
    /// [`Pace::due`] in microseconds since `born`; `u64::MAX` while the transfer must not be preempted.
    due_us: AtomicU64,
    preempted: AtomicBool,
    waker: AtomicWaker,
}

/// How slow a transfer is; the greatest is preempted first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Slowness {
    /// The transfer keeps its rate, but not [`COMFORTABLE`] times that; its bytes per second.
    Slow(Reverse<u64>),
    /// The transfer is behind its rate by this much.
    Behind(Duration),
}

impl Default for Transfers {
    fn default() -> Self {
        for kind in [TransferKind::Post, TransferKind::Upload, TransferKind::Response] {
            // Registers the counters, so that the metrics show them from the start.
            TooSlow::Rate.count(kind, 0);
            TooSlow::Preempted.count(kind, 0);
        }
        Self(Arc::new(TransferList { born: Instant::now(), next: AtomicU64::new(0), listed: Mutex::default() }))
    }
}

impl Transfers {
    fn listed(&self) -> MutexGuard<'_, HashMap<u64, Arc<ListedTransfer>>> {
        // No code panics while it holds this lock.
        self.0.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn since_born_us(&self, time: Instant) -> u64 {
        time.saturating_duration_since(self.0.born).as_micros() as u64
    }

    /// Lists a transfer that has begun to wait.
    pub fn begin(&self, kind: TransferKind, rate: Rate, now: Instant) -> Transfer {
        let pace = Pace::new(rate, now);
        let listed = Arc::new(ListedTransfer {
            kind,
            rate,
            measured: AtomicU64::new(u64::MAX),
            due_us: AtomicU64::new(self.since_born_us(pace.due())),
            preempted: AtomicBool::new(false),
            waker: AtomicWaker::new(),
        });
        let id = self.0.next.fetch_add(1, Ordering::Relaxed);
        self.listed().insert(id, listed.clone());
        Transfer { transfers: self.clone(), id, pace, listed, resting: None, window: (now, 0) }
    }

    fn is_one_ending(&self, kind: TransferKind) -> bool {
        self.listed().values().any(|listed| listed.kind == kind && listed.preempted.load(Ordering::Relaxed))
    }

    /// Preempts one transfer of this kind: the one furthest behind its rate, else the slowest. What it holds is free
    /// once its task has run; until then no second transfer is preempted. Returns whether a transfer is about to end.
    pub fn end_slowest(&self, kind: TransferKind, now: Instant) -> bool {
        let now_us = self.since_born_us(now);
        let behind = |listed: &ListedTransfer| {
            let due_us = listed.due_us.load(Ordering::Relaxed);
            Duration::from_micros((now_us + listed.rate.pause.as_micros() as u64).saturating_sub(due_us))
        };
        let listed = self.listed();
        let mut slowest: Option<(Slowness, &Arc<ListedTransfer>)> = None;
        for candidate in listed.values().filter(|listed| listed.kind == kind) {
            if candidate.preempted.load(Ordering::Relaxed) {
                return true;
            }
            let (by, measured) = (behind(candidate), candidate.measured.load(Ordering::Relaxed));
            let slowness = match by >= PREEMPT_BEHIND {
                true => Slowness::Behind(by),
                false if measured < COMFORTABLE * candidate.rate.bytes_per_sec => Slowness::Slow(Reverse(measured)),
                false => continue,
            };
            if slowest.is_none_or(|(most, _)| slowness > most) {
                slowest = Some((slowness, candidate));
            }
        }
        let Some((_, slowest)) = slowest else { return false };
        slowest.preempted.store(true, Ordering::Relaxed);
        slowest.waker.wake();
        true
    }
}

/// Calls `take` until it returns what the request needs. When there is no room, the slowest transfer of this kind is
/// preempted, and the request waits up to a second for it to end. Returns `None` when there is still no room.
pub async fn find_room<T>(
    transfers: &Transfers,
    kind: TransferKind,
    mut take: impl AsyncFnMut() -> Option<T>,
) -> Option<T> {
    let deadline = Instant::now() + ROOM_TIMEOUT;
    loop {
        if let Some(taken) = take().await {
            return Some(taken);
        }
        let now = Instant::now();
        if now >= deadline || !transfers.end_slowest(kind, now) {
            return None;
        }
        // An attempt costs something, so the next one waits until the preempted transfer has ended.
        sleep(RETRY_PAUSE).await;
        while transfers.is_one_ending(kind) && Instant::now() < deadline {
            sleep(RETRY_PAUSE).await;
        }
    }
}

/// A transfer that waits for its peer. Dropping it takes it off the list.
pub struct Transfer {
    transfers: Transfers,
    id: u64,
    pace: Pace,
    listed: Arc<ListedTransfer>,
    /// When the wait for the peer was suspended; `None` while the transfer waits for its peer.
    resting: Option<Instant>,
    /// Start of the current window, and the bytes moved since.
    window: (Instant, u64),
}

impl Transfer {
    /// Suspends the rate: the transfer waits for something other than its peer.
    pub fn rest(&mut self, now: Instant) {
        self.resting = Some(now);
        self.listed.due_us.store(u64::MAX, Ordering::Relaxed);
    }

    /// Sets whether the transfer holds something that others could use; one that holds nothing is never preempted.
    pub fn set_holds(&self, holds: bool) {
        let due_us = if holds { self.transfers.since_born_us(self.pace.due()) } else { u64::MAX };
        self.listed.due_us.store(due_us, Ordering::Relaxed);
    }

    /// Resumes the rate: the transfer waits for its peer again.
    pub fn resume(&mut self, now: Instant) {
        if let Some(since) = self.resting.take() {
            self.pace.excuse(now.saturating_duration_since(since));
            self.listed.due_us.store(self.transfers.since_born_us(self.pace.due()), Ordering::Relaxed);
        }
    }

    /// Records that `bytes` have moved.
    pub fn moved(&mut self, bytes: usize, now: Instant) {
        self.pace.moved(bytes, now);
        self.window.1 += bytes as u64;
        let passed = now.saturating_duration_since(self.window.0);
        if passed >= WINDOW {
            self.listed.measured.store(self.window.1 * 1_000 / passed.as_millis() as u64, Ordering::Relaxed);
            self.window = (now, 0);
        }
        self.listed.due_us.store(self.transfers.since_born_us(self.pace.due()), Ordering::Relaxed);
    }

    /// The time at which the transfer becomes too slow, unless more bytes move before.
    pub fn due(&self) -> Instant {
        self.pace.due()
    }

    /// The reason why the transfer must end now, if there is one; else `waker` is woken when it is preempted.
    pub fn is_too_slow(&self, waker: &Waker, now: Instant) -> Option<TooSlow> {
        self.listed.waker.register(waker);
        if self.listed.preempted.load(Ordering::Relaxed) {
            return Some(TooSlow::Preempted.count(self.listed.kind, 1));
        }
        (now >= self.pace.due()).then(|| TooSlow::Rate.count(self.listed.kind, 1))
    }

    /// Wakes the transfer's task.
    pub fn wake(&self) {
        self.listed.waker.wake();
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        self.transfers.listed().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { bytes_per_sec: 1_000, pause: Duration::from_secs(10) };

    #[test]
    fn the_one_furthest_behind_of_its_kind_gives_way_and_one_that_keeps_its_rate_never() {
        let (transfers, start) = (Transfers::default(), Instant::now());
        let later = start + Duration::from_secs(5);
        let slow = transfers.begin(TransferKind::Post, RATE, start);
        let mut slower = transfers.begin(TransferKind::Post, RATE, start - Duration::from_secs(1));
        slower.moved(10, start);
        let mut fast = transfers.begin(TransferKind::Post, RATE, start);
        fast.moved(100_000, later);
        let upload = transfers.begin(TransferKind::Upload, RATE, start);
        let verdict = |transfer: &Transfer| transfer.is_too_slow(Waker::noop(), later);

        assert!(transfers.end_slowest(TransferKind::Post, later));
        assert_eq!([verdict(&slower), verdict(&slow)], [Some(TooSlow::Preempted), None]);
        assert!(transfers.end_slowest(TransferKind::Post, later));
        assert_eq!(verdict(&slow), None, "one at a time: the first has yet to go");
        drop(slower);
        assert!(transfers.end_slowest(TransferKind::Post, later));
        assert_eq!(verdict(&slow), Some(TooSlow::Preempted));
        drop(slow);
        assert!(!transfers.end_slowest(TransferKind::Post, later), "only the fast one is left");
        assert_eq!([verdict(&fast), verdict(&upload)], [None, None]);
        drop(upload);
        assert!(!transfers.end_slowest(TransferKind::Upload, later), "an ended one is off the list");
    }

    #[test]
    fn who_keeps_no_more_than_the_rate_gives_way_when_nobody_is_behind() {
        let (transfers, start) = (Transfers::default(), Instant::now());
        let mut barely = transfers.begin(TransferKind::Upload, RATE, start);
        let mut well = transfers.begin(TransferKind::Upload, RATE, start);
        for second in 1..=10 {
            let now = start + Duration::from_secs(second);
            barely.moved(1_300, now);
            well.moved(20_000, now);
        }
        let now = start + Duration::from_secs(10);
        assert!(transfers.end_slowest(TransferKind::Upload, now));
        let verdict = |transfer: &Transfer| transfer.is_too_slow(Waker::noop(), now);
        assert_eq!([verdict(&barely), verdict(&well)], [Some(TooSlow::Preempted), None]);
        drop(barely);
        assert!(!transfers.end_slowest(TransferKind::Upload, now), "who is well above it never does");
    }

    #[test]
    fn who_holds_nothing_gives_way_to_nobody() {
        let (transfers, start) = (Transfers::default(), Instant::now());
        let transfer = transfers.begin(TransferKind::Response, RATE, start);
        let later = start + Duration::from_secs(5);
        transfer.set_holds(false);
        assert!(!transfers.end_slowest(TransferKind::Response, later));
        transfer.set_holds(true);
        assert!(transfers.end_slowest(TransferKind::Response, later));
    }

    #[test]
    fn what_waits_for_something_else_is_not_slow() {
        let (transfers, start) = (Transfers::default(), Instant::now());
        let mut transfer = transfers.begin(TransferKind::Upload, RATE, start);
        transfer.rest(start + Duration::from_secs(2));
        let later = start + Duration::from_secs(60);
        assert!(!transfers.end_slowest(TransferKind::Upload, later));
        transfer.resume(later);
        assert_eq!(transfer.due(), start + Duration::from_secs(68));
    }

    #[test]
    fn who_falls_behind_by_more_than_the_pause_is_too_slow() {
        let (transfers, start) = (Transfers::default(), Instant::now());
        let transfer = transfers.begin(TransferKind::Response, RATE, start);
        assert_eq!(transfer.is_too_slow(Waker::noop(), start + Duration::from_secs(9)), None);
        assert_eq!(transfer.is_too_slow(Waker::noop(), start + Duration::from_secs(10)), Some(TooSlow::Rate));
    }
}
