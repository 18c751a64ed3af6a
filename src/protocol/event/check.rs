//! What must be right in the events that the server writes its own members into: the run's control is folded from them,
//! and the journal keeps how each producer stands.
//!
//! | event | members that are checked |
//! |---|---|
//! | `worker` | `state`; `slots`, `variant`, `shard`, `can` when there |
//! | `command_status` | `commandId`, `status` (`interrupted` is the server's) |
//! | `ai_stuck` | `askId`, `needs`; `expiresInSecs`, `onTimeout`, `candidates` when there |
//!
//! A member that may be missing may be `null`. In these three, no member that is read may come twice. The members that
//! the server writes are refused, also in `run_status` and `test_status`.

use std::sync::Arc;

use super::members::{MemberValue, pick};
use super::stamp::{Shard, StampKind};
use super::{EventDeadlines, EventFlaw};
use crate::protocol::producer_event::{
    COMMAND_REPORTS, EXPIRES_SECS, MAX_CAN, MAX_CAN_BYTES, MAX_CANDIDATES, MAX_COUNT, MAX_ID_CHARS, NEEDS, ON_TIMEOUT,
    WORKER_STATES,
};
use crate::protocol::status::RunStatus;
use crate::protocol::{ProducerEvent, Timestamp};

/// How long a question waits for an answer if it does not say so, in seconds.
const DEFAULT_EXPIRES_SECS: u64 = 300;

const ID: &str = "a string of 1 to 128 characters";
const COUNT: &str = "a whole number from 1 to 1000";

/// An event of these types, and what its members that all events have say.
pub(super) struct Checked<'a> {
    /// What is posted.
    pub(super) text: &'a [u8],
    /// Where the event begins in it.
    pub(super) start: usize,
    /// Its status, if it is a `run_status`.
    pub(super) status: Option<RunStatus>,
    /// Its `timestamp`, if that is a time.
    pub(super) sent_at: Option<Timestamp>,
}

impl Checked<'_> {
    /// What the event does, and how long after it is stored the run has a deadline because of it; `None` for an event
    /// into which the server writes nothing.
    pub(super) fn kind(
        &self,
        event: ProducerEvent,
        deadlines: &EventDeadlines,
    ) -> Result<Option<(StampKind, Option<i64>)>, EventFlaw> {
        let &Self { text, start, status, sent_at } = self;
        let reserved = event.reserved_members();
        let found = match event {
            ProducerEvent::TestStatus => {
                pick(text, start, [], reserved)?;
                (StampKind::TestStatus, None)
            }
            ProducerEvent::RunStatus => {
                let status = status.ok_or(EventFlaw::InvalidStatus)?;
                pick(text, start, [], reserved)?;
                (StampKind::RunStatus(status), status.is_final().then_some(deadlines.shard_wait_ms))
            }
            ProducerEvent::Worker => match worker(text, start, reserved)? {
                joined @ StampKind::Joined(_) => (joined, Some(deadlines.silent_ms)),
                // What it leaves behind may be all that there is: shards are waited for from now on.
                left => (left, Some(deadlines.shard_wait_ms)),
            },
            ProducerEvent::CommandStatus => {
                let accepted = command_status(text, start, reserved)?;
                (StampKind::CommandStatus, accepted.then_some(deadlines.run_ms))
            }
            ProducerEvent::AiStuck => {
                let expires_ms = ai_stuck(text, start, reserved)?;
                (StampKind::Ask { expires_ms, sent_at }, Some(expires_ms))
            }
            ProducerEvent::TestPlan | ProducerEvent::TestStep | ProducerEvent::Error | ProducerEvent::Log => {
                return Ok(None);
            }
        };
        Ok(Some(found))
    }
}

