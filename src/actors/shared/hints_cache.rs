//! The hints of a run as they were last made, so that a post costs no new ones, and the variants of its producers, which
//! are told with them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::protocol::hints::FlushPace;
use crate::protocol::{Hints, Interest};

/// How long a producer's variant is remembered. It is given when a producer joins, so an older one is rarely wrong.
const VARIANT_HOLDS: Duration = Duration::from_secs(10);
/// Most producers whose variants are remembered: as many as may post to a run.
const MAX_PRODUCERS: usize = 1_000;

/// The hints of one run on this node, and what they were made of.
#[derive(Debug, Default)]
pub struct HintsCache {
    hints: Mutex<Option<CachedHints>>,
    /// By producer.
    variants: Mutex<HashMap<Arc<str>, NotedVariant>>,
}

/// The variant of a producer, if it counts as another one than it announced, and when that was noted.
type NotedVariant = (Option<Arc<str>>, Instant);

#[derive(Debug)]
struct CachedHints {
    here: Arc<Interest>,
    elsewhere: Option<Arc<Interest>>,
    watched: Option<bool>,
    pace: FlushPace,
    hints: Arc<Hints>,
}

impl CachedHints {
    fn is_of(&self, here: &Arc<Interest>, elsewhere: Option<&Arc<Interest>>, watched: Option<bool>) -> bool {
        let is_same = match (&self.elsewhere, elsewhere) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (one, other) => one.is_none() && other.is_none(),
        };
        is_same && Arc::ptr_eq(&self.here, here) && self.watched == watched
    }
}

impl HintsCache {
    /// The hints that follow from what viewers here and elsewhere look at. As long as these are the same, so are the
    /// hints, and cost two comparisons of pointers.
    pub fn hints(
        &self,
        here: &Arc<Interest>,
        elsewhere: Option<&Arc<Interest>>,
        watched: Option<bool>,
        pace: FlushPace,
    ) -> Arc<Hints> {
        // No code panics while it holds the lock.
        let mut cached = self.hints.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cached) = &*cached
            && cached.is_of(here, elsewhere, watched)
            && cached.pace == pace
        {
            return cached.hints.clone();
        }
        let mut all = Interest::clone(here);
        elsewhere.into_iter().for_each(|more| all.merge(more));
        let hints = Arc::new(Hints::of(&all, watched, pace));
        let (here, elsewhere) = (here.clone(), elsewhere.cloned());
        *cached = Some(CachedHints { here, elsewhere, watched, pace, hints: hints.clone() });
        hints
    }

    /// Remembers the variant that a producer counts as, if it is another one than it announced.
    pub fn note_variant(&self, producer: &str, variant: Option<&Arc<str>>, now: Instant) {
        let mut variants = self.variants.lock().unwrap_or_else(PoisonError::into_inner);
        match variants.get_mut(producer) {
            Some(noted) => *noted = (variant.cloned(), now),
            None => {
                if variants.len() >= MAX_PRODUCERS {
                    variants.clear();
                }
                variants.insert(producer.into(), (variant.cloned(), now));
            }
        }
    }

    /// The variant of a producer, as it was noted; `None` if that was too long ago.
    pub fn variant(&self, producer: &str, now: Instant) -> Option<Option<Arc<str>>> {
        let variants = self.variants.lock().unwrap_or_else(PoisonError::into_inner);
        let (variant, noted) = variants.get(producer)?;
        (now.saturating_duration_since(*noted) <= VARIANT_HOLDS).then(|| variant.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ScreenChoice;

    #[test]
    fn hints_are_made_once_and_anew_when_anything_has_changed() {
        let pace = FlushPace { watched_ms: 250, unwatched_ms: 2_000 };
        let choice = |of: &str| Arc::new(Interest::of(&ScreenChoice::checked(of, Some(8), None).unwrap()));
        let (cache, here, elsewhere) = (HintsCache::default(), choice("auto"), choice("p/1"));
        let hints = |elsewhere, watched| cache.hints(&here, elsewhere, watched, pace);
        let first = hints(None, Some(true));
        assert!(Arc::ptr_eq(&hints(None, Some(true)), &first));
        let both = hints(Some(&elsewhere), Some(true));
        assert!(both.screens.contains("auto") && both.screens.contains("p/1"));
        assert!(Arc::ptr_eq(&hints(Some(&elsewhere), Some(true)), &both));
        assert_eq!(hints(Some(&elsewhere), None).watched, None);
        assert_eq!(hints(None, Some(true)), first);
    }

    #[test]
    fn a_variant_is_remembered_for_a_time_and_so_is_that_there_is_none() {
        let (cache, now) = (HintsCache::default(), Instant::now());
        assert_eq!(cache.variant("p", now), None);
        cache.note_variant("p", None, now);
        assert_eq!(cache.variant("p", now + VARIANT_HOLDS), Some(None));
        cache.note_variant("p", Some(&"linux#2".into()), now);
        assert_eq!(cache.variant("p", now), Some(Some("linux#2".into())));
        assert_eq!(cache.variant("p", now + VARIANT_HOLDS + Duration::from_millis(1)), None);
        for index in 0..=MAX_PRODUCERS {
            cache.note_variant(&index.to_string(), None, now);
        }
        assert!(cache.variants.lock().unwrap().len() <= MAX_PRODUCERS);
    }
}
