//! Steering runs: the one service that HTTP, WebSockets and MCP ask, with one validation and one set of answers.
//!
//! It reads what was sent, bounds how much of it one sender may send, puts secrets away, looks at the run's state for
//! what a command expects, and asks the run's room, which decides ([`crate::control`]). What it needs to know of signs
//! of life it looks up when the room says so. Every refusal is a [`SteeringError`] from one table.

mod claim;
mod command;
mod draft;
mod error;
mod observe;
mod poll;
mod rates;
mod report;
mod secret;
mod service;

pub use claim::{ClaimKey, Claimed};
pub use command::command_message;
pub use draft::MAX_COMMAND_BYTES;
pub use error::{STEERING_CODES, SteeringCode, SteeringError};
pub use poll::poll_of;
pub use report::CommandReport;
pub use service::{Steering, SteeringLimits};
