//! What the viewers of one run on one thread look at, counted, so that a viewer's coming and going costs nothing but a
//! count, and the interest is worked out only when it may have changed. Pure.

use std::collections::BTreeMap;

use crate::protocol::interest::MAX_NAMED;
use crate::protocol::screen::{MAX_FPS, MAX_WIDTH, USUAL_FPS};
use crate::protocol::{Interest, ScreenChoice, ScreenOf, StreamId};

/// Viewers, by what they look at.
#[derive(Default)]
pub(in super::super) struct Choices {
    auto: usize,
    wall: usize,
    streams: BTreeMap<StreamId, usize>,
    /// Those who are shown a stream at its own pace, by the frames a second that they want.
    fps: BTreeMap<u8, usize>,
    /// Those who look at anything, by how wide it has to be.
    widths: BTreeMap<u16, usize>,
}

impl Choices {
    /// A viewer with this choice has come; whether the interest may be another one.
    pub(in super::super) fn came(&mut self, choice: &ScreenChoice) -> bool {
        let one_more = |count: &mut usize| {
            *count += 1;
            *count == 1
        };
        let is_new = match &choice.of {
            ScreenOf::Off => return false,
            ScreenOf::Auto => one_more(&mut self.auto),
            ScreenOf::Wall => one_more(&mut self.wall),
            ScreenOf::Stream(stream) => match self.streams.get_mut(stream) {
                Some(count) => one_more(count),
                None => one_more(self.streams.entry(stream.clone()).or_default()),
            },
        };
        let (fps, width) = wants(choice);
        let is_fast = fps.is_some_and(|fps| one_more(self.fps.entry(fps).or_default()));
        let is_wide = one_more(self.widths.entry(width).or_default());
        is_new || is_fast || is_wide
    }

    /// A viewer with this choice has gone; whether the interest may be another one.
    pub(in super::super) fn gone(&mut self, choice: &ScreenChoice) -> bool {
        let is_last = match &choice.of {
            ScreenOf::Off => return false,
            ScreenOf::Auto => one_less(&mut self.auto),
            ScreenOf::Wall => one_less(&mut self.wall),
            ScreenOf::Stream(stream) => leave(&mut self.streams, stream),
        };
        let (fps, width) = wants(choice);
        let was_fast = fps.is_some_and(|fps| leave(&mut self.fps, &fps));
        let was_wide = leave(&mut self.widths, &width);
        is_last || was_fast || was_wide
    }

    /// A viewer has chosen anew; whether the interest may be another one.
    pub(in super::super) fn moved(&mut self, before: &ScreenChoice, after: &ScreenChoice) -> bool {
        self.gone(before) | self.came(after)
    }

    /// Whether anybody may look at a frame of this stream.
    pub(in super::super) fn look_at(&self, stream: &StreamId, is_auto: bool) -> bool {
        (is_auto && self.auto > 0) || self.wall > 0 || self.streams.contains_key(stream)
    }

    /// What all want together.
    pub(in super::super) fn interest(&self) -> Interest {
        Interest {
            auto: self.auto > 0,
            wall: self.wall > 0,
            streams: self.streams.keys().take(MAX_NAMED).map(StreamId::shared).collect(),
            max_fps: self.fps.last_key_value().map_or(0, |(fps, _)| *fps),
            max_width: self.widths.last_key_value().map_or(0, |(width, _)| *width),
            ..Interest::default()
        }
    }
}

/// The frames a second and the width that a viewer asks producers for. The wall has a pace of its own.
fn wants(choice: &ScreenChoice) -> (Option<u8>, u16) {
    let fps = (choice.of != ScreenOf::Wall).then(|| choice.max_fps.unwrap_or(USUAL_FPS).min(MAX_FPS));
    (fps, choice.max_width.unwrap_or(MAX_WIDTH))
}

fn one_less(count: &mut usize) -> bool {
    *count = count.saturating_sub(1);
    *count == 0
}

/// One less of these; whether it was the last.
fn leave<K: Ord>(counts: &mut BTreeMap<K, usize>, key: &K) -> bool {
    let is_last = counts.get_mut(key).is_some_and(one_less);
    if is_last {
        counts.remove(key);
    }
    is_last
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn choice() -> impl Strategy<Value = ScreenChoice> {
        let of = prop_oneof![
            Just("auto".to_owned()),
            Just("wall".to_owned()),
            Just("off".to_owned()),
            (0..80).prop_map(|slot| format!("p/{slot}")),
        ];
        (of, prop::option::of(1_u64..=30), prop::option::of(1_u64..=3))
            .prop_map(|(of, fps, width)| ScreenChoice::checked(&of, fps, width.map(|width| width * 640)).unwrap())
    }

    proptest! {
        /// Whoever came, chose anew and went: the interest is that of the viewers who are there, and a change is always
        /// told.
        #[test]
        fn the_interest_is_what_the_viewers_who_are_there_look_at(
            steps in prop::collection::vec((any::<prop::sample::Index>(), choice(), 0..3), 1..200),
        ) {
            let mut choices = Choices::default();
            let mut there: Vec<ScreenChoice> = Vec::new();
            for (index, choice, act) in steps {
                let before = choices.interest();
                let changed = match act {
                    0 if !there.is_empty() => choices.gone(&there.swap_remove(index.index(there.len()))),
                    1 if !there.is_empty() => {
                        let index = index.index(there.len());
                        let old = std::mem::replace(&mut there[index], choice);
                        choices.moved(&old, &there[index])
                    }
                    _ => {
                        there.push(choice);
                        choices.came(&there[there.len() - 1])
                    }
                };
                let mut want = Interest::default();
                there.iter().for_each(|choice| want.add(choice));
                prop_assert_eq!(choices.interest(), want);
                prop_assert!(changed || choices.interest() == before, "a change that nobody is told of");
                for stream in ["p/1", "p/79"] {
                    let stream = StreamId::parse(stream).unwrap();
                    let looks = |is_auto| there.iter().any(|choice| choice.shows(&stream, is_auto));
                    prop_assert_eq!(choices.look_at(&stream, true), looks(true));
                    prop_assert_eq!(choices.look_at(&stream, false), looks(false));
                }
            }
            there.iter().for_each(|choice| _ = choices.gone(choice));
            prop_assert!(choices.interest() == Interest::default());
        }
    }

    #[test]
    fn thousands_who_look_at_the_same_are_one_change() {
        let mut choices = Choices::default();
        let usual = ScreenChoice::default();
        assert_eq!((0..10_000).filter(|_| choices.came(&usual)).count(), 1);
        assert_eq!((0..10_000).filter(|_| choices.gone(&usual)).count(), 1);
    }
}
