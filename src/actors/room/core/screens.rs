//! The screens of the run as this node knows them: the newest frame of each stream, kept for viewers who come, and the
//! stream that is shown to those who leave the choice to the server. Pure.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::frame_outcome::{FrameKept, FrameOutcome, FrameShown};
use super::{RoomCore, RoomEffect, RoomEffects, RoomTimer};
use crate::actors::messages::room::{FrameTaken, Show, ShowError, ShowScreen};
use crate::actors::messages::screen::{FrameOnWay, KeptFrame, NewestFrame};
use crate::budget::Budget;
use crate::protocol::screen::{MAX_KEPT_BYTES, MAX_STREAMS};
use crate::protocol::{StreamId, Timestamp};

/// Bounds and times of a run's screens.
#[derive(Clone, Debug)]
pub struct ScreenLimits {
    /// How long a frame is kept without a newer one.
    pub keep: Duration,
    /// How long a stream that is shown by itself stays so without a frame while others have some.
    pub auto_hold: Duration,
    /// Bytes of kept frames, of all rooms of the node.
    pub kept: Budget,
    /// Unsent bytes of all viewers of the node.
    pub outboxes: Budget,
}

impl Default for ScreenLimits {
    /// What the settings say if they say nothing.
    fn default() -> Self {
        Self {
            keep: Duration::from_secs(60),
            auto_hold: Duration::from_secs(5),
            kept: Budget::new(128 << 20),
            outboxes: Budget::new(256 << 20),
        }
    }
}

/// The newest frame of a stream.
struct Newest {
    stream: StreamId,
    number: u64,
    /// When it came to the node that it was posted to.
    at: Timestamp,
    came: Instant,
    frame: Arc<KeptFrame>,
}

/// The newest frame of each stream of a run, and which of them is shown by itself.
pub(super) struct KeptScreens {
    limits: ScreenLimits,
    /// At most [`MAX_STREAMS`], in the order in which their frames came.
    newest: Vec<Newest>,
    /// The stream that is shown by itself, and when it last had a frame.
    auto: Option<(StreamId, Instant)>,
    /// Frames that came so far.
    count: u64,
    /// [`RoomTimer::ExpireFrames`] is running.
    expiring: bool,
}

impl KeptScreens {
    pub(super) fn new(limits: ScreenLimits) -> Self {
        Self { limits, newest: Vec::new(), auto: None, count: 0, expiring: false }
    }

    /// Takes a frame. Nobody who watches: it is only kept.
    fn take(&mut self, screen: &ShowScreen, is_watched: bool, now: Instant) -> (NewestFrame, FrameOutcome) {
        let stream = self.forget(&screen.stream);
        self.count += 1;
        let kept = self.keep(screen);
        let displaced = kept.is_ok() && self.newest.len() == MAX_STREAMS;
        if displaced {
            self.newest.remove(0);
        }
        let frame = match (is_watched, &kept) {
            (false, _) => None,
            (true, Ok(kept)) => kept.on_way(),
            (true, Err(_)) => FrameOnWay::count(screen.frame.clone(), &self.limits.outboxes),
        };
        let shown = match (is_watched, &frame) {
            (false, _) => FrameShown::Nobody,
            (true, Some(_)) => FrameShown::Yes,
            (true, None) => FrameShown::NodeFull,
        };
        let is_auto = self.is_auto(&stream, now);
        let number = self.count;
        let (kept, pointer) = match kept {
            Ok(frame) => {
                let pointer = Arc::downgrade(&frame);
                self.newest.push(Newest { stream: stream.clone(), number, at: screen.at, came: now, frame });
                (FrameKept::Yes, pointer)
            }
            Err(reason) => (reason, Weak::new()),
        };
        (NewestFrame { stream, number, is_auto, frame, kept: pointer }, FrameOutcome { shown, kept, displaced })
    }

    /// Whether the frame is known, or a newer one of its stream.
    fn has_newer(&self, screen: &ShowScreen) -> bool {
        self.newest.iter().any(|newest| newest.stream == screen.stream && newest.at >= screen.at)
    }

    /// Drops a stream's frame: the next one is newer, whether it is kept or not. Gives back the stream's name as it is
    /// known here, so that all frames of a stream share one text.
    fn forget(&mut self, stream: &StreamId) -> StreamId {
        let index = self.newest.iter().position(|newest| newest.stream == *stream);
        let before = index.map(|index| self.newest.remove(index).stream);
        let auto = self.auto.as_ref().map(|(auto, _)| auto).filter(|auto| *auto == stream);
        before.or_else(|| auto.cloned()).unwrap_or_else(|| stream.clone())
    }

    fn keep(&self, screen: &ShowScreen) -> Result<Arc<KeptFrame>, FrameKept> {
        if screen.frame.len() > MAX_KEPT_BYTES {
            return Err(FrameKept::TooLarge);
        }
        let ScreenLimits { kept, outboxes, .. } = &self.limits;
        KeptFrame::keep(screen.frame.clone(), kept, outboxes).ok_or(FrameKept::NoRoom)
    }

