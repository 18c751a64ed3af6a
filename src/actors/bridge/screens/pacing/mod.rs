//! Which frames go to the other nodes, and which are kept for who joins there: the newest of a stream, at the pace at
//! which somebody there looks at it, within a budget of bytes. Pure.
//!
//! | of a stream | is sent | waits while the bucket has less than |
//! |---|---|---|
//! | that somebody elsewhere looks at by its name | as often as it is wanted, at most five times a second | nothing |
//! | while somebody elsewhere looks at `auto` | the same | nothing; behind those |
//! | while somebody elsewhere looks at the wall | once a second | a quarter |
//! | whatever | to be kept, once a second, if it is not large | a half |
//!
//! The node of a viewer chooses what it shows it for `auto`. So all streams go there that frames are posted of: under
//! `auto` each producer shows one alone.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::bucket::ByteBucket;
use crate::actors::messages::broadcaster::ShowScreen;
use crate::protocol::screen::MAX_KEPT_BYTES;
use crate::protocol::{Interest, RunId, StreamId, Timestamp};

/// Most frames a second of a stream.
const MAX_PER_SEC: u64 = 5;
/// Shortest time between two frames of a stream that is only on a wall, and between two that are kept.
const SLOW: Duration = Duration::from_secs(1);
/// How long a frame waits for somebody to look at it: as long as it may take until a look at it elsewhere is known here.
const UNWANTED: Duration = Duration::from_secs(5);
/// Most streams of all runs.
const MAX_PACED: usize = 4_096;
/// Most bytes of frames that wait.
const MAX_WAITING_BYTES: usize = 64 << 20;

/// Bounds of what is sent.
#[derive(Clone, Copy, Debug)]
pub struct ScreenSharing {
    /// Bytes per second to other nodes, on average.
    pub bytes_per_sec: usize,
    /// Most bytes of this node's frames that are kept at a time.
    pub kept_bytes: usize,
    /// How long a frame is kept.
    pub keep: Duration,
}

/// Where a frame goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    /// To the nodes that follow the run: somebody looks at the stream by its name.
    Named,
    /// The same, for `auto`.
    Auto,
    /// The same, for a wall.
    Wall,
    /// To where it is kept.
    Kept,
}

impl Way {
    /// The part of the bucket that it leaves to what is more urgent.
    fn reserve(self) -> f64 {
        match self {
            Self::Named | Self::Auto => 0.0,
            Self::Wall => 0.25,
            Self::Kept => 0.5,
        }
    }

    /// On which way frames of a stream go to other nodes, and how long after one another; `None`: nobody there looks at
    /// it.
    fn of(stream: &StreamId, interest: &Interest) -> Option<(Self, Duration)> {
        let per_sec = if interest.max_fps == 0 { MAX_PER_SEC } else { MAX_PER_SEC.min(interest.max_fps.into()) };
        let pace = Duration::from_millis(1_000 / per_sec);
        match interest {
            _ if interest.names(stream) => Some((Self::Named, pace)),
            _ if interest.auto => Some((Self::Auto, pace)),
            _ if interest.wall => Some((Self::Wall, SLOW)),
            _ => None,
        }
    }
}

/// A frame that goes somewhere now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shipment {
    pub(super) run: RunId,
    pub(super) stream: StreamId,
    pub(super) at: Timestamp,
    pub(super) frame: Bytes,
    pub(super) way: Way,
}

/// The newest frame of a stream.
#[derive(Debug)]
struct Newest {
    at: Timestamp,
    frame: Bytes,
    came: Instant,
    /// It has still to be sent, if somebody looks.
    unsent: bool,
    /// It has still to be kept.
    unkept: bool,
    /// It was to go, and there were no bytes for it.
    held_back: bool,
}

#[derive(Debug, Default)]
struct PacedStream {
    newest: Option<Newest>,
    sent: Option<Instant>,
    kept: Option<Instant>,
    /// Bytes of the frame that is kept.
    kept_bytes: usize,
}

/// All streams whose frames are posted to this node.
#[derive(Debug)]
pub(super) struct Pacing {
    limits: ScreenSharing,
    bucket: ByteBucket,
    streams: HashMap<(RunId, StreamId), PacedStream>,
    waiting_bytes: usize,
    kept_bytes: usize,
    /// Frames that were dropped because there was no room for them, or no bytes, since this was last asked for.
    dropped: u64,
}

impl Pacing {
    pub(super) fn new(limits: ScreenSharing, now: Instant) -> Self {
        let bucket = ByteBucket::new(limits.bytes_per_sec, now);
        Self { limits, bucket, streams: HashMap::new(), waiting_bytes: 0, kept_bytes: 0, dropped: 0 }
    }

    /// Takes a frame in the place of the one of its stream that waits.
    pub(super) fn offer(&mut self, run: RunId, screen: ShowScreen, now: Instant) {
        let ShowScreen { stream, at, frame } = screen;
        let key = (run, stream);
        if !self.streams.contains_key(&key) && self.streams.len() >= MAX_PACED {
            self.dropped += 1;
            return;
        }
        let stream = self.streams.entry(key).or_default();
        if let Some(before) = stream.newest.take() {
            self.waiting_bytes -= before.frame.len();
            self.dropped += u64::from(before.held_back);
        }
        if self.waiting_bytes + frame.len() > MAX_WAITING_BYTES {
            self.dropped += 1;
            return;
        }
        self.waiting_bytes += frame.len();
        let unkept = frame.len() <= MAX_KEPT_BYTES;
        stream.newest = Some(Newest { at, frame, came: now, unsent: true, unkept, held_back: false });
    }

