//! What a producer is told of its viewers, so that it sends what somebody looks at, and as often as that is worth.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;

use super::interest::Interest;

/// Hints of a run to its producers: in the answer to each post, and in that of the long poll for commands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Hints {
    /// Names these hints: the long poll for commands waits for others than those.
    pub tag: Arc<str>,
    /// How long a producer may collect events before it posts them, in milliseconds.
    pub flush_ms: u64,
    /// Whether anybody watches the run; null while that is not known.
    pub watched: Option<bool>,
    /// The streams that somebody looks at; `auto` among them: each producer is to show the one of its own that is most
    /// worth seeing.
    pub screens: BTreeSet<Arc<str>>,
    /// All other streams are wanted once a second.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub wall: bool,
    /// Most frames a second of each of `screens`; missing: nobody looks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_fps: Option<u8>,
    /// How wide they need to be, in pixels; missing: nobody looks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_width: Option<u16>,
    /// The live traces that somebody has open.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub traces: BTreeSet<Arc<str>>,
    /// The variant that the server counts the producer as, if another producer runs the one that it announced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<Arc<str>>,
    /// The server's version, if the client is so old that it should be replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_outdated: Option<Arc<str>>,
}

/// How often producers are to post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlushPace {
    /// While somebody watches, or that is not known, in milliseconds.
    pub watched_ms: u64,
    /// While nobody does, in milliseconds.
    pub unwatched_ms: u64,
}

impl Hints {
    /// The hints that follow from what viewers look at.
    pub fn of(interest: &Interest, watched: Option<bool>, pace: FlushPace) -> Self {
        let mut screens = interest.streams.clone();
        if interest.auto {
            screens.insert("auto".into());
        }
        let looks = interest.auto || interest.wall || !screens.is_empty();
        Self {
            tag: "".into(),
            flush_ms: if watched == Some(false) { pace.unwatched_ms } else { pace.watched_ms },
            watched,
            wall: interest.wall,
            max_fps: looks.then_some(interest.max_fps.max(1)),
            max_width: looks.then_some(interest.max_width),
            screens,
            traces: interest.traces.clone(),
            variant: None,
            client_outdated: None,
        }
        .tagged()
    }

    /// What one producer is told: the hints of its run, and what concerns it alone. They are made anew only if there is
    /// something.
    #[must_use]
    pub fn for_producer(self: &Arc<Self>, variant: Option<&Arc<str>>, outdated: Option<&Arc<str>>) -> Arc<Self> {
        if variant.is_none() && outdated.is_none() {
            return self.clone();
        }
        let tag = Arc::from("");
        let own = Self { tag, variant: variant.cloned(), client_outdated: outdated.cloned(), ..Self::clone(self) };
        Arc::new(own.tagged())
    }

    /// The same with the tag that belongs to them: 16 hexadecimal digits of a digest of what they say.
    #[must_use]
    fn tagged(mut self) -> Self {
        use aws_lc_rs::digest::{SHA256, digest};
        // Numbers, texts and sets always serialise.
        let text = serde_json::to_vec(&self).unwrap_or_default();
        let hash = digest(&SHA256, &text);
        self.tag = hash.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect::<String>().into();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::super::screen::ScreenChoice;
    use super::*;

    const PACE: FlushPace = FlushPace { watched_ms: 250, unwatched_ms: 2_000 };

    #[test]
    fn hints_say_what_is_looked_at_and_their_tag_changes_with_it() {
        let nobody = Hints::of(&Interest::default(), Some(false), PACE);
        let shown = serde_json::to_value(&nobody).unwrap();
        assert_eq!(shown, serde_json::json!({"tag": nobody.tag, "flushMs": 2000, "watched": false, "screens": []}));
        let choice = ScreenChoice::checked("auto", Some(8), Some(960)).unwrap();
        let some = Hints::of(&Interest::of(&choice), Some(true), PACE);
        assert_eq!((some.flush_ms, some.max_fps, some.max_width), (250, Some(8), Some(960)));
        assert!(some.screens.contains("auto") && some.tag != nobody.tag && some.tag.len() == 16);
        assert_eq!(Hints::of(&Interest::of(&choice), Some(true), PACE), some);
        assert_eq!(Hints::of(&Interest::default(), None, PACE).flush_ms, 250, "not known: as if watched");
    }

    #[test]
    fn what_concerns_one_producer_is_added_and_counts_in_its_tag() {
        let all = Arc::new(Hints::of(&Interest::default(), Some(true), PACE));
        assert!(Arc::ptr_eq(&all.for_producer(None, None), &all));
        let one = all.for_producer(Some(&"linux#2".into()), Some(&"0.9.0".into()));
        let shown = serde_json::to_value(&*one).unwrap();
        assert_eq!((&shown["variant"], &shown["clientOutdated"]), (&"linux#2".into(), &"0.9.0".into()));
        assert_eq!((one.flush_ms, one.watched), (all.flush_ms, all.watched));
        assert_ne!(one.tag, all.tag);
        assert_eq!(all.for_producer(Some(&"linux#2".into()), Some(&"0.9.0".into())), one);
    }
}
