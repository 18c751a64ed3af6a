//! A run's state: a fold over its log, so that every node computes the same without asking another.

mod fold;
mod status;
mod tests_of_run;

#[cfg(test)]
mod tests;

pub use fold::RunState;
pub use status::{RunStatus, TestStatus};
pub use tests_of_run::MAX_TESTS;
