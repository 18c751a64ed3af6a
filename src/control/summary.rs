//! What the list of runs shows of a run's control.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::fold::{Ask, ControlState, Worker, WorkerPresence};
use crate::protocol::{Principal, Timestamp};

/// Most bytes of a question in the list.
const MAX_QUESTION_BYTES: usize = 300;

/// The open question and the pause of a run, as its row in the list shows them.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ControlSummary {
    /// Of the open questions the one that ends soonest.
    pub ask: Option<AskSummary>,
    /// The pause that goes on.
    pub paused: Option<PauseSummary>,
    /// All producers that are there were not heard for a while.
    #[serde(skip)]
    pub is_silent: bool,
}

/// An open question.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AskSummary {
    ask_id: Arc<str>,
    /// Its text, the first 300 bytes; what is needed, where it has none.
    question: String,
    /// Until when it may be answered; `null` waits until the run ends.
    expires_at: Option<Timestamp>,
}

/// A pause that goes on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PauseSummary {
    by: Principal,
    until: Timestamp,
}

impl ControlState {
    /// What the list shows of it.
    pub fn summary(&self) -> ControlSummary {
        let soonest = self.asks.all_open().min_by_key(|ask| (ask.expires_at.is_none(), ask.expires_at, ask.cursor.seq));
        let paused = self.pause.open.as_ref();
        let present = |worker: &&Worker| matches!(worker.presence, WorkerPresence::Joined | WorkerPresence::Silent);
        let mut present = self.workers.iter().map(|(_, worker)| worker).filter(present).peekable();
        ControlSummary {
            is_silent: present.peek().is_some() && present.all(|worker| worker.presence == WorkerPresence::Silent),
            ask: soonest.map(AskSummary::of),
            paused: paused.map(|paused| PauseSummary { by: paused.by.clone(), until: paused.until }),
        }
    }
}

impl AskSummary {
    fn of(ask: &Ask) -> Self {
        #[derive(Deserialize)]
        struct Question {
            message: Option<String>,
        }
        let event = ask.event.as_ref().and_then(|event| event.raw());
        let question = event.and_then(|event| serde_json::from_str::<Question>(event.get()).ok()?.message);
        let mut question = question.unwrap_or_else(|| ask.needs.to_string());
        question.truncate(question.floor_char_boundary(MAX_QUESTION_BYTES));
        Self { ask_id: ask.id.clone(), question, expires_at: ask.expires_at }
    }
}
