//! The connection to Redis: against a real redis-server, and through a proxy with faults.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test says so by failing

#[path = "../support/mod.rs"]
mod support;

mod attesting;
mod calls;
mod faults;
mod greeting;
mod listening;
mod probe;
mod telling;
