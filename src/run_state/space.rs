//! The bound on the memory of a state, and the texts that are kept within it.

use std::sync::Arc;

/// Most bytes that the tests of a run take. Beyond it, no further tests and texts are kept, and all are still counted.
/// 64 MiB.
pub(super) const MAX_BYTES: usize = 64 * 1024 * 1024;

/// Overhead of an allocation, and of an entry in an index.
pub(super) const OVERHEAD: usize = 16;

/// What things are counted with besides their texts, in bytes. A test that is held by a page counts as much as one that
/// is held here, so these are no sizes of types, which differ from build to build: those are at most as large.
pub(super) mod sizes {
    /// A test, with its attempt that began last.
    pub(in crate::run_state) const TEST: usize = 320;
    /// An attempt before that.
    pub(in crate::run_state) const ATTEMPT: usize = 192;
    /// An open step.
    pub(in crate::run_state) const STEP: usize = 160;
    /// The step that failed first.
    pub(in crate::run_state) const FAILED_STEP: usize = 80;
    /// An annotation.
    pub(in crate::run_state) const ANNOTATION: usize = 32;
    /// A tag.
    pub(in crate::run_state) const TAG: usize = 16;
}

/// Whether there is room for more texts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Space {
    has_room: bool,
}

impl Space {
    /// With so many bytes in use.
    pub(super) fn beside(bytes: usize) -> Self {
        Self { has_room: bytes < MAX_BYTES }
    }

    pub(super) fn has_room(self) -> bool {
        self.has_room
    }

    /// A text of at most `max` bytes, if there is room for it.
    pub(super) fn text(self, text: Option<String>, max: usize) -> Option<Box<str>> {
        Some(clip(text.filter(|_| self.has_room)?, max).into())
    }

    /// The same of one that several may share.
    pub(super) fn shared(self, text: Option<String>, max: usize) -> Option<Arc<str>> {
        Some(clip(text.filter(|_| self.has_room)?, max).into())
    }
}

/// Cuts a text off behind `max` bytes.
pub(super) fn clip(mut text: String, max: usize) -> String {
    text.truncate(text.floor_char_boundary(max));
    text
}

/// Bytes of texts, with their allocations.
pub(super) fn bytes_of<'a>(texts: impl IntoIterator<Item = Option<&'a str>>) -> usize {
    texts.into_iter().flatten().map(|text| text.len() + OVERHEAD).sum()
}

/// Whether a member is left out that says yes.
pub(super) fn is_false(flag: &bool) -> bool {
    !flag
}
