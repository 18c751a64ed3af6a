//! The control of a run: the fold of its control events, and the decisions on it. Pure: no clock, no I/O.
//!
//! [`ControlState`] is folded from the run's control events alone, so that every node, the page, a worker and a reader
//! a year later compute the same commands, lease, claims and questions from the same log. What somebody wants is a
//! [`ControlRequest`]; [`ControlState::decide`] answers it from the state, or says which events to store so that it comes
//! true. Those are stored under the condition that the run's control has not moved on meanwhile; otherwise the request is
//! decided anew. A request that has come true is decided as answered, however often it is repeated.
//!
//! docs/internals/steering.md has the tables of states.

mod answer;
mod command;
mod decide;
mod error;
mod fold;
mod kind;
mod limits;
mod request;
mod shown;
mod summary;
#[cfg(test)]
mod tests;
mod view;

pub use answer::{Answer, ClaimAnswer, CommandAnswer, CommandEntry, Commands, ControlChanges, Decision};
pub use error::ControlError;
pub use fold::ControlState;
pub use kind::{CommandKind, CommandState};
pub use limits::ControlLimits;
pub use request::{ClaimRequest, CommandRequest, ControlRequest, Facts, Observed, PollRequest, ReportsRequest};
pub use summary::{AskSummary, ControlSummary, PauseSummary};
pub use view::ControlView;

pub use crate::protocol::{Seen, Sign};
