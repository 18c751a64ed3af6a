//! What a run tells of itself: a readable trace when somebody listens, and counts of what happened at all.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

thread_local! {
    static LISTENING: Cell<bool> = const { Cell::new(false) };
    static LINES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    static SEEN: RefCell<BTreeMap<&'static str, u64>> = const { RefCell::new(BTreeMap::new()) };
}

/// How often something happened, by its name.
pub(crate) type Tally = BTreeMap<&'static str, u64>;

pub(crate) fn listen(on: bool) {
    LISTENING.set(on);
    LINES.take();
}

pub(crate) fn listening() -> bool {
    LISTENING.get()
}

pub(crate) fn put(line: String) {
    LINES.with_borrow_mut(|lines| lines.push(line));
}

/// The trace so far; empties it.
pub(crate) fn lines() -> Vec<String> {
    LINES.take()
}

/// Counts something that a run is meant to meet.
pub(crate) fn seen(what: &'static str) {
    SEEN.with_borrow_mut(|seen| *seen.entry(what).or_default() += 1);
}

/// This thread's counts; empties them.
pub(crate) fn tally() -> Tally {
    SEEN.take()
}

/// Adds a line to the trace; formats nothing when nobody listens.
macro_rules! say {
    ($($text:tt)*) => {
        if crate::trace::listening() {
            crate::trace::put(format!($($text)*));
        }
    };
}
pub(crate) use say;