fn worker(text: &[u8], start: usize, reserved: &[&'static str]) -> Result<StampKind, EventFlaw> {
    let names = ["state", "slots", "variant", "shard", "can"];
    let [state, slots, variant, shard, can] = pick(text, start, names, reserved)?;
    let state = word(state, "state", &WORKER_STATES, "`joined` or `left`")?;
    if let Some(slots) = slots {
        count(Some(slots), "slots")?;
    }
    if let Some(can) = can {
        let names = EventFlaw::InvalidField { key: "can", rule: "a list of at most 64 strings of at most 64 bytes" };
        let is_list = can.each_item(|index, item| {
            let is_name = item.string().is_some_and(|name| name.len() <= MAX_CAN_BYTES as usize);
            if index < MAX_CAN && is_name { Ok(()) } else { Err(names) }
        })?;
        if !is_list {
            return Err(names);
        }
    }
    let variant = variant.map(|variant| {
        let text = variant.string().filter(|text| fits(text));
        text.ok_or(EventFlaw::InvalidField { key: "variant", rule: "a string of at most 128 characters" })
    });
    let variant = variant.transpose()?;
    let shard = match shard {
        None => None,
        Some(shard) => {
            let members = shard.pick(["shard.current", "shard.total"])?;
            let rule = "an object with `current` and `total`";
            let [current, total] = members.ok_or(EventFlaw::InvalidField { key: "shard", rule })?;
            let (current, total) = (count(current, "shard.current")?, count(total, "shard.total")?);
            if current > total {
                return Err(EventFlaw::InvalidField { key: "shard.current", rule: "at most `shard.total`" });
            }
            Some(Shard { variant: variant.as_deref().map(Arc::from), current, total })
        }
    };
    Ok(if state == "joined" { StampKind::Joined(shard) } else { StampKind::Left })
}

/// Says whether it claims the command.
fn command_status(text: &[u8], start: usize, reserved: &[&'static str]) -> Result<bool, EventFlaw> {
    let names = ["commandId", "status", "claim", "detail", "result"];
    let [command_id, status, ..] = pick(text, start, names, reserved)?;
    id(command_id, "commandId")?;
    let status = word(status, "status", &COMMAND_REPORTS, "`accepted`, `done`, `failed` or `rejected`")?;
    Ok(status == "accepted")
}

/// Says how long it waits for an answer, in milliseconds.
fn ai_stuck(text: &[u8], start: usize, reserved: &[&'static str]) -> Result<i64, EventFlaw> {
    let names = [
        "askId",
        "needs",
        "expiresInSecs",
        "onTimeout",
        "candidates",
        "reason",
        "message",
        "summary",
        "goal",
        "attempts",
        "lastError",
        "responseSchema",
        "screenshot",
        "url",
    ];
    let [ask_id, needs, expires, on_timeout, candidates, ..] = pick(text, start, names, reserved)?;
    id(ask_id, "askId")?;
    word(needs, "needs", &NEEDS, "`click`, `text`, `choice`, `credential` or `decision`")?;
    let secs = match expires {
        None => DEFAULT_EXPIRES_SECS,
        Some(expires) => expires
            .whole()
            .filter(|secs| EXPIRES_SECS.contains(secs))
            .ok_or(EventFlaw::InvalidField { key: "expiresInSecs", rule: "a whole number from 5 to 86400" })?,
    };
    if let Some(on_timeout) = on_timeout {
        let members = on_timeout.pick(["onTimeout.action", "onTimeout.value"])?;
        let [action, _] =
            members.ok_or(EventFlaw::InvalidField { key: "onTimeout", rule: "an object with `action`" })?;
        word(action, "onTimeout.action", &ON_TIMEOUT, "`fail`, `skip`, `continue` or `wait`")?;
    }
    if let Some(candidates) = candidates {
        let list = EventFlaw::InvalidField { key: "candidates", rule: "a list of at most 50 objects" };
        let is_list = candidates.each_item(|index, item| {
            if index == MAX_CANDIDATES {
                return Err(list);
            }
            candidate(index, item)
        })?;
        if !is_list {
            return Err(list);
        }
    }
    Ok(secs as i64 * 1_000)
}

fn candidate(index: u32, item: MemberValue<'_>) -> Result<(), EventFlaw> {
    let wrong = |rule| EventFlaw::InvalidCandidate { position: index, rule };
    let members = item.pick(["candidates[].id", "candidates[].label"])?;
    let [id, label] = members.ok_or(wrong("an object with `id` and `label`"))?;
    if !is_id(id) {
        return Err(wrong("an object whose `id` is a string of 1 to 128 characters"));
    }
    label.and_then(|label| label.string()).map(drop).ok_or(wrong("an object whose `label` is a string"))
}

/// Whether a text has at most [`MAX_ID_CHARS`] characters; they are counted only where bytes do not answer.
fn fits(text: &str) -> bool {
    let most = MAX_ID_CHARS as usize;
    text.len() <= most || text.chars().count() <= most
}

fn is_id(value: Option<MemberValue<'_>>) -> bool {
    value.and_then(|value| value.string()).is_some_and(|text| !text.is_empty() && fits(&text))
}

fn id(value: Option<MemberValue<'_>>, key: &'static str) -> Result<(), EventFlaw> {
    if is_id(value) { Ok(()) } else { Err(EventFlaw::InvalidField { key, rule: ID }) }
}

fn count(value: Option<MemberValue<'_>>, key: &'static str) -> Result<u32, EventFlaw> {
    let count = value.and_then(|value| value.whole()).filter(|count| (1..=MAX_COUNT.into()).contains(count));
    count.map(|count| count as u32).ok_or(EventFlaw::InvalidField { key, rule: COUNT })
}

fn word(
    value: Option<MemberValue<'_>>,
    key: &'static str,
    words: &[&'static str],
    rule: &'static str,
) -> Result<&'static str, EventFlaw> {
    let text = value.and_then(|value| value.string());
    let word = text.and_then(|text| words.iter().copied().find(|word| *word == text));
    word.ok_or(EventFlaw::InvalidField { key, rule })
}
