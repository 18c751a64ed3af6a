//! Which kept frames of other nodes a run's viewers are to be given: those of the streams that somebody on this node has
//! begun to look at. Frames that come later are sent by the other nodes, as soon as they know.

use std::collections::HashMap;
use std::sync::Arc;

use crate::protocol::{Interest, RunId, StreamId};

/// What was asked for, by run.
#[derive(Debug, Default)]
pub(super) struct LookedAt {
    runs: HashMap<RunId, Arc<Interest>>,
}

/// The streams whose kept frames are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum WantedStreams {
    /// All.
    All,
    /// Those with these names.
    Named(Vec<Arc<str>>),
}

impl WantedStreams {
    /// These are wanted, too.
    pub(super) fn add(&mut self, more: Self) {
        match (&mut *self, more) {
            (Self::Named(names), Self::Named(more)) => names.extend(more),
            (Self::All, _) => {}
            (_, Self::All) => *self = Self::All,
        }
    }

    /// Whether the stream is among them.
    pub(super) fn has(&self, stream: &StreamId) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.iter().any(|name| **name == *stream.as_str()),
        }
    }
}

impl LookedAt {
    /// Somebody on this node looks at this in a run, or nobody at anything (`None`). Answers what of it is new.
    pub(super) fn looks(&mut self, run: &RunId, interest: Option<Arc<Interest>>) -> Option<WantedStreams> {
        let before = self.runs.remove(run).unwrap_or_default();
        let interest = interest?;
        let all = |interest: &Interest| interest.auto || interest.wall;
        let new: Vec<_> = interest.streams.difference(&before.streams).cloned().collect();
        let wanted = match all(&interest) && !all(&before) {
            true => Some(WantedStreams::All),
            // Who looks at all has been given this one, too, and those who show it send it on.
            false if new.is_empty() => None,
            false => Some(WantedStreams::Named(new)),
        };
        self.runs.insert(run.clone(), interest);
        wanted
    }

    /// Nobody on this node looks any more, or there is no room to give it to.
    pub(super) fn forget(&mut self, run: &RunId) {
        self.runs.remove(run);
    }

    /// The runs of which something was asked for.
    pub(super) fn runs(&self) -> impl Iterator<Item = &RunId> {
        self.runs.keys()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ScreenChoice;

    #[test]
    fn the_kept_frames_of_what_is_newly_looked_at_are_wanted_once() {
        let (mut kept, run) = (LookedAt::default(), RunId::parse("r").unwrap());
        let mut looks = |of: &[&str]| {
            let mut all = Interest::default();
            of.iter().for_each(|of| all.add(&ScreenChoice::checked(of, None, None).unwrap()));
            kept.looks(&run, (!all.is_empty()).then(|| all.into()))
        };
        let named = |name: &str| Some(WantedStreams::Named(vec![name.into()]));
        assert_eq!(looks(&["off"]), None);
        assert_eq!(looks(&["p/0"]), named("p/0"));
        assert_eq!(looks(&["p/0"]), None);
        assert_eq!(looks(&["p/0", "p/1"]), named("p/1"));
        assert_eq!(looks(&["auto", "p/0"]), Some(WantedStreams::All));
        assert_eq!(looks(&["wall"]), None);
        assert_eq!(looks(&["off"]), None);
        assert_eq!(looks(&["wall"]), Some(WantedStreams::All), "newer ones may have come meanwhile");
        let stream = StreamId::parse("p/0").unwrap();
        assert!(
            WantedStreams::All.has(&stream) && named("p/0").unwrap().has(&stream) && !named("p").unwrap().has(&stream)
        );
    }
}
