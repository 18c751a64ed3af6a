//! The catalog: one suite for each database, for its runs and its artifacts, and what is particular to each.

mod artifacts;
mod postgres;
mod runs;
mod sqlite;