    /// Whether the stream that has a frame now is the one that is shown by itself: the one that was shown last, unless
    /// it has had none for a while.
    fn is_auto(&mut self, stream: &StreamId, now: Instant) -> bool {
        let hold = self.limits.auto_hold;
        match &mut self.auto {
            Some((auto, shown)) if *auto == *stream => *shown = now,
            Some((_, shown)) if now.saturating_duration_since(*shown) < hold => return false,
            auto => *auto = Some((stream.clone(), now)),
        }
        true
    }

    /// What is kept, for a broadcaster that has nothing, or has missed something.
    pub(super) fn all(&self) -> Arc<[NewestFrame]> {
        let auto = self.auto.as_ref().map(|(auto, _)| auto);
        let told = self.newest.iter().map(|Newest { stream, number, frame, .. }| NewestFrame {
            stream: stream.clone(),
            number: *number,
            is_auto: auto == Some(stream),
            frame: None,
            kept: Arc::downgrade(frame),
        });
        told.collect()
    }

    /// Drops what has been kept for long enough; how long the next one still is.
    fn expire(&mut self, now: Instant) -> Option<Duration> {
        let keep = self.limits.keep;
        let age = |newest: &Newest| now.saturating_duration_since(newest.came);
        self.newest.retain(|newest| age(newest) < keep);
        self.newest.first().map(|oldest| keep - age(oldest))
    }

    /// Drops everything.
    pub(super) fn clear(&mut self) {
        self.newest.clear();
    }
}

impl RoomCore {
    /// A frame was posted to this node.
    pub(super) fn take_frame(&mut self, Show { screen, reply }: Show, effects: &mut RoomEffects) {
        let refused = match (self.retirement.is_retired(), self.is_gone()) {
            (true, _) => Some(ShowError::Retired),
            (_, true) => Some(ShowError::Gone),
            _ => None,
        };
        if let Some(error) = refused {
            return effects.push_back(RoomEffect::AnswerShow(reply, Err(error)));
        }
        self.touch();
        let FrameOutcome { shown, kept, .. } = self.show(&screen, effects);
        let taken = FrameTaken { shown: shown != FrameShown::NodeFull, kept: kept == FrameKept::Yes };
        effects.push_back(RoomEffect::AnswerShow(reply, Ok(taken)));
        if !self.is_alone() {
            effects.push_back(RoomEffect::Mirror(screen));
        }
    }

    /// A frame was posted to another node, now or a while ago, when it was kept for those who come.
    pub(super) fn take_remote_frame(&mut self, screen: &ShowScreen, effects: &mut RoomEffects) {
        if !self.screens.has_newer(screen) {
            self.show(screen, effects);
        }
    }

    /// Shows a frame to the viewers of this node, and keeps it for those who come.
    fn show(&mut self, screen: &ShowScreen, effects: &mut RoomEffects) -> FrameOutcome {
        let (frame, outcome) = self.screens.take(screen, !self.broadcasters.is_empty(), self.now);
        self.broadcasters.show(&[frame].into(), effects);
        effects.push_back(RoomEffect::CountFrame(outcome));
        if outcome.kept == FrameKept::Yes && !std::mem::replace(&mut self.screens.expiring, true) {
            effects.push_back(RoomEffect::Start(RoomTimer::ExpireFrames, self.screens.limits.keep));
        }
        outcome
    }

