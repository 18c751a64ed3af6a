//! The actors. Each has one responsibility. They speak by messages, but for the state in [`shared`], and for the calls
//! that the actors of one worker thread make into a write half.
//!
//! [`crate::app::TREE`] lists them all, with who brings each back. The supervisor's children run on the main thread. Each
//! worker thread has a [`hub`], which is what its thread agent, broadcasters and sessions share without leaving the
//! thread.

pub mod bridge;
pub mod catalog_writer;
pub mod cleanup;
pub mod compression;
pub mod deadlines;
pub mod heartbeat;
pub mod hub;
pub mod lifecycle;
pub mod messages;
pub mod presence;
pub mod registry;
pub mod room;
pub mod session;
pub mod shared;
pub mod supervision;
pub mod supervisor;
pub mod trace_session;
