//! A run's state: a fold over its log, so that every node computes the same without asking another.

mod attempt;
mod event;
mod fold;
mod meta;
mod producers;
mod results;
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
pub use results::TestResult;
pub use summary::{RunLabels, RunSummary};
pub use view::StateView;
