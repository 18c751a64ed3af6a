//! The routes below `/api`, one file per resource.

pub mod artifacts;
pub mod cleanup;
pub mod events;
pub mod ops;
pub mod runs;
pub mod viewers;
