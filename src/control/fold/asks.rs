//! The questions of producers (`ai_stuck`): each is open until it ends, exactly once.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde::Serialize;

use super::json::JsonText;
use super::members::Members;
use crate::protocol::{Cursor, Principal, Timestamp};

/// Most questions that are open at a time; a further one opens nothing.
pub(in crate::control) const MAX_OPEN_ASKS: usize = 1_000;
/// Questions that have ended and are remembered.
const MAX_ENDED_ASKS: usize = 1_000;
/// Bytes of events of open questions that are kept; a further question is shown without its event.
const MAX_ASK_BYTES: usize = 1024 * 1024;
/// Most candidates of a question.
const MAX_CANDIDATES: usize = 50;

/// What becomes of a question at its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::control) enum OnTimeout {
    Fail,
    Skip,
    Continue,
    Wait,
}

/// How a question stands.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::control) enum AskState {
    Open,
    /// Answered, or refused, by this one's command.
    Answered {
        command_id: Arc<str>,
        by: Principal,
    },
    Expired,
    Interrupted,
}

/// A question.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::control) struct Ask {
    pub(in crate::control) id: Arc<str>,
    pub(in crate::control) producer: Arc<str>,
    pub(in crate::control) cursor: Cursor,
    pub(in crate::control) at: Timestamp,
    /// Until when it may be answered; one that waits has no end.
    pub(in crate::control) expires_at: Option<Timestamp>,
    pub(in crate::control) needs: Arc<str>,
    pub(in crate::control) on_timeout: OnTimeout,
    pub(in crate::control) value: Option<JsonText>,
    pub(in crate::control) candidates: Vec<Arc<str>>,
    pub(in crate::control) state: AskState,
    /// The event with `seq`, unless there were too many bytes of them.
    pub(in crate::control) event: Option<JsonText>,
}

/// The questions of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::control) struct Asks {
    open: BTreeMap<Arc<str>, Ask>,
    /// The last that ended, the oldest first.
    ended: VecDeque<Ask>,
    /// Bytes of the open ones' events.
    bytes: usize,
}

impl Ask {
    /// Of an `ai_stuck`; `None` if it opens nothing.
    pub(super) fn read(
        producer: &Arc<str>,
        cursor: Cursor,
        at: Timestamp,
        event: &Members<'_>,
        json: &[u8],
    ) -> Option<Self> {
        if event.is_true("stale") {
            return None;
        }
        let expires_at = event.time("expiresAt")?;
        let on_timeout = event.object("onTimeout");
        let action = match on_timeout.as_ref().and_then(|on| on.get::<String>("action")).as_deref() {
            Some("skip") => OnTimeout::Skip,
            Some("continue") => OnTimeout::Continue,
            Some("wait") => OnTimeout::Wait,
            _ => OnTimeout::Fail,
        };
        let value = on_timeout.and_then(|on| on.raw("value")).filter(|value| value.get().len() <= 4 * 1024);
        let candidates: Vec<Members<'_>> = event.get("candidates").unwrap_or_default();
        Some(Self {
            id: event.id("askId")?,
            producer: producer.clone(),
            cursor,
            at,
            expires_at: Some(expires_at).filter(|_| action != OnTimeout::Wait),
            needs: event.id("needs")?,
            on_timeout: action,
            value: value.map(JsonText::of),
            candidates: candidates.iter().take(MAX_CANDIDATES).filter_map(|candidate| candidate.id("id")).collect(),
            state: AskState::Open,
            event: JsonText::with_seq(cursor.seq, json),
        })
    }

    /// Whether its answer is a secret.
    pub(in crate::control) fn is_for_credential(&self) -> bool {
        &*self.needs == "credential"
    }

    fn bytes(&self) -> usize {
        self.event.as_ref().map_or(0, JsonText::len)
    }
}

impl AskState {
    /// The state in a word.
    pub(in crate::control) fn as_str(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Answered { .. } => "answered",
            Self::Expired => "expired",
            Self::Interrupted => "interrupted",
        }
    }
}

impl Asks {
    /// Opens one, unless it was opened before, or too many are open; whether it is open now, as its producer's.
    pub(super) fn open(&mut self, mut ask: Ask) -> bool {
        if let Some(open) = self.open.get(&ask.id) {
            return open.producer == ask.producer;
        }
        if self.get(&ask.id).is_some() || self.open.len() >= MAX_OPEN_ASKS {
            return false;
        }
        if self.bytes + ask.bytes() > MAX_ASK_BYTES {
            ask.event = None;
        }
        self.bytes += ask.bytes();
        self.open.insert(ask.id.clone(), ask);
        true
    }

    /// One that is open, or has ended lately.
    pub(in crate::control) fn get(&self, id: &str) -> Option<&Ask> {
        self.open.get(id).or_else(|| self.ended.iter().rev().find(|ask| &*ask.id == id))
    }

    /// Those that are open, by their ids.
    pub(in crate::control) fn all_open(&self) -> impl Iterator<Item = &Ask> {
        self.open.values()
    }

    /// The last that ended, the oldest first.
    pub(super) fn ended(&self) -> impl Iterator<Item = &Ask> {
        self.ended.iter()
    }

    /// One ends; it, if it was open.
    pub(super) fn end(&mut self, id: &str, state: AskState) -> Option<&Ask> {
        let mut ask = self.open.remove(id)?;
        self.bytes = self.bytes.saturating_sub(ask.bytes());
        ask.state = state;
        // An answer that is a secret may be lost, and the question opened again.
        if !ask.is_for_credential() {
            ask.event = None;
        }
        self.ended.push_back(ask);
        if self.ended.len() > MAX_ENDED_ASKS {
            self.ended.pop_front();
        }
        // At most so many questions for credentials keep their events.
        if let Some(index) = self.ended.len().checked_sub(20)
            && let Some(older) = self.ended.get_mut(index)
        {
            older.event = None;
        }
        self.ended.back()
    }

    /// Ends those that are `wanted`.
    pub(super) fn interrupt(&mut self, wanted: impl Fn(&Ask) -> bool) {
        let ids: Vec<_> = self.open.values().filter(|ask| wanted(ask)).map(|ask| ask.id.clone()).collect();
        for id in ids {
            self.end(&id, AskState::Interrupted);
        }
    }

    /// Moves the end of one that is open and has an end.
    pub(super) fn extend(&mut self, id: &str, until: Timestamp) {
        if let Some(ask) = self.open.get_mut(id) {
            ask.expires_at = ask.expires_at.map(|_| until);
        }
    }

    /// Opens one again whose answer is lost; the command that had answered it.
    pub(super) fn reopen(&mut self, id: &str, until: Timestamp) -> Option<Arc<str>> {
        let index = self.ended.iter().rposition(|ask| &*ask.id == id && !self.open.contains_key(id))?;
        let AskState::Answered { command_id, .. } = &self.ended.get(index)?.state else { return None };
        let command_id = command_id.clone();
        let mut ask = self.ended.remove(index)?;
        ask.state = AskState::Open;
        ask.expires_at = Some(until).filter(|_| ask.on_timeout != OnTimeout::Wait);
        self.open(ask);
        Some(command_id)
    }

    pub(super) fn held_bytes(&self) -> usize {
        let ended: usize = self.ended.iter().map(Ask::bytes).sum();
        (self.open.len() + self.ended.len()) * (size_of::<Ask>() + 256) + self.bytes + ended
    }
}
