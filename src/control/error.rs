//! Why something was not done.

use std::sync::Arc;

use serde_json::{Value, json};

use super::CommandState;
use crate::protocol::{Cursor, Principal};

/// Why a request was refused. Nothing was stored for it, but what ended by time.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ControlError {
    /// A member of the command is missing, unknown, or of another kind.
    #[error("{field}: {reason}")]
    Invalid {
        /// The member.
        field: Arc<str>,
        /// What is wrong with it.
        reason: Arc<str>,
    },
    /// The `value` of the command is a secret here, and was not put away: it comes again with its MAC.
    #[error("value: is a secret here, and was not put away")]
    SecretNeeded,
    /// The command is too large.
    #[error("the command has {bytes} bytes, more than {max}")]
    TooLarge {
        /// Its bytes.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// Viewers have given the run as many commands as they may.
    #[error("viewers have given the run {events} commands of {bytes} bytes; {max_events} and {max_bytes} are the most")]
    TooManyCommands {
        /// Commands so far.
        events: u64,
        /// Their bytes.
        bytes: u64,
        /// `control.max_events`.
        max_events: u64,
        /// `control.max_bytes`.
        max_bytes: u64,
    },
    /// The run has no event.
    #[error("the run has no event")]
    RunNotFound,
    /// The run has expired.
    #[error("the run has expired")]
    RunGone,
    /// The run has ended, or is sealed.
    #[error("the run has ended")]
    RunEnded,
    /// Another command has this id.
    #[error("the run has another command with this commandId")]
    Conflict,
    /// The run has no such command.
    #[error("the run has no such command")]
    CommandUnknown,
    /// The run has no such question.
    #[error("the run has no such question")]
    AskUnknown,
    /// Another one has control of the run.
    #[error("{} has control of the run", holder.name)]
    LeaseHeld {
        /// Who.
        holder: Principal,
        /// Its lease.
        lease: Cursor,
    },
    /// The lease that the command names is not the sender's, or not the run's any more.
    #[error("the lease is not yours, or not the run's any more")]
    LeaseLost {
        /// Who holds the run's lease, if anybody.
        holder: Option<Principal>,
    },
    /// A person has control of the run or has paused it; an agent must not do this meanwhile.
    #[error("{} is in control; an agent must not do this meanwhile", holder.name)]
    HumanInControl {
        /// Who.
        holder: Principal,
    },
    /// A producer has the act, or has done it.
    #[error("the command is {}", state.as_str())]
    CommandClaimed {
        /// Its state.
        state: CommandState,
        /// Who has claimed it.
        producer: Option<Arc<str>>,
    },
    /// It is for another producer, or the producer has not joined.
    #[error("the command is not for this producer")]
    NotForProducer,
    /// More than one producer has joined.
    #[error("more than one producer has joined: the command needs a target")]
    TargetNeeded {
        /// Those that have joined.
        producers: Vec<Arc<str>>,
    },
    /// The command's target is not there.
    #[error("no producer that has joined is, or runs, what `target` names")]
    TargetUnknown {
        /// Those that have joined.
        producers: Vec<Arc<str>>,
    },
    /// No producer that it is for obeys such commands.
    #[error("no producer that has joined, and that it is for, obeys `{command}`")]
    NobodyObeys {
        /// The command's type.
        command: &'static str,
        /// Those that have joined.
        producers: Vec<Arc<str>>,
    },
    /// The run is not as the command expects it.
    #[error("the run is not as the command expects it")]
    ExpectationFailed {
        /// The members of `expect` that do not hold, with what holds.
        state: Vec<(&'static str, Value)>,
    },
    /// The question has an answer, or has ended without.
    #[error("the question has ended: {how}")]
    AlreadyAnswered {
        /// `answered`, `expired` or `interrupted`.
        how: &'static str,
        /// Who answered it.
        by: Option<Principal>,
    },
    /// The command is not to be done any more.
    #[error("the command is {}", state.as_str())]
    CommandExpired {
        /// What became of it.
        state: CommandState,
    },
    /// The run may pause no longer.
    #[error("the run has paused for as long as it may altogether")]
    PauseSpent,
}

impl ControlError {
    /// The stable name of the error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Invalid { .. } | Self::SecretNeeded => "invalid_command",
            Self::TooLarge { .. } => "command_too_large",
            Self::TooManyCommands { .. } => "too_many_commands",
            Self::RunNotFound => "run_not_found",
            Self::RunGone => "run_gone",
            Self::RunEnded => "run_ended",
            Self::Conflict => "command_conflict",
            Self::CommandUnknown => "command_unknown",
            Self::AskUnknown => "ask_unknown",
            Self::LeaseHeld { .. } => "lease_held",
            Self::LeaseLost { .. } => "lease_lost",
            Self::HumanInControl { .. } => "human_in_control",
            Self::CommandClaimed { .. } => "command_claimed",
            Self::NotForProducer | Self::TargetUnknown { .. } => "target_unknown",
            Self::TargetNeeded { .. } => "target_needed",
            Self::NobodyObeys { .. } => "nobody_obeys",
            Self::ExpectationFailed { .. } => "expectation_failed",
            Self::AlreadyAnswered { .. } => "already_answered",
            Self::CommandExpired { .. } => "command_expired",
            Self::PauseSpent => "pause_spent",
        }
    }

    /// What else there is to say, as members of an object.
    pub fn details(&self) -> Vec<(&'static str, Value)> {
        match self {
            Self::Invalid { field, .. } => vec![("field", json!(field))],
            Self::SecretNeeded => vec![("field", json!("value"))],
            Self::TooLarge { max, .. } => vec![("limit", json!(max))],
            Self::TooManyCommands { max_events, max_bytes, .. } => {
                vec![("maxEvents", json!(max_events)), ("maxBytes", json!(max_bytes))]
            }
            Self::LeaseHeld { holder, lease } => vec![("holder", json!(holder)), ("lease", json!(lease))],
            Self::LeaseLost { holder } => holder.iter().map(|holder| ("holder", json!(holder))).collect(),
            Self::HumanInControl { holder } => vec![("holder", json!(holder))],
            Self::CommandClaimed { state, producer } => {
                let producer = producer.iter().map(|producer| ("producer", json!(producer)));
                [("state", json!(state))].into_iter().chain(producer).collect()
            }
            Self::TargetNeeded { producers }
            | Self::TargetUnknown { producers }
            | Self::NobodyObeys { producers, .. } => {
                vec![("producers", json!(producers))]
            }
            Self::ExpectationFailed { state } => {
                let state: serde_json::Map<_, _> =
                    state.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
                vec![("state", Value::Object(state))]
            }
            Self::AlreadyAnswered { how, by } => {
                let by = by.iter().map(|by| ("by", json!(by)));
                [("how", json!(how))].into_iter().chain(by).collect()
            }
            Self::CommandExpired { state } => vec![("state", json!(state))],
            Self::RunNotFound
            | Self::RunGone
            | Self::RunEnded
            | Self::Conflict
            | Self::CommandUnknown
            | Self::AskUnknown
            | Self::NotForProducer
            | Self::PauseSpent => Vec::new(),
        }
    }
}
