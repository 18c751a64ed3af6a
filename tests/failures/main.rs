//! Failures of what a node stands on, caused for real under a running node.

mod node;
mod poison;
mod store;
