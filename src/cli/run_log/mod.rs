//! `runcast export-log` and `runcast import-log`: runs are moved from one node to another, or to a cluster.

mod artifacts;
mod ends;
mod export;
mod import;
mod lines;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub use export::{ExportLogArgs, run as export};
pub use import::{ImportLogArgs, run as import};
