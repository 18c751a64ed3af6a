//! What the bridge understands, and what it tells everybody.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix::{Message, Recipient};
use bytes::Bytes;

use super::room::RemoteUpdate;
use crate::protocol::RunId;

/// A room follows its run, or lets it go. Told again it changes nothing.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct Follow {
    /// The run.
    pub run: RunId,
    /// The room's life: an older one lets nothing go that a younger one follows.
    pub generation: u64,
    /// Where what is heard goes; `None` to let go.
    pub heard: Option<Recipient<RemoteUpdate>>,
}

/// A screen frame that the other nodes' viewers are to see, too. Newest wins.
#[derive(Message, Clone, Debug)]
#[rtype(result = "()")]
pub struct Mirror {
    /// The run.
    pub run: RunId,
    /// The frame, as viewers get it.
    pub frame: Bytes,
}

/// Whether this node hears the doorbells of others; told by the bridge, read by anyone.
#[derive(Clone, Debug, Default)]
pub struct Doorbell(Arc<Mutex<DoorbellState>>);

#[derive(Clone, Debug, Default)]
enum DoorbellState {
    #[default]
    Unproven,
    Heard,
    Lost(String),
}

impl Doorbell {
    fn state(&self) -> MutexGuard<'_, DoorbellState> {
        // Nothing panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A probe has come back; true when that is news.
    pub fn heard(&self) -> bool {
        !matches!(std::mem::replace(&mut *self.state(), DoorbellState::Heard), DoorbellState::Heard)
    }

    /// The subscription is lost; true when that is news.
    pub fn lost(&self, why: &str) -> bool {
        !matches!(std::mem::replace(&mut *self.state(), DoorbellState::Lost(why.to_owned())), DoorbellState::Lost(_))
    }

    /// Why nothing is heard; `None` when a probe has come back since the subscription was made.
    pub fn trouble(&self) -> Option<String> {
        match &*self.state() {
            DoorbellState::Heard => None,
            DoorbellState::Unproven => Some("no probe has come back yet".to_owned()),
            DoorbellState::Lost(why) => Some(why.clone()),
        }
    }
}
