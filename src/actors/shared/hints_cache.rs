//! The hints of a run as they were last made, so that a post costs no new ones.

use std::sync::{Arc, Mutex, PoisonError};

use crate::protocol::hints::FlushPace;
use crate::protocol::{Hints, Interest};

/// The hints of one run on this node, and what they were made of.
#[derive(Debug, Default)]
pub struct HintsCache(Mutex<Option<CachedHints>>);

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
        let mut cached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
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
}
