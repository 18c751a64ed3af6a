//! The catalog: one suite for each database, for its runs, its artifacts and its packages, and what is particular to each.

pub(crate) mod artifacts;
mod packages;
mod postgres;
mod runs;
mod sqlite;
