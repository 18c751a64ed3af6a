//! What a viewer looks at, and the frames that wait for it: the newest of each stream. Pure.
//!
//! A frame that comes too soon after the one before of its stream waits until a later one replaces it, or until the next
//! pulse: so the last frame before stillness comes, and no viewer needs a timer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::actors::messages::screen::{FrameOnWay, ShownFrame};
use crate::protocol::screen::MAX_STREAMS;
use crate::protocol::{ScreenChoice, ScreenOf, StreamId};

/// How often a viewer of all screens is shown each.
const WALL_PACE: Duration = Duration::from_secs(1);

/// The screens of one viewer. One that has made no choice, and for which no frame waits, holds nothing.
#[derive(Default)]
pub(super) struct ViewerScreens(Option<Box<Looking>>);

#[derive(Default)]
struct Looking {
    choice: ScreenChoice,
    /// The newest frame of each stream, in the order in which the streams began to wait; at most [`MAX_STREAMS`].
    waiting: Vec<Waiting>,
    /// When each stream was last shown, if it has a pace; at most [`MAX_STREAMS`].
    shown: Vec<(StreamId, Instant)>,
}

struct Waiting {
    stream: StreamId,
    frame: Arc<FrameOnWay>,
    /// It leaves as soon as the socket has nothing else to send.
    is_due: bool,
}

impl ViewerScreens {
    /// What the viewer looks at.
    pub(super) fn choice(&self) -> ScreenChoice {
        self.0.as_ref().map_or_else(ScreenChoice::default, |looking| looking.choice.clone())
    }

    /// It looks at something else; what waits is dropped.
    pub(super) fn choose(&mut self, choice: ScreenChoice) {
        let is_usual = choice == ScreenChoice::default();
        self.0 = (!is_usual).then(|| Box::new(Looking { choice, ..Looking::default() }));
    }

    /// Takes a frame, if the viewer looks at it; whether it may leave now.
    pub(super) fn offer(&mut self, frame: &ShownFrame) -> bool {
        let looks = match &self.0 {
            None => frame.is_auto,
            Some(looking) => looking.choice.shows(&frame.stream, frame.is_auto),
        };
        looks && self.0.get_or_insert_default().offer(frame)
    }

    /// A second has passed: what waits for its turn may leave now. Whether there is such a frame.
    pub(super) fn pulse(&mut self, now: Instant) -> bool {
        let Some(looking) = &mut self.0 else { return false };
        let late: Vec<_> = looking.waiting.iter_mut().filter(|waiting| !waiting.is_due).collect();
        let any = !late.is_empty();
        let mut streams = Vec::with_capacity(late.len());
        for waiting in late {
            waiting.is_due = true;
            streams.push(waiting.stream.clone());
        }
        streams.iter().for_each(|stream| looking.note(stream, now));
        any
    }

    /// The next frame that may leave.
    pub(super) fn next(&mut self) -> Option<Arc<FrameOnWay>> {
        let looking = self.0.as_mut()?;
        let index = looking.waiting.iter().position(|waiting| waiting.is_due)?;
        let frame = looking.waiting.remove(index).frame;
        if looking.waiting.is_empty() && looking.choice == ScreenChoice::default() {
            self.0 = None;
        }
        Some(frame)
    }

    /// Drops what waits.
    pub(super) fn clear(&mut self) {
        if let Some(looking) = &mut self.0 {
            looking.waiting = Vec::new();
        }
    }
}

impl Looking {
    /// The shortest time between two frames of a stream; `None`: as they come.
    fn pace(&self) -> Option<Duration> {
        let wanted = self.choice.max_fps.map(|fps| Duration::from_secs(1) / u32::from(fps.max(1)));
        match self.choice.of {
            ScreenOf::Wall => Some(WALL_PACE),
            _ => wanted,
        }
    }

    fn offer(&mut self, ShownFrame { stream, frame, now, .. }: &ShownFrame) -> bool {
        if self.choice.of == ScreenOf::Auto {
            // Another stream has taken the place of the one that waits.
            self.waiting.retain(|waiting| waiting.stream == *stream);
        }
        let mut is_due = self.is_due(stream, *now);
        match self.waiting.iter_mut().find(|waiting| waiting.stream == *stream) {
            Some(waiting) => {
                waiting.frame = frame.clone();
                waiting.is_due |= is_due;
                is_due = waiting.is_due;
            }
            None => {
                if self.waiting.len() == MAX_STREAMS {
                    self.waiting.remove(0);
                }
                self.waiting.push(Waiting { stream: stream.clone(), frame: frame.clone(), is_due });
            }
        }
        if is_due {
            self.note(stream, *now);
        }
        is_due
    }

    fn is_due(&self, stream: &StreamId, now: Instant) -> bool {
        let Some(pace) = self.pace() else { return true };
        let shown = self.shown.iter().find(|(shown, _)| shown == stream);
        shown.is_none_or(|(_, shown)| now.saturating_duration_since(*shown) >= pace)
    }

