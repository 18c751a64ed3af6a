//! The state of a run as it was after an event.

use std::sync::Arc;

use super::core::{ReadRange, StateAt, apply_until};
use super::error::QueryError;
use super::service::{LogQueries, READ_BYTES};
use crate::protocol::{Cursor, RunId, Seq};
use crate::tasks::spawn_folding;

/// The state of a run as it was.
#[derive(Clone, Debug)]
pub struct EarlierState {
    /// The state.
    pub state: Arc<StateAt>,
    /// The last event in it.
    pub cursor: Cursor,
}

impl LogQueries {
    /// The state of a run as it was after the event `seq`, folded from the nearest one that is known. The last few are
    /// kept, for pages of their tests are asked for one after the other.
    ///
    /// # Errors
    /// [`QueryError`]: [`QueryError::Beyond`] if the run has no such event.
    pub async fn state_at(&self, run: &RunId, seq: Seq) -> Result<EarlierState, QueryError> {
        self.counted("state", self.fold_state(run, seq)).await
    }

    async fn fold_state(&self, run: &RunId, seq: Seq) -> Result<EarlierState, QueryError> {
        let log = self.open(run).await?;
        if !(1..=log.head.tip).contains(&seq) {
            return Err(QueryError::Beyond { tip: log.head.tip });
        }
        let (mut log, (mut state, is_kept)) = log.look(move |index| index.nearest_state(seq)).await?;
        let was_known = is_kept && state.run.tip() == seq;
        while state.run.tip() < seq {
            let after = state.run.tip();
            // One segment at least; what lies beyond is not folded.
            let range = ReadRange { after, last: after + 1, bytes: READ_BYTES };
            let segments = self.read(run, &log.head, range).await?;
            let folded = spawn_folding("log_index", move || {
                let known = Arc::make_mut(&mut state);
                segments.iter().for_each(|segment| apply_until(known, segment, seq));
                state
            });
            state = folded.await?;
            if state.run.tip() == after {
                return Err(QueryError::Unavailable("the run's events were lost meanwhile".into()));
            }
        }
        let epoch = log.head.lineage.epoch();
        if !was_known {
            log = log.keep_state(state.clone()).await?;
        }
        drop(log);
        Ok(EarlierState { state, cursor: Cursor { epoch, seq } })
    }
}
