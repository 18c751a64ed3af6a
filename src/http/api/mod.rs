//! The routes below `/api`, one file per resource.

pub(super) mod artifacts;
pub(super) mod cleanup;
pub(super) mod commands;
pub(super) mod deletion;
pub(super) mod events;
pub(super) mod export;
pub(super) mod frame;
mod hints;
pub(super) mod live_traces;
pub(super) mod ops;
pub(super) mod run_tests;
pub(super) mod runs;
pub(super) mod steps;
pub(super) mod viewers;
