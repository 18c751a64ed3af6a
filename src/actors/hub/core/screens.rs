//! What one thread knows of a run's screens: pointers to the newest frame of each stream, which the room keeps, and what
//! the thread's viewers look at. Pure.

use std::sync::Weak;
use std::time::Instant;

use super::choices::Choices;
use crate::actors::messages::screen::{KeptFrame, NewestFrame, ShownFrame};
use crate::protocol::screen::MAX_STREAMS;
use crate::protocol::{ScreenChoice, StreamId};

/// The newest frame of a stream.
struct Known {
    stream: StreamId,
    number: u64,
    frame: Weak<KeptFrame>,
}

/// The screens of a run on one thread.
#[derive(Default)]
pub(in super::super) struct ThreadScreens {
    /// At most [`MAX_STREAMS`], in the order in which their frames came.
    known: Vec<Known>,
    /// The stream that is shown by itself, and the number of the frame that said so.
    auto: Option<(StreamId, u64)>,
    pub(in super::super) choices: Choices,
}

impl ThreadScreens {
    /// Takes a frame. The frame to show, if it is newer than what is known and somebody looks at its stream.
    pub(in super::super) fn take(&mut self, newest: &NewestFrame, now: Instant) -> Option<ShownFrame> {
        let NewestFrame { stream, number, is_auto, frame, kept } = newest;
        let index = self.known.iter().position(|known| known.stream == *stream);
        if index.is_some_and(|index| self.known[index].number >= *number) {
            return None;
        }
        if index.is_some() || self.known.len() == MAX_STREAMS {
            self.known.remove(index.unwrap_or(0));
        }
        self.known.push(Known { stream: stream.clone(), number: *number, frame: kept.clone() });
        // Another stream may have taken its place meanwhile.
        let is_auto = *is_auto && self.auto.as_ref().is_none_or(|(_, told)| told < number);
        if is_auto {
            self.auto = Some((stream.clone(), *number));
        }
        if !self.choices.look_at(stream, is_auto) {
            return None;
        }
        let frame = frame.clone().or_else(|| kept.upgrade()?.on_way())?;
        Some(ShownFrame { stream: stream.clone(), is_auto, frame, now })
    }

    /// The newest frames of the screens that a viewer looks at, as far as they are kept.
    pub(in super::super) fn kept_for(&self, choice: &ScreenChoice, now: Instant) -> Vec<ShownFrame> {
        let auto = self.auto.as_ref().map(|(auto, _)| auto);
        let shown = self.known.iter().filter_map(|Known { stream, frame, .. }| {
            let is_auto = auto == Some(stream);
            let frame = choice.shows(stream, is_auto).then(|| frame.upgrade()?.on_way())??;
            Some(ShownFrame { stream: stream.clone(), is_auto, frame, now })
        });
        shown.collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;

    use super::*;
    use crate::budget::Budget;

    /// A room that keeps what it shows.
    #[derive(Default)]
    struct Room(Vec<Arc<KeptFrame>>, u64);

    impl Room {
        fn newest(&mut self, stream: &str, is_auto: bool) -> NewestFrame {
            let budget = Budget::new(1_000);
            let frame = KeptFrame::keep(Bytes::from_static(b"frame"), &budget, &budget).unwrap();
            let kept = Arc::downgrade(&frame);
            self.0.push(frame);
            self.1 += 1;
            NewestFrame { stream: StreamId::parse(stream).unwrap(), number: self.1, is_auto, frame: None, kept }
        }
    }

    fn choice(of: &str) -> ScreenChoice {
        ScreenChoice::checked(of, None, None).unwrap()
    }

    fn kept_for(screens: &ThreadScreens, of: &str) -> Vec<String> {
        let shown = screens.kept_for(&choice(of), Instant::now());
        shown.iter().map(|frame| format!("{}{}", frame.stream, if frame.is_auto { "*" } else { "" })).collect()
    }

    #[test]
    fn who_comes_is_shown_what_it_looks_at_as_far_as_the_room_still_keeps_it() {
        let (mut screens, mut room, now) = (ThreadScreens::default(), Room::default(), Instant::now());
        for (stream, is_auto) in [("a", true), ("b", false), ("c", false)] {
            assert!(screens.take(&room.newest(stream, is_auto), now).is_none(), "nobody looks");
        }
        assert_eq!(kept_for(&screens, "auto"), ["a*"]);
        assert_eq!(kept_for(&screens, "wall"), ["a*", "b", "c"]);
        assert_eq!(kept_for(&screens, "b"), ["b"]);
        assert!(kept_for(&screens, "off").is_empty() && kept_for(&screens, "d").is_empty());
        room.0.remove(1);
        assert_eq!(kept_for(&screens, "wall"), ["a*", "c"]);
        screens.take(&room.newest("c", true), now);
        assert_eq!(kept_for(&screens, "auto"), ["c*"]);
    }

    #[test]
    fn what_is_known_or_older_is_not_shown_and_frames_are_shown_only_to_who_looks() {
        let (mut screens, mut room, now) = (ThreadScreens::default(), Room::default(), Instant::now());
        screens.choices.came(&choice("b"));
        let (old, new) = (room.newest("b", true), room.newest("b", false));
        assert!(screens.take(&new, now).is_some());
        assert!(screens.take(&new, now).is_none() && screens.take(&old, now).is_none());
        assert!(screens.take(&room.newest("a", true), now).is_none());
        screens.choices.came(&choice("auto"));
        assert!(screens.take(&room.newest("a", true), now).is_some());
    }

    #[test]
    fn streams_are_bounded() {
        let (mut screens, mut room, now) = (ThreadScreens::default(), Room::default(), Instant::now());
        for index in 0..=MAX_STREAMS {
            screens.take(&room.newest(&format!("s/{index}"), false), now);
        }
        let kept = kept_for(&screens, "wall");
        assert_eq!((kept.len(), &kept[0][..]), (MAX_STREAMS, "s/1"));
    }
}
