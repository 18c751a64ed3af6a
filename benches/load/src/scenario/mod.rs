//! The measurements, one per file.

pub mod catchup;
pub mod fanout;
pub mod idle;
pub mod ingest;
pub mod listen;
pub mod never_read;
pub mod signed_urls;

use crate::clock::Clock;

/// The result of a measurement.
pub struct Report {
    /// The result for programs.
    pub json: serde_json::Value,
    /// The result for people.
    pub summary: String,
}

/// A run that no earlier measurement has used.
fn fresh_run(clock: &Clock) -> String {
    format!("load-{}-{}", std::process::id(), clock.now())
}
