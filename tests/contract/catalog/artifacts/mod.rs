//! What every catalog keeps of artifacts, run for each implementation: the same rows, the same order, the same answers.

mod audits;
mod compressing;
mod due;
mod files;
pub(crate) mod fixture;
mod model;
mod nodes;
mod random;
mod repeats;
mod server;
mod sharing;
mod states;
mod words;