    /// A frame of the stream leaves now, or when the socket lets it.
    fn note(&mut self, stream: &StreamId, now: Instant) {
        if self.pace().is_none() {
            return;
        }
        self.shown.retain(|(shown, _)| shown != stream);
        if self.shown.len() == MAX_STREAMS {
            self.shown.remove(0);
        }
        self.shown.push((stream.clone(), now));
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::budget::Budget;

    const MS: Duration = Duration::from_millis(1);

    fn screens(of: &str, max_fps: Option<u64>) -> ViewerScreens {
        let mut screens = ViewerScreens::default();
        screens.choose(ScreenChoice::checked(of, max_fps, None).unwrap());
        screens
    }

    fn frame(stream: &str, is_auto: bool, byte: u8, now: Instant) -> ShownFrame {
        let frame = FrameOnWay::count(Bytes::from(vec![byte]), &Budget::new(10)).unwrap();
        ShownFrame { stream: StreamId::parse(stream).unwrap(), is_auto, frame, now }
    }

    fn next(screens: &mut ViewerScreens) -> Option<u8> {
        screens.next().map(|frame| frame.bytes()[0])
    }

    #[test]
    fn a_viewer_without_a_choice_holds_nothing_but_the_newest_frame_until_it_has_left() {
        let (mut viewer, now) = (ViewerScreens::default(), Instant::now());
        assert!(!viewer.offer(&frame("b", false, 9, now)) && viewer.0.is_none());
        assert!(viewer.offer(&frame("a", true, 1, now)) && viewer.offer(&frame("a", true, 2, now)));
        assert!(viewer.offer(&frame("b", true, 3, now)), "the server shows another stream");
        assert_eq!((next(&mut viewer), next(&mut viewer)), (Some(3), None));
        assert!(viewer.0.is_none());
        assert_eq!(size_of::<ViewerScreens>(), 8);
    }

    #[test]
    fn a_stream_that_was_chosen_is_shown_alone_and_off_shows_none() {
        let now = Instant::now();
        let (mut one, mut none) = (screens("a", None), screens("off", None));
        for (byte, (stream, is_auto)) in [("a", false), ("b", true)].into_iter().enumerate() {
            one.offer(&frame(stream, is_auto, byte as u8, now));
            assert!(!none.offer(&frame(stream, is_auto, byte as u8, now)));
        }
        assert_eq!((next(&mut one), next(&mut one), next(&mut none)), (Some(0), None, None));
        assert_eq!(one.choice().of, ScreenOf::Stream(StreamId::parse("a").unwrap()), "a choice stays");
        one.choose(ScreenChoice::default());
        assert!(one.0.is_none());
    }

    #[test]
    fn frames_that_come_too_soon_wait_for_a_later_one_or_the_pulse() {
        let (mut viewer, start) = (screens("a", Some(4)), Instant::now());
        let mut at = |ms: u32, byte| {
            let due = viewer.offer(&frame("a", false, byte, start + ms * MS));
            (due, next(&mut viewer))
        };
        assert_eq!(at(0, 1), (true, Some(1)));
        assert_eq!(at(100, 2), (false, None));
        assert_eq!(at(250, 3), (true, Some(3)), "the one before was dropped");
        assert_eq!(at(300, 4), (false, None));
        assert!(viewer.pulse(start + 400 * MS));
        assert_eq!(next(&mut viewer), Some(4), "the last before stillness");
        assert!(!viewer.pulse(start + 1_400 * MS));
    }

    #[test]
    fn the_wall_shows_each_stream_once_a_second_one_after_the_other() {
        let (mut viewer, start) = (screens("wall", Some(30)), Instant::now());
        let mut seen = Vec::new();
        for ms in (0..10_000_u32).step_by(50) {
            let now = start + ms * MS;
            for stream in [0, 1] {
                viewer.offer(&frame(&format!("p/{stream}"), false, stream, now));
            }
            if ms % 1_000 == 0 {
                viewer.pulse(now);
            }
            while let Some(stream) = next(&mut viewer) {
                seen.push(stream);
            }
        }
        assert_eq!(seen, [0, 1].repeat(10));
    }

    #[test]
    fn a_viewer_whose_socket_is_blocked_holds_the_newest_frame_of_each_stream_and_of_so_many_only() {
        let (mut viewer, now) = (screens("wall", None), Instant::now());
        for index in 0..2 * MAX_STREAMS {
            viewer.offer(&frame(&format!("s/{index}"), false, index as u8, now));
            viewer.offer(&frame(&format!("s/{index}"), false, index as u8 + 1, now));
        }
        let bytes: Vec<_> = std::iter::from_fn(|| next(&mut viewer)).collect();
        let want: Vec<_> = (MAX_STREAMS..2 * MAX_STREAMS).map(|index| index as u8 + 1).collect();
        assert_eq!(bytes, want);
        viewer.offer(&frame("a", false, 1, now));
        viewer.clear();
        assert_eq!((next(&mut viewer), viewer.choice().of), (None, ScreenOf::Wall));
    }

    proptest! {
        /// However frames and pulses fall: what is shown comes in order, no more often than wanted between two pulses, and
        /// after a pulse the last one has come.
        #[test]
        fn no_more_frames_come_than_are_wanted_and_the_last_one_does(
            gaps in prop::collection::vec(0_u32..400, 1..60), fps in 1_u64..=30,
        ) {
            let (mut viewer, mut now) = (screens("a", Some(fps)), Instant::now());
            let (mut last, mut pulsed, mut since) = (0_u8, now, 0);
            for gap in gaps {
                now += gap * MS;
                if now - pulsed >= 1_000 * MS {
                    prop_assert!(since <= (now - pulsed).as_secs() + fps * (now - pulsed).as_millis() as u64 / 1_000 + 1);
                    viewer.pulse(now);
                    (pulsed, since) = (now, 0);
                    if let Some(byte) = next(&mut viewer) {
                        prop_assert_eq!(byte, last);
                    }
                }
                last += 1;
                viewer.offer(&frame("a", false, last, now));
                if let Some(byte) = next(&mut viewer) {
                    prop_assert_eq!(byte, last, "an older one never comes after a newer one");
                    since += 1;
                }
            }
            viewer.pulse(now);
            next(&mut viewer);
            prop_assert!(viewer.0.as_ref().is_none_or(|looking| looking.waiting.is_empty()));
        }
    }
}