    /// How many frames were dropped since the last call, because there was no room for them, or no bytes.
    pub(super) fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }

    /// The frames that go now, the most urgent first, and when to look again. `interest` is that of other nodes; `None`
    /// while it is not known.
    pub(super) fn next(
        &mut self,
        now: Instant,
        interest: impl Fn(&RunId) -> Option<Arc<Interest>>,
    ) -> (Vec<Shipment>, Option<Instant>) {
        self.forget(now);
        let mut known: HashMap<RunId, Option<Arc<Interest>>> = HashMap::new();
        let mut due = Vec::new();
        let mut later: Option<Instant> = None;
        for ((run, name), stream) in &self.streams {
            let Some(newest) = &stream.newest else {
                later = sooner(later, stream.kept.map(|at| at + self.limits.keep));
                continue;
            };
            later = sooner(later, Some(newest.came + if newest.unkept { self.limits.keep } else { UNWANTED }));
            if newest.unsent {
                let interest = known.entry(run.clone()).or_insert_with(|| interest(run));
                if let Some((way, pace)) = interest.as_ref().and_then(|interest| Way::of(name, interest)) {
                    let at = stream.sent.map_or(newest.came, |sent| sent + pace);
                    due.push((way, at, run.clone(), name.clone()));
                }
            }
            if newest.unkept {
                let at = stream.kept.map_or(newest.came, |kept| kept + SLOW);
                due.push((Way::Kept, at, run.clone(), name.clone()));
            }
        }
        due.sort_by_key(|(way, at, ..)| (*way, *at));
        let mut shipments = Vec::new();
        for (way, at, run, stream) in due {
            match at <= now {
                true => shipments.extend(self.ship(way, run, stream, now)),
                false => later = sooner(later, Some(at)),
            }
        }
        // The bucket's answer is the same for all that it has held back.
        let held_back = self.streams.values().filter_map(|stream| stream.newest.as_ref()).any(|frame| frame.held_back);
        if held_back {
            let reserves = [Way::Named, Way::Wall, Way::Kept].map(Way::reserve);
            let ready = reserves.into_iter().map(|reserve| self.bucket.ready(reserve)).filter(|at| *at > now).min();
            later = sooner(later, ready);
        }
        (shipments, later)
    }

    /// Ships the newest frame of a stream, if there are bytes for it.
    fn ship(&mut self, way: Way, run: RunId, stream: StreamId, now: Instant) -> Option<Shipment> {
        let key = (run, stream);
        let paced = self.streams.get_mut(&key)?;
        let newest = paced.newest.as_mut()?;
        let bytes = newest.frame.len();
        let has_room = way != Way::Kept || self.kept_bytes - paced.kept_bytes + bytes <= self.limits.kept_bytes;
        if !has_room || !self.bucket.take(bytes, way.reserve(), now) {
            newest.held_back = true;
            return None;
        }
        newest.held_back = false;
        match way {
            Way::Kept => {
                newest.unkept = false;
                paced.kept = Some(now);
                self.kept_bytes = self.kept_bytes - paced.kept_bytes + bytes;
                paced.kept_bytes = bytes;
            }
            Way::Named | Way::Auto | Way::Wall => {
                newest.unsent = false;
                paced.sent = Some(now);
            }
        }
        let (at, frame) = (newest.at, newest.frame.clone());
        if !newest.unsent && !newest.unkept {
            self.waiting_bytes -= bytes;
            paced.newest = None;
        }
        let (run, stream) = key;
        Some(Shipment { run, stream, at, frame, way })
    }

    /// Forgets frames that nobody wanted in time, frames that are kept no longer, and streams of which nothing is left.
    fn forget(&mut self, now: Instant) {
        let (waiting_bytes, kept_bytes, dropped) = (&mut self.waiting_bytes, &mut self.kept_bytes, &mut self.dropped);
        let keep = self.limits.keep;
        self.streams.retain(|_, stream| {
            if let Some(newest) = &mut stream.newest {
                let waited = now.saturating_duration_since(newest.came);
                newest.unsent &= waited < UNWANTED;
                newest.unkept &= waited < keep;
            }
            if let Some(gone) = stream.newest.take_if(|newest| !newest.unsent && !newest.unkept) {
                *waiting_bytes -= gone.frame.len();
                *dropped += u64::from(gone.held_back);
            }
            if stream.kept.is_some_and(|at| now.saturating_duration_since(at) >= keep) {
                *kept_bytes -= std::mem::take(&mut stream.kept_bytes);
                stream.kept = None;
            }
            let rests = stream.sent.is_none_or(|at| now.saturating_duration_since(at) >= SLOW);
            stream.newest.is_some() || stream.kept.is_some() || !rests
        });
    }
}

fn sooner(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    [one, other].into_iter().flatten().min()
}

#[cfg(test)]
mod tests;
