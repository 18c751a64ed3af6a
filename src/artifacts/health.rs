//! Whether the store works, probed at most twice a minute.

use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::storage::objects::{Objects, ObjectsError};

/// How long an answer is reused: a probe writes an object, reads it and removes it.
const HOLDS: Duration = Duration::from_secs(30);

/// The last answer and when it came.
#[derive(Debug, Default)]
pub struct Health(Mutex<Option<(Instant, Result<(), ObjectsError>)>>);

impl Health {
    /// Whether the store worked within the last half minute. One probe at a time; whoever asks meanwhile waits for it.
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
