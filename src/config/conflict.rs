//! Settings that contradict one another.

/// Two keys that can't both be as they are, and why.
pub(super) struct Conflict {
    pub(super) keys: [&'static str; 2],
    pub(super) text: String,
}
