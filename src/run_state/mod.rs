//! A run's state: a fold over its log, so that every node computes the same without asking another.

mod fold;
mod test_list;
mod verdict;

#[cfg(test)]
mod tests;

pub use fold::RunState;
pub use test_list::MAX_TESTS;
