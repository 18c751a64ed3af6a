//! Transfers: bodies on their way in and responses on their way out, which have to keep a minimum rate because they hold
//! something that others wait for.
//!
//! A transfer is listed only while it waits for its peer, so that a body that comes with its head costs nothing here.

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
pub(super) use pipe::pipe;
pub(super) use response::ResponseParts;
pub use response::count_response;
pub use socket::HttpSocket;

/// A transfer that is this far behind its rate gives way when others wait for what it holds.
const GIVES_WAY: Duration = Duration::from_secs(1);
/// How long the bytes of a transfer are counted before they tell how fast it is.
const WINDOW: Duration = Duration::from_secs(5);
/// When nobody is behind, the slowest of those gives way that are slower than so many times their rate: or a few who keep it
/// could hold all places for days.
const COMFORTABLE: u64 = 8;

/// How long a request waits for room that a slower transfer was told to give up.
const PATIENCE: Duration = Duration::from_secs(1);
/// Pause between two tries to take that room.
const LOOK: Duration = Duration::from_millis(10);

/// What a transfer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransferKind {
    /// The body of a post: bytes of `ingest.inflight_bytes`.
    Post,
    /// An artifact's upload: one of `artifacts.max_uploads`.
    Upload,
    /// A response: bytes of `server.response_bytes`.
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

/// Why a transfer was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TooSlow {
    /// It fell behind its rate by more than its pause.
    Rate,
    /// It was the slowest while others waited for what it held.
    Preempted,
}

impl TooSlow {
    fn count(self, kind: TransferKind, count: u64) -> Self {
        let why = match self {
            Self::Rate => "rate",
            Self::Preempted => "preempted",
        };
        metrics::counter!("runcast_slow_transfers_total", "kind" => kind.as_str(), "reason" => why).increment(count);
        self
    }
}

/// The transfers of a node that wait for their peers. Cloning shares the list.
#[derive(Clone)]
pub struct Transfers(Arc<TransferList>);

struct TransferList {
    /// Times are told relative to it.
    born: Instant,
    next: AtomicU64,
    listed: Mutex<HashMap<u64, Arc<ListedTransfer>>>,
}

/// A transfer in the list.
struct ListedTransfer {
    kind: TransferKind,
    rate: Rate,
    /// Bytes per second when last measured over a [`WINDOW`].
    measured: AtomicU64,
    /// See [`Pace::due`], in microseconds since the list was made.
    due_us: AtomicU64,
    told_to_go: AtomicBool,
    waker: AtomicWaker,
}

/// How much a transfer asks to give way; the greatest does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Slowness {
    /// It keeps its rate, and no more than that: so many bytes per second.
    Slow(Reverse<u64>),
    /// It is so far behind its rate.
    Behind(Duration),
}

impl Default for Transfers {
    fn default() -> Self {
        for kind in [TransferKind::Post, TransferKind::Upload, TransferKind::Response] {
            // Shown before the first.
            TooSlow::Rate.count(kind, 0);
            TooSlow::Preempted.count(kind, 0);
        }
        Self(Arc::new(TransferList { born: Instant::now(), next: AtomicU64::new(0), listed: Mutex::default() }))
    }
}

impl Transfers {
    fn listed(&self) -> MutexGuard<'_, HashMap<u64, Arc<ListedTransfer>>> {
        // Nothing panics while it is held.
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
            told_to_go: AtomicBool::new(false),
            waker: AtomicWaker::new(),
        });
        let id = self.0.next.fetch_add(1, Ordering::Relaxed);
        self.listed().insert(id, listed.clone());
        Transfer { transfers: self.clone(), id, pace, listed, resting: None, window: (now, 0) }
    }

    fn is_one_leaving(&self, kind: TransferKind) -> bool {
        self.listed().values().any(|listed| listed.kind == kind && listed.told_to_go.load(Ordering::Relaxed))
    }

    /// Has a transfer of this kind give way: the one that is furthest behind its rate, else the slowest. What it holds is
    /// free as soon as its task has run; until then no other one is told. Whether one is on its way out.
    pub fn end_slowest(&self, kind: TransferKind, now: Instant) -> bool {
        let now_us = self.since_born_us(now);
        let behind = |listed: &ListedTransfer| {
            let due_us = listed.due_us.load(Ordering::Relaxed);
            Duration::from_micros((now_us + listed.rate.pause.as_micros() as u64).saturating_sub(due_us))
        };
        let listed = self.listed();
        let mut slowest: Option<(Slowness, &Arc<ListedTransfer>)> = None;
        for candidate in listed.values().filter(|listed| listed.kind == kind) {
            if candidate.told_to_go.load(Ordering::Relaxed) {
                return true;
            }
            let (by, measured) = (behind(candidate), candidate.measured.load(Ordering::Relaxed));
            let slowness = match by >= GIVES_WAY {
                true => Slowness::Behind(by),
                false if measured < COMFORTABLE * candidate.rate.bytes_per_sec => Slowness::Slow(Reverse(measured)),
                false => continue,
            };
            if slowest.is_none_or(|(most, _)| slowness > most) {
                slowest = Some((slowness, candidate));
            }
        }
        let Some((_, slowest)) = slowest else { return false };
        slowest.told_to_go.store(true, Ordering::Relaxed);
        slowest.waker.wake();
        true
    }
}

