//! The routes below `/api`, one file per resource.

pub(super) mod access;
pub(super) mod artifacts;
pub(super) mod cleanup;
pub(super) mod commands;
pub(super) mod deletion;
mod earlier_state;
pub(super) mod events;
pub(super) mod export;
pub(super) mod frame;
mod hints;
pub(super) mod live_traces;
pub(super) mod ops;
pub(super) mod run_history;
pub(super) mod run_list;
pub(super) mod run_tests;
pub(super) mod runs;
pub(super) mod search;
pub(super) mod steps;
pub(super) mod timeline;
pub(super) mod token;
pub(super) mod viewers;
