//! Whether the store works, asked no more often than a store should be.

use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::storage::objects::{Objects, ObjectsError};

/// How long an answer holds: each question writes an object, reads it and removes it.
const HOLDS: Duration = Duration::from_secs(30);

/// The last answer, and when it came.
#[derive(Debug, Default)]
pub struct Health(Mutex<Option<(Instant, Result<(), ObjectsError>)>>);

impl Health {
    /// Whether the store works, as it was within the last half minute; one question at a time.
    pub(super) async fn of(&self, store: &Objects) -> Result<(), ObjectsError> {
        let mut last = self.0.lock().await;
        if let Some((_, answer)) = last.as_ref().filter(|(at, _)| at.elapsed() < HOLDS) {
            return answer.clone();
        }
        let answer = store.probe().await;
        *last = Some((Instant::now(), answer.clone()));
        answer
    }
}