/// Takes what a request needs by `take`; when it is not there, the slowest transfer of its kind gives way, and the request
/// waits for that a little. `None`: there is no room.
pub async fn find_room<T>(
    transfers: &Transfers,
    kind: TransferKind,
    mut take: impl AsyncFnMut() -> Option<T>,
) -> Option<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(taken) = take().await {
            return Some(taken);
        }
        let now = Instant::now();
        if now >= deadline || !transfers.end_slowest(kind, now) {
            return None;
        }
        // Each try costs something: the one that was told is waited for.
        sleep(LOOK).await;
        while transfers.is_one_leaving(kind) && Instant::now() < deadline {
            sleep(LOOK).await;
        }
    }
}

/// A transfer that waits for its peer. Dropped, it is off the list.
pub struct Transfer {
    transfers: Transfers,
    id: u64,
    pace: Pace,
    listed: Arc<ListedTransfer>,
    /// Since when it is not its peer that is waited for.
    resting: Option<Instant>,
    /// When the present window began, and the bytes since.
    window: (Instant, u64),
}

impl Transfer {
    /// From now on its peer is not waited for, but something else.
    pub fn rest(&mut self, now: Instant) {
        self.resting = Some(now);
        self.listed.due_us.store(u64::MAX, Ordering::Relaxed);
    }

    /// Whether it holds something that others could use; else it never gives way to them.
    pub fn set_holds(&self, holds: bool) {
        let due_us = if holds { self.transfers.since_born_us(self.pace.due()) } else { u64::MAX };
        self.listed.due_us.store(due_us, Ordering::Relaxed);
    }

    /// Its peer is waited for again.
    pub fn resume(&mut self, now: Instant) {
        if let Some(since) = self.resting.take() {
            self.pace.excuse(now.saturating_duration_since(since));
            self.listed.due_us.store(self.transfers.since_born_us(self.pace.due()), Ordering::Relaxed);
        }
    }

    /// `bytes` have moved.
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

    /// When it is too slow, unless more bytes move before.
    pub fn due(&self) -> Instant {
        self.pace.due()
    }

    /// Whether it has to end; else `waker` is woken when it is told so.
    pub fn is_too_slow(&self, waker: &Waker, now: Instant) -> Option<TooSlow> {
        self.listed.waker.register(waker);
        if self.listed.told_to_go.load(Ordering::Relaxed) {
            return Some(TooSlow::Preempted.count(self.listed.kind, 1));
        }
        (now >= self.pace.due()).then(|| TooSlow::Rate.count(self.listed.kind, 1))
    }

    /// Has its task run again.
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
        let told = |transfer: &Transfer| transfer.is_too_slow(Waker::noop(), later);

        assert!(transfers.end_slowest(TransferKind::Post, later));
        assert_eq!([told(&slower), told(&slow)], [Some(TooSlow::Preempted), None]);
        assert!(transfers.end_slowest(TransferKind::Post, later));
        assert_eq!(told(&slow), None, "one at a time: the first has yet to go");
        drop(slower);
        assert!(transfers.end_slowest(TransferKind::Post, later));
        assert_eq!(told(&slow), Some(TooSlow::Preempted));
        drop(slow);
        assert!(!transfers.end_slowest(TransferKind::Post, later), "only the fast one is left");
        assert_eq!([told(&fast), told(&upload)], [None, None]);
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
        let told = |transfer: &Transfer| transfer.is_too_slow(Waker::noop(), now);
        assert_eq!([told(&barely), told(&well)], [Some(TooSlow::Preempted), None]);
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
