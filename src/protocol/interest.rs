//! What the viewers of a run look at, all of them together, and what its producers are told of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::screen::{ScreenChoice, ScreenOf, StreamId};

/// Most streams, and most live traces, that an interest names; further ones are not asked for.
pub const MAX_NAMED: usize = 64;

/// What some viewers of a run look at. It is merged from viewers to threads, nodes and the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Interest {
    /// Somebody looks at the screen that is shown by itself.
    pub auto: bool,
    /// Somebody looks at all screens, once a second.
    pub wall: bool,
    /// The streams that somebody looks at.
    pub streams: BTreeSet<Arc<str>>,
    /// Most frames a second that anybody wants of one stream; 0: nobody has said.
    pub max_fps: u8,
    /// The widest screen that anybody wants, in pixels; 0: nobody has said.
    pub max_width: u16,
    /// The live traces that somebody has open.
    pub traces: BTreeSet<Arc<str>>,
}

impl Interest {
    /// What one viewer looks at.
    pub fn of(choice: &ScreenChoice) -> Self {
        let mut interest = Self::default();
        interest.add(choice);
        interest
    }

    /// Somebody who trusts a viewer looks at a live trace.
    pub fn in_trace(trace: &str) -> Self {
        Self { traces: [trace.into()].into(), ..Self::default() }
    }

    /// Another viewer looks on.
    pub fn add(&mut self, choice: &ScreenChoice) {
        match &choice.of {
            ScreenOf::Off => return,
            ScreenOf::Auto => self.auto = true,
            ScreenOf::Wall => self.wall = true,
            ScreenOf::Stream(stream) => name(&mut self.streams, stream.shared()),
        }
        // The wall has a pace of its own.
        if choice.of != ScreenOf::Wall {
            self.max_fps = self.max_fps.max(choice.max_fps.unwrap_or(super::screen::USUAL_FPS));
        }
        self.max_width = self.max_width.max(choice.max_width.unwrap_or(super::screen::MAX_WIDTH));
    }

    /// Other viewers look on.
    pub fn merge(&mut self, other: &Self) {
        self.auto |= other.auto;
        self.wall |= other.wall;
        self.max_fps = self.max_fps.max(other.max_fps);
        self.max_width = self.max_width.max(other.max_width);
        other.streams.iter().for_each(|stream| name(&mut self.streams, stream.clone()));
        other.traces.iter().for_each(|trace| name(&mut self.traces, trace.clone()));
    }

    /// Whether nobody looks at anything.
    pub fn is_empty(&self) -> bool {
        !self.auto && !self.wall && self.streams.is_empty() && self.traces.is_empty()
    }

    /// Whether somebody looks at this stream by its name.
    pub fn names(&self, stream: &StreamId) -> bool {
        self.streams.contains(stream.as_str())
    }
}

/// Names one more. Of too many the first in the order of their names stay, so that the order in which they come does not
/// matter.
fn name(names: &mut BTreeSet<Arc<str>>, more: Arc<str>) {
    names.insert(more);
    if names.len() > MAX_NAMED {
        names.pop_last();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(of: &str, max_fps: Option<u64>) -> ScreenChoice {
        ScreenChoice::checked(of, max_fps, Some(960)).unwrap()
    }

    #[test]
    fn an_interest_is_what_all_want_together_and_is_bounded() {
        let mut all = Interest::of(&choice("off", None));
        assert!(all.is_empty());
        all.add(&choice("p/0", Some(4)));
        all.merge(&Interest::of(&choice("wall", None)));
        all.merge(&Interest::in_trace("t1"));
        assert_eq!((all.max_fps, all.max_width, all.wall, all.auto), (4, 960, true, false));
        assert!(all.names(&StreamId::parse("p/0").unwrap()) && all.traces.contains("t1"));
        for index in 0..2 * MAX_NAMED {
            all.merge(&Interest::of(&choice(&format!("q/{index}"), None)));
            all.merge(&Interest::in_trace(&format!("t{index}")));
        }
        assert_eq!((all.streams.len(), all.traces.len()), (MAX_NAMED, MAX_NAMED));
    }
}
