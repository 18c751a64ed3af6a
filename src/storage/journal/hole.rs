//! Events that are missing from a page of a log: they are expiring, or the store is damaged. Whoever reads says so, and
//! does not try again at once.

use std::sync::Arc;

use super::JournalError;
use crate::protocol::{Segment, Seq};

/// Checks that a page which was read behind `next - 1`, before the tip, begins with the event `next`.
///
/// # Errors
/// [`JournalError::Unavailable`] names the events that are missing.
pub fn whole_page(next: Seq, page: &[Arc<Segment>]) -> Result<(), JournalError> {
    let missing = match page.first().map(|first| first.first()) {
        None => format!("event {next} of the run and all behind it are missing"),
        Some(first) if first > next => format!("events {next} to {} of the run are missing", first - 1),
        Some(_) => return Ok(()),
    };
    Err(JournalError::Unavailable(format!("{missing}: they are expiring, or the store has lost them")))
}
