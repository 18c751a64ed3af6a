//! What can be wrong with posted events, and how a producer is told.

use super::MAX_TYPE_CHARS;
use super::json::{JsonError, MAX_DEPTH};

/// Why a body was refused. Indices are 0-based within the batch (blank lines do not count), positions are bytes of the
/// decoded body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// There is no event in it.
    #[error("the body holds no event")]
    Empty,
    /// The body is too large.
    #[error("the decoded body is larger than {max} bytes")]
    BatchTooLarge {
        /// The limit.
        max: usize,
    },
    /// The body holds too many events.
    #[error("the body holds more than {max} events")]
    TooManyEvents {
        /// The limit.
        max: usize,
    },
    /// An event is wrong.
    #[error("event {index}: {flaw}")]
    Event {
        /// Which one.
        index: usize,
        /// What is wrong with it.
        flaw: EventFlaw,
    },
}

/// What is wrong with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventFlaw {
    /// Not JSON.
    #[error("not JSON: {problem} at byte {at} of the body")]
    InvalidJson {
        /// Byte offset in the body.
        at: usize,
        /// What was found or missing there.
        problem: &'static str,
    },
    /// Not UTF-8.
    #[error("not UTF-8 at byte {at} of the body")]
    InvalidUtf8 {
        /// Byte offset in the body.
        at: usize,
    },
    /// JSON, but not an object.
    #[error("not an object at byte {at} of the body")]
    NotAnObject {
        /// Byte offset in the body.
        at: usize,
    },
    /// Nested too deep.
    #[error("nested deeper than {MAX_DEPTH} at byte {at} of the body")]
    TooDeep {
        /// Byte offset in the body.
        at: usize,
    },
    /// More bytes than an event may have.
    #[error("has {bytes} bytes of at most {max}")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// No `type`.
    #[error("has no `type`")]
    MissingType,
    /// `type` is not a string of a fitting length.
    #[error("`type` must be a string of 1 to {MAX_TYPE_CHARS} characters")]
    InvalidType,
    /// A type that the server writes.
    #[error("only the server writes events of the type `{name}`")]
    ReservedType {
        /// The type.
        name: &'static str,
    },
    /// It has a member that the server writes.
    #[error("has a `{key}`, which is for the server to give")]
    ReservedField {
        /// The member.
        key: &'static str,
    },
    /// It belongs to another run.
    #[error("`runId` is not the run that it was posted to")]
    RunMismatch,
    /// `timestamp` is not a string.
    #[error("`timestamp` must be a string")]
    InvalidTimestamp,
    /// A `run_status` without a known `status`.
    #[error(
        "`status` must be queued, running, paused, failing, passed, failed, timedout, interrupted, cancelled, stalled \
         or lost"
    )]
    InvalidStatus,
    /// A member that the run's control is folded from is missing, or of another kind.
    #[error("`{key}` must be {rule}")]
    InvalidField {
        /// The member.
        key: &'static str,
        /// What it must be.
        rule: &'static str,
    },
    /// A candidate of a question is not as it must be.
    #[error("`candidates[{position}]` must be {rule}")]
    InvalidCandidate {
        /// Its place in the list, from 0.
        position: u32,
        /// What it must be.
        rule: &'static str,
    },
    /// A key that the server reads comes twice.
    #[error("`{key}` comes twice")]
    DuplicateKey {
        /// The key.
        key: &'static str,
    },
}

impl EventFlaw {
    /// Where in the body, for a flaw that has a position.
    pub fn at(&self) -> Option<usize> {
        match *self {
            Self::InvalidJson { at, .. }
            | Self::InvalidUtf8 { at }
            | Self::NotAnObject { at }
            | Self::TooDeep { at } => Some(at),
            _ => None,
        }
    }
}

impl From<JsonError> for EventFlaw {
    fn from(fault: JsonError) -> Self {
        match fault {
            JsonError::Syntax { at, problem } => Self::InvalidJson { at, problem },
            JsonError::TooDeep { at } => Self::TooDeep { at },
        }
    }
}

impl EventError {
    /// The stable name of the error, for problem documents and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "empty_batch",
            Self::BatchTooLarge { .. } => "batch_too_large",
            Self::TooManyEvents { .. } => "too_many_events",
            Self::Event { flaw, .. } => match flaw {
                EventFlaw::InvalidJson { .. } => "invalid_json",
                EventFlaw::InvalidUtf8 { .. } => "invalid_utf8",
                EventFlaw::NotAnObject { .. } => "not_an_object",
                EventFlaw::TooDeep { .. } => "too_deep",
                EventFlaw::TooLarge { .. } => "event_too_large",
                EventFlaw::MissingType => "missing_type",
                EventFlaw::InvalidType => "invalid_type",
                EventFlaw::ReservedType { .. } => "reserved_type",
                EventFlaw::ReservedField { .. } => "reserved_field",
                EventFlaw::RunMismatch => "run_mismatch",
                EventFlaw::InvalidTimestamp => "invalid_timestamp",
                EventFlaw::InvalidStatus => "invalid_status",
                EventFlaw::InvalidField { .. } | EventFlaw::InvalidCandidate { .. } => "invalid_field",
                EventFlaw::DuplicateKey { .. } => "duplicate_key",
            },
        }
    }

    /// The HTTP status: 413 for a limit, 400 otherwise.
    pub fn status(&self) -> u16 {
        match self {
            Self::BatchTooLarge { .. } | Self::TooManyEvents { .. } => 413,
            Self::Event { flaw: EventFlaw::TooLarge { .. }, .. } => 413,
            Self::Empty | Self::Event { .. } => 400,
        }
    }
}
