//! Failures of what a node stands on, caused for real under a running node.

mod expiry;
mod faulty_journal;
mod hole;
mod injured;
pub(crate) mod node;
mod poison;
mod store;
mod sweep;
mod tasks;