    /// The time of some frames may be over.
    pub(super) fn expire_frames(&mut self, effects: &mut RoomEffects) {
        let next = self.screens.expire(self.now);
        self.screens.expiring = next.is_some();
        if let Some(next) = next {
            effects.push_back(RoomEffect::Start(RoomTimer::ExpireFrames, next));
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn screens(kept: usize, outboxes: usize) -> KeptScreens {
        let budgets = (Budget::new(kept), Budget::new(outboxes));
        KeptScreens::new(ScreenLimits { kept: budgets.0, outboxes: budgets.1, ..ScreenLimits::default() })
    }

    fn frame(stream: &str, bytes: usize) -> ShowScreen {
        let at = Timestamp::from_millis(1);
        ShowScreen { stream: StreamId::parse(stream).unwrap(), at, frame: Bytes::from(vec![7; bytes]) }
    }

    fn kept(screens: &KeptScreens) -> Vec<String> {
        screens.all().iter().map(|frame| frame.stream.to_string()).collect()
    }

    #[test]
    fn the_newest_frame_of_each_stream_is_kept_and_the_one_before_is_not() {
        let (mut screens, now) = (screens(1_000, 1_000), Instant::now());
        let (first, outcome) = screens.take(&frame("a", 100), false, now);
        assert_eq!((outcome.shown, outcome.kept), (FrameShown::Nobody, FrameKept::Yes));
        assert!(first.frame.is_none() && first.kept.upgrade().is_some());
        screens.take(&frame("b", 100), false, now);
        let (second, outcome) = screens.take(&frame("a", 200), true, now);
        assert_eq!((outcome.shown, screens.limits.outboxes.used()), (FrameShown::Yes, 200));
        assert!(first.kept.upgrade().is_none(), "a pointer to what was replaced finds nothing");
        assert!(second.number > first.number);
        drop(second);
        assert_eq!((kept(&screens), screens.limits.kept.used()), (vec!["b".into(), "a".into()], 300));
        assert_eq!(screens.limits.outboxes.used(), 0);
        screens.clear();
        assert_eq!(screens.limits.kept.used(), 0);
    }

    #[test]
    fn a_frame_that_was_kept_elsewhere_is_not_shown_behind_a_newer_one_of_its_stream() {
        let (mut screens, now) = (screens(1_000, 0), Instant::now());
        let at = |millis| ShowScreen { at: Timestamp::from_millis(millis), ..frame("a", 1) };
        assert!(!screens.has_newer(&at(5)));
        screens.take(&at(5), false, now);
        assert!(screens.has_newer(&at(4)) && screens.has_newer(&at(5)) && !screens.has_newer(&at(6)));
        assert!(!screens.has_newer(&frame("b", 1)));
    }

    #[test]
    fn of_more_streams_than_are_kept_the_one_goes_that_had_no_frame_for_longest() {
        let (mut screens, now) = (screens(10_000, 0), Instant::now());
        let names: Vec<_> = (0..=MAX_STREAMS).map(|index| format!("s/{index}")).collect();
        for name in &names[..MAX_STREAMS] {
            assert!(!screens.take(&frame(name, 1), false, now).1.displaced);
        }
        assert!(!screens.take(&frame(&names[0], 1), false, now).1.displaced);
        assert!(screens.take(&frame(&names[MAX_STREAMS], 1), false, now).1.displaced);
        let kept = kept(&screens);
        assert_eq!((kept.len(), kept.contains(&names[0]), kept.contains(&names[1])), (MAX_STREAMS, true, false));
    }

    #[test]
    fn what_is_too_large_or_finds_no_room_is_shown_and_an_older_one_is_not_kept_in_its_place() {
        let (mut screens, now) = (screens(MAX_KEPT_BYTES, 1 << 30), Instant::now());
        screens.take(&frame("a", 10), true, now);
        let (large, outcome) = screens.take(&frame("a", MAX_KEPT_BYTES + 1), true, now);
        assert_eq!((outcome.shown, outcome.kept, large.frame.is_some()), (FrameShown::Yes, FrameKept::TooLarge, true));
        assert!(kept(&screens).is_empty() && large.kept.upgrade().is_none());
        assert_eq!(screens.take(&frame("b", MAX_KEPT_BYTES - 10), true, now).1.kept, FrameKept::Yes);
        assert_eq!(screens.take(&frame("a", 11), true, now).1.kept, FrameKept::NoRoom);
        let newer = screens.take(&frame("b", MAX_KEPT_BYTES), true, now).1;
        assert_eq!(newer.kept, FrameKept::Yes, "the one before makes room for it");
    }

    #[test]
    fn a_full_node_shows_nothing_and_keeps_what_came() {
        let (mut screens, now) = (screens(1_000, 50), Instant::now());
        let (shown, outcome) = screens.take(&frame("a", 60), true, now);
        assert_eq!((outcome.shown, outcome.kept), (FrameShown::NodeFull, FrameKept::Yes));
        assert!(shown.frame.is_none());
    }

    #[test]
    fn a_frame_goes_when_no_newer_one_has_come_for_as_long_as_it_is_kept() {
        let (mut screens, now) = (screens(1_000, 0), Instant::now());
        screens.take(&frame("a", 1), false, now);
        screens.take(&frame("b", 1), false, now + 10 * SECOND);
        screens.take(&frame("a", 1), false, now + 30 * SECOND);
        assert_eq!(screens.expire(now + 60 * SECOND), Some(10 * SECOND));
        assert_eq!(screens.expire(now + 70 * SECOND), Some(20 * SECOND));
        assert_eq!(kept(&screens), ["a"]);
        assert_eq!((screens.expire(now + 90 * SECOND), screens.limits.kept.used()), (None, 0));
    }

    #[test]
    fn the_stream_that_is_shown_by_itself_stays_until_it_has_had_no_frame_for_a_while() {
        let (mut screens, start) = (screens(1_000, 0), Instant::now());
        let mut is_auto =
            |name, secs: u64| screens.take(&frame(name, 1), false, start + secs as u32 * SECOND).0.is_auto;
        assert!(is_auto("a", 0));
        assert!(!is_auto("b", 0) && !is_auto("b", 4) && is_auto("a", 4) && !is_auto("b", 8));
        assert!(is_auto("b", 9), "a has had none for five seconds");
        assert!(!is_auto("a", 10));
        assert!(is_auto("b", 30), "nobody else had one");
        let told: Vec<_> = screens.all().iter().map(|frame| (frame.stream.to_string(), frame.is_auto)).collect();
        assert_eq!(told, [("a".into(), false), ("b".into(), true)]);
    }
}
