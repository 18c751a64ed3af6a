//! What an append changes of a run's control beside its log. A run that nobody steers passes nothing of it.

use super::stored;
use crate::protocol::{Seq, Timestamp};
use crate::storage::journal::Head;
use crate::storage::journal::append_rules::{AppendDecision, DueChange};
use crate::storage::redis::RedisCommand;

/// The arguments that belong to the further keys of `append.lua`.
#[derive(Debug)]
pub(super) struct SteeringArgs {
    due: String,
    /// When the run was active last; empty when that is now.
    active: String,
    /// Stream ids of the segments that hold control events.
    control: Vec<Seq>,
}

impl SteeringArgs {
    /// What a decision changes for a run that was listed as `before`; `None` when that is nothing.
    pub(super) fn of(decision: &AppendDecision, before: Option<&Head>) -> Option<Self> {
        let control: Vec<Seq> =
            decision.stored.segments.iter().filter(|s| s.is_control()).map(|segment| segment.last()).collect();
        let due = match decision.due {
            DueChange::None => String::new(),
            DueChange::Lower(due) => format!("<{}", due.as_millis()),
            DueChange::Set(due) => format!("={}", due.map_or_else(String::new, |due| due.as_millis().to_string())),
        };
        let active = Self::active(decision);
        let was_only_steered = before.and_then(stored::only_steered).is_some();
        let nothing = control.is_empty() && due.is_empty() && active.is_none() && !was_only_steered;
        let active = active.map_or_else(String::new, |at| at.as_millis().to_string());
        (!nothing).then_some(Self { due, active, control })
    }

    /// When the run was active last, unless that is with this append.
    pub(super) fn active(decision: &AppendDecision) -> Option<Timestamp> {
        (!decision.is_active).then_some(decision.stored.head.active_at)
    }

    pub(super) fn args(&self, command: RedisCommand) -> RedisCommand {
        let command = command.arg(self.due.as_str()).arg(self.active.as_str());
        self.control.iter().fold(command, |command, id| command.arg(id.to_string()))
    }
}
