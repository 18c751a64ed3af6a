//! A run's events over plain HTTP: posts and page reads.

use super::super::problem::Problem;
use crate::protocol::cursor::AfterError;
use crate::protocol::{After, RunId};

mod answer;
mod earlier;
mod filter;
mod page;
mod post;

pub(in crate::http) use filter::filter;
pub(in crate::http) use page::page;
pub(in crate::http) use post::post;

/// Parses a run id from the path.
pub(in crate::http) fn run_id(text: &str) -> Result<RunId, Problem> {
    RunId::parse(text).map_err(|error| Problem::bad_request("invalid_run_id", format!("runId {error}")))
}

/// Parses the query parameter `after`.
pub(in crate::http) fn after(text: Option<&str>) -> Result<After, Problem> {
    After::parse(text.unwrap_or_default()).map_err(invalid_after)
}

pub(in crate::http) fn invalid_after(error: AfterError) -> Problem {
    Problem::bad_request("invalid_after", error.to_string())
}
