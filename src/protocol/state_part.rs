//! The parts in which the state of a run is read: a run may have more tests than one answer can hold.

use std::sync::Arc;

use super::status::TestStatus;

/// Most tests of a run that are kept; further ones are only counted.
pub const MAX_TESTS: usize = 50_000;
/// Most tests in the overview of a run.
pub const MAX_OVERVIEW_TESTS: usize = 500;
/// Most tests in a page.
pub const MAX_PAGE_TESTS: usize = 1_000;

/// A part of the state of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum StatePart {
    /// Everything but the tests, of which it has those that failed and those that run, at most
    /// [`MAX_OVERVIEW_TESTS`].
    #[default]
    Overview,
    /// The overview with all that a viewer needs to fold on from there by itself.
    Resumable,
    /// A page of the tests.
    Tests(TestsQuery),
    /// The run's status and step, and the tests with these ids, in all variants.
    Find(Vec<Arc<str>>),
}

/// Which tests are in a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TestsQuery {
    /// How many tests of the run stand before it, in the order in which they first occurred.
    pub after: usize,
    /// Most tests in it.
    pub limit: usize,
    /// Those with one of these statuses; all if empty.
    pub statuses: Vec<TestStatus>,
    /// Those of this variant.
    pub variant: Option<Arc<str>>,
    /// Each with all that a viewer needs to fold on from there by itself.
    pub resumable: bool,
}
