//! Commands and questions as they are shown.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::fold::{Ask, CommandTarget, JsonText, KeptCommand, OnTimeout};
use super::{CommandKind, CommandState};
use crate::protocol::{Cursor, Principal, Timestamp};

/// A command.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CommandView {
    command_id: Arc<str>,
    /// The command's `type`.
    r#type: &'static str,
    state: CommandState,
    cursor: Cursor,
    at: Timestamp,
    by: Principal,
    #[serde(skip_serializing_if = "CommandTarget::is_all")]
    target: CommandTarget,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    /// Who has claimed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    producer: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    claim: Option<Cursor>,
    /// What producers have reported of a state.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    producers: BTreeMap<Arc<str>, CommandState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<JsonText>,
    /// The event, of those that are open.
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<JsonText>,
}

/// A question.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AskView {
    ask_id: Arc<str>,
    producer: Arc<str>,
    cursor: Cursor,
    at: Timestamp,
    needs: Arc<str>,
    /// Until when; `null` waits until the run ends.
    expires_at: Option<Timestamp>,
    /// What its producer does then.
    on_timeout: OnTimeout,
    /// Whether the answer is a secret.
    secret: bool,
    /// The `ai_stuck`, with its candidates; missing when too many are open.
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<JsonText>,
}

impl CommandView {
    pub(super) fn of(command: &KeptCommand, whole: bool) -> Self {
        let claim = command.claim.as_ref();
        // An answer that is a secret waits until its producer has it; the others say what they do at once.
        let shows_end = command.kind != CommandKind::Extend;
        Self {
            command_id: command.id.clone(),
            r#type: command.kind.as_str(),
            state: command.state,
            cursor: command.cursor,
            at: command.at,
            by: command.by.clone(),
            target: command.target.clone(),
            expires_at: command.expires_at.filter(|_| shows_end),
            producer: claim.map(|claim| claim.producer.clone()),
            claim: claim.map(|claim| claim.cursor),
            producers: command.reports.clone(),
            detail: command.detail.clone(),
            result: command.result.clone(),
            event: whole.then(|| command.event.clone()),
        }
    }
}

impl AskView {
    pub(super) fn of(ask: &Ask) -> Self {
        Self {
            ask_id: ask.id.clone(),
            producer: ask.producer.clone(),
            cursor: ask.cursor,
            at: ask.at,
            needs: ask.needs.clone(),
            expires_at: ask.expires_at,
            on_timeout: ask.on_timeout,
            secret: ask.is_for_credential(),
            event: ask.event.clone(),
        }
    }
}
