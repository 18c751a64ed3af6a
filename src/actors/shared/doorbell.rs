//! Whether this node receives the doorbells of the others. The bridge writes it; `/ready` reads it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The shared state of the subscription to doorbells. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub struct Doorbell(Arc<Mutex<DoorbellState>>);

#[derive(Clone, Debug, Default)]
enum DoorbellState {
    #[default]
    Unproven,
    Subscribed,
    Lost(String),
}

impl Doorbell {
    fn state(&self) -> MutexGuard<'_, DoorbellState> {
        // No code panics while it holds the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that a probe has come back; true when the state has changed.
    pub fn subscribed(&self) -> bool {
        !matches!(std::mem::replace(&mut *self.state(), DoorbellState::Subscribed), DoorbellState::Subscribed)
    }

    /// Records that the subscription is lost; true when the state has changed.
    pub fn lost(&self, reason: &str) -> bool {
        !matches!(std::mem::replace(&mut *self.state(), DoorbellState::Lost(reason.to_owned())), DoorbellState::Lost(_))
    }

    /// Why no doorbell arrives; `None` when a probe has come back since the subscription was made.
    pub fn trouble(&self) -> Option<String> {
        match &*self.state() {
            DoorbellState::Subscribed => None,
            DoorbellState::Unproven => Some("no probe has come back yet".to_owned()),
            DoorbellState::Lost(reason) => Some(reason.clone()),
        }
    }
}
