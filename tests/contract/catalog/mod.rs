//! The catalog: one suite for each database, for its runs, its artifacts and its packages, and what is particular to each.

mod access;
pub(crate) mod artifacts;
pub(crate) mod backend;
mod packages;
mod postgres;
mod results;
mod runs;
mod sqlite;
mod summaries;
mod used_tokens;
