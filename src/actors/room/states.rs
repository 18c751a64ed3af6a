//! What the rooms of a node build states with: permits to fold, and room for the JSON, which is written off the node's
//! threads.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::core::StateText;
use crate::actors::messages::room::ReadError;
use crate::budget::{Budget, Buffer};
use crate::protocol::StatePart;
use crate::run_state::{RunState, StateView};
use crate::tasks::spawn_blocking;

/// Long folds that a node does at a time: a state that somebody waits for keeps its memory.
const AT_A_TIME: usize = 2;

/// See the module's page.
#[derive(Clone, Debug)]
pub struct States {
    /// Bytes of their JSON.
    texts: Budget,
    /// Permits to fold.
    permits: Arc<Semaphore>,
}

impl States {
    /// States whose JSON is counted in `texts`.
    pub fn new(texts: Budget) -> Self {
        Self { texts, permits: Arc::new(Semaphore::new(AT_A_TIME)) }
    }

    /// A permit to fold, if one is free.
    pub(super) fn try_permit(&self) -> Option<OwnedSemaphorePermit> {
        self.permits.clone().try_acquire_owned().ok()
    }

    /// The next permit to fold.
    pub(super) async fn permit(self) -> Option<OwnedSemaphorePermit> {
        self.permits.acquire_owned().await.ok()
    }

    /// Whether JSON of about so many bytes finds room.
    pub(super) fn has_room_for(&self, bytes: usize) -> bool {
        self.texts.has(bytes)
    }

    /// Writes a part of a state as JSON, on a thread of its own.
    pub(super) async fn write(self, state: Arc<RunState>, part: StatePart) -> StateText {
        let written = spawn_blocking("fold_writer", move || write(&state, &part, &self.texts)).await;
        written.unwrap_or_else(|panicked| {
            tracing::error!(%panicked, "a run's state could not be written");
            Err(ReadError::Unavailable("the run's state could not be written".into()))
        })
    }
}

fn write(state: &RunState, part: &StatePart, texts: &Budget) -> StateText {
    let mut text = Buffer::new(texts);
    match serde_json::to_writer(&mut text, &StateView { state, part }) {
        Ok(()) => Ok(Some(Arc::new(text))),
        Err(error) if error.is_io() => Ok(None),
        Err(error) => Err(ReadError::Unavailable(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::RunId;

    #[test]
    fn json_that_finds_no_room_is_refused_and_leaves_nothing() {
        let state = RunState::new(RunId::parse("r").unwrap());
        let texts = Budget::new(100);
        assert!(matches!(write(&state, &StatePart::Overview, &texts), Ok(None)));
        assert_eq!(texts.used(), 0);
        let texts = Budget::new(100_000);
        let text = write(&state, &StatePart::Overview, &texts).unwrap().unwrap();
        assert!(text.share().concat().starts_with(b"{\"runId\":\"r\""), "{:?}", text.share());
    }
}
