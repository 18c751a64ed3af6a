//! The state of a run as it was after an event: `?at=SEQ` of the routes that answer states.

use std::sync::Arc;

use super::super::edge::Responses;
use super::super::problem::{Problem, responses_saturated};
use super::super::transfer::{TransferKind, find_room};
use crate::budget::{Budget, Buffer};
use crate::log_index::{EarlierState, LogQueries, StateAt};
use crate::protocol::{RunId, Seq, StatePart};
use crate::run_state::StateView;
use crate::tasks::spawn_blocking;

/// Parses `at`. What is no number is as wrong as an event that the run does not have, and refused with it.
pub(super) fn at(text: Option<&str>) -> Option<Seq> {
    text.filter(|text| !text.is_empty()).map(|text| text.parse().unwrap_or(0))
}

/// A part of a run's state as it was after the event `at`, and all of it.
///
/// # Errors
/// 400 `invalid_at`, 404 `run_not_found`, 410 `run_gone`, 503.
pub(super) async fn state_at(
    queries: &LogQueries,
    responses: &Responses,
    run: &RunId,
    at: Seq,
    part: &StatePart,
) -> Result<(Arc<Buffer>, EarlierState), Problem> {
    let earlier = queries.state_at(run, at).await?;
    let text = async || {
        let (state, part, texts) = (earlier.state.clone(), part.clone(), responses.budget.clone());
        let written = spawn_blocking("state_writer", move || write(&state, &part, &texts)).await;
        written.unwrap_or_else(|panicked| Some(Err(unwritten(&panicked.to_string()))))
    };
    let text = find_room(&responses.transfers, TransferKind::Response, text).await;
    let text = text.unwrap_or_else(|| Err(responses_saturated()))?;
    Ok((text, earlier))
}

/// `None`: there is no room for it.
fn write(state: &StateAt, part: &StatePart, texts: &Budget) -> Option<Result<Arc<Buffer>, Problem>> {
    let mut text = Buffer::new(texts);
    match serde_json::to_writer(&mut text, &StateView { state: &state.run, part }) {
        Ok(()) => Some(Ok(Arc::new(text))),
        Err(error) if error.is_io() => None,
        Err(error) => Some(Err(unwritten(&error.to_string()))),
    }
}

fn unwritten(why: &str) -> Problem {
    Problem::unavailable("state_unavailable", format!("the run's state could not be written: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_no_event() {
        assert_eq!((at(None), at(Some("")), at(Some("12"))), (None, None, Some(12)));
        for wrong in ["x", "-1", "1:2", "1.5", "99999999999999999999"] {
            assert_eq!(at(Some(wrong)), Some(0), "{wrong}");
        }
    }
}
