//! A run's state: a fold over its log, so that every node computes the same without asking another.

mod attempt;
mod belonging;
mod event;
mod fold;
mod meta;
mod producers;
mod results;
mod resume;
mod space;
mod step;
mod summary;
mod tally;
mod test;
mod test_list;
mod view;

#[cfg(test)]
mod tests;

pub use fold::RunState;
pub use meta::RunLabels;
pub use results::TestResult;
pub use summary::RunSummary;
pub use view::StateView;

/// Sizes of a test, an attempt, an open step, a failed step, an annotation and a tag, in bytes.
#[cfg(test)]
fn sizes_of_types() -> [usize; 6] {
    use attempt::{Annotation, TestAttempt};
    use step::{FailedStep, OpenStep};
    [
        size_of::<test::Test>(),
        size_of::<TestAttempt>(),
        size_of::<OpenStep>(),
        size_of::<FailedStep>(),
        size_of::<Annotation>(),
        size_of::<Box<str>>(),
    ]
}
