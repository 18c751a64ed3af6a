//! Settings that contradict one another.

/// Two keys whose values contradict each other, and the reason.
pub(super) struct Conflict {
    pub(super) keys: [&'static str; 2],
    pub(super) text: String,
}
